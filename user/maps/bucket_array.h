/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bucket_array.h - where a map keeps its buckets or groups.
 *
 * A classic map has the present array and, while it grows, the old one; a small swiss map has
 * one group, a larger one an array of groups for each table. buckets.h visits what is in them.
 */
#ifndef MAPTRACE_MAPS_BUCKET_ARRAY_H
#define MAPTRACE_MAPS_BUCKET_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"
#include "heap/residency.h"

enum { BUCKETS_READ_SZ = 1 << 18 }; /* bytes read at a time */

struct bucket_array {
	uint64_t addr;
	uint64_t cnt; /* overflow buckets not included */
};

/* The buckets of one map. They are numbered from 0 through all arrays, in the order of the
 * arrays; overflow buckets belong to the bucket that they are chained to. */
struct buckets {
	struct heap *heap;
	const struct residency *residency; /* NULL: read untouched pages, too */
	uint64_t map; /* address of the header */
	uint16_t bucket_sz;
	uint8_t header[MAP_HEADER_SZ_MAX]; /* as it was when the arrays were found */
	uint64_t live_keys; /* by that header */
	VEC(struct bucket_array) arrays;
	uint64_t cnt; /* in all arrays */
};

/* Called with n buckets that lie one after the other; false ends the visit. */
typedef bool (*buckets_visit_fn)(void *ctx, const uint8_t *buckets, size_t n);

struct bucket_visitor {
	buckets_visit_fn visit;
	void *ctx;
	uint8_t *buf; /* BUCKETS_READ_SZ bytes, the caller's */
};

#endif
