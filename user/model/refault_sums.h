/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refault_sums.h - memory that was given back to the kernel and then touched again.
 *
 * A refault is the first page fault on a page after the page was given back. A giver (struct
 * trace_giver) is one call stack that gave pages back. Here faults are summed up by the reason of
 * the giver; and two questions are answered: how soon are pages touched again, and does that
 * happen so often that the report should mention it?
 */
#ifndef MAPTRACE_MODEL_REFAULT_SUMS_H
#define MAPTRACE_MODEL_REFAULT_SUMS_H

#include "model/memcaller.h"

/* Both are indexed by the reason of the call that gave the page back last. */
struct refault_sum {
	uint64_t pages[MEM_REASON_CNT]; /* pages that were given back and then watched */
	uint64_t faults[MEM_REASON_CNT]; /* refaults on them */
};

/*
 * Sums up the pages and faults of all givers. All sums are 0 if refaults could not be watched.
 * Cannot fail: a giver whose stack says nothing counts as MEM_REASON_UNKNOWN.
 */
struct refault_sum refaults_sum(struct lines *lines, const struct trace_refaults *refaults);

/* At least half of the refaults came within this time in ns after the page was given back. It is
 * rounded up to a power of two. 0: there were no faults. */
uint64_t refaults_half_ns(const struct trace_refaults *refaults);

/*
 * Does the size of the heap swing around its goal, so that the runtime gives back what it needs
 * again soon? True if the runtime gave back at least 16 MiB by itself and a quarter of the pages
 * or more were faulted in again while they were watched.
 */
bool refaults_swing(const struct refault_sum *sum, uint64_t page_sz);

#endif
