// SPDX-License-Identifier: GPL-2.0-only
#include "report/stream.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/json_parts.h"
#include "report/names.h"

enum {
	SCHEMA = 1,
	/* How long a reader may take before lines are dropped. */
	READER_WAIT_MS = 100,
};

/* ---- writing ---- */

/* Room for a line of PIPE_BUF bytes, which a pipe then takes without waiting. */
static bool reader_is_ready(struct event_stream *s)
{
	struct pollfd out = { .fd = s->fd, .events = POLLOUT };
	int ready = poll(&out, 1, s->stalled ? 0 : READER_WAIT_MS);

	if (ready > 0 && (out.revents & POLLERR))
		s->closed = true;
	s->stalled = ready <= 0;
	return ready > 0 && !s->closed;
}

static struct err *write_all(struct event_stream *s, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(s->fd, data, len);

		if (n < 0 && errno == EPIPE) {
			s->closed = true;
			return NULL;
		}
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return err_os(errno, "writing the events");
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
	return NULL;
}

/* Writes and releases an object. */
static struct err *emit(struct event_stream *s, json_t *o)
{
	_cleanup_free_ char *line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));

	json_decref(o);
	if (!line)
		return err_nomem();
	if (s->closed)
		return NULL;
	if (!reader_is_ready(s)) {
		s->dropped++;
		return NULL;
	}
	size_t len = strlen(line);
	line[len] = '\n'; /* in place of the end */
	s->lines++;
	return write_all(s, line, len + 1);
}

/* ---- objects ---- */

static void set_u64(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer(v <= INT64_MAX ? (json_int_t)v : INT64_MAX));
}

static void set_text(json_t *o, const char *key, const char *s)
{
	json_t *j = s ? json_string(s) : NULL; /* NULL, too, when it is no UTF-8 */

	json_object_set_new(o, key, j ? j : json_null());
}

static json_t *object(const char *kind)
{
	json_t *o = json_object();

	set_text(o, "kind", kind);
	return o;
}

/* The object of a kind with the members of a row, which it takes. */
static json_t *object_of_row(const char *kind, json_t *row)
{
	json_t *o = object(kind);

	json_object_update(o, row);
	json_decref(row);
	return o;
}

static void set_time(json_t *o, const struct event_stream *s)
{
	set_u64(o, "time_ns", clock_ns() - s->start_ns);
}

static uint64_t unix_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- the stream ---- */

static const char *maps_missing(const struct watch *w, const struct trace_result *tr)
{
	const char *why = tr->groups[ABI_GROUP_RARE].missing;

	if (!why && program_has_unprobed_plugin(w->prog))
		why = "what plugins do is not traced";
	return why;
}

struct err *events_start(struct event_stream *s)
{
	const struct watch *w = s->w;
	const struct trace_result *tr = trace_result(w->trace);
	json_t *o = object("start");

	s->start_ns = clock_ns();
	s->cycles_told = w->gc_first.cycles;
	set_u64(o, "schema", SCHEMA);
	set_text(o, "maptrace", MAPTRACE_VERSION);
	set_u64(o, "time_ns", 0);
	set_u64(o, "unix_ns", unix_ns());
	set_u64(o, "pid", w->target->pid);
	set_text(o, "command", w->target->command);
	set_text(o, "go_version", w->prog->image.build.version);
	set_text(o, "map_kind", name_map_kind(w->prog->layout.kind));
	set_text(o, "maps_missing", maps_missing(w, tr));
	set_text(o, "memory_calls_missing", tr->memcalls_missing);
	set_text(o, "gc_missing", w->gc_err ? w->gc_err->msg : NULL);
	return emit(s, o);
}

struct err *events_map(struct event_stream *s, const struct trace_event *e, enum abi_group_id group)
{
	json_t *o = object_of_row("map", json_event(s->w, e, s->start_ns));

	json_object_set_new(o, "sampled", json_boolean(group == ABI_GROUP_HOT));
	return emit(s, o);
}

