/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.h - where every resident byte of the target is.
 *
 * Each page that counts in RSS is in exactly one row: by the span that it is in, by
 * the page allocator's bits, by the runtime's lists of its own memory, else by its
 * mapping. What the kernel counts beyond that is a row too. Spans, page bits, pages
 * and the kernel's sum are read one after the other while the target runs: on a
 * busy one the unexplained row holds what changed meanwhile.
 */
#ifndef MAPTRACE_MODEL_LEDGER_H
#define MAPTRACE_MODEL_LEDGER_H

#include <stdint.h>

#include "heap/heap.h"
#include "heap/metadata.h"
#include "heap/occupancy.h"
#include "heap/pagealloc.h"
#include "heap/residency.h"
#include "model/released.h"
#include "model/result_words.h"

struct ledger {
	struct resident regions[REGION_CNT];
	struct occupancy occupancy;
	struct released released;
	struct resident free_busy; /* of REGION_FREE: in chunks that the scavenger skips */
	uint64_t free_partial_bytes; /* of REGION_FREE: less than a physical page */
	uint64_t rows[ROW_CNT]; /* resident bytes; they and unexplained sum to rss_bytes */
	uint64_t gives_back[ROW_CNT]; /* of rows: bytes that the remedy brings back */
	uint64_t rss_bytes; /* the kernel's, from smaps_rollup */
	int64_t unexplained_bytes;
	uint64_t hugetlb_bytes; /* beside RSS */
	struct smaps sums;
	enum addrspace_source source;
	char why_coarse[160]; /* ADDRSPACE_SMAPS: why */
	const char *missing; /* runtime memory that could not be told apart; NULL: none */
};

/* Takes residency (free with residency_fini()) from the pages of the target, whose walk may
 * have begun, and counts all but the maps. Free with ledger_fini(). */
struct err *ledger_init(struct ledger *l, struct heap *heap, const struct pagealloc *pa,
			struct addrspace *as, struct residency *r);
void ledger_fini(struct ledger *l);

/* Bytes of a free range that are no whole physical page, which madvise(2) cannot take. */
uint64_t ledger_partial_bytes(const struct page_range *free, uint64_t physical_page_sz);

/* What the census says of map tables; resident bytes. */
struct ledger_maps {
	uint64_t live_bytes;
	uint64_t hole_bytes;
	uint64_t gives_back_bytes;
};

/* Computes the rows. May be called again. */
void ledger_set_maps(struct ledger *l, const struct ledger_maps *maps);

#endif
