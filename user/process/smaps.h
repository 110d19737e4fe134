/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * smaps.h - what the kernel itself counts for the target's memory: in all
 * (smaps_rollup), and mapping by mapping (smaps).
 *
 * Both walk the page tables. VmRSS of status does not, but it is put together
 * from counters of each CPU, and off by some pages a thread.
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
	uint64_t lazy_free_bytes; /* given back with MADV_FREE, not taken yet */
	uint64_t huge_bytes; /* of anonymous huge pages */
	uint64_t hugetlb_bytes; /* of hugetlbfs: not in rss_bytes */
	uint64_t locked_bytes;
};

/* The sums, from /proc/PID/smaps_rollup (Linux 4.14). ERR_GONE: exited. */
struct err *smaps_read_sums(pid_t pid, struct smaps *ret);

/* Memory of hugetlbfs, from /proc/PID/status: without a walk. 0 when that fails. */
uint64_t smaps_hugetlb_bytes(pid_t pid);

/* One mapping. */
struct smaps_mapping {
	uint64_t start;
	uint64_t end;
	struct smaps sizes;
	bool hugetlb; /* its pages are in no RSS */
	bool pfnmap; /* a device's memory, or the kernel's own: in no RSS */
	bool locked; /* by mlock(2): madvise cannot return it */
};

typedef struct err *(*smaps_mapping_fn)(void *ctx, const struct smaps_mapping *m);

/* Visits all mappings, ascending. ERR_GONE: exited. */
struct err *smaps_read_mappings(pid_t pid, smaps_mapping_fn visit, void *ctx);

/* The same, from an open file of that form. */
struct err *smaps_parse(FILE *f, smaps_mapping_fn visit, void *ctx);

#endif
