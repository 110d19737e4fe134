/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_goroutines.h - the part of a result that says what the goroutines wait for.
 *
 * Goroutines that stopped at one place for one reason, and were started by one go statement, are
 * a group.
 */
#ifndef MAPTRACE_MODEL_RESULT_GOROUTINES_H
#define MAPTRACE_MODEL_RESULT_GOROUTINES_H

#include <stdint.h>

#include "base/pool.h"
#include "model/result_activity.h"
#include "model/result_words.h"

struct result_goroutine_group {
	const char *status; /* "waiting", "syscall", "runnable", "running", "preempted", "leaked" */
	const char *wait_reason; /* "chan receive"; NULL: they don't wait, or it is not known */
	/* The innermost function that is not the runtime's; where all are, the first function. Its
	 * function is NULL: not known, as for those that run. */
	struct result_frame where;
	struct result_frame
		*user; /* the innermost function that does not come with Go; NULL: none */
	struct result_frame *created_by; /* the go statement; NULL: not known, or none */
	uint64_t count;
	uint64_t stack_bytes;
	uint64_t stack_resident_bytes; /* the part that is in memory */
	/* At least so long. The second is the median of all; unknown if most began to wait after the
	 * last cycle of the collector. */
	struct opt_u64 wait_max_ns;
	struct opt_u64 wait_median_ns;
	struct opt_u64 maps; /* that only their frames hold; unknown: holders are */
	struct opt_u64 map_bytes; /* of the tables of these maps */
};

struct result_goroutines_read {
	uint64_t duration_ns;
	uint64_t total; /* that have not ended; the sum of the next five */
	uint64_t running;
	uint64_t runnable;
	uint64_t syscall;
	uint64_t waiting;
	uint64_t other;
	uint64_t stack_bytes;
	uint64_t stack_resident_bytes;
	uint64_t dead; /* ended ones that Go keeps to use them again */
	uint64_t dead_stack_bytes;
	uint64_t groups_total; /* `groups` has at most 50 of them */
	POOL_LIST(struct result_goroutine_group) groups; /* most stack bytes first */
};

struct result_goroutines {
	const char *status; /* "ok", "partial" or "refused" */
	const char *reason; /* why it is refused, or what is left out */
	struct result_goroutines_read *read; /* NULL: refused */
};

#endif
