/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pagealloc.h - the pages that Go's heap holds without using them.
 *
 * The page allocator keeps two bits for each page: allocated, and scavenged (given back to the
 * OS, or never touched). Each P also caches up to 64 pages, which the bitmaps show as allocated
 * (go-runtime facts 4.3).
 */
#ifndef MAPTRACE_HEAP_PAGEALLOC_H
#define MAPTRACE_HEAP_PAGEALLOC_H

#include <stdint.h>

#include "heap/heap.h"
#include "process/addrspace.h"

struct page_range {
	uint64_t base;
	uint32_t npages; /* number of pages of GO_PAGE_SZ */
	/* The pages are in a chunk (4 MiB) that is so full that the background scavenger leaves
	 * it alone. */
	bool busy;
};

struct pagealloc {
	uint64_t free_bytes; /* free but not returned: HeapIdle - HeapReleased of MemStats */
	uint64_t released_bytes; /* returned or never touched: HeapReleased of MemStats */
	VEC(struct address_range) in_use; /* ranges that the allocator manages */
	VEC(struct page_range) free; /* pages of free_bytes, ascending; page caches of Ps last */
};

/* Reads the bitmaps. Free with pagealloc_fini(). */
struct err *pagealloc_init(struct pagealloc *pa, struct heap *heap);
void pagealloc_fini(struct pagealloc *pa);

#endif
