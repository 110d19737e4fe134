/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace_state.h - struct trace, for the files that make up trace.h: trace_open.c,
 * trace_run.c (the steps), trace_windows.c (when probes are in), trace_publish.c.
 */
#ifndef MAPTRACE_TRACE_TRACE_STATE_H
#define MAPTRACE_TRACE_TRACE_STATE_H

#include "trace/callbacks.h"
#include "trace/governor.h"
#include "trace/programs.h"
#include "trace/records.h"
#include "trace/refaults.h"
#include "trace/sites.h"
#include "trace/tally.h"
#include "trace/trace.h"
#include "trace/window.h"

enum trace_phase {
	TRACE_PHASE_OPENED,
	TRACE_PHASE_RUNNING,
	TRACE_PHASE_ENDING, /* no new windows; probes are being taken out */
	TRACE_PHASE_ENDED, /* nothing is attached, no thread runs */
};

struct trace {
	struct trace_opts opts;
	enum trace_phase phase;
	struct err *err; /* what has ended the trace, for trace_stop() */
	struct sites sites;
	struct programs programs;
	struct window windows[ABI_GROUP_CNT];
	struct governor governor;
	struct abi_meter meter; /* as last read */
	uint64_t late[ABI_GROUP_CNT]; /* of the meter, when a window of the group was closed last */
	uint64_t window_hits[ABI_FUNC_MAX]; /* hits by function since a window was closed */
	struct err *group_err[ABI_GROUP_CNT]; /* why it could not be attached */

	struct ring_buffer *rings;
	struct err *record_err; /* what went wrong in the callback of the rings */
	int wake_fd; /* an eventfd: a thread of ours is done */
	int timer_fd; /* a timerfd: the next time that something is due */
	int poll_fd; /* an epoll of these two, the rings and opts.pidfd */

	uint64_t next_refill_ns; /* of the budget for single memory calls */
	struct {
		uint64_t at_ns;
		uint64_t cpu_ns; /* of the target */
		double cores;
	} cpu_look;
	struct refaults refaults;
	struct callbacks callbacks;
	bool memcalls_out; /* the end: all but callbacks is done */

	struct trace_tally tally;
	struct trace_result live; /* kept up to date, except what trace_publish() adds */
	struct trace_lost lost; /* read by other threads: atomic */

	struct trace_result published;
	struct tally_lists copies; /* the published lists, while steps change those of the tally */
	bool copies_are_old; /* of before trace_forget() */
	struct trace_memsum memsums[ABI_MEM_ROWS]; /* the published ones */
};

/* The callback of the rings: counts a record. `ctx` is the trace; returns < 0 on failure. */
int trace_record_add(void *ctx, void *data, size_t sz);

/* Reads all records that are in the rings. */
struct err *trace_drain(struct trace *t);

/* What hits have cost so far, by the meter as last read; in nanoseconds. */
double trace_spent(const struct trace *t);

/* Reads the meter, and charges the governor with every hit and every page fault so far. */
struct err *trace_charge(struct trace *t);

/* Looks at the CPU time of the target, unless that was just now: the CPUs it keeps busy. */
double trace_target_cores(struct trace *t, uint64_t now_ns);

bool trace_target_is_gone(const struct trace *t);

/* Nothing that we were asked for can be traced. */
bool trace_nothing_is_left(const struct trace *t);

/* Opens, closes and settles windows that are due. */
struct err *trace_windows_step(struct trace *t, uint64_t now_ns);

/* Closes all windows, without waiting; *closed_ret: all are. Goes on after an error, and
 * returns the first one. */
struct err *trace_windows_end(struct trace *t, bool *closed_ret);

/* Frees one of two errors, returns the other: the first one if there are two. */
struct err *trace_first_err(struct err *first, struct err *second);

#endif
