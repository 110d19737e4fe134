/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch.h - one observation of a target: a census, a trace with more censuses in it, and
 * what is read beside them. What follows from all that is a struct result, which can be
 * made at any time.
 */
#ifndef MAPTRACE_MODEL_WATCH_H
#define MAPTRACE_MODEL_WATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "heap/gcstats.h"
#include "model/activity.h"
#include "model/history.h"
#include "maps/values.h"
#include "model/reclaim.h"
#include "model/result.h"
#include "model/snapshot.h"
#include "process/halt.h"
#include "process/program.h"
#include "trace/trace.h"

struct watch_opts {
	uint64_t duration_ns; /* 0: census only */
	uint64_t min_waste_bytes;
	uint64_t top; /* groups that activity refers to by rank */
	bool only_top; /* list only so many maps in the result, and those in findings */
	enum trace_attach attach;
	uint32_t ring_sz; /* see struct trace_opts */
	struct values_opts values; /* without a budget: don't count zero values */
	double max_overhead; /* what probes may cost: a share of one core */
	const volatile bool *stop; /* set by a signal: end early */

	/* A stream of events: handed on as they come, without any census. */
	const struct trace_listener *listener; /* NULL: none */
	trace_tick tick;
	void *tick_ctx;
	bool rare_only;
};

struct watch {
	pthread_mutex_t lock; /* between the thread of ticks and events, and publications */
	struct watch_opts opts;
	struct target *target;
	struct program *prog;
	struct target_rss rss; /* at the start */
	struct snapshot *snap; /* the latest; NULL: refused */
	struct err *census_err; /* why there is no census; else NULL */
	uint64_t census_cnt; /* taken */
	struct history history; /* of a watch that lasts */
	struct trace *trace; /* NULL: none was asked for, or possible */
	struct err *trace_err; /* why not; else NULL */
	const struct trace_result *traced; /* as of the latest publication; NULL: no trace */
	struct values *values; /* zero values in the maps of snap; NULL: not asked for */
	struct halts halts; /* times in which nothing could happen */
	struct err *gone; /* the target exited or executed another program */
	uint64_t next_census_ns;
	uint64_t start_ns; /* of the time that was watched */
	uint64_t end_ns; /* 0: it goes on */
	bool cgroup_limited;
	uint64_t cgroup_left_bytes; /* at the end */
	struct trace_listener listener;
	struct gcstats gc;
	struct err *gc_err; /* why the collector's counters cannot be read; else NULL */
	struct gc_sample gc_first; /* at the first census */
	struct gc_sample gc_last;
	struct scavenger scavenger; /* as of gc_last */
	bool scavenger_known;
	struct reclaim reclaim; /* with snap */
};

/*
 * Observes the process from the beginning to the end. Fails when nothing can be shown: no
 * such process, not a Go program, not permitted, a kernel without what tracing needs. What
 * fails later is kept in the watch, with the reason. Free with watch_free().
 */
struct err *watch_run(pid_t pid, const struct watch_opts *opts, struct watch **ret);

/*
 * The same in steps, for a loop that drives several, or shows each while it goes on:
 *
 *	err = watch_open(pid, &opts, &w);	finds the program
 *	err = watch_begin(w);			takes a census, prepares the trace
 *	err = watch_start(w);			attaches it
 *	while (watch_step(w)) {
 *		... poll() for watch_fd(w), other work of a few milliseconds ...
 *		... now and then: err = watch_publish(w, false, &result) ...
 *	}
 *	err = watch_stop(w);
 *	err = watch_publish(w, true, &result);
 *
 * The rules of trace.h hold: one thread at a time for one watch. watch_fd() is -1 without a
 * trace, and then there is no step.
 */
struct err *watch_open(pid_t pid, const struct watch_opts *opts, struct watch **ret);
struct err *watch_begin(struct watch *w);
struct err *watch_start(struct watch *w);
int watch_fd(const struct watch *w);
bool watch_step(struct watch *w);
struct err *watch_stop(struct watch *w);
void watch_free(struct watch *w);
DEFINE_CLEANUP_PTR(struct watch *, watch_free, cleanup_watch)
#define _cleanup_watch_ _cleanup_(cleanup_watch)

/* Whether there is a trace, and somebody to trace. */
bool watch_goes_on(const struct watch *w);

/*
 * Makes a result of what is known so far. Free with result_free(); it stays valid after
 * watch_free(). `last`: nothing is observed any more; zero values are counted, and the maps
 * are moved into the result instead of copied, so it can be made only once.
 */
struct err *watch_publish(struct watch *w, bool last, struct result **ret);

/* How long it has been watched. */
uint64_t watch_ns(const struct watch *w);

/* Finds the places of the probes and attaches nothing: a result with the target and
 * trace.traced->sites alone. */
struct err *watch_plan(pid_t pid, const struct watch_opts *opts, struct result **ret);

/* Opens the collector's counters by themselves, for a watch without censuses. */
struct err *watch_open_gc(struct watch *w);

/* Prepares the trace only; attaches nothing. */
struct err *watch_open_trace(struct watch *w);

/* Where the words of a map's header are, for the trace. */
struct trace_header_layout watch_header_layout(const struct go_layout *layout);

/* What the trace calls while it goes on; ctx is the watch. */
struct err *watch_on_tick(void *ctx);
struct err *watch_on_event(void *ctx, const struct trace_event *e, enum abi_group_id group);

#endif
