/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * released.h - why heap pages are resident although Go gave them back, or never used them.
 */
#ifndef MAPTRACE_MODEL_RELEASED_H
#define MAPTRACE_MODEL_RELEASED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/residency.h"
#include "process/addrspace.h"

enum released_kind {
	RELEASED_LAZY, /* given back with MADV_FREE: the kernel takes them when it needs memory */
	RELEASED_LOCKED, /* in a locked mapping, for which madvise(2) fails */
	RELEASED_HUGE, /* came into memory together with the rest of a huge page */
	RELEASED_REFILLED, /* somebody touched them after they were given back */
	RELEASED_KIND_CNT,
};

struct released_run {
	uint64_t start;
	uint64_t end;
	enum released_kind kind;
};

struct released {
	uint64_t bytes[RELEASED_KIND_CNT];
	VEC(struct released_run) runs; /* ascending; the first 65536 */
	/* Whether RELEASED_LAZY pages are told from others. If they are not, they count as
	 * RELEASED_HUGE or RELEASED_REFILLED. */
	bool lazy_known;
	/* Whether each RELEASED_LAZY page is known to be one. False: as many pages as smaps counts
	 * were taken, the first ones. */
	bool lazy_by_page;
};

/*
 * Sorts the resident pages that no span and no free range has claimed in r. `as` is the
 * walk that r comes from. Fails if the mappings of the process cannot be read, or if memory ran out; then
 * there is nothing to free. Else free with released_fini().
 */
struct err *released_init(struct released *rel, const struct residency *r,
			  const struct addrspace *as);
void released_fini(struct released *rel);

#endif
