/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * heap.h - the Go heap as its allocator describes it: spans, and the object that
 * an address belongs to.
 *
 * A snapshot that the running target overtakes: a span may be freed or reused
 * after we read it. What rests on it is checked against the memory itself.
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

/* An arena's pages: the span of each, where 1 is the first one, 0 none. */
struct arena {
	uint64_t base;
	uint64_t meta; /* address of its heapArena; 0: could not be read */
	uint32_t first; /* index of its first span into heap.spans */
	uint16_t *page_span;
};
_Static_assert(ARENA_PAGES < UINT16_MAX, "each page may have a span of its own");

struct heap {
	struct program *prog;
	uint64_t mheap; /* address of runtime.mheap_ */
	uint32_t sweepgen; /* the collector's cycle before the spans were read */
	VEC(struct span) spans; /* states in use and manual, ascending by base */
	VEC(struct arena) arenas; /* ascending by base */
	uint64_t arenas_extent; /* from the base of the first to that of the last */
	uint64_t in_use_bytes; /* spans of GC'd objects */
	uint64_t manual_bytes; /* stacks and other spans of the runtime */
	uint64_t span_cnt; /* in use */
};

/* Reads and proves the heap. ERR_UNSUPPORTED names the invariant that failed. */
struct err *heap_open(struct program *prog, struct heap **ret);
void heap_close(struct heap *heap);
DEFINE_CLEANUP_PTR(struct heap *, heap_close, cleanup_heap)
#define _cleanup_heap_ _cleanup_(cleanup_heap)

/*
 * Reads the descriptors of spans again, in place, and where their bitmaps are unless
 * bits is NULL. The collector exchanges a span's
 * bitmaps when it sweeps it, and uses their memory again two cycles later: those of a
 * descriptor that is older than that belong to other spans. What is no longer a span of
 * that place and class has state SPAN_DEAD then.
 */
struct err *heap_reread_spans(const struct heap *heap, struct mem *mem, struct span *spans,
			      struct span_bits *bits, size_t cnt);

/* The number of the collector's cycle: while it stays, nothing is freed that was held
 * before. */
struct err *heap_read_sweepgen(const struct heap *heap, struct mem *mem, uint32_t *ret);

/* Whether addr can be in the heap, as it was read or in arenas made since: those come behind
 * the first one. */
bool heap_may_hold(const struct heap *heap, uint64_t addr);

/*
 * Whether the memory at each of these addresses is another span's than when the heap was
 * read, or was none's then: what the snapshot says of it is out of date. Reads the spans'
 * descriptors again; addresses outside of the heap have not changed.
 */
struct err *heap_find_changed(const struct heap *heap, struct mem *mem, const uint64_t *addrs,
			      size_t cnt, bool *changed);

/*
 * Reads the span that holds addr by now, whether or not it was there when the heap was
 * read: the arena index names it. *ret has state SPAN_DEAD when none does.
 */
struct err *heap_read_span(const struct heap *heap, struct mem *mem, uint64_t addr,
			   struct span *ret);

/* The address of the descriptor that the arena index holds for each of these; 0: none. */
struct err *heap_read_index(const struct heap *heap, struct mem *mem, const uint64_t *addrs,
			    size_t cnt, uint64_t *ret);

/* addr as the indexes of arenas and of page chunks count it. */
static inline uint64_t heap_linear_address(const struct heap *heap, uint64_t addr)
{
	return addr - (heap->prog->arch ? heap->prog->arch->arena_base : 0);
}

/*
 * The look-ups below are inline: a census does several for each of a million maps.
 */

/* What heap_arena() does for a heap that has gaps between its arenas. */
const struct arena *heap_search_arena(const struct heap *heap, uint64_t base);

/* The arena that holds addr, or NULL. Most words that are asked for are no address at all,
 * and most heaps have no gap. */
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

/* The span of the runtime itself, as of stacks, that holds addr, or NULL. */
static inline const struct span *heap_manual_span(const struct heap *heap, uint64_t addr)
{
	const struct span *s = heap_any_span(heap, addr);

	return s && s->state == SPAN_MANUAL ? s : NULL;
}

/* Whether addr is in the heap, but in no span that was read: it is newer than the
 * snapshot (or free). */
static inline bool heap_is_unread(const struct heap *heap, uint64_t addr)
{
	return heap_arena(heap, addr) && !heap_any_span(heap, addr);
}

/* A slot of an in-use span. */
struct object {
	const struct span *span;
	uint64_t slot; /* address of the slot */
	uint64_t start; /* address of the object: behind the malloc header, if any */
	uint64_t size; /* bytes of the slot: what the object costs */
	bool has_header; /* its first word is a type, at slot */
};

/* Whether objects with pointers above 512 bytes have malloc headers. */
static inline bool heap_malloc_headers(const struct heap *heap)
{
	return heap->prog->layout.bitmap == HEAP_BITMAP_SPAN;
}

/* The slot of that in-use span that holds addr, if any does. addr is in the span. */
static inline bool span_object(const struct heap *heap, const struct span *s, uint64_t addr,
			       struct object *ret)
{
	bool small = span_sizeclass(s);
	uint64_t size = span_elemsize(s);
	/* Spans of small objects are small. */
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
