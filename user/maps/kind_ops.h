/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kind_ops.h - what each kind of map implements.
 *
 * Go has had two kinds of maps, classic and swiss; a program has maps of one kind only.
 * classic.c and swiss.c fill in this table, kinds.h finds it for a heap.
 */
#ifndef MAPTRACE_MAPS_KIND_OPS_H
#define MAPTRACE_MAPS_KIND_OPS_H

#include "maps/batch.h"
#include "maps/bucket_array.h"
#include "maps/sizing.h"

/* What a header leads to. */
struct header_tables {
	uint64_t addrs[2]; /* directory or group; buckets and old buckets; 0: there is none */
	uint64_t cnt; /* entries or buckets that the first of them has */
};

struct map_kind_ops {
	/* Sets the verdicts, rows and claims of a batch, with few reads for many maps. */
	struct err *(*decode)(const struct map_reader *r, struct map_batch *b);

	/* Whether the bytes can be the header of a map with tables on the heap, when nothing
	 * else vouches for them. What the heap, as it was read, knows of the tables' memory does
	 * not count: that may be other memory by now. */
	bool (*may_be_map)(const struct heap *heap, const uint8_t *header);

	/* Whether the first table of a map with cnt buckets or entries can be that object. */
	bool (*may_be_table)(const struct heap *heap, const struct object *o, uint64_t cnt);

	/* What a header says: where its tables are, and whether somebody writes to the map. */
	struct header_tables (*tables_of)(const struct go_layout *layout, const uint8_t *header);
	bool (*is_writing)(const uint8_t *header);

	/* Where a header has the address of its first table. */
	uint32_t (*table_off)(const struct go_layout *layout);

	/* Finds the arrays of a map; the header is in b already. */
	struct err *(*find_arrays)(struct buckets *b, bool *found_ret);

	/* Visits the buckets [first, first + n) of one array, with their chains. *whole_ret is
	 * false when some could not be read, or the visitor had enough. */
	struct err *(*visit)(const struct buckets *b, const struct bucket_array *array,
			     uint64_t first, uint64_t n, const struct bucket_visitor *visitor,
			     bool *whole_ret);

	/* Buckets that are allocated for an array of cnt buckets; overflow buckets come with it. */
	uint64_t (*allocated_buckets)(uint64_t cnt);

	/* What a fresh map takes (sizing.h). */
	uint64_t (*fresh_bytes)(uint64_t len, const struct table_shape *shape);

	/* Tables have fields of their own that must fit the header. False: nothing but keys
	 * tells memory that is a table from other memory. */
	bool self_describing;

	/* A slot has a key when its control byte is in [filled_min, filled_max]. vacant: the
	 * control byte of a slot without one. */
	uint8_t filled_min;
	uint8_t filled_max;
	uint8_t vacant;
};

static inline bool slot_is_full(const struct map_kind_ops *ops, uint8_t control)
{
	return control >= ops->filled_min && control <= ops->filled_max;
}

#endif
