// SPDX-License-Identifier: GPL-2.0-only
#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "cmd/args.h"
#include "model/watch.h"
#include "report/stream.h"

/* Until somebody ends it. */
#define FOREVER_NS (UINT64_C(100) * 365 * 86400 * NS_PER_S)

struct options {
	struct err *err; /* what is wrong with the command line */
	pid_t pid;
	struct watch_opts watch;
	bool samples;
};

enum { OPT_SAMPLES = 256, OPT_MAX_OVERHEAD, OPT_ATTACH, OPT_RING_SIZE };

static const struct argp_option argp_options[] = {
	{ "duration", 'd', "TIME", 0, "End after TIME (10s; 500ms, 2m); else when interrupted", 0 },
	{ "samples", OPT_SAMPLES, NULL, 0,
	  "Also inserts, deletes and makes: those seen in short windows", 0 },
	{ "max-overhead", OPT_MAX_OVERHEAD, "SHARE", 0,
	  "Let probe hits cost the process SHARE of one core at most (1%; 0.1%, 5%)", 0 },
	{ "attach", OPT_ATTACH, "HOW", OPTION_HIDDEN, "multi or perf", 0 },
	{ "ring-size", OPT_RING_SIZE, "SIZE", OPTION_HIDDEN, "of each ring of records", 0 },
	{ "verbose", 'v', NULL, 0, "Say what goes on", 0 },
	{ 0 },
};

static const char doc[] =
	"Prints what happens in a running Go process, one JSON object a line: growths, clears and "
	"clones of maps, memory calls, cycles of the garbage collector, and what was lost.\v"
	"Exit codes: 0 interrupted, the time is over, or nobody reads any more; 2 usage; 3 not "
	"permitted; 4 the target can't be read; 5 the target went away; 6 the kernel lacks "
	"something.\n\n"
	"Examples:\n"
	"  maptrace events 4182 | jq 'select(.operation == \"grow\" and .bytes_to > 1e6)'\n"
	"  maptrace events --duration 1m 4182 >events.ndjson\n";

static volatile bool interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = true;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL;
		return 0;
	case 'd':
		return args_fail(&o->err, args_duration("duration", arg, &o->watch.duration_ns));
	case 'v':
		log_set_level(LOG_DEBUG);
		return 0;
	case OPT_SAMPLES:
		o->samples = true;
		return 0;
	case OPT_MAX_OVERHEAD:
		return args_fail(&o->err, args_max_overhead(arg, &o->watch.max_overhead));
	case OPT_ATTACH:
		return args_fail(&o->err, args_attach(arg, &o->watch.attach));
	case OPT_RING_SIZE:
		return args_fail(&o->err, args_ring_size(arg, &o->watch.ring_sz));
	case ARGP_KEY_ARG:
		return args_fail(&o->err, args_pid(arg, &o->pid));
	case ARGP_KEY_END:
		return o->pid ? 0
			      : args_fail(&o->err,
					  err_new(ERR_USAGE, "which process? give its PID"));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- running ---- */

struct run {
	struct watch *w;
	struct event_stream stream;
};

static void stop_when_closed(const struct run *r)
{
	if (r->stream.closed)
		interrupted = true;
}

static struct err *on_event(void *ctx, const struct trace_event *e, enum abi_group_id group)
{
	struct run *r = ctx;
	struct err *err = events_map(&r->stream, e, group);

	stop_when_closed(r);
	return err;
}

static struct err *on_memcall(void *ctx, const struct trace_memcall *call)
{
	struct run *r = ctx;
	struct err *err = events_memcall(&r->stream, call);

	stop_when_closed(r);
	return err;
}

static struct err *on_tick(void *ctx)
{
	struct run *r = ctx;
	struct err *err = target_check(r->w->target);

	halts_look(&r->w->halts);
	if (!err && !r->w->gc_err)
		err_free(gcstats_read(&r->w->gc, &r->w->gc_last));
	if (!err)
		err = events_tick(&r->stream, &r->w->gc_last);
	stop_when_closed(r);
	return err;
}

static const char *end_reason(const struct run *r, bool gone)
{
	if (gone)
		return "target_gone";
	return trace_result(r->w->trace)->end == TRACE_END_DURATION ? "duration" : "interrupted";
}

static struct err *stream(struct run *r, int *exit_code_ret)
{
	struct err *err = events_start(&r->stream);

	if (!err)
		err = trace_run(r->w->trace);
	bool gone = err_is(err, ERR_GONE) ||
		    trace_result(r->w->trace)->end == TRACE_END_TARGET_GONE;
	if (gone) {
		err_free(err);
		err = NULL;
		*exit_code_ret = EXIT_GONE;
	}
	return err ? err : events_end(&r->stream, end_reason(r, gone));
}

static struct err *run(const struct options *o, int *exit_code_ret)
{
	_cleanup_watch_ struct watch *w = NULL;
	struct run r = { .stream = { .fd = STDOUT_FILENO, .samples = o->samples } };
	struct trace_listener listener = { .event = on_event, .memcall = on_memcall, .ctx = &r };
	struct watch_opts opts = o->watch;

	opts.listener = &listener;
	opts.tick = on_tick;
	opts.tick_ctx = &r;
	opts.rare_only = !o->samples;
	struct err *err = watch_open(o->pid, &opts, &w);
	if (!err)
		err = watch_open_gc(w);
	if (!err)
		err = watch_open_trace(w);
	if (err)
		return err;
	if (w->trace_err)
		return take_ptr(w->trace_err);
	r.w = w;
	r.stream.w = w;
	return stream(&r, exit_code_ret);
}

struct err *cmd_events(int argc, char **argv, int *exit_code_ret)
{
	static const struct argp argp = {
		.options = argp_options, .parser = parse_option, .args_doc = "PID", .doc = doc
	};
	struct options o = {
		.watch = {
			.duration_ns = FOREVER_NS,
			.max_overhead = DEFAULT_MAX_OVERHEAD,
			.stop = &interrupted,
		},
	};
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (args_ask_for_help(argc, argv))
		argv[0] = (char *)"maptrace events"; /* the usage line starts with it */
	if (argp_parse(&argp, argc, argv, 0, NULL, &o)) {
		*exit_code_ret = EXIT_USAGE; /* of an unknown option getopt has told already */
		return o.err;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* a reader that ends is seen by EPIPE */
	return run(&o, exit_code_ret);
}
