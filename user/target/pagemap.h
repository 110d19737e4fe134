/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pagemap.h - which pages of the target are in memory, from /proc/PID/pagemap.
 */
#ifndef MAPTRACE_TARGET_PAGEMAP_H
#define MAPTRACE_TARGET_PAGEMAP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct pagemap {
	int fd;
	uint32_t page_sz;
};

/* Opens the file; ERR_PERM without the right to trace the process. */
struct err *pagemap_open(struct pagemap *pm, pid_t pid);
void pagemap_close(struct pagemap *pm);

/*
 * Sets bit i of present for each page start + i * page_sz of private memory that is in
 * memory, as RSS counts it; the caller zeroed the bits. start and len are multiples of the page size.
 */
struct err *pagemap_present(const struct pagemap *pm, uint64_t start, uint64_t len,
			    uint64_t *present);

/* The same for pages that are in memory, swapped, or the page of zeroes. All others of
 * anonymous memory read as zeroes, and reading them has the kernel map them. */
struct err *pagemap_touched(const struct pagemap *pm, uint64_t start, uint64_t len,
			    uint64_t *touched);

#endif
