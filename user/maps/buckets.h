/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * buckets.h - the buckets or groups of one map, for those who look into its slots.
 *
 * Any range of the buckets can be visited, so that a part can stand for all.
 */
#ifndef MAPTRACE_MAPS_BUCKETS_H
#define MAPTRACE_MAPS_BUCKETS_H

#include "maps/bucket_array.h"
#include "maps/mapinfo.h"

/* Finds the arrays of a map, whose bucket_sz must be known. *found_ret is false when the
 * memory is no longer that map's, or when the map has outgrown the heap as it was read.
 * heap and residency must outlive b. Release with buckets_fini(). */
struct err *buckets_init(struct buckets *b, struct heap *heap, const struct residency *residency,
			 const struct map_info *m, bool *found_ret);
void buckets_fini(struct buckets *b);

/* Whether the header is, byte by byte, what it was at buckets_init(). */
struct err *buckets_stand_still(const struct buckets *b, bool *ret);

/* Visits the buckets [first, first + n) and their chains. *whole_ret is false when
 * some could not be read, or the visitor had enough. */
struct err *buckets_visit(const struct buckets *b, uint64_t first, uint64_t n,
			  const struct bucket_visitor *visitor, bool *whole_ret);

#endif
