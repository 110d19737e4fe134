/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scavenger.h - how much of its free memory the runtime intends to give back.
 *
 * A background goroutine returns free pages while the heap retains more than one of two goals:
 * what the next cycles of the garbage collector will need and a tenth more, and 95 % of the
 * memory limit. The runtime computes both at the end of a cycle (Go source:
 * runtime/mgcscavenge.go gcPaceScavenger).
 */
#ifndef MAPTRACE_HEAP_SCAVENGER_H
#define MAPTRACE_HEAP_SCAVENGER_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/gcstats.h"
#include "heap/pagealloc.h"

struct scavenger {
	bool percent_active; /* the heap was above the first goal */
	bool limit_active; /* the process was above the second goal */
	uint64_t percent_goal_bytes; /* with percent_active: the goal for retained_bytes */
	uint64_t limit_goal_bytes; /* with limit_active: the goal for ready_bytes */
	uint64_t retained_bytes; /* spans in use, and free pages that were not returned */
	uint64_t ready_bytes; /* all memory that the runtime has mapped and not returned */
};

/* Reads the goals, to be compared with what heap and pa say about the same moment.
 * ERR_UNSUPPORTED: they cannot be found, or what was found are not goals. */
struct err *scavenger_read(struct scavenger *s, const struct heap *heap, const struct pagealloc *pa,
			   const struct gcstats *gc, const struct gc_sample *now);

/* The bytes that it will return before it rests; 0: it rests. */
uint64_t scavenger_pending(const struct scavenger *s);

#endif
