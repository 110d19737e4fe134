// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traces several processes from one loop, and publishes what is known of each once a
 * second. For live.t.
 *
 *	many_traces [-f] PID...
 *
 * Until SIGINT, or until all processes are gone. Each line is a JSON object: `ready` once
 * all traces have seen a window, then `published` and at the end `final`, each of one
 * process. -f: forgets what was published.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/watch.h"

enum { TARGETS_MAX = 8 };

#define PUBLISH_NS NS_PER_S
#define FOREVER_NS (3600 * NS_PER_S)

static volatile bool interrupted;

struct traced {
	pid_t pid;
	struct watch *watch;
	struct trace *trace;
	bool over;
	bool ready;
	uint64_t sum; /* of all bytes of the lists that were published last */
	uint64_t ticks;
};

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = true;
}

static struct err *count_tick(void *ctx)
{
	struct traced *t = ctx;

	t->ticks++;
	return NULL;
}

static _Noreturn void die(const char *what, struct err *err)
{
	fprintf(stderr, "many_traces: %s: %s\n", what, err ? err->msg : "false");
	exit(1);
}

static void must(struct err *err, const char *what)
{
	if (err)
		die(what, err);
}

/* ---- What is published ---- */

static uint64_t bytes_sum(uint64_t sum, const void *data, size_t sz)
{
	for (size_t i = 0; i < sz; i++)
		sum = (sum ^ ((const uint8_t *)data)[i]) * 0x100000001b3;
	return sum;
}

static uint64_t lists_sum(const struct trace_result *r)
{
	uint64_t sum = bytes_sum(0, r, sizeof(*r));

	sum = bytes_sum(sum, r->rows, r->row_cnt * sizeof(*r->rows));
	sum = bytes_sum(sum, r->maps, r->map_cnt * sizeof(*r->maps));
	sum = bytes_sum(sum, r->events, r->event_cnt * sizeof(*r->events));
	sum = bytes_sum(sum, r->memsums, r->memsum_cnt * sizeof(*r->memsums));
	sum = bytes_sum(sum, r->memcalls, r->memcall_cnt * sizeof(*r->memcalls));
	sum = bytes_sum(sum, r->windows, r->window_cnt * sizeof(*r->windows));
	return bytes_sum(sum, r->samples, r->sample_cnt * sizeof(*r->samples));
}

/* Samples are of windows and rows that are there, and of no more hits than those have. */
static bool is_consistent(const struct trace_result *r)
{
	uint64_t *row_hits = calloc(r->row_cnt + 1, sizeof(*row_hits));
	bool consistent = row_hits != NULL;

	for (size_t i = 0; consistent && i < r->sample_cnt; i++) {
		const struct trace_sample *s = &r->samples[i];

		consistent = s->window < r->window_cnt && s->row < r->row_cnt;
		if (consistent)
			row_hits[s->row] += s->hits;
	}
	for (size_t i = 0; consistent && i < r->row_cnt; i++)
		consistent = row_hits[i] <= r->rows[i].hits;
	free(row_hits);
	return consistent;
}

static void print_row(const struct trace_row *row, const struct trace_base *base, bool first)
{
	printf("%s{\"map\":\"0x%" PRIx64 "\",\"op\":%d,\"hits\":%" PRIu64 ",\"estimate\":%.3f,"
	       "\"per_s\":%.3f}",
	       first ? "" : ",", row->map, row->op, row->hits, row->estimate,
	       base->span_ns > 0 ? row->estimate / base->span_ns * NS_PER_S : 0);
}

static void print_result(const struct traced *t, const char *kind, bool intact)
{
	const struct trace_result *r = trace_result(t->trace);

	printf("{\"kind\":\"%s\",\"pid\":%d,\"end\":%d,\"ns\":%" PRIu64 ",\"intact\":%s,"
	       "\"consistent\":%s,\"ticks\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"attached_ns\":%" PRIu64
	       ",\"windows\":%zu,\"events\":%zu,\"within_budget\":%s,\"rows\":[",
	       kind, t->pid, r->end, r->end_ns - r->start_ns, intact ? "true" : "false",
	       is_consistent(r) ? "true" : "false", t->ticks, trace_lost_hits(r),
	       r->groups[ABI_GROUP_RARE].attached_ns, r->window_cnt, r->event_cnt,
	       r->cost.spent_ns <= r->cost.budget_ns ? "true" : "false");
	for (size_t i = 0; i < r->row_cnt; i++)
		print_row(&r->rows[i], &r->bases[r->rows[i].func], i == 0);
	printf("]}\n");
	fflush(stdout);
}

