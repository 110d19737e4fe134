/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * map_ids.h - names of maps that are the same in each process of a build.
 *
 * The id of a map says what it is to the program: its holder, and its type where the holder does
 * not say it. Nothing else of this process is in it: no address, no path from a root.
 *	0f3c51a2b4e96d78	the one map that a field, variable or function has
 *	0f3c51a2b4e96d78.17	that in element 17 of an array
 *	0f3c51a2b4e96d78-2	the second one of several that nothing tells apart
 * Among several maps variables are in the order of their words, others in that of their keys,
 * most first. So a number after the dash is worth as much as that order.
 */
#ifndef MAPTRACE_MODEL_MAP_IDS_H
#define MAPTRACE_MODEL_MAP_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

struct gotypes;
struct holders;
struct map_info;
struct map_rows;

/* What several maps have in common. */
struct map_identity {
	uint64_t hash;
	/* It follows from what is certain. Else the same map may have another id next time, as its
	 * holder is not known, or only guessed: then its type alone is in the id. */
	bool certain;
};

/* A map among those of its identity. */
struct map_id {
	uint32_t identity; /* index in identities */
	uint32_t index; /* in an array; MAP_ID_NO_INDEX: it is in none */
	uint32_t nth : 31; /* from 1 on */
	uint32_t ranked : 1; /* there are others, and nth is by the number of keys */
};

#define MAP_ID_NO_INDEX UINT32_MAX

struct map_ids {
	POOL_LIST(struct map_identity) identities;
	POOL_LIST(struct map_id) by_row; /* of the census; empty: ids are not known */
};

/* Makes the ids of all rows. If memory ran out, pool->failed is set and there are none. */
void map_ids_make(struct map_ids *ids, struct pool *pool, const struct map_rows *rows,
		  const struct holders *holders, const struct gotypes *types);

enum { MAP_ID_SZ = 40 }; /* of a text, with its end */

/* Writes the id of a row; false: there is none. */
bool map_id_text(const struct map_ids *ids, size_t row, char buf[MAP_ID_SZ]);
/* The id of all small maps of a type, as map_kind_key() tells types apart. */
void map_id_of_kind(const struct map_info *m, char buf[MAP_ID_SZ]);

/* Whether the map has this id in each process, as far as it is there. */
bool map_id_is_certain(const struct map_ids *ids, size_t row);

#endif
