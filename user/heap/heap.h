/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * heap.h - the Go heap as its allocator describes it: spans, and the object that an address
 * belongs to.
 *
 * It is a snapshot. The target runs on and may free or reuse a span after we have read it, so
 * results that rest on a span are checked again with the memory itself.
 */
#ifndef MAPTRACE_HEAP_HEAP_H
#define MAPTRACE_HEAP_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/sizeclass.h"
#include "heap/span.h"
#include "process/program.h"

enum { HEAP_ARENAS_MAX = 1 << 22 }; /* 256 TiB of address space, in arenas of 64 MiB */

/* An arena, and the span of each of its pages: 1 is the first span, 0 means none. */
struct arena {
	uint64_t base;
	uint64_t meta; /* address of its heapArena; 0: it could not be read */
	uint32_t first; /* index of its first span in heap.spans */
	uint16_t *page_span;
};
_Static_assert(ARENA_PAGES < UINT16_MAX, "each page may have a span of its own");

struct heap {
	struct program *prog;
	uint64_t mheap; /* address of runtime.mheap_ */
	uint32_t sweepgen; /* number of the collector's cycle before the spans were read */
	VEC(struct span) spans; /* those in use or manual, ascending by base */
	VEC(struct arena) arenas; /* ascending by base */
	uint64_t arenas_extent; /* from the base of the first one to that of the last */
	uint64_t in_use_bytes; /* of spans with objects that the collector frees */
	uint64_t manual_bytes; /* of stacks and other spans of the runtime */
	uint64_t span_cnt; /* in use */
	VEC(struct user_arena {
		uint64_t base;
		bool freed; /* its memory is gone; the address stays until nothing points to it */
	})
	user_arenas; /* the spans that are chunks of user arenas */
	/* Descriptors that contradict themselves, which the proof tolerates if they are few. What
	 * they describe is in no span. */
	uint64_t dropped_cnt;
	uint64_t dropped_bytes; /* as far as they say */
};

/* Reads and proves the heap. ERR_UNSUPPORTED names the invariant that does not hold. Close with
 * heap_close(). */
struct err *heap_open(struct program *prog, struct heap **ret);
void heap_close(struct heap *heap);
DEFINE_CLEANUP_PTR(struct heap *, heap_close, cleanup_heap)
#define _cleanup_heap_ _cleanup_(cleanup_heap)

/*
 * Reads the descriptors of spans again, in place, and the addresses of their bitmaps unless bits
 * is NULL. A span that is not at the same place or not of the same class any more gets state
 * SPAN_DEAD.
 *
 * The collector exchanges a span's bitmaps when it sweeps it, and uses their memory again two
 * cycles later. So bitmaps by an older descriptor belong to other spans.
 */
struct err *heap_reread_spans(const struct heap *heap, struct mem *mem, struct span *spans,
			      struct span_bits *bits, size_t cnt);

/* Reads the number of the collector's cycle. While it stays the same, nothing is freed that was
 * in use before. */
struct err *heap_read_sweepgen(const struct heap *heap, struct mem *mem, uint32_t *ret);

/* Whether addr can be in the heap, as it was read or in arenas that were made since: their
 * addresses are above the first one's. */
bool heap_may_hold(const struct heap *heap, uint64_t addr);

/*
 * Sets changed[i] when the memory at addrs[i] belongs to another span than when the heap was
 * read, or belonged to none then: what the snapshot says about it is out of date. Reads the
 * descriptors of the spans again. Addresses outside of the heap have not changed.
 */
struct err *heap_find_changed(const struct heap *heap, struct mem *mem, const uint64_t *addrs,
			      size_t cnt, bool *changed);

/*
 * Reads the span that holds addr now, even when it was not there when the heap was read: the
 * arena index names it. *ret has state SPAN_DEAD when there is none.
 */
struct err *heap_read_span(const struct heap *heap, struct mem *mem, uint64_t addr,
			   struct span *ret);

/* Reads the addresses of the descriptors that the arena index has for these addresses; 0: none. */
struct err *heap_read_index(const struct heap *heap, struct mem *mem, const uint64_t *addrs,
			    size_t cnt, uint64_t *ret);

