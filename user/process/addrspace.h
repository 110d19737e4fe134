/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * addrspace.h - all pages of the target that are in memory or in swap, and what
 * the kernel says that they add up to.
 *
 * Only pages that count in RSS are visited: not the page of zeroes, not hugetlbfs,
 * not the memory of devices. Where pagemap cannot be read, smaps still tells how
 * much of each mapping is resident, though not which pages.
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

/* A walk by a thread of its own, before anybody visits. */
struct addrspace_ahead {
	pthread_t thread;
	bool started;
	bool too_many; /* runs to keep: they were dropped */
	struct err *err;
	VEC(struct page_run) runs;
};

struct addrspace {
	pid_t pid;
	struct procmaps maps; /* ascending; a moment's truth */
	struct smaps sums; /* as of right behind the walk */
	enum addrspace_source source;
	char why_coarse[160]; /* ADDRSPACE_SMAPS: why pagemap cannot be read */
	struct addrspace_ahead ahead;
};

/* Lists the mappings. Close with addrspace_fini(). */
struct err *addrspace_init(struct addrspace *as, pid_t pid);

/* Begins to walk, while the caller has something else to do. Until addrspace_walk() or
 * addrspace_fini() nothing else may touch it. */
void addrspace_start(struct addrspace *as);
void addrspace_fini(struct addrspace *as);

/*
 * Visits the runs of pages, ascending, and fills in sums and source. With
 * ADDRSPACE_SMAPS, or in a mapping that is too large to be read, a run is as long
 * as much of its mapping is resident, from the start of the mapping on. So are, behind
 * all others, the runs of shared memory in swap, of which no page table tells.
 */
struct err *addrspace_walk(struct addrspace *as, page_run_fn visit, void *ctx);

#endif
