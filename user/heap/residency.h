/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * residency.h - which pages of the heap are in memory.
 *
 * One walk over the whole address space fills bits for every arena that the page allocator
 * manages. After that, finding the resident bytes of an object is a look-up.
 *
 * Rows of a report that must add up claim ranges: each page belongs to the first claim that
 * covers it, and pages without a claim can be listed at the end.
 */
#ifndef MAPTRACE_HEAP_RESIDENCY_H
#define MAPTRACE_HEAP_RESIDENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"
#include "heap/pagealloc.h"
#include "process/addrspace.h"

struct residency {
	uint32_t page_sz; /* bytes that a bit stands for; at most GO_PAGE_SZ */
	bool assumed; /* the kernel tells no pages, so what Go uses or keeps is taken as resident */
	VEC(struct residency_arena {
		uint64_t base;
		/* NULL while no page of the arena is in memory or in swap. */
		uint64_t *present;
		uint64_t *swapped;
		uint64_t *huge; /* present, and part of a huge page */
		uint64_t *unclaimed; /* present or swapped, and in no claim yet */
	})
	arenas; /* ascending by base */
	struct pagemap pagemap; /* fd < 0: there is none, and residency_read() reads everything */
};

/* Called for the runs of pages outside of all arenas. */
typedef page_run_fn residency_outside_fn;

/* Walks the address space. outside may be NULL. Free with residency_fini(). */
struct err *residency_init(struct residency *r, const struct heap *heap, const struct pagealloc *pa,
			   struct addrspace *as, residency_outside_fn outside, void *ctx);
void residency_fini(struct residency *r);

/*
 * Reads without making the target larger: pages that nobody ever wrote to, like most of a large
 * map that was made in advance, are zeroes and stay out of its page tables. r may be NULL: then
 * everything is read.
 */
struct err *residency_read(const struct residency *r, struct mem *mem, struct mem_req *req);

/* Does what residency_bytes() does, for any range. */
uint64_t residency_count(const struct residency *r, uint64_t addr, uint64_t len);

/* The bytes of [addr, addr + len) in pages that are in memory. Inline, because most of a million
 * objects are within few pages, all of them in memory. */
static inline uint64_t residency_bytes(const struct residency *r, uint64_t addr, uint64_t len)
{
	const struct residency_arena *a = r->arenas.data;
	uint64_t i = a ? (addr - a->base) >> ARENA_SHIFT : 0; /* if there is no gap before it */
	uint64_t off = addr & ((1ull << ARENA_SHIFT) - 1);
	unsigned int page_shift = __builtin_ctz(r->page_sz);
	uint64_t first = off >> page_shift, last = (off + len - 1) >> page_shift;

	if (!len || i >= r->arenas.len || a[i].base != addr - off || !a[i].present ||
	    first / 64 != last / 64)
		return residency_count(r, addr, len);
	uint64_t pages = (2ull << (last - first)) - 1;
	bool all = (a[i].present[first / 64] >> (first % 64) & pages) == pages;
	return all ? len : residency_count(r, addr, len);
}

struct resident {
	uint64_t bytes;
	uint64_t swap_bytes;
	uint64_t huge_bytes; /* the part of bytes in huge pages */
};

static inline void resident_add(struct resident *sum, const struct resident *r)
{
	sum->bytes += r->bytes;
	sum->swap_bytes += r->swap_bytes;
	sum->huge_bytes += r->huge_bytes;
}

/* Claims the pages of a range of whole Go pages. Returns what of it was unclaimed. */
struct resident residency_claim(struct residency *r, uint64_t addr, uint64_t len);

/* Calls visit for each run of pages that are in no claim, with state PAGE_SWAPPED, or
 * PAGE_PRESENT and perhaps PAGE_HUGE. */
struct err *residency_unclaimed(const struct residency *r, page_run_fn visit, void *ctx);

#endif
