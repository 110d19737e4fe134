/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * footing.h - the spans that the figures of a batch of maps rest on.
 *
 * The spans were read before the maps. Memory that has become another span's since then
 * may hold a table that adds up, while its size, and all that follows from it, would be
 * the old span's. Between the two only the sweeper frees spans of objects
 * (S runtime/mgcsweep.go sweepLocked.sweep, the one that calls mheap.freeSpan), and a span
 * only once in a cycle of the collector: what was swept stays until the next cycle.
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
	size_t compact_at; /* when there are as many */
	bool all; /* spans are noted; else only those that may be freed in the same cycle */
	bool incomplete; /* for lack of memory */
};

/* NULL: out of memory. Free with footing_free(). */
struct footing *footing_new(void);
void footing_free(struct footing *f);

/* What footing_note() does where it matters. */
void footing_add(struct footing *f, const struct heap *heap, const struct span *s, uint32_t i);

/* Notes, where it matters, that the map of the i-th candidate of a batch rests on a span of
 * heap->spans. Inline: called for a million maps, it matters for few. */
static inline void footing_note(struct footing *f, const struct heap *heap, const struct span *s,
				uint32_t i)
{
	if (f->all || span_may_be_freed(s))
		footing_add(f, heap, s, i);
}

/*
 * Sets outdated for the candidates that rest on a span which is no longer the one that the
 * heap was read with; the others stay as they are. Must be called behind all reads of
 * the maps. A figure that rests on the others is right: while its map holds the memory, it
 * is not freed. Sets again instead, once in a footing's life, when more has to be noted
 * than was: the batch is to be decoded again. Forgets what was noted.
 */
struct err *footing_check(struct footing *f, const struct heap *heap, struct mem *mem,
			  bool *outdated, bool *again);

#endif
