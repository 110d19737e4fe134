/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pagealloc.h - the pages that Go's heap holds without using them.
 *
 * The page allocator keeps two bits a page: allocated, and scavenged (given back
 * to the OS, or never touched). Each P also caches up to 64 pages that the
 * bitmaps show as allocated (go-runtime facts 4.3).
 */
#ifndef MAPTRACE_HEAP_PAGEALLOC_H
#define MAPTRACE_HEAP_PAGEALLOC_H

#include <stdint.h>

#include "heap/heap.h"
#include "process/addrspace.h"

struct page_range {
	uint64_t base;
	uint32_t npages; /* of GO_PAGE_SZ */
	/* In a chunk (4 MiB) so full that the background scavenger leaves it alone. */
	bool busy;
};

struct pagealloc {
	uint64_t free_bytes; /* free, not returned: HeapIdle - HeapReleased of MemStats */
	uint64_t released_bytes; /* returned, or never touched: HeapReleased */
	VEC(struct address_range) in_use; /* that the allocator manages */
	VEC(struct page_range) free; /* the former, ascending; page caches of Ps last */
};

/* Reads the bitmaps; free with pagealloc_fini(). */
struct err *pagealloc_init(struct pagealloc *pa, struct heap *heap);
void pagealloc_fini(struct pagealloc *pa);

#endif
