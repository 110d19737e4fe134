/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pagemap.h - which pages of the target are in memory, from /proc/PID/pagemap.
 *
 * Pages come as runs of the same state, in ascending order. Where the kernel has the PAGEMAP_SCAN
 * ioctl (Linux 6.7) it walks the page tables for us, so that terabytes of reserved, empty address
 * space cost nothing. Elsewhere the file is read, with eight bytes for each page, so the caller
 * should leave out ranges that are known to be empty. One call never covers more than 1 MiB of
 * pages, because the target's memory calls wait for it (process/hold.h).
 */
#ifndef MAPTRACE_PROCESS_PAGEMAP_H
#define MAPTRACE_PROCESS_PAGEMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "process/hold.h"

struct pagemap {
	int fd;
	uint32_t page_sz;
	bool scans; /* PAGEMAP_SCAN works here */
	uint64_t categories; /* those we ask for that PAGEMAP_SCAN knows here */
	uint64_t zero_pfn; /* frame of the page of zeroes; 0: not known */
	struct hold_meter *meter; /* of the calls; NULL: none. Outlives this. */
};

enum page_state {
	PAGE_PRESENT = 1,
	PAGE_SWAPPED = 2,
	PAGE_FILE = 4, /* of a file or of shared memory; else anonymous */
	PAGE_HUGE = 8, /* part of a huge page; known only where the kernel scans */
	PAGE_ZERO = 16, /* the shared page of zeroes: present, but in no RSS */
};

/* Pages [start, end) that are present or swapped, all in the same state. */
struct page_run {
	uint64_t start;
	uint64_t end;
	uint32_t state; /* bits of enum page_state */
};

typedef struct err *(*page_run_fn)(void *ctx, const struct page_run *run);

/* Opens the file. ERR_PERM when we may not trace the process. */
struct err *pagemap_open(struct pagemap *pm, pid_t pid, struct hold_meter *meter);
void pagemap_close(struct pagemap *pm);

/* Visits the runs in [start, end), which are multiples of the page size. Adjacent runs of one
 * state may come separately. ERR_FAULT: the file has no such pages. */
struct err *pagemap_walk(const struct pagemap *pm, uint64_t start, uint64_t end, page_run_fn visit,
			 void *ctx);

/*
 * Sets bit i of touched for each page start + i * page_sz that is in memory, in swap, or the page
 * of zeroes. The caller has cleared the bits. All other pages of anonymous memory read as zeroes,
 * and reading them would make the kernel map them. start and len are multiples of the page size.
 */
struct err *pagemap_touched(const struct pagemap *pm, uint64_t start, uint64_t len,
			    uint64_t *touched);

/* The physical page frames of cnt pages from addr on. 0: there is none, or we may not know it. */
void pagemap_frames(const struct pagemap *pm, uint64_t addr, size_t cnt, uint64_t *frames);

#endif
