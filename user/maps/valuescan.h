/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * valuescan.h - looks at the entries of a map, and counts those with a zero value.
 *
 * The value is in the slot, or where the slot points to when the map keeps its elems behind
 * pointers. Values behind pointers are put off until there are some to read together.
 */
#ifndef MAPTRACE_MAPS_VALUESCAN_H
#define MAPTRACE_MAPS_VALUESCAN_H

#include "maps/bucket_array.h"
#include "maps/kind_ops.h"

enum {
	/* Values behind pointers that are looked at together, by their first bytes. */
	POINTEES = 512,
	POINTEE_HEAD = 256,
	POINTEE_CHUNK = 64 << 10,
};

/* What was seen of a map's entries. */
struct value_tally {
	uint64_t full; /* slots with a key */
	uint64_t zero;
	uint64_t unread; /* values that were not where their slots point to */
};

/* Prepare with value_scan_init(), release with value_scan_fini(). */
struct value_scan {
	struct heap *heap;
	struct mem *mem;
	const struct residency *residency;
	const struct map_kind_ops *ops;
	uint8_t *buf; /* BUCKETS_READ_SZ */
	uint8_t *heads; /* POINTEES * POINTEE_HEAD */
	uint8_t *chunk; /* POINTEE_CHUNK */
	uint64_t bytes; /* read so far, of all maps */

	/* For the map at hand, set by value_scan_begin(). */
	const struct map_type *form; /* where it keeps its elems */
	struct value_tally tally;
	uint64_t left; /* bytes that may still be read */
	uint64_t pointees[POINTEES]; /* values that were put off */
	size_t pointee_cnt;
	struct err *err; /* of a read that the visitor made */
};

/* heap and residency outlive the scan. */
struct err *value_scan_init(struct value_scan *s, struct heap *heap,
			    const struct residency *residency);
void value_scan_fini(struct value_scan *s);

/* Begins with a map that keeps its elems as that type does. left: bytes that may be read. */
void value_scan_begin(struct value_scan *s, const struct map_type *form, uint64_t left);

/* Looks at the buckets [first, first + n) and adds to s->tally. *whole_ret is false when some of
 * it could not be read, or would have taken more than is left. */
struct err *value_scan_range(struct value_scan *s, const struct buckets *b, uint64_t first,
			     uint64_t n, bool *whole_ret);

#endif
