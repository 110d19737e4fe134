/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * smaps.h - what the kernel itself counts for the target's memory: its counters (status), and
 * values of each mapping (smaps).
 *
 * smaps makes it walk the page tables, each mapping at once, and meanwhile memory calls of the
 * target wait: 20 ms for each GiB of a mapping. So it is read only where nothing else tells. There
 * is no use of smaps_rollup, which walks all mappings at once.
 */
#ifndef MAPTRACE_PROCESS_SMAPS_H
#define MAPTRACE_PROCESS_SMAPS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "process/hold.h"

struct smaps {
	uint64_t rss_bytes;
	uint64_t anonymous_bytes;
	uint64_t swap_bytes;
	uint64_t lazy_free_bytes; /* given back by MADV_FREE, but not taken yet */
	uint64_t huge_bytes; /* in anonymous huge pages */
	uint64_t hugetlb_bytes; /* in hugetlbfs, so not in rss_bytes */
	uint64_t locked_bytes;
};

/* The kernel's counters. They need no walk. */
struct memory_counters {
	uint64_t rss_bytes; /* may be wrong by slack_bytes */
	uint64_t slack_bytes;
	uint64_t shmem_bytes; /* the part of rss_bytes in shared memory */
	uint64_t hugetlb_bytes; /* in hugetlbfs, so not in rss_bytes */
	uint64_t locked_bytes; /* of locked mappings, resident or not */
};

/* Reads them from /proc/PID/status. ERR_GONE: it has exited. */
struct err *memory_counters_read(pid_t pid, struct memory_counters *ret);

/* One mapping. */
struct smaps_mapping {
	uint64_t start;
	uint64_t end;
	struct smaps sizes;
	bool hugetlb; /* its pages are in no RSS */
	bool pfnmap; /* memory of a device or of the kernel: in no RSS */
	bool locked; /* by mlock(2), so madvise cannot give it back */
};

/* Adds s to sum. */
void smaps_add(struct smaps *sum, const struct smaps *s);

typedef struct err *(*smaps_mapping_fn)(void *ctx, const struct smaps_mapping *m);

/* Visits all mappings, in ascending order. meter: of the reads; NULL: none. ERR_GONE: it has
 * exited. */
struct err *smaps_read_mappings(pid_t pid, struct hold_meter *meter, smaps_mapping_fn visit,
				void *ctx);

/* Does the same for an open file of that form. */
struct err *smaps_parse(FILE *f, smaps_mapping_fn visit, void *ctx);

#endif
