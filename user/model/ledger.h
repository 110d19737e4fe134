/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.h - where every resident byte of the target is.
 *
 * The ledger has rows, which the report shows, and regions. A region is a set of whole pages
 * with one owner. Each page that counts in RSS is in exactly one region, which the first of
 * these decides that knows the page: its span, the page allocator's bits, the runtime's lists
 * of its own memory, its mapping. Rows are made from the regions, and cut the heap finer: live
 * keys, holes and free slots may share a page.
 *
 * Spans, page bits, pages and the kernel's sum are read one after the other while the target
 * runs. So the rows may not sum to RSS exactly: unexplained_bytes is the rest.
 */
#ifndef MAPTRACE_MODEL_LEDGER_H
#define MAPTRACE_MODEL_LEDGER_H

#include <stdint.h>

#include "heap/heap.h"
#include "heap/metadata.h"
#include "heap/occupancy.h"
#include "heap/pagealloc.h"
#include "heap/residency.h"
#include "model/outside.h"
#include "model/released.h"
#include "model/result_words.h"

struct ledger {
	struct resident regions[REGION_CNT];
	struct occupancy occupancy;
	uint64_t user_arena_bytes; /* resident; part of the objects in REGION_SPANS */
	struct outside outside; /* what REGION_ANON and a part of REGION_FILES consist of */
	struct released released; /* what REGION_RELEASED consists of */
	struct resident free_busy; /* part of REGION_FREE in chunks that the scavenger skips */
	uint64_t free_partial_bytes; /* part of REGION_FREE that is less than a physical page */
	uint64_t rows[ROW_CNT]; /* resident bytes; with unexplained_bytes they sum to rss_bytes */
	uint64_t gives_back[ROW_CNT]; /* part of rows[] that the remedy of the row brings back */
	uint64_t rss_bytes; /* as the kernel counts it */
	int64_t unexplained_bytes; /* rss_bytes minus all rows; may be negative */
	uint64_t hugetlb_bytes; /* not part of RSS */
	struct smaps sums; /* addrspace.h says which are known */
	uint64_t locked_bytes; /* of locked mappings, resident or not */
	enum addrspace_source source; /* how the resident pages were found */
	char why_coarse[160]; /* with ADDRSPACE_SMAPS: why no better source could be read */
	/* Why the runtime's own memory could not be told from other; NULL: it was. Static. */
	const char *missing;
};

/*
 * Finds out which pages of the target are resident (*r) and counts them all. The rows treat
 * map tables as other objects until ledger_set_maps() is called. `as` is the target's address
 * space; addrspace_start() may have been called on it. Fails if the target cannot be read or is
 * gone, or if memory ran out; then there is nothing to free. Else free *l with ledger_fini() and
 * *r with residency_fini().
 */
struct err *ledger_init(struct ledger *l, struct heap *heap, const struct pagealloc *pa,
			struct addrspace *as, struct residency *r);
void ledger_fini(struct ledger *l);

/* How many bytes at the ends of a free range fill only a part of a physical page. madvise(2)
 * cannot give those back. */
uint64_t ledger_partial_bytes(const struct page_range *free, uint64_t physical_page_sz);

/* Whether more than 5 % of RSS are unexplained, or are in rows beyond RSS: the heap swung while it
 * was read. */
static inline bool ledger_is_moving(const struct ledger *l)
{
	int64_t bytes = l->unexplained_bytes;
	uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;

	return size > l->rss_bytes / 20;
}

/* What a census found out about all map tables together, in resident bytes. */
struct ledger_maps {
	uint64_t live_bytes; /* share of the live keys */
	uint64_t hole_bytes; /* the rest */
	uint64_t gives_back_bytes; /* what comes back if every map is rebuilt */
	uint64_t garbage_bytes; /* of garbage, maps or not; 0: not known */
};

/* Computes the rows from the regions and from the maps. May be called again with better sums. */
void ledger_set_maps(struct ledger *l, const struct ledger_maps *maps);

#endif
