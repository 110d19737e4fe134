/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refault_sums.h - memory that was given back and touched again: at whose wish it was
 * given back, how soon it was wanted again, and whether that is worth a word.
 */
#ifndef MAPTRACE_MODEL_REFAULT_SUMS_H
#define MAPTRACE_MODEL_REFAULT_SUMS_H

#include "model/memcaller.h"

struct refault_sum {
	/* By the reason of the call that gave the page back last. */
	uint64_t pages[MEM_REASON_CNT]; /* given back and watched */
	uint64_t faults[MEM_REASON_CNT];
};

/*
 * Sums up the pages and faults of all givers by the reason of their calls, in pages and
 * in faults. All 0 when refaults are missing. Cannot fail: a call whose stack says nothing
 * counts as MEM_REASON_UNKNOWN.
 */
struct refault_sum refaults_sum(struct lines *lines, const struct trace_refaults *refaults);

/* The age that at least half of the faults are below; 0 without faults. */
uint64_t refaults_half_ns(const struct trace_refaults *refaults);

/*
 * Does the heap swing around its goal? True when a quarter of what the runtime gave
 * back by itself, at least 16 MiB, was faulted in again while that was watched.
 */
bool refaults_swing(const struct refault_sum *sum, uint64_t page_sz);

#endif
