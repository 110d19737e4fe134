// SPDX-License-Identifier: GPL-2.0-only
/* The stream of events: a line for what happens, and for what is lost. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "filled_result.h"
#include "report/json_shapes.h"
#include "report/stream.h"

/* A stream into a pipe, and the end of it that is read. */
struct piped {
	struct event_stream stream;
	FILE *in;
	struct result *result;
	uint64_t pause_ns[4];
	uint64_t end_ns[4];
};

static struct piped *piped_new(void)
{
	struct piped *p = calloc(1, sizeof(*p));
	int fds[2];

	assert_non_null(p);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	p->in = fdopen(fds[0], "r");
	p->stream.fd = fds[1];
	p->result = filled_result();
	for (int i = 0; i < 4; i++) {
		p->pause_ns[i] = 100 + i;
		p->end_ns[i] = 200 + i;
	}
	return p;
}

static void piped_free(struct piped *p)
{
	close(p->stream.fd);
	if (p->in)
		fclose(p->in);
	result_free(p->result);
	free(p);
}

static void start(struct piped *p)
{
	struct stream_start start = {
		.maptrace = "1.2",
		.host = { "caf\xe9", "b-1" },
		.target = &p->result->target,
		.gc_cycles = 7,
		.gc_missing = "none",
	};

	assert_null(events_start(&p->stream, &start));
}

/* The next line; the caller owns it. */
static json_t *next_line(struct piped *p, const char *kind)
{
	char *line = NULL;
	size_t cap = 0;

	assert_true(getline(&line, &cap, p->in) > 0);
	if (strncmp(line, "{\"kind\":\"", 9) || strncmp(line + 9, kind, strlen(kind)))
		fail_msg("%s, and not %s", line, kind);
	json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	free(line);
	return o;
}

static void skip_line(struct piped *p, const char *kind)
{
	json_decref(next_line(p, kind));
}

static uint64_t number_at(const json_t *o, const char *key)
{
	if (!json_is_integer(json_object_get(o, key)))
		fail_msg("no number %s", key);
	return json_integer_value(json_object_get(o, key));
}

static const char *text_at(const json_t *o, const char *key)
{
	if (!json_is_string(json_object_get(o, key)))
		fail_msg("no text %s", key);
	return json_string_value(json_object_get(o, key));
}

static void expect_no_line(struct piped *p)
{
	fcntl(fileno(p->in), F_SETFL, O_NONBLOCK);
	assert_int_equal(getc(p->in), EOF);
	clearerr(p->in);
	fcntl(fileno(p->in), F_SETFL, 0);
}

static struct stream_state quiet(const struct piped *p)
{
	return (struct stream_state){ .gc = { .cycles = 7,
					      .ring_cnt = 4,
					      .pause_ns = p->pause_ns,
					      .pause_end_unix_ns = p->end_ns } };
}

static void tick(struct piped *p, struct stream_state now)
{
	assert_null(events_tick(&p->stream, &now));
}

static void the_start_says_what_is_watched(void **state)
{
	struct piped *p = piped_new();

	(void)state;
	start(p);
	json_t *o = next_line(p, "start");
	assert_string_equal(text_at(o, "schema"), "maptrace.events/2");
	assert_string_equal(text_at(o, "maptrace"), "1.2");
	assert_string_equal(text_at(json_object_get(o, "host"), "name"), "caf?");
	assert_string_equal(text_at(o, "container_id"), p->result->target.container_id);
	assert_string_equal(text_at(o, "pod_uid"), p->result->target.pod_uid);
	assert_int_equal(number_at(o, "pid"), p->result->target.pid);
	assert_int_equal(number_at(o, "time_ns"), 0);
	assert_true(number_at(o, "unix_time_ns") > 1700000000000000000);
	assert_true(json_is_null(json_object_get(o, "maps_missing")));
	assert_string_equal(text_at(o, "gc_missing"), "none");
	assert_true(p->stream.start_ns > 0);
	json_decref(o);
	piped_free(p);
}

static void events_are_those_of_the_report(void **state)
{
	struct piped *p = piped_new();
	const struct result_map_event *e = &p->result->trace.traced->events.data[0];
	const struct result_memcall *c = &p->result->memory_calls.calls.data[0];

	(void)state;
	assert_null(events_map(&p->stream, e, true));
	assert_null(events_memcall(&p->stream, c));
	json_t *o = next_line(p, "map");
	assert_int_equal(number_at(o, "live_keys"), e->live_keys.v);
	assert_string_equal(text_at(o, "caller"), e->caller.function);
	assert_true(json_is_true(json_object_get(o, "sampled")));
	json_decref(o);
	o = next_line(p, "memory_call");
	assert_int_equal(number_at(o, "bytes"), c->bytes);
	json_decref(o);
	piped_free(p);
}

