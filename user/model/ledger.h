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

/* Who owns pages; all but the unexplained bytes are whole pages. */
enum ledger_region {
	REGION_SPANS, /* objects of the heap, with free slots between them */
	REGION_FREE, /* free pages that Go keeps */
	REGION_RELEASED, /* pages that Go has given back, or never used */
	REGION_STACKS, /* goroutine stacks and other spans of the runtime */
	REGION_RUNTIME, /* the runtime's own memory */
	REGION_FILES, /* the program, libraries, files, shared memory */
	REGION_ANON, /* C code's and other anonymous memory */
	REGION_CNT,
};

enum ledger_row {
	ROW_MAP_LIVE, /* map tables: share of the live keys */
	ROW_MAP_HOLES, /* map tables: the rest */
	ROW_OTHER_HEAP, /* other objects */
	ROW_FREE_SLOTS, /* free slots of spans, and their ends */
	ROW_FREE, /* REGION_FREE */
	ROW_RELEASED, /* REGION_RELEASED without the next one */
	ROW_HUGE_EXCESS, /* RELEASED_HUGE: in memory because of a huge page around it */
	ROW_STACKS,
	ROW_RUNTIME,
	ROW_FILES,
	ROW_ANON,
	ROW_CNT,
};

/* What makes the bytes of a row come back. */
enum ledger_remedy {
	REMEDY_NONE,
	REMEDY_REBUILD_MAPS, /* copy the live keys into a new map, drop the old one */
	REMEDY_FREE_OS_MEMORY, /* debug.FreeOSMemory(), or a memory limit */
	REMEDY_MOVE_OBJECTS, /* allocate the few that are left anew, together */
};

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

/* Names in JSON. */
const char *ledger_row_name(enum ledger_row row);
const char *ledger_region_name(enum ledger_region region);

enum ledger_remedy ledger_row_remedy(enum ledger_row row);
const char *ledger_remedy_name(enum ledger_remedy remedy); /* NULL: none */

#endif