/* addr as the indexes of arenas and of page chunks count it. */
static inline uint64_t heap_linear_address(const struct heap *heap, uint64_t addr)
{
	return addr - (heap->prog->arch ? heap->prog->arch->arena_base : 0);
}

/*
 * The look-ups below are inline: a census does several of them for each of a million maps.
 */

/* Does what heap_arena() does, for a heap with gaps between its arenas. */
const struct arena *heap_search_arena(const struct heap *heap, uint64_t base);

/* The arena that holds addr, or NULL. Most words that we look up are not addresses at all, and
 * most heaps have no gap. */
static inline const struct arena *heap_arena(const struct heap *heap, uint64_t addr)
{
	uint64_t base = addr >> ARENA_SHIFT << ARENA_SHIFT;

	if (!heap->arenas.len || base - heap->arenas.data[0].base > heap->arenas_extent)
		return NULL;
	size_t guess = (base - heap->arenas.data[0].base) >> ARENA_SHIFT;
	if (guess < heap->arenas.len && heap->arenas.data[guess].base == base)
		return &heap->arenas.data[guess];
	return heap_search_arena(heap, base);
}

/* Address of the heapArena that describes addr, or 0. */
static inline uint64_t heap_arena_meta(const struct heap *heap, uint64_t addr)
{
	const struct arena *a = heap_arena(heap, addr);

	return a ? a->meta : 0;
}

/* The span that holds addr, or NULL. */
static inline const struct span *heap_any_span(const struct heap *heap, uint64_t addr)
{
	const struct arena *a = heap_arena(heap, addr);
	uint32_t nth = a ? a->page_span[(addr - a->base) / GO_PAGE_SZ] : 0;

	return nth ? &heap->spans.data[a->first + nth - 1] : NULL;
}

/* The in-use span that holds addr, or NULL. */
static inline const struct span *heap_span(const struct heap *heap, uint64_t addr)
{
	const struct span *s = heap_any_span(heap, addr);

	return s && s->state == SPAN_IN_USE ? s : NULL;
}

/* The span of the runtime itself, such as a stack's, that holds addr, or NULL. */
static inline const struct span *heap_manual_span(const struct heap *heap, uint64_t addr)
{
	const struct span *s = heap_any_span(heap, addr);

	return s && s->state == SPAN_MANUAL ? s : NULL;
}

/* Whether addr is in the heap, but in no span that was read: the span is newer than the snapshot,
 * or the memory is free. */
static inline bool heap_is_unread(const struct heap *heap, uint64_t addr)
{
	return heap_arena(heap, addr) && !heap_any_span(heap, addr);
}

/* An object: a slot of an in-use span. */
struct object {
	const struct span *span;
	uint64_t slot; /* address of the slot */
	uint64_t start; /* address of the object: after the malloc header, if it has one */
	uint64_t size; /* bytes of the slot, which is what the object costs */
	bool has_header; /* the first word at slot is a type */
};

/* Whether objects with pointers above 512 bytes have malloc headers. */
static inline bool heap_malloc_headers(const struct heap *heap)
{
	return heap->prog->layout.bitmap == HEAP_BITMAP_SPAN;
}

/* Finds the slot of that in-use span that holds addr; false when addr is in no slot. addr must be
 * in the span. */
static inline bool span_object(const struct heap *heap, const struct span *s, uint64_t addr,
			       struct object *ret)
{
	bool small = span_sizeclass(s);
	uint64_t size = span_elemsize(s);
	/* Spans of small objects are small, so 32 bits are enough. */
	uint32_t index = small ? sizeclass_slot(span_sizeclass(s), (uint32_t)(addr - span_base(s)))
			       : 0;

	if (index >= span_slots(s))
		return false;

	ret->span = s;
	ret->slot = span_base(s) + index * size;
	ret->size = size;
	ret->has_header = small && size > MALLOC_HEADER_MIN && !span_noscan(s) &&
			  heap_malloc_headers(heap);
	ret->start = ret->slot + (ret->has_header ? MALLOC_HEADER_SZ : 0);
	return true;
}

/* False when addr is in no in-use span. */
static inline bool heap_object(const struct heap *heap, uint64_t addr, struct object *ret)
{
	const struct span *s = heap_span(heap, addr);

	return s && span_object(heap, s, addr, ret);
}

#endif
