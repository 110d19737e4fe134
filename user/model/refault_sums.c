// SPDX-License-Identifier: GPL-2.0-only
#include "model/refault_sums.h"

/* See refaults_swing(): 1/4 of the pages, of at least 16 MiB. */
#define SWING_PART 4
#define SWING_BYTES (16ULL << 20)

struct refault_sum refaults_sum(struct lines *lines, const struct trace_refaults *refaults)
{
	struct refault_sum sum = { 0 };

	for (size_t i = 0; i < refaults->giver_cnt; i++) {
		const struct trace_giver *giver = &refaults->givers[i];
		enum mem_reason reason = memcaller_of(lines, giver->stack).reason;

		sum.pages[reason] += giver->pages;
		sum.faults[reason] += giver->faults;
	}
	return sum;
}

uint64_t refaults_half_ns(const struct trace_refaults *refaults)
{
	uint64_t below = 0;

	for (unsigned int i = 0; refaults->faults && i < ABI_AGE_BINS; i++) {
		below += refaults->ages[i];
		if (below >= refaults->faults - refaults->faults / 2)
			return i + 1 < 64 ? 1ULL << (i + 1) : UINT64_MAX;
	}
	return 0;
}

bool refaults_swing(const struct refault_sum *sum, uint64_t page_sz)
{
	uint64_t pages =
		sum->pages[MEM_REASON_BACKGROUND_SCAVENGER] + sum->pages[MEM_REASON_ALLOCATION];
	uint64_t faults =
		sum->faults[MEM_REASON_BACKGROUND_SCAVENGER] + sum->faults[MEM_REASON_ALLOCATION];

	return pages >= SWING_BYTES / page_sz && faults >= pages / SWING_PART;
}
