/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mspan.h - runtime.mspan, the runtime's descriptor of a span, from its bytes to our
 * struct span; private to those who read descriptors.
 *
 * The functions are inline because a heap of 8 GiB has a million descriptors.
 */
#ifndef MAPTRACE_HEAP_MSPAN_H
#define MAPTRACE_HEAP_MSPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "heap/sizeclass.h"
#include "heap/span.h"
#include "process/layout.h"

enum {
	MSPAN_ADDRESS_BITS = 48,
	/* The largest manual spans are stacks, which have at most 1 GiB (Go source:
	 * runtime/proc.go main). */
	MSPAN_MANUAL_PAGES_MAX = 1 << 18,
	/* A chunk of a user arena has 8 MiB (Go source: runtime/arena.go userArenaChunkBytes). From
	 * 1.22 on a bit for each word and a type are at its end (userArenaChunkReserveBytes). */
	MSPAN_ARENA_PAGES = (8 << 20) / GO_PAGE_SZ,
	MSPAN_ARENA_RESERVE = (8 << 20) / 64 + 48,
	/* isUserArenaChunk is two bytes after the state, in all versions that have it. */
	MSPAN_ARENA_OFF = 2,
};

/* A descriptor, decoded and nothing more. */
struct mspan {
	uint64_t desc; /* its own address */
	uint64_t base;
	uint64_t npages;
	uint64_t elemsize;
	uint64_t nelems;
	uint64_t freeindex;
	uint32_t sweepgen;
	uint16_t alloc_count;
	uint8_t spanclass;
	uint8_t state;
	bool user_arena; /* a chunk of a user arena (GOEXPERIMENT=arenas) */
};

static inline struct mspan mspan_decode(const struct mspan_layout *l, uint64_t desc,
					const uint8_t *m)
{
	bool wide = l->index_width == 8;
	uint64_t npages = load_u64(m, l->npages);

	return (struct mspan){
		.desc = desc,
		.base = load_u64(m, l->start_addr),
		.npages = npages,
		.elemsize = load_u64(m, l->elemsize),
		.nelems = wide ? load_u64(m, l->nelems) : load_u16(m, l->nelems),
		.freeindex = wide ? load_u64(m, l->freeindex) : load_u16(m, l->freeindex),
		.sweepgen = load_u32(m, l->sweepgen),
		.alloc_count = load_u16(m, l->alloc_count),
		.spanclass = load_u8(m, l->spanclass),
		.state = load_u8(m, l->state),
		.user_arena = npages == MSPAN_ARENA_PAGES && load_u8(m, l->spanclass) < 2 &&
			      load_u8(m, l->state + MSPAN_ARENA_OFF) == 1,
	};
}

static inline bool mspan_is_used(const struct mspan *m)
{
	return m->state == SPAN_IN_USE || m->state == SPAN_MANUAL;
}

static inline bool mspan_has_sane_slots(const struct mspan *m)
{
	unsigned int class = m->spanclass >> 1;
	uint64_t bytes = m->npages * GO_PAGE_SZ;

	if (m->user_arena)
		return (m->elemsize == bytes || m->elemsize == bytes - MSPAN_ARENA_RESERVE) &&
		       m->nelems == 1 && m->freeindex <= 1 && m->alloc_count <= 1;
	return class < SIZECLASS_CNT && (!class || m->npages == sizeclass_pages(class)) &&
	       m->elemsize == (class ? sizeclass_bytes(class) : bytes) && m->nelems &&
	       m->nelems <= bytes / m->elemsize && m->freeindex <= m->nelems &&
	       m->alloc_count <= m->nelems;
}

/* Whether the rest of the program may rely on it: it fits into a struct span, and no field
 * of it can make a later computation overflow. */
static inline bool mspan_is_sane(const struct mspan *m)
{
	uint64_t pages_max = m->state == SPAN_MANUAL ? MSPAN_MANUAL_PAGES_MAX : SPAN_PAGES_MAX;

	return !(m->desc % 8 | m->desc >> MSPAN_ADDRESS_BITS) &&
	       !(m->base % GO_PAGE_SZ | m->base >> MSPAN_ADDRESS_BITS) && m->npages &&
	       m->npages <= pages_max && (m->state == SPAN_MANUAL || mspan_has_sane_slots(m));
}

/* Converts it to a struct span; heap_sg is the sweepgen of the heap. Manual spans, those of the
 * runtime itself, have neither slots nor a class. */
static inline struct span mspan_pack(const struct mspan *m, uint32_t heap_sg)
{
	bool manual = m->state == SPAN_MANUAL;
	uint8_t spanclass = manual ? 0 : m->spanclass;
	bool small = spanclass >> 1;

	return (struct span){
		.state = m->state,
		/* heap_sg - 2: not swept yet. heap_sg + 1: cached before the sweep began. */
		.unswept = m->sweepgen == heap_sg - 2 || m->sweepgen == heap_sg + 1,
		.sweeping = m->sweepgen == heap_sg - 1,
		.size = small ? m->nelems | m->freeindex << SPAN_SLOT_BITS : m->npages,
		.page = m->base / GO_PAGE_SZ,
		.alloc_count = manual ? 0 : m->alloc_count,
		.spanclass = spanclass,
		.desc = m->desc / 8,
	};
}

#endif
