/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ranking.h - the maps of a census, sorted by what a rebuild gives back.
 *
 * A place is one row of the ranking. A process may have millions of tiny maps, too many for a
 * row each: so each large map has a place of its own, and all small maps of a type share one.
 */
#ifndef MAPTRACE_MODEL_RANKING_H
#define MAPTRACE_MODEL_RANKING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"
#include "maps/census.h"

/* A map with at least this many bytes of tables has a place of its own. */
enum { RANKING_SINGLE_MIN = 64 << 10 };

/* A place: sums over its maps. */
struct ranked {
	struct map_info map; /* the first of its maps that was seen */
	uint64_t map_cnt;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	uint64_t gives_back_bytes; /* resident bytes that come back if all its maps are rebuilt */
	bool moving; /* the program changed one of the maps while it was read */
	uint64_t largest_addr; /* header of the map with the largest tables */
	uint64_t largest_bytes; /* size of its tables */
};

struct ranking {
	VEC(struct ranked) places; /* most to give back first; without garbage and suspects */
	struct table by_key; /* index in places */
};

/* The only error is that memory ran out. Free with ranking_fini(); after an error there is nothing
 * to free. */
struct err *ranking_init(struct ranking *r, const struct census *census);
void ranking_fini(struct ranking *r);

/* The rank of the place that a map is in, from 1 on; 0: it is in none, as it is garbage or
 * suspect, or in no census. */
size_t ranking_place(const struct ranking *r, const struct map_info *m);

#endif
