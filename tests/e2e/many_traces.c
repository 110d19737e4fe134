// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traces several processes from one loop, and publishes what is known of each once a
 * second. For live.t.
 *
 *	many_traces [-f | -t] PID...
 *
 * Until SIGINT, or until all processes are gone. Each line is a JSON object: `ready` once
 * all traces have seen a window, then `published` and at the end `final`, each of one
 * process. -f: forgets what was published. -t: what is published for ticks is shown, in
 * the thread of the ticks.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/watch.h"
#include "process/program.h"
#include "trace/trace.h"

enum { TARGETS_MAX = 8 };

enum mode { PUBLISH, FORGET, FOR_TICKS };

#define PUBLISH_NS NS_PER_S
#define FOREVER_NS (3600 * NS_PER_S)

static volatile bool interrupted;

struct traced {
	pid_t pid;
	enum mode mode;
	struct target *target;
	struct program *prog;
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

static void print_ready(void)
{
	printf("{\"kind\":\"ready\"}\n");
	fflush(stdout);
}

/* Steps go on meanwhile, and must not change what was published for this tick. */
static struct err *on_traced_tick(void *ctx)
{
	struct traced *t = ctx;
	const struct trace_result *r = trace_result(t->trace);

	t->ticks++;
	if (t->mode != FOR_TICKS)
		return NULL;
	t->sum = lists_sum(r);
	if (t->ready) {
		usleep(200 * 1000);
		print_result(t, "published", t->sum == lists_sum(r));
	} else if (r->groups[ABI_GROUP_HOT].windows && r->groups[ABI_GROUP_RARE].windows) {
		t->ready = true;
		print_ready();
	}
	return NULL;
}

/* ---- The target ---- */

static void open_traced(struct traced *t, const char *pid, enum mode mode)
{
	struct trace_opts opts;

	t->pid = atoi(pid);
	t->mode = mode;
	must(target_open(t->pid, &t->target), "opening the target");
	must(program_open(t->target, &t->prog), "opening the program");
	trace_opts_init(&opts);
	opts.pid = t->pid;
	opts.pidfd = t->target->pidfd;
	opts.machine = elf_file_machine(t->prog->elf);
	opts.code_path = t->prog->image.mapped->path;
	opts.layout = watch_header_layout(&t->prog->layout);
	opts.goid_off = t->prog->layout.g.goid;
	opts.find_func = watch_find_func;
	opts.find_ctx = t->prog;
	opts.duration_ns = FOREVER_NS;
	opts.stop = &interrupted;
	opts.memcalls = TRACE_MEMCALLS_AUTO;
	opts.tick = on_traced_tick;
	opts.tick_ctx = t;
	opts.tick_publishes = mode == FOR_TICKS;
	must(trace_open(&opts, &t->trace), "opening a trace");
	must(trace_start(t->trace), "starting");
	must(trace_publish(t->trace), "publishing at the start");
	t->sum = lists_sum(trace_result(t->trace));
}

static void close_traced(struct traced *t)
{
	trace_close(t->trace);
	program_close(t->prog);
	target_close(t->target);
}

/* ---- The loop ---- */

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

static void publish_all(struct traced *traced, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		if (traced[i].over)
			continue;
		publish(&traced[i], "published");
		if (traced[i].mode == FORGET)
			must(trace_forget(traced[i].trace), "forgetting");
	}
}

/* Publishes once a second, from the time on that all are ready. */
static void publish_when_due(struct traced *traced, size_t cnt, uint64_t *at_ns)
{
	uint64_t now_ns = clock_ns();

	if (!*at_ns && all_ready(traced, cnt)) {
		print_ready();
		*at_ns = now_ns + PUBLISH_NS;
	} else if (*at_ns && now_ns >= *at_ns) {
		publish_all(traced, cnt);
		*at_ns += PUBLISH_NS;
	}
}

static void loop(struct traced *traced, size_t cnt, enum mode mode)
{
	uint64_t publish_at_ns = 0;

	trace_priority_raise();
	while (step_all(traced, cnt)) {
		if (mode != FOR_TICKS)
			publish_when_due(traced, cnt, &publish_at_ns);
		wait_for_any(traced, cnt);
	}
	trace_priority_drop();
}

static enum mode parse_mode(const char *arg)
{
	if (arg && !strcmp(arg, "-f"))
		return FORGET;
	return arg && !strcmp(arg, "-t") ? FOR_TICKS : PUBLISH;
}

int main(int argc, char **argv)
{
	static struct traced traced[TARGETS_MAX];
	enum mode mode = parse_mode(argv[1]);
	struct sigaction action = { .sa_handler = on_interrupt };
	size_t cnt = 0;

	sigaction(SIGINT, &action, NULL);
	for (int i = mode == PUBLISH ? 1 : 2; i < argc && cnt < TARGETS_MAX; i++)
		open_traced(&traced[cnt++], argv[i], mode);
	loop(traced, cnt, mode);
	for (size_t i = 0; i < cnt; i++) {
		must(trace_stop(traced[i].trace), "the trace");
		publish(&traced[i], "final");
		close_traced(&traced[i]);
	}
	return cnt ? 0 : 2;
}