static void each_cycle_has_a_line(void **state)
{
	struct piped *p = piped_new();
	struct stream_state now = quiet(p);

	(void)state;
	start(p);
	skip_line(p, "start");
	tick(p, now);
	expect_no_line(p);
	now.gc.cycles = 9;
	now.gc.heap_goal_bytes = 1234;
	tick(p, now);
	json_t *o = next_line(p, "gc");
	assert_int_equal(number_at(o, "cycle"), 8);
	assert_int_equal(number_at(o, "pause_ns"), 103);
	assert_null(json_object_get(o, "heap_goal_bytes"));
	json_decref(o);
	o = next_line(p, "gc");
	assert_int_equal(number_at(o, "cycle"), 9);
	assert_int_equal(number_at(o, "ended_unix_ns"), 200);
	assert_int_equal(number_at(o, "heap_goal_bytes"), 1234);
	json_decref(o);
	tick(p, now);
	expect_no_line(p);
	piped_free(p);
}

/* More of them than are known: their numbers show the gap. */
static void cycles_that_are_gone_are_left_out(void **state)
{
	struct piped *p = piped_new();
	struct stream_state now = quiet(p);

	(void)state;
	start(p);
	skip_line(p, "start");
	now.gc.cycles = 100;
	tick(p, now);
	for (uint64_t cycle = 97; cycle <= 100; cycle++) {
		json_t *o = next_line(p, "gc");

		assert_int_equal(number_at(o, "cycle"), cycle);
		json_decref(o);
	}
	now.gc.ring_cnt = 0;
	now.gc.cycles = 200;
	tick(p, now);
	expect_no_line(p);
	piped_free(p);
}

static void a_halt_is_told_once(void **state)
{
	struct piped *p = piped_new();
	struct stream_state now = quiet(p);
	char by[] = "signal";

	(void)state;
	start(p);
	skip_line(p, "start");
	now.stopped_by = "signal";
	tick(p, now);
	now.stopped_by = by;
	tick(p, now);
	now.stopped_by = NULL;
	tick(p, now);
	json_t *o = next_line(p, "stopped");
	assert_string_equal(text_at(o, "stopped_by"), "signal");
	json_decref(o);
	o = next_line(p, "resumed");
	assert_int_equal(json_object_size(o), 2);
	json_decref(o);
	expect_no_line(p);
	piped_free(p);
}

static void losses_are_told_as_they_come(void **state)
{
	struct piped *p = piped_new();
	struct stream_state now = quiet(p);

	(void)state;
	start(p);
	skip_line(p, "start");
	now.lost = (struct stream_losses){ 1, 2, 3 };
	tick(p, now);
	tick(p, now);
	now.lost.map_hits = 10;
	tick(p, now);
	struct watched_sum sum = { "rare", "grow", 900, 100 };
	struct stream_end end = { "duration", now.lost, &sum, 1 };
	assert_null(events_end(&p->stream, &end));
	json_t *o = next_line(p, "lost");
	assert_int_equal(number_at(o, "map_records"), 1);
	assert_int_equal(number_at(o, "map_hits"), 2);
	assert_int_equal(number_at(o, "memory_calls"), 3);
	assert_int_equal(number_at(o, "lines"), 0);
	json_decref(o);
	o = next_line(p, "lost");
	assert_int_equal(number_at(o, "map_records"), 0);
	assert_int_equal(number_at(o, "map_hits"), 8);
	json_decref(o);
	o = next_line(p, "end");
	assert_int_equal(number_at(o, "lines"), 4);
	assert_int_equal(number_at(json_object_get(o, "lost"), "map_hits"), 10);
	json_decref(o);
	piped_free(p);
}

/* Nobody reads: the pipe fills up, and the target must not wait. */
static void lines_without_room_are_counted(void **state)
{
	struct piped *p = piped_new();
	struct stream_state now = quiet(p);
	const struct result_memcall *c = &p->result->memory_calls.calls.data[0];

	(void)state;
	start(p);
	for (int i = 0; i < 1000; i++)
		assert_null(events_memcall(&p->stream, c));
	uint64_t dropped = p->stream.dropped;
	assert_true(dropped > 0 && p->stream.lines + dropped == 1001);
	skip_line(p, "start");
	for (uint64_t i = 1; i < p->stream.lines; i++)
		skip_line(p, "memory_call");
	tick(p, now);
	json_t *o = next_line(p, "lost");
	assert_int_equal(number_at(o, "lines"), dropped);
	json_decref(o);
	piped_free(p);
}

static void a_reader_that_is_gone_is_noticed(void **state)
{
	struct piped *p = piped_new();

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	start(p);
	assert_false(p->stream.closed);
	fclose(p->in);
	p->in = NULL;
	tick(p, quiet(p));
	assert_true(p->stream.closed);
	assert_null(events_memcall(&p->stream, &p->result->memory_calls.calls.data[0]));
	piped_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_start_says_what_is_watched),
		cmocka_unit_test(events_are_those_of_the_report),
		cmocka_unit_test(each_cycle_has_a_line),
		cmocka_unit_test(cycles_that_are_gone_are_left_out),
		cmocka_unit_test(a_halt_is_told_once),
		cmocka_unit_test(losses_are_told_as_they_come),
		cmocka_unit_test(lines_without_room_are_counted),
		cmocka_unit_test(a_reader_that_is_gone_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
