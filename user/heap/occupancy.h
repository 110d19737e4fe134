/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * occupancy.h - how full the spans of the heap are.
 *
 * A span is cut into slots of one size, and is returned only when its last object is gone.
 * Objects never move, so a few that stay keep all pages of their spans.
 */
#ifndef MAPTRACE_HEAP_OCCUPANCY_H
#define MAPTRACE_HEAP_OCCUPANCY_H

#include <stdint.h>

#include "heap/heap.h"
#include "heap/residency.h"
#include "heap/sizeclass.h"

enum {
	SPANCLASS_CNT = 2 * SIZECLASS_CNT, /* each class with pointers, and without */
	/* Bins of spans by the share of their slots that is in use: up to a tenth, up to two
	 * tenths, and so on. */
	OCCUPANCY_BINS = 10,
};

/* The spans of one class. Objects are slots that were given out, including garbage that was not
 * swept yet. */
struct class_use {
	uint64_t span_cnt;
	uint64_t span_bytes;
	uint64_t object_cnt;
	uint64_t slot_cnt;
	uint64_t object_bytes; /* slots in use, resident or not */
	struct resident resident; /* of the spans as a whole */
	uint64_t object_resident_bytes;
	uint64_t free_resident_bytes; /* free slots, and the ends of spans where no slot fits */
	uint64_t unswept_cnt; /* spans whose garbage still counts as objects */
	uint64_t bins[OCCUPANCY_BINS];
};

struct occupancy {
	struct class_use classes[SPANCLASS_CNT]; /* by spanclass; 0 and 1 are large objects */
	struct class_use total;
};

/* Counts all spans in use and claims their pages. */
struct err *occupancy_init(struct occupancy *o, const struct heap *heap, struct residency *r);

/*
 * Resident bytes that would come back if the objects of the class were moved together: what its
 * spans take beyond the spans that its objects need.
 */
uint64_t class_pinned_bytes(const struct class_use *c);

#endif
