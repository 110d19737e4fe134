/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objects.h - a number for each slot of the heap, and which slots had an object.
 *
 * Numbers go up with addresses: the slots of the first in-use span from 0 on, then those of the
 * next one. So a graph of the heap needs 4 bytes for an object instead of 8.
 *
 * The bits are read once, at one sweep generation. While the target stays in it, no object that was
 * in use is freed: its number means the same object.
 */
#ifndef MAPTRACE_GRAPH_OBJECTS_H
#define MAPTRACE_GRAPH_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "heap/heap.h"

#define OBJECT_NO_NUMBER UINT32_MAX

struct objects {
	struct heap *heap; /* whose spans are numbered; must outlive it */
	uint32_t cnt; /* of numbers: all slots, in use or not */
	uint32_t *first; /* by index of the span: number of its first slot; one more than spans */
	uint64_t *used; /* a bit for each number: an object that the last collection, if it is
			 * done, found reachable, or that is newer */
	uint64_t *dead; /* a bit for each number: the last collection did not find it reachable,
			 * and it is not swept yet */
	uint64_t used_cnt;
	uint64_t used_bytes;
	uint64_t dead_bytes;
	uint32_t sweepgen; /* the collector's cycle that the bits are of */
};

/* The bytes of our own memory that objects_init() will take; 0: the heap has too many slots. */
uint64_t objects_memory(const struct heap *heap);

/*
 * Numbers the slots, and reads which are in use. ERR_UNSUPPORTED when there are more than
 * UINT32_MAX of them, or when the collector swept all the time. Release with objects_fini().
 */
struct err *objects_init(struct objects *objs, struct heap *heap);
void objects_fini(struct objects *objs);

static inline bool objects_bit(const uint64_t *bits, uint32_t nth)
{
	return bits[nth / 64] >> nth % 64 & 1;
}

static inline bool objects_is_used(const struct objects *objs, uint32_t nth)
{
	return objects_bit(objs->used, nth);
}

/* The number of the slot of that span (an index in heap->spans) that holds addr, which is in the
 * span. OBJECT_NO_NUMBER: it is in none, or the span is not in use. */
static inline uint32_t objects_number_in(const struct objects *objs, size_t span, uint64_t addr)
{
	const struct span *s = &objs->heap->spans.data[span];
	uint32_t nth = span_sizeclass(s) ? sizeclass_slot(span_sizeclass(s), addr - span_base(s))
					 : 0;

	if (s->state != SPAN_IN_USE || nth >= span_slots(s))
		return OBJECT_NO_NUMBER;
	return objs->first[span] + nth;
}

/* The number of the slot that holds addr, also when it points into the middle. OBJECT_NO_NUMBER:
 * it is in no slot. Whether that has an object, objects_is_used() tells. */
static inline uint32_t objects_number(const struct objects *objs, uint64_t addr)
{
	const struct span *s = heap_any_span(objs->heap, addr);

	return s ? objects_number_in(objs, s - objs->heap->spans.data, addr) : OBJECT_NO_NUMBER;
}

/* The index of the span that has this number, and the object. A search: for what is shown, not for
 * each word. nth is below cnt. */
size_t objects_span(const struct objects *objs, uint32_t nth);
void objects_get(const struct objects *objs, uint32_t nth, struct object *ret);

#endif
