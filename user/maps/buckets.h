/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * buckets.h - the buckets or groups of one map, for those who look into its slots.
 *
 * A map keeps its slots in arrays: the present one and that being evacuated (classic),
 * the group of a small map, or those of its tables (swiss). Their buckets count
 * through, in the order of the arrays; overflow buckets go with the bucket that they
 * are chained to. Any range of them can be visited, so that a part can stand for all.
 */
#ifndef MAPTRACE_MAPS_BUCKETS_H
#define MAPTRACE_MAPS_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"
#include "heap/residency.h"
#include "maps/mapinfo.h"

enum {
	BUCKETS_READ_SZ = 1 << 18, /* bytes read at a time */
};

struct bucket_array {
	uint64_t addr;
	uint64_t cnt; /* overflow buckets not included */
};

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

/* Finds the arrays of a map, whose bucket_sz must be known. *found_ret is false when
 * the memory is that of a map no more, or of one that outgrew the heap's snapshot.
 * heap and residency must outlive it. Free with buckets_fini(). */
struct err *buckets_init(struct buckets *b, struct heap *heap, const struct residency *residency,
			 const struct map_info *m, bool *found_ret);
void buckets_fini(struct buckets *b);

/* Whether the header is, byte by byte, what it was at buckets_init(). */
struct err *buckets_stand_still(const struct buckets *b, bool *ret);

/* Called with n buckets one behind the other; false ends the visit. */
typedef bool (*buckets_visit_fn)(void *ctx, const uint8_t *buckets, size_t n);

struct bucket_visitor {
	buckets_visit_fn visit;
	void *ctx;
	uint8_t *buf; /* BUCKETS_READ_SZ; the caller's, to be used again */
};

/* Visits the buckets [first, first + n) and their chains. *whole_ret is false when
 * some could not be read, or the visitor had enough. */
struct err *buckets_visit(const struct buckets *b, uint64_t first, uint64_t n,
			  const struct bucket_visitor *visitor, bool *whole_ret);

/* What each kind of map implements. The header is in b already. */
struct err *swiss_find_arrays(struct buckets *b, bool *found_ret);
struct err *classic_find_arrays(struct buckets *b, bool *found_ret);

/* Visits a part of one array of a classic map, with its chains. */
struct err *classic_visit(const struct buckets *b, const struct bucket_array *array, uint64_t first,
			  uint64_t n, const struct bucket_visitor *visitor, bool *whole_ret);

/* Whether a slot holds a key, by its control byte or tophash. */
static inline bool bucket_slot_is_full(enum map_kind kind, uint8_t control)
{
	return kind == MAP_SWISS ? control <= SWISS_CTRL_FILLED_MAX : control >= TOPHASH_FILLED_MIN;
}

#endif
