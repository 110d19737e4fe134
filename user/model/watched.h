/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watched.h - when map operations were watched, and when they were not, for a stream of events.
 *
 * Probes are in the target in windows (trace.h). What happens outside of them gets no event. A
 * consumer that knows the windows can estimate what happened in all, from the stream alone.
 */
#ifndef MAPTRACE_MODEL_WATCHED_H
#define MAPTRACE_MODEL_WATCHED_H

#include "model/result_watched.h"
#include "trace/trace.h"

enum { WATCHED_SUMS_MAX = ABI_GROUP_CNT * ABI_OP_CNT };

struct watched {
	uint64_t start_ns; /* of the watch; times are CLOCK_MONOTONIC */
	uint32_t probed; /* functions that have a probe: bit i for index i in trace_sites() */
	uint64_t ended_ns[ABI_FUNC_MAX]; /* of the latest window with the function; 0: none */
	uint64_t watched_ns[ABI_FUNC_MAX];
	uint64_t missed_hits[ABI_GROUP_CNT];
};

/* `without_hot`: nobody wants the operations that are seen in windows alone. */
void watched_init(struct watched *w, const struct trace *trace, bool without_hot,
		  uint64_t start_ns);

void watched_add(struct watched *w, const struct trace_window *window, struct watched_window *ret);

/* Returns the number of sums. */
size_t watched_sums(const struct watched *w, uint64_t now_ns,
		    struct watched_sum ret[WATCHED_SUMS_MAX]);

#endif
