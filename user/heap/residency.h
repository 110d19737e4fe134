/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * residency.h - which pages of the heap are in memory.
 *
 * One bit a page for every arena that holds spans or free pages, read once; then
 * the resident bytes of any object are a look-up.
 */
#ifndef MAPTRACE_HEAP_RESIDENCY_H
#define MAPTRACE_HEAP_RESIDENCY_H

#include <stdint.h>

#include "heap/heap.h"
#include "heap/pagealloc.h"
#include "target/pagemap.h"

struct residency {
	uint32_t page_sz;
	VEC(struct residency_arena {
		uint64_t base;
		uint64_t *present;
	})
	arenas; /* ascending by base */
	struct pagemap pagemap; /* fd < 0: none, and residency_read() reads all */
};

/* Reads the pagemap of all arenas of heap, and of pa's (may be NULL). */
struct err *residency_init(struct residency *r, const struct heap *heap,
			   const struct pagealloc *pa);
void residency_fini(struct residency *r);

/*
 * Reads without touching: pages that nobody ever wrote, like most of a large map made
 * in advance, are zeroes and stay out of the target's page tables. r may be NULL: reads
 * all.
 */
struct err *residency_read(const struct residency *r, struct mem *mem, struct mem_req *req);

/* Bytes of [addr, addr + len) that lie in pages in memory. */
uint64_t residency_bytes(const struct residency *r, uint64_t addr, uint64_t len);

#endif
