/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rows.h - the maps of a census, ascending by address.
 *
 * A process may have millions of maps, nearly all of them small: such a row takes 24
 * bytes. The others are kept whole beside them. Rows are handed out as copies.
 */
#ifndef MAPTRACE_MAPS_ROWS_H
#define MAPTRACE_MAPS_ROWS_H

#include <sys/types.h>

#include "base/vec.h"
#include "maps/mapinfo.h"

enum { ROWS_NONE = -1 };

/* A map of one bucket or group, or the place of one that is kept whole. */
struct packed_map {
	uint64_t addr : 48;
	uint64_t bucket_sz : 16;
	uint32_t type; /* index into the types, plus 1; 0: none. Or that of the whole one */
	uint16_t table_bytes;
	uint16_t resident_bytes;
	uint16_t rebuild_bytes;
	uint16_t type_candidates;
	uint16_t shape_candidates;
	uint16_t rest; /* fields of bits, see rows.c */
};
_Static_assert(sizeof(struct packed_map) == 24, "a million maps must stay affordable");

struct map_rows {
	struct packed_map *data; /* a VEC() by its fields; in order when the census is done */
	size_t len;
	size_t cap;
	VEC(struct map_info) whole;
	const struct map_type *types; /* what packed rows have their types from; outlives them */
	size_t type_cnt;
};

/* False: out of memory, and nothing has changed. */
bool rows_push(struct map_rows *r, const struct map_info *m);
bool rows_set(struct map_rows *r, size_t i, const struct map_info *m);

struct map_info rows_get(const struct map_rows *r, size_t i);

/* Moves all rows of `from`, which has the same types, behind those of r. */
bool rows_append(struct map_rows *r, struct map_rows *from);

/* The same, to where they belong; r is in order, and `from` need not be. */
bool rows_merge(struct map_rows *r, struct map_rows *from);

/* The row of the map with this header address, or ROWS_NONE. r is in order. */
ssize_t rows_find(const struct map_rows *r, uint64_t addr);

void rows_fini(struct map_rows *r);

#endif
