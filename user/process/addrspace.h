/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * addrspace.h - all pages of the target that are in memory or in swap, and their sums.
 *
 * Only pages that count in RSS are visited. The page of zeroes, hugetlbfs and the memory of
 * devices do not count. Where pagemap cannot be read, smaps still tells how much of each mapping
 * is resident, though not which pages.
 */
#ifndef MAPTRACE_PROCESS_ADDRSPACE_H
#define MAPTRACE_PROCESS_ADDRSPACE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"
#include "process/pagemap.h"
#include "process/procmaps.h"
#include "process/smaps.h"

struct address_range {
	uint64_t base;
	uint64_t limit;
};

enum addrspace_source {
	ADDRSPACE_SCAN, /* page by page, by PAGEMAP_SCAN */
	ADDRSPACE_PAGEMAP, /* page by page */
	ADDRSPACE_SMAPS, /* mapping by mapping */
};

/* A walk by a thread of its own, which keeps the runs until somebody visits them. */
struct addrspace_ahead {
	pthread_t thread;
	bool started;
	bool too_many; /* there were more runs than it may keep, so it dropped them */
	struct err *err;
	VEC(struct page_run) runs;
};

struct addrspace {
	pid_t pid;
	struct procmaps maps; /* ascending; the target may change its mappings at any time */
	struct hold_meter *meter;
	/* Of the pages that were visited. Not known but with smaps: lazy_free_bytes. Not known with
	 * ADDRSPACE_PAGEMAP: huge_bytes. */
	struct smaps sums;
	struct memory_counters counters; /* read right after the walk */
	enum addrspace_source source;
	char why_coarse[160]; /* ADDRSPACE_SMAPS: why pagemap cannot be read */
	struct addrspace_ahead ahead;
};

/* Lists the mappings. Close with addrspace_fini(). meter: of what follows; NULL: none. */
struct err *addrspace_init(struct addrspace *as, pid_t pid, struct hold_meter *meter);

/* Begins to walk in the background, while the caller does something else. Nothing else may touch
 * `as` until addrspace_walk() or addrspace_fini(). */
void addrspace_start(struct addrspace *as);
void addrspace_fini(struct addrspace *as);

/*
 * Visits the runs of pages in ascending order, and fills in sums, counters and source. Two kinds of runs
 * stand for an amount rather than for a place. With ADDRSPACE_SMAPS, or in a mapping that is too
 * large to be read, one run begins where the mapping does and is as long as its resident part.
 * Shared memory in swap, which no page table tells, comes in such runs after all others.
 */
struct err *addrspace_walk(struct addrspace *as, page_run_fn visit, void *ctx);

#endif
