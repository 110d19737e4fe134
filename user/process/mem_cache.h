/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mem_cache.h - a reader that keeps the pages that it has read.
 *
 * For tables that do not change, such as those of the linker: a look-up there makes several small
 * reads, and the next look-up reads much the same.
 */
#ifndef MAPTRACE_PROCESS_MEM_CACHE_H
#define MAPTRACE_PROCESS_MEM_CACHE_H

#include "process/mem.h"

enum { MEM_CACHE_PAGE_SZ = 16384, MEM_CACHE_PAGES = 256 };

/* The pages of two addresses that are MEM_CACHE_PAGES pages apart have one place. */
struct mem_cache {
	struct mem mem; /* reads through the cache */
	struct mem *from;
	uint64_t page[MEM_CACHE_PAGES]; /* what each place holds: address / MEM_CACHE_PAGE_SZ + 1 */
	uint8_t *bytes;
};

/* Makes a cache of what `from` reads, which must outlive it. Release with mem_cache_fini(). */
struct err *mem_cache_init(struct mem_cache *cache, struct mem *from);
void mem_cache_fini(struct mem_cache *cache);

#endif
