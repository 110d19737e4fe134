/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watched.h - when map operations were watched, and when they were not, for a stream of events.
 *
 * Probes are in the target in windows (trace.h). What happens outside of them gets no event. A
 * consumer that knows the windows can estimate what happened in all, from the stream alone.
 */
#ifndef MAPTRACE_MODEL_WATCHED_H
#define MAPTRACE_MODEL_WATCHED_H

#include "base/pool.h"
#include "trace/trace.h"

enum { WATCHED_SUMS_MAX = ABI_GROUP_CNT * ABI_OP_CNT };

struct watched {
	uint64_t start_ns; /* of the watch; times are CLOCK_MONOTONIC */
	uint32_t probed; /* functions that have a probe: bit i for index i in trace_sites() */
	uint64_t ended_ns[ABI_FUNC_MAX]; /* of the latest window with the function; 0: none */
	uint64_t watched_ns[ABI_FUNC_MAX];
	uint64_t missed_hits[ABI_GROUP_CNT];
};

/* A window that is over. It has all events of its operations from `from_ns` on, for watched_ns. */
struct watched_window {
	const char *probes; /* "rare", "make" or "hot" */
	POOL_LIST(const char *) operations; /* the names are in the next one: don't copy */
	const char *names[ABI_OP_CNT];
	uint64_t from_ns; /* since the start of the watch */
	uint64_t watched_ns;
	uint64_t not_watched_ns; /* since the window before, or the start of the watch */
	uint64_t stands_for_ns; /* a sample of a time that long */
	uint64_t missed_hits; /* that came all the same while the probes were taken away */
	bool slowed_target; /* so much that there would have been more of everything */
};

/* All windows of an operation. */
struct watched_sum {
	const char *probes;
	const char *operation;
	uint64_t watched_ns; /* all functions that do it were watched for at least this long */
	uint64_t not_watched_ns; /* the rest of the time */
};

/* `without_hot`: nobody wants the operations that are seen in windows alone. */
void watched_init(struct watched *w, const struct trace *trace, bool without_hot,
		  uint64_t start_ns);

void watched_add(struct watched *w, const struct trace_window *window, struct watched_window *ret);

/* Returns the number of sums. */
size_t watched_sums(const struct watched *w, uint64_t now_ns,
		    struct watched_sum ret[WATCHED_SUMS_MAX]);

#endif
