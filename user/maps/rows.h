/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rows.h - the maps of a census, ascending by address.
 *
 * A process may have millions of maps, and nearly each of them differs from thousands of others
 * only by its address. So the facts about a map, without its address, are kept once for all maps
 * that have the same: such a set of facts is a kind. A row is an address and the number of a
 * kind, in 12 bytes. Rows are handed out as copies.
 */
#ifndef MAPTRACE_MAPS_ROWS_H
#define MAPTRACE_MAPS_ROWS_H

#include <stddef.h>
#include <string.h>
#include <sys/types.h>

#include "base/vec.h"
#include "maps/mapinfo.h"

enum { ROWS_NONE = -1 };
#define ROWS_NO_KIND UINT32_MAX

struct map_row {
	uint32_t addr_low;
	uint32_t addr_high;
	uint32_t kind; /* index into the kinds */
};
_Static_assert(sizeof(struct map_row) == 12, "a million maps must stay affordable");

static inline uint64_t row_addr(const struct map_row *row)
{
	return (uint64_t)row->addr_high << 32 | row->addr_low;
}

enum { ROW_FACTS = sizeof(struct map_info) / 8 - 1 };

struct row_kind {
	uint64_t cnt; /* rows of this kind; 0 when all of them have got another kind */
	uint64_t facts[ROW_FACTS]; /* the words of a map_info after its address */
};
_Static_assert(offsetof(struct map_info, addr) == 0 && sizeof(struct map_info) % 8 == 0 &&
		       offsetof(struct map_info, noscan) == sizeof(struct map_info) - 1,
	       "the facts about a map are the words after its address, without a gap");
_Static_assert(sizeof(struct row_kind) == 96, "a million different maps must stay affordable");

struct map_rows {
	struct map_row *data; /* with the next two a VEC(); in order when the census is done */
	size_t len;
	size_t cap;
	VEC(struct row_kind) kinds; /* no two kinds have the same facts */
	uint32_t *slots; /* a hash table of the kinds by their facts: index + 1; 0: empty */
	size_t slot_cnt; /* a power of two, or 0 */
};

/* Returns the kind with the facts of m, and adds it if there is none. ROWS_NO_KIND: out of
 * memory. */
uint32_t rows_kind(struct map_rows *r, const struct map_info *m);

/* Appends a map of that kind. Returns false when out of memory; then no row has changed. */
static inline bool rows_push_kind(struct map_rows *r, uint64_t addr, uint32_t kind)
{
	if (!vec_reserve(r, r->len + 1))
		return false;
	r->kinds.data[kind].cnt++;
	r->data[r->len++] = (struct map_row){ (uint32_t)addr, addr >> 32, kind };
	return true;
}

/* Append a map, and replace the i-th. Return false when out of memory; then no row has changed. */
bool rows_push(struct map_rows *r, const struct map_info *m);
bool rows_set(struct map_rows *r, size_t i, const struct map_info *m);

static inline struct map_info rows_kind_info(const struct map_rows *r, uint32_t kind, uint64_t addr)
{
	struct map_info m = { .addr = addr };

	memcpy((uint64_t *)&m + 1, r->kinds.data[kind].facts, sizeof(r->kinds.data[kind].facts));
	return m;
}

static inline struct map_info rows_get(const struct map_rows *r, size_t i)
{
	return rows_kind_info(r, r->data[i].kind, row_addr(&r->data[i]));
}

/* Moves all rows of `from` to the end of r. Returns false when out of memory; then no row has
 * moved. */
bool rows_append(struct map_rows *r, struct map_rows *from);

/* Moves all rows of `from` to where they belong in r, which is in order; `from` need not be. */
bool rows_merge(struct map_rows *r, struct map_rows *from);

/* The row of the map with this header address, or ROWS_NONE. r must be in order. */
ssize_t rows_find(const struct map_rows *r, uint64_t addr);

void rows_fini(struct map_rows *r);

#endif
