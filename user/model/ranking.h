/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ranking.h - the maps of a census by what a rebuild gives back, for people.
 *
 * A process may have millions of tiny maps. Large ones get a place each; small
 * ones of one type share a place.
 */
#ifndef MAPTRACE_MODEL_RANKING_H
#define MAPTRACE_MODEL_RANKING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"
#include "maps/census.h"

/* Tables of this many bytes make a map worth a place of its own. */
enum { RANKING_SINGLE_MIN = 64 << 10 };

struct ranked {
	struct map_info map; /* the map, or one of them */
	uint64_t map_cnt;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	uint64_t gives_back_bytes; /* resident */
	bool moving;
	uint64_t largest_addr; /* of the map with the largest tables */
	uint64_t largest_bytes; /* its tables */
};

struct ranking {
	VEC(struct ranked) places; /* most to give back first; maps that count only */
	struct table by_key;
};

/* Free with ranking_fini(). */
struct err *ranking_init(struct ranking *r, const struct census *census);
void ranking_fini(struct ranking *r);

/* Place of a map, from 1 on; 0 when it has none. */
size_t ranking_place(const struct ranking *r, const struct map_info *m);

#endif
