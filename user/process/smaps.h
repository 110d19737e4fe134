/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * smaps.h - what the kernel itself counts for the target's memory: sums (smaps_rollup), and
 * values of each mapping (smaps).
 *
 * Both make it walk the page tables. VmRSS in status does not, but it is the sum of counters of
 * each CPU and wrong by some pages for each thread.
 */
#ifndef MAPTRACE_PROCESS_SMAPS_H
#define MAPTRACE_PROCESS_SMAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

struct smaps {
	uint64_t rss_bytes;
	uint64_t anonymous_bytes;
	uint64_t swap_bytes;
	uint64_t lazy_free_bytes; /* given back by MADV_FREE, but not taken yet */
	uint64_t huge_bytes; /* in anonymous huge pages */
	uint64_t hugetlb_bytes; /* in hugetlbfs, so not in rss_bytes */
	uint64_t locked_bytes;
};

/* Reads the sums from /proc/PID/smaps_rollup (Linux 4.14). ERR_GONE: it has exited. */
struct err *smaps_read_sums(pid_t pid, struct smaps *ret);

/* Bytes in hugetlbfs, from /proc/PID/status, which needs no walk. 0 when that fails. */
uint64_t smaps_hugetlb_bytes(pid_t pid);

/* One mapping. */
struct smaps_mapping {
	uint64_t start;
	uint64_t end;
	struct smaps sizes;
	bool hugetlb; /* its pages are in no RSS */
	bool pfnmap; /* memory of a device or of the kernel: in no RSS */
	bool locked; /* by mlock(2), so madvise cannot give it back */
};

typedef struct err *(*smaps_mapping_fn)(void *ctx, const struct smaps_mapping *m);

/* Visits all mappings, in ascending order. ERR_GONE: it has exited. */
struct err *smaps_read_mappings(pid_t pid, smaps_mapping_fn visit, void *ctx);

/* Does the same for an open file of that form. */
struct err *smaps_parse(FILE *f, smaps_mapping_fn visit, void *ctx);

#endif