struct err *events_memcall(struct event_stream *s, const struct trace_memcall *call)
{
	return emit(s, object_of_row("memory_call", json_memcall(s->w, call, s->start_ns)));
}

static struct err *emit_cycle(struct event_stream *s, const struct gc_sample *gc, uint64_t cycle)
{
	json_t *o = object("gc");
	bool last = cycle == gc->cycles;

	set_time(o, s);
	set_u64(o, "cycle", cycle);
	set_u64(o, "pause_ns", gc->pause_ns[(cycle - 1) % GC_RING]);
	set_u64(o, "ended_unix_ns", gc->pause_end_unix_ns[(cycle - 1) % GC_RING]);
	if (last) { /* of the others they are gone */
		set_u64(o, "heap_marked_bytes", gc->heap_marked_bytes);
		set_u64(o, "heap_goal_bytes", gc->heap_goal_bytes);
		set_u64(o, "scannable_bytes", gc->scannable_bytes);
	}
	return emit(s, o);
}

static struct err *tell_cycles(struct event_stream *s, const struct gc_sample *gc)
{
	struct err *err = NULL;

	if (gc->cycles > s->cycles_told + GC_RING)
		s->cycles_told = gc->cycles - GC_RING; /* the cycle numbers show the gap */
	while (!err && s->cycles_told < gc->cycles)
		err = emit_cycle(s, gc, ++s->cycles_told);
	return err;
}

/* Without that a stream of nothing looks like a target with nothing to do. */
static struct err *tell_halt(struct event_stream *s)
{
	enum halt now = s->w->halts.now;
	uint64_t dropped = s->dropped;

	if (now == s->halt_told)
		return NULL;
	json_t *o = object(now == HALT_NONE ? "resumed" : "stopped");
	set_time(o, s);
	if (now != HALT_NONE)
		set_text(o, "stopped_by", name_halt(now));
	struct err *err = emit(s, o);
	if (!err && s->dropped == dropped)
		s->halt_told = now;
	return err;
}

static void set_lost(json_t *o, const struct trace_lost *lost, uint64_t lines)
{
	set_u64(o, "map_records", lost->records);
	set_u64(o, "map_hits", lost->rare_hits);
	set_u64(o, "memory_calls", lost->memcalls);
	set_u64(o, "lines", lines);
}

static struct err *tell_losses(struct event_stream *s)
{
	struct trace_lost now = trace_lost(s->w->trace);
	struct trace_lost since = {
		.records = now.records - s->lost_told.records,
		.rare_hits = now.rare_hits - s->lost_told.rare_hits,
		.memcalls = now.memcalls - s->lost_told.memcalls,
	};
	uint64_t lines = s->dropped - s->dropped_told, dropped = s->dropped;
	if (!since.records && !since.rare_hits && !since.memcalls && !lines)
		return NULL;
	json_t *o = object("lost");
	set_time(o, s);
	set_lost(o, &since, lines);
	struct err *err = emit(s, o);
	if (!err && s->dropped == dropped) {
		s->lost_told = now;
		s->dropped_told = dropped;
	}
	return err;
}

struct err *events_tick(struct event_stream *s, const struct gc_sample *gc)
{
	struct pollfd out = { .fd = s->fd };
	struct err *err = tell_halt(s);

	if (!err)
		err = tell_cycles(s, gc);
	if (!err)
		err = tell_losses(s);
	if (poll(&out, 1, 0) > 0 && (out.revents & POLLERR))
		s->closed = true;
	return err;
}

struct err *events_end(struct event_stream *s, const char *reason)
{
	struct trace_lost lost = trace_lost(s->w->trace);
	json_t *o = object("end"), *sum = json_object();

	s->stalled = false; /* the last line is worth a wait */
	set_time(o, s);
	set_text(o, "reason", reason);
	set_u64(o, "lines", s->lines + 1);
	set_lost(sum, &lost, s->dropped);
	json_object_set_new(o, "lost", sum);
	return emit(s, o);
}
