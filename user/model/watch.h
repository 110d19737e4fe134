/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch.h - one observation of a target.
 *
 * It consists of a census, a trace with more censuses during it, and the counters of the garbage
 * collector. At any time watch_publish() makes a struct result of what is known so far.
 */
#ifndef MAPTRACE_MODEL_WATCH_H
#define MAPTRACE_MODEL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/gcstats.h"
#include "model/history.h"
#include "maps/values.h"
#include "model/reclaim.h"
#include "model/result.h"
#include "model/snapshot.h"
#include "model/threshold.h"
#include "process/halt.h"
#include "process/program.h"
#include "trace/trace.h"

struct watch_opts {
	uint64_t duration_ns; /* of the trace; 0: take one census only */
	struct threshold min_waste; /* findings of waste are at least this large */
	const struct threshold *fail_on; /* or at least this large; NULL: there is none */
	uint64_t top; /* how many groups of maps the report lists */
	bool only_top; /* list only the `top` largest maps in the result, and those in findings */
	bool force; /* trace on a kernel that is known to crash, too */
	enum trace_attach attach;
	uint32_t ring_sz; /* see struct trace_opts */
	struct values_opts values; /* budget 0: don't count zero values */
	bool holders; /* find out who holds each map */
	uint64_t paths; /* find ways to the maps of as many rows of the ranking */
	bool full_graph; /* and what is garbage, and what maps keep alive */
	uint64_t graph_memory_bytes; /* of ours, for that; 0: as much as the machine can spare */
	double max_overhead; /* what probes may cost the target, as a share of one core */
	const volatile bool *stop; /* end early when it becomes true; NULL: never */
	const char **doing; /* gets the name of each step when it begins; NULL: nobody asks */
	const volatile bool *late; /* true: because the deadline has passed; NULL: never */

	/* To show results while the trace goes on: called about every result_interval_ns, in the
	 * trace's own thread. It owns the result, which lives on by itself. An error ends the
	 * watch. NULL: never. */
	struct err *(*on_result)(void *ctx, struct result *result);
	void *result_ctx;
	uint64_t result_interval_ns;

	/* For a stream of events, which takes no census: it gets events and ticks itself. */
	const struct trace_listener *listener; /* NULL: the watch gets the events */
	trace_tick tick; /* NULL: the watch gets the ticks */
	void *tick_ctx;
	bool rare_only; /* don't trace what is only seen in windows */
};

struct holders;
struct watch_retained;
struct paths;
struct reach;
struct goroutine_groups;

struct watch {
	struct watch_opts opts;
	struct target *target;
	struct program *prog;
	struct target_rss rss; /* at the start */
	struct snapshot *snap; /* the latest one; NULL: none was taken, or it was refused */
	struct err *census_err; /* why there is no census; NULL: there is one */
	uint64_t census_cnt; /* how many were taken */
	struct history history; /* empty without a trace */
	struct trace *trace; /* NULL: none was asked for, or it is not possible */
	struct err *trace_err; /* why it is not possible; else NULL */
	/* Belongs to the trace; set by watch_publish(). NULL: no trace. */
	const struct trace_result *traced;
	struct values *values; /* zero values in the maps of snap; NULL: not counted */
	/* What is reachable, and the graph of the heap; NULL: not looked for. */
	struct reach *reach;
	uint64_t graph_memory_bytes; /* what it was allowed to take */
	struct err *reach_err; /* why there is none; else NULL */
	struct holders *holders; /* who holds the maps of snap; NULL: not looked for */
	struct err *holders_err; /* why that cannot be known; else NULL */
	struct watch_retained *retained; /* what the maps of snap keep alive; NULL: not known */
	struct err *retained_err; /* why not; else NULL */
	struct paths *paths; /* ways to maps; NULL: not looked for, or not known */
	struct goroutine_groups *goroutines; /* NULL: not looked at */
	struct err *goroutines_err; /* why they cannot be known; else NULL */
	struct halts halts; /* when the target was stopped and got no CPU */
	bool stuck; /* a system call for the target did not return */
	struct err *gone; /* the target exited or executed another program; else NULL */
	/* Times are those of clock_ns(). */
	uint64_t next_census_ns; /* no earlier than this */
	uint64_t next_result_ns; /* the same, for on_result */
	uint64_t start_ns; /* when watching began; 0: not yet */
	uint64_t end_ns; /* when it ended; 0: not yet */
	bool cgroup_limited;
	uint64_t cgroup_left_bytes; /* if limited: up to the limit, at the latest publication */
	struct trace_listener listener; /* passes events to watch_on_event() */
	struct gcstats gc;
	struct err *gc_err; /* why the collector's counters cannot be read; else NULL */
	struct gc_sample gc_first; /* read after the first census */
	struct gc_sample gc_last; /* the latest one */
	struct scavenger scavenger; /* read after the latest census */
	bool scavenger_known; /* scavenger is valid */
	struct reclaim reclaim; /* valid if there is a snap */
};

