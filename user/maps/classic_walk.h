/* SPDX-License-Identifier: GPL-2.0-only */
/* classic_walk.h - walks the arrays of a classic map, with their chains. */
#ifndef MAPTRACE_MAPS_CLASSIC_WALK_H
#define MAPTRACE_MAPS_CLASSIC_WALK_H

#include "maps/classic_extra.h"
#include "maps/classic_header.h"

/* What decodes a batch, or visits the buckets of one map. */
struct classic_decoder {
	const struct map_reader *reader;
	struct map_batch *batch;
	struct classic_work *works; /* the maps of the batch that are decoded */
	size_t work_cnt;
	struct classic_extras extras; /* of the works */
	uint8_t *buf; /* BUCKETS_READ_SZ bytes */
	const struct bucket_visitor *visitor; /* NULL: the census, which only counts */
};

/* The bucket sizes that explain a map. */
struct classic_sizes {
	uint8_t cnt;
	uint16_t sizes[SHAPE_SIZES_MAX];
	struct classic_tally now, old; /* with the first of them */
};

/* Number of slots of a bucket that have a key. */
int classic_bucket_filled(const uint8_t *bucket);

/* Counts an array's keys as if buckets had w->bucket_sz bytes. Clears w->sane when they cannot
 * have that size. */
struct err *classic_walk_array(const struct classic_decoder *d, struct classic_work *w,
			       struct classic_array *a);

/* Counts the keys of both arrays as if buckets had that many bytes. Sets w->sane and the tallies
 * of the arrays. */
struct err *classic_try_size(const struct classic_decoder *d, struct classic_work *w,
			     uint16_t bucket_sz);

/*
 * Whether what was counted is what the header says. several: there are other possible sizes, and
 * more than one may see as many keys, most of all in a map that was emptied; but a wrong one
 * rarely sees as many chained buckets. Only arrays of less than 2^16 buckets leave several sizes,
 * so noverflow is exact.
 */
bool classic_adds_up(const struct classic_work *w, uint64_t found, bool several);

/* Tries the bucket sizes of a shape; *ret has those that add up. Sets w->sane, w->adds_up and
 * w->found. */
struct err *classic_try_sizes(const struct classic_decoder *d, struct classic_work *w,
			      const struct shape *shape, struct classic_sizes *ret);

#endif