static void publish(struct traced *t, const char *kind)
{
	bool intact = t->sum == lists_sum(trace_result(t->trace));

	must(trace_publish(t->trace), "publishing");
	t->sum = lists_sum(trace_result(t->trace));
	print_result(t, kind, intact);
}

static void look_whether_ready(struct traced *t)
{
	const struct trace_result *r = trace_result(t->trace);

	must(trace_publish(t->trace), "publishing");
	t->ready = t->over ||
		   (r->groups[ABI_GROUP_HOT].windows > 0 && r->groups[ABI_GROUP_RARE].windows > 0);
	t->sum = lists_sum(r);
}

/* ---- The loop ---- */

static void open_traced(struct traced *t, const char *pid)
{
	struct watch_opts opts = {
		.duration_ns = FOREVER_NS,
		.max_overhead = 0.01,
		.stop = &interrupted,
		.tick = count_tick,
		.tick_ctx = t,
	};

	t->pid = atoi(pid);
	must(watch_open(t->pid, &opts, &t->watch), "opening");
	must(watch_open_trace(t->watch), "opening a trace");
	t->trace = t->watch->trace;
	must(trace_start(t->trace), "starting");
	must(trace_publish(t->trace), "publishing at the start");
	t->sum = lists_sum(trace_result(t->trace));
}

/* Sleeps until one of them has something to do, or 50 ms. */
static void wait_for_any(const struct traced *traced, size_t cnt)
{
	struct pollfd fds[TARGETS_MAX];

	for (size_t i = 0; i < cnt; i++)
		fds[i] = (struct pollfd){ traced[i].over ? -1 : trace_fd(traced[i].trace), POLLIN,
					  0 };
	poll(fds, cnt, 50);
}

static bool all_ready(struct traced *traced, size_t cnt)
{
	bool ready = true;

	for (size_t i = 0; i < cnt; i++) {
		if (!traced[i].ready)
			look_whether_ready(&traced[i]);
		ready = ready && traced[i].ready;
	}
	return ready;
}

static size_t step_all(struct traced *traced, size_t cnt)
{
	size_t going = 0;

	for (size_t i = 0; i < cnt; i++) {
		traced[i].over = traced[i].over || !trace_step(traced[i].trace);
		going += !traced[i].over;
	}
	return going;
}

static void publish_all(struct traced *traced, size_t cnt, bool forget)
{
	for (size_t i = 0; i < cnt; i++) {
		if (traced[i].over)
			continue;
		publish(&traced[i], "published");
		if (forget)
			must(trace_forget(traced[i].trace), "forgetting");
	}
}

static void loop(struct traced *traced, size_t cnt, bool forget)
{
	uint64_t publish_at_ns = 0;

	trace_priority_raise();
	while (step_all(traced, cnt)) {
		uint64_t now_ns = clock_ns();

		if (!publish_at_ns && all_ready(traced, cnt)) {
			printf("{\"kind\":\"ready\"}\n");
			fflush(stdout);
			publish_at_ns = now_ns + PUBLISH_NS;
		} else if (publish_at_ns && now_ns >= publish_at_ns) {
			publish_all(traced, cnt, forget);
			publish_at_ns += PUBLISH_NS;
		}
		wait_for_any(traced, cnt);
	}
	trace_priority_drop();
}

int main(int argc, char **argv)
{
	static struct traced traced[TARGETS_MAX];
	bool forget = argc > 1 && !strcmp(argv[1], "-f");
	struct sigaction action = { .sa_handler = on_interrupt };
	size_t cnt = 0;

	sigaction(SIGINT, &action, NULL);
	for (int i = 1 + forget; i < argc && cnt < TARGETS_MAX; i++)
		open_traced(&traced[cnt++], argv[i]);
	loop(traced, cnt, forget);
	for (size_t i = 0; i < cnt; i++) {
		must(trace_stop(traced[i].trace), "the trace");
		publish(&traced[i], "final");
		watch_free(traced[i].watch);
	}
	return cnt ? 0 : 2;
}
