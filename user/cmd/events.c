// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/args.h"
#include "cmd/budget.h"
#include "cmd/guard.h"
#include "model/names.h"
#include "model/result_fill.h"
#include "model/watch.h"
#include "model/watched.h"
#include "report/stream.h"

/* Without --duration: longer than anybody watches, so only a signal ends it. */
#define FOREVER_NS (UINT64_C(100) * 365 * 86400 * NS_PER_S)

struct events_args {
	struct args common;
	bool samples;
};

enum { OPT_SAMPLES = 256 };

static const struct argp_option events_options[] = {
	{ "duration", 'd', "TIME", 0,
	  "End after TIME (examples: 10s, 500ms, 2m); default: run until interrupted", 0 },
	{ "samples", OPT_SAMPLES, NULL, 0,
	  "Also print the inserts, deletes and makes that are seen in short windows", 0 },
	{ 0 },
};

static const char events_doc[] =
	"Prints what happens in a running Go process, one JSON object per line: growths, clears "
	"and clones of maps, memory calls, cycles of the garbage collector, and lost events.\v"
	"Exit codes: 0 interrupted, the time is over, or the reader closed the pipe; 2 usage; 3 "
	"not permitted; 4 the target can't be read; 5 the target went away; 6 the kernel lacks "
	"something; 7 the time was over (--deadline).\n\n"
	"Examples:\n"
	"  maptrace events 4182 | jq 'select(.operation == \"grow\" and .slots_to >= 1024)'\n"
	"  maptrace events --duration 1m 4182 >events.ndjson\n";

