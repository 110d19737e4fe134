/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * footing.h - which spans the figures of a batch of maps depend on.
 *
 * A footing is the list of these spans. It finds out whether one of them was freed, and its
 * memory given to another span, after the heap was read. The memory may hold a table that adds
 * up all the same, but its size, and all that follows from it, would be the old span's.
 *
 * Only the sweeper frees spans of objects (Go source: runtime/mgcsweep.go sweepLocked.sweep,
 * the one that calls mheap.freeSpan), and a span only once in a cycle of the collector: what
 * was swept stays until the next cycle.
 */
#ifndef MAPTRACE_MAPS_FOOTING_H
#define MAPTRACE_MAPS_FOOTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"

struct footing {
	VEC(uint64_t) pairs; /* index of the span << 32 | candidate */
	size_t compact_at; /* pairs are sorted, and doubles dropped, when there are this many */
	bool all; /* notes all spans; else only those that may be freed in this cycle */
	bool incomplete; /* a span is missing, for lack of memory */
};

/* NULL: out of memory. Free with footing_free(). */
struct footing *footing_new(void);
void footing_free(struct footing *f);

/* The part of footing_note() that is not inline. */
void footing_add(struct footing *f, const struct heap *heap, const struct span *s, uint32_t i);

/* Notes that the figures of the i-th candidate of a batch depend on s, a span of heap->spans;
 * does nothing when the span cannot be freed in this cycle. Inline, because it is called for a
 * million maps and does nothing for most. */
static inline void footing_note(struct footing *f, const struct heap *heap, const struct span *s,
				uint32_t i)
{
	if (f->all || span_may_be_freed(s))
		footing_add(f, heap, s, i);
}

/*
 * Sets outdated[i] for each candidate i that depends on a span which is no longer the one that
 * the heap was read with; leaves the others as they are. Must be called after all reads of the
 * maps. Figures that depend on other spans are right: memory is not freed while a map holds it.
 *
 * When the collector began a new cycle, any span may be freed, and too few were noted. Then this
 * sets *again instead, at most once per footing: the caller decodes the batch again, and the
 * footing notes all spans from then on. Forgets what was noted.
 */
struct err *footing_check(struct footing *f, const struct heap *heap, struct mem *mem,
			  bool *outdated, bool *again);

#endif
