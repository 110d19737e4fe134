/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * released.h - heap pages that Go gave back, or never used, and that are in memory
 * all the same; and why.
 */
#ifndef MAPTRACE_MODEL_RELEASED_H
#define MAPTRACE_MODEL_RELEASED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/residency.h"
#include "process/smaps.h"

enum released_kind {
	RELEASED_LAZY, /* MADV_FREE: the kernel takes them when it needs memory */
	RELEASED_LOCKED, /* of a locked mapping: madvise(2) fails */
	RELEASED_HUGE, /* came in with a huge page */
	RELEASED_REFILLED, /* somebody touched them */
	RELEASED_KIND_CNT,
};

struct released_run {
	uint64_t start;
	uint64_t end;
	enum released_kind kind;
};

struct released {
	uint64_t bytes[RELEASED_KIND_CNT];
	VEC(struct released_run) runs; /* ascending; the first ones, up to a bound */
	bool lazy_by_page; /* false: as many as smaps counts, the first ones */
};

/* Sorts what is unclaimed in r. sums: of the same process. Free with released_fini(). */
struct err *released_init(struct released *rel, const struct residency *r, pid_t pid,
			  const struct smaps *sums);
void released_fini(struct released *rel);

#endif