static error_t parse_events(int key, char *arg, struct argp_state *state)
{
	struct events_args *o = state->input;
	struct args *a = &o->common;

	switch (key) {
	case ARGP_KEY_INIT:
		args_init(state, a);
		return 0;
	case 'd':
		return args_fail(a, args_duration("duration", arg, &a->watch.duration_ns));
	case OPT_SAMPLES:
		o->samples = true;
		return 0;
	case ARGP_KEY_END:
		return args_need_pid(a);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- from trace records to lines ---- */

struct events_run {
	struct watch *w;
	struct event_stream stream;
	struct pool pool; /* strings of the one event that is being printed */
	struct watched watched;
};

static void stop_when_closed(const struct events_run *r)
{
	if (r->stream.closed)
		guard_stop_now();
}

static struct err *on_map_event(void *ctx, const struct trace_event *e, enum abi_group_id group)
{
	struct events_run *r = ctx;
	struct result_map_event event =
		result_event_of(&r->pool, r->w->prog, e, r->stream.start_ns);
	struct err *err = r->pool.failed ? err_nomem()
					 : events_map(&r->stream, &event, group == ABI_GROUP_HOT);

	pool_fini(&r->pool);
	stop_when_closed(r);
	return err;
}

static struct err *on_window(void *ctx, const struct trace_window *window)
{
	struct events_run *r = ctx;
	struct watched_window line;

	watched_add(&r->watched, window, &line);
	struct err *err = events_watched(&r->stream, &line);
	stop_when_closed(r);
	return err;
}

static struct err *on_memcall_event(void *ctx, const struct trace_memcall *c)
{
	struct events_run *r = ctx;
	struct result_memcall call =
		result_memcall_of(&r->pool, r->w->prog->lines, c, r->stream.start_ns);
	struct err *err = r->pool.failed ? err_nomem() : events_memcall(&r->stream, &call);

	pool_fini(&r->pool);
	stop_when_closed(r);
	return err;
}

static struct stream_losses stream_losses_of(const struct watch *w)
{
	struct trace_lost lost = trace_lost(w->trace);

	return (struct stream_losses){
		.map_records = lost.records,
		.map_hits = lost.rare_hits,
		.memory_calls = lost.memcalls,
	};
}

static struct stream_state stream_state_of(const struct watch *w)
{
	const struct gc_sample *gc = &w->gc_last;

	return (struct stream_state){
		.stopped_by = name_halt(w->halts.now),
		.gc = {
			.cycles = gc->cycles,
			.ring_cnt = w->gc_err ? 0 : GC_RING,
			.pause_ns = gc->pause_ns,
			.pause_end_unix_ns = gc->pause_end_unix_ns,
			.heap_marked_bytes = gc->heap_marked_bytes,
			.heap_goal_bytes = gc->heap_goal_bytes,
			.scannable_bytes = gc->scannable_bytes,
		},
		.lost = stream_losses_of(w),
	};
}

static struct err *on_events_tick(void *ctx)
{
	struct events_run *r = ctx;
	struct err *err = target_check(r->w->target);

	halts_look(&r->w->halts);
	if (!err && !r->w->gc_err)
		err_free(gcstats_read(&r->w->gc, &r->w->gc_last));
	if (!err) {
		struct stream_state now = stream_state_of(r->w);
		err = events_tick(&r->stream, &now);
	}
	stop_when_closed(r);
	return err;
}

/* ---- running ---- */

/* Why map events are missing, in part or all; NULL: none are. Not to be freed. */
static const char *why_maps_missing(const struct watch *w, const struct trace_result *tr)
{
	const char *why = tr->groups[ABI_GROUP_RARE].missing;

	if (!why && program_has_unprobed_plugin(w->prog))
		why = "what plugins do is not traced";
	return why;
}

static struct err *events_start_stream(struct events_run *r)
{
	_cleanup_result_ struct result *result = result_new();
	const struct trace_result *tr = trace_result(r->w->trace);

	if (!result)
		return err_nomem();
	result_fill_target(result, r->w);
	struct stream_start start = {
		.maptrace = result->maptrace,
		.host = result->host,
		.target = &result->target,
		.gc_cycles = r->w->gc_first.cycles,
		.maps_missing = why_maps_missing(r->w, tr),
		.memory_calls_missing = tr->memcalls_missing,
		.gc_missing = r->w->gc_err ? r->w->gc_err->msg : NULL,
	};
	struct err *err = result->pool.failed ? err_nomem() : events_start(&r->stream, &start);
	watched_init(&r->watched, r->w->trace, r->w->opts.rare_only, r->stream.start_ns);
	return err;
}

static const char *stream_end_reason(const struct events_run *r, bool gone)
{
	if (gone)
		return "target_gone";
	return trace_result(r->w->trace)->end == TRACE_END_DURATION ? "duration" : "interrupted";
}

static struct err *events_end_stream(struct events_run *r, bool gone)
{
	struct watched_sum sums[WATCHED_SUMS_MAX];
	struct stream_end end = {
		.reason = stream_end_reason(r, gone),
		.lost = stream_losses_of(r->w),
		.watched = sums,
		.watched_cnt = watched_sums(&r->watched, clock_ns(), sums),
	};

	return events_end(&r->stream, &end);
}

static struct err *events_run_stream(struct events_run *r, int *exit_code_ret)
{
	struct err *err = events_start_stream(r);

	if (!err)
		err = trace_run(r->w->trace);
	bool gone = err_is(err, ERR_GONE) ||
		    trace_result(r->w->trace)->end == TRACE_END_TARGET_GONE;
	if (gone) {
		err_free(err);
		err = NULL;
		*exit_code_ret = EXIT_GONE;
	}
	return err ? err : events_end_stream(r, gone);
}

static struct err *events_observe(const struct events_args *o, int *exit_code_ret)
{
	_cleanup_watch_ struct watch *w = NULL;
	struct events_run r = { .stream = { .fd = STDOUT_FILENO } };
	struct trace_listener listener = {
		.event = on_map_event, .memcall = on_memcall_event, .window = on_window, .ctx = &r
	};
	struct watch_opts opts = o->common.watch;

	opts.listener = &listener;
	opts.tick = on_events_tick;
	opts.tick_ctx = &r;
	opts.rare_only = !o->samples;
	struct err *err = watch_open(o->common.pid, &opts, &w);
	if (!err)
		err = watch_open_gc(w);
	if (!err)
		err = watch_open_trace(w);
	if (err)
		return err;
	if (w->trace_err)
		return take_ptr(w->trace_err);
	r.w = w;
	return events_run_stream(&r, exit_code_ret);
}

struct events_call {
	const struct events_args *o;
	int *exit_code_ret;
	struct err *err;
};

static void events_call_make(void *ctx)
{
	struct events_call *call = ctx;

	call->err = events_observe(call->o, call->exit_code_ret);
}

static struct err *events_guarded(struct events_args *o, int *exit_code_ret)
{
	struct events_call call = { .o = o, .exit_code_ret = exit_code_ret };
	struct err *err = guard_enter(args_deadline_ns(&o->common));

	if (err)
		return err;
	if (args_memory_bytes(&o->common))
		budget_set(args_memory_bytes(&o->common));
	o->common.watch.stop = guard_stop();
	signal(SIGPIPE, SIG_IGN); /* so that write(2) says EPIPE when the reader has gone */
	if (guard_run(events_call_make, &call)) {
		if (!call.err && *guard_late())
			*exit_code_ret = EXIT_INCOMPLETE;
		if (err_is(call.err, ERR_STOPPED))
			guard_end_by_signal();
		return call.err;
	}
	log_error("a system call for process %d does not return", o->common.pid);
	guard_end_by_signal();
	guard_leave(EXIT_INCOMPLETE);
}

struct err *cmd_events(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp_child children[] = { { &args_common, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = { events_options, parse_events, "PROCESS", events_doc,
					  children,	  NULL,		NULL };
	struct events_args o = {
		.common.watch = {
			.duration_ns = FOREVER_NS,
			.max_overhead = DEFAULT_MAX_OVERHEAD,
		},
	};

	if (!args_parse(&argp, "maptrace events", argc, argv, &o)) {
		*exit_code_ret = EXIT_USAGE; /* without o.common.err getopt printed the error */
		return o.common.err;
	}
	return events_guarded(&o, exit_code_ret);
}
