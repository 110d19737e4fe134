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

struct residency {
	uint32_t page_sz;
	VEC(struct residency_arena {
		uint64_t base;
		uint64_t *present;
	})
	arenas; /* ascending by base */
};

/* Reads the pagemap of all arenas of heap, and of pa's (may be NULL). */
struct err *residency_init(struct residency *r, const struct heap *heap,
			   const struct pagealloc *pa);
void residency_fini(struct residency *r);

/* Bytes of [addr, addr + len) that lie in pages in memory. */
uint64_t residency_bytes(const struct residency *r, uint64_t addr, uint64_t len);

#endif
