/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * contents.h - the type of a map from what it holds.
 *
 * When several types fit a table's memory, its keys and elems tell more: a *T is nil, or outside
 * the heap, or in an object with room for a T and pointers where T has them; a string has its
 * bytes in one object; a bool is 0 or 1. What contradicts this excludes a type, and the one that
 * is left must be it. A program that stores something else than a T in a *T, with package
 * unsafe, deceives this.
 */
#ifndef MAPTRACE_MAPS_CONTENTS_H
#define MAPTRACE_MAPS_CONTENTS_H

#include "heap/heap.h"
#include "heap/residency.h"
#include "maps/rows.h"

enum {
	CONTENTS_TABLE_MIN = 4096, /* smaller tables are not worth the reads */
	CONTENTS_MAPS_MAX = 512, /* the largest ones */
};

/* Looks into the large maps of ambiguous type that stand still. Where one type is left, it becomes
 * the map's; where none is left, the map stays as it is.
 * sweepgen: the collector's cycle when the rows were begun. */
struct err *contents_narrow(struct heap *heap, const struct residency *residency, uint32_t sweepgen,
			    struct map_rows *rows);

#endif
