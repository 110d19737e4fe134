/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scavenger.h - how much of its free memory the runtime means to give back.
 *
 * A background goroutine returns free pages while the heap retains more than one of
 * two goals: what the next cycles of the garbage collector will need and a tenth
 * more, and 95 % of the memory limit. Both are worked out at the end of a cycle
 * (S runtime/mgcscavenge.go gcPaceScavenger).
 */
#ifndef MAPTRACE_HEAP_SCAVENGER_H
#define MAPTRACE_HEAP_SCAVENGER_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/gcstats.h"
#include "heap/pagealloc.h"

struct scavenger {
	bool percent_active; /* the heap was above the first goal */
	bool limit_active; /* the process was above the second */
	uint64_t percent_goal_bytes; /* with percent_active: of retained_bytes */
	uint64_t limit_goal_bytes; /* with limit_active: of ready_bytes */
	uint64_t retained_bytes; /* spans in use and free pages, not returned */
	uint64_t ready_bytes; /* all memory that the runtime mapped and did not return */
};

/* Reads the goals, to be held against what heap and pa say of the same moment.
 * ERR_UNSUPPORTED: they cannot be found, or are no goals. */
struct err *scavenger_read(struct scavenger *s, const struct heap *heap, const struct pagealloc *pa,
			   const struct gcstats *gc, const struct gc_sample *now);

/* What it will return before it rests; 0: it rests. */
uint64_t scavenger_pending(const struct scavenger *s);

#endif
