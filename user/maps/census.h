/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * census.h - every map on the heap of the target, read without stopping it.
 *
 *	spans of headers -> scan.h          -> candidates -> taker.h -> rows
 *	stacks           -> stack_search.h  -> candidates -> taker.h -> stacks.h -> rows
 *
 * A taker decodes candidates in batches (batch.h), with classic.c or swiss.c (kinds.h); a crew
 * of threads does so for all spans of headers (crew.h).
 */
#ifndef MAPTRACE_MAPS_CENSUS_H
#define MAPTRACE_MAPS_CENSUS_H

#include <stdint.h>

#include "heap/heap.h"
#include "heap/occupancy.h"
#include "heap/residency.h"
#include "maps/rows.h"
#include "maps/stacks.h"
#include "maps/totals.h"

/* The result of a census. */
struct census {
	struct heap *heap; /* that the maps are on */
	const struct residency *residency; /* NULL: resident bytes are 0 */
	struct map_rows maps; /* ascending by address */
	struct map_totals totals; /* of maps */
	uint64_t lookalike_cnt; /* header-like objects that are not a map's */
	uint64_t empty_cnt; /* headers without a table: they hold no memory */
	/* Bytes of the objects that tables are made of, by spanclass. Maps that are in no sum
	 * count here, too. */
	uint64_t class_bytes[SPANCLASS_CNT];
	uint32_t sweepgen; /* the collector's cycle when the census began */
	struct stacks *stacks; /* which stacks of goroutines were searched */
};

/* Takes the census. heap and residency must outlive it. ERR_UNSUPPORTED: there can be no
 * census of this build. Free with census_free(). */
struct err *census_take(struct heap *heap, const struct residency *residency, struct census **ret);
void census_free(struct census *census);
DEFINE_CLEANUP_PTR(struct census *, census_free, cleanup_census)
#define _cleanup_census_ _cleanup_(cleanup_census)

/* The i-th map. */
static inline struct map_info census_map(const struct census *census, size_t i)
{
	return rows_get(&census->maps, i);
}

#endif