/*
 * Observes the process from the beginning to the end. Fails if nothing can be shown: there is no
 * such process, it is not a Go program, we are not permitted to read it, or the kernel lacks what
 * tracing needs. What fails later is kept in the watch (census_err, trace_err, gone, gc_err). The
 * caller frees *ret with watch_free().
 */
struct err *watch_run(pid_t pid, const struct watch_opts *opts, struct watch **ret);

/* The same after watch_open(). */
struct err *watch_look(struct watch *w);

/*
 * The same in steps, for a loop that drives several watches:
 *
 *	err = watch_open(pid, &opts, &w);	finds the program
 *	err = watch_begin(w);			takes a census, prepares the trace
 *	err = watch_start(w);			attaches it
 *	while (watch_step(w))
 *		... poll() for watch_fd(w), other work of a few milliseconds ...
 *	err = watch_stop(w);
 *	err = watch_publish(w, &result);
 *
 * As trace.h demands, only one thread at a time may use a watch. Without a trace watch_fd() returns
 * -1, and watch_step() returns false at once. watch_step() returns false when the trace has ended;
 * watch_stop() then says why it failed, if it did. The caller frees *ret with watch_free().
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

/* Tells who asks which step begins: "the census". */
static inline void watch_begins(const struct watch *w, const char *step)
{
	if (w->opts.doing)
		__atomic_store_n(w->opts.doing, step,
				 __ATOMIC_RELAXED); /* who asks is another thread */
}

/* Whether there is a trace, and the target is not known to be gone. */
bool watch_goes_on(const struct watch *w);

/*
 * Makes the last result, after watch_run() or watch_stop(). Zero values are counted now, if
 * opts.values asks for it, and the maps are moved into the result: it can be made only once. The
 * caller frees it with result_free(); it stays valid after watch_free(). Fails if memory ran out, or
 * if the trace cannot be read.
 */
struct err *watch_publish(struct watch *w, struct result **ret);

/*
 * Makes a result of the latest census when a thread that used the watch stays in a system call for
 * ever, and all other threads stand still. Reads nothing of the target, and leaves out the trace.
 * ERR_STOPPED when there is no census. Nothing else may use the watch afterwards.
 */
struct err *watch_salvage(struct watch *w, struct result **ret);

/* How long the target has been watched, in ns; 0: not yet. */
uint64_t watch_ns(const struct watch *w);

/* Finds out where probes would be, and attaches none. The result has only the target and
 * trace.traced->sites. The caller frees it with result_free(). Fails as watch_run() does, and if no
 * trace is possible. */
struct err *watch_plan(pid_t pid, const struct watch_opts *opts, struct result **ret);

/* Finds the collector's counters, for a watch that takes no census. If they cannot be read, gc_err
 * says why. */
struct err *watch_open_gc(struct watch *w);

/* Prepares the trace, but attaches nothing. If no trace is possible on this machine, trace_err says
 * why. ERR_KERNEL: the kernel lacks something that tracing needs. */
struct err *watch_open_trace(struct watch *w);

/* Makes a result of what is known so far; see watch_publish() and on_result. */
struct err *watch_make_result(struct watch *w, bool last, struct result **ret);

/* What a trace is told of a program: where a function is, for trace_opts.find_func with the program
 * as ctx; and the offsets of the fields in a map's header that it reads. */
struct err *watch_find_func(void *ctx, const char *name, struct trace_func *ret);
struct trace_header_layout watch_header_layout(const struct go_layout *layout);

/* The trace calls these while it runs, one at a time, in a thread of its own; ctx is the watch. */
struct err *watch_on_tick(void *ctx);
struct err *watch_on_event(void *ctx, const struct trace_event *e, enum abi_group_id group);

#endif
