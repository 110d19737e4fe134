// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two kinds of sets look the same from outside. One is of a census: rows of 12 bytes whose
 * facts are kept once for all maps that are alike, and a map_same is made when it is asked
 * for. The other is of a file, or of a test: each map_same is kept as it was given.
 */
#include "model/result_maps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/vec.h"
#include "model/names.h"
#include "model/result_census.h"

/* ---- maps that were given one by one ---- */

struct given_same {
	struct map_same same;
	size_t cnt; /* maps that share it */
};

struct given_map {
	uint64_t addr;
	size_t same_no;
	const struct result_activity *activity;
	const struct result_history *history;
};

struct result_maps {
	struct result_census_maps *census; /* NULL: the maps were given */
	VEC(struct given_map) given;
	VEC(struct given_same) sames;
	struct table same_by_hash;
	uint64_t total;
};

struct result_maps *result_maps_new(void)
{
	return calloc(1, sizeof(struct result_maps));
}

struct result_maps *result_maps_of_census(struct result_census_maps *census)
{
	struct result_maps *maps = result_maps_new();

	if (maps)
		maps->census = census;
	return maps;
}

static uint64_t same_hash(const struct map_same *same)
{
	const unsigned char *p = (const unsigned char *)same;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(*same); i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

/* Bytes are compared: who pushes sets padding to zero, and gives equal texts one address. */
static size_t same_find(const struct result_maps *maps, const struct map_same *same, uint64_t hash)
{
	size_t no = table_get(&maps->same_by_hash, hash);

	return no != TABLE_NONE && !memcmp(&maps->sames.data[no].same, same, sizeof(*same))
		       ? no
		       : MAP_SAME_NONE;
}

static bool same_add(struct result_maps *maps, const struct map_same *same, uint64_t hash)
{
	size_t no = maps->sames.len;

	if (!vec_reserve(&maps->sames, no + 1))
		return false;
	memcpy(&maps->sames.data[no].same, same, sizeof(*same));
	maps->sames.data[no].cnt = 0;
	maps->sames.len++;
	return table_get(&maps->same_by_hash, hash) != TABLE_NONE ||
	       table_put(&maps->same_by_hash, hash, no);
}

bool result_maps_push(struct result_maps *maps, const struct map_view *view)
{
	uint64_t hash = same_hash(view->same);
	struct given_map map = { .addr = view->addr,
				 .same_no = same_find(maps, view->same, hash),
				 .activity = view->activity,
				 .history = view->history };

	if (map.same_no == MAP_SAME_NONE) {
		map.same_no = maps->sames.len;
		if (!same_add(maps, view->same, hash))
			return false;
	}
	maps->sames.data[map.same_no].cnt++;
	return vec_push(&maps->given, map);
}

static void given_view(const struct result_maps *maps, size_t i, struct map_view *ret)
{
	const struct given_map *map = &maps->given.data[i];
	const struct given_same *same = &maps->sames.data[map->same_no];

	*ret = (struct map_view){
		.addr = map->addr,
		.same_no = same->cnt > 1 ? map->same_no : MAP_SAME_NONE,
		.same = &same->same,
		.activity = map->activity,
		.history = map->history,
	};
}

static int cmp_given(const void *a, const void *b)
{
	uint64_t x = ((const struct given_map *)a)->addr, y = ((const struct given_map *)b)->addr;

	return x < y ? -1 : x > y;
}

/* ---- either ---- */

size_t result_maps_cnt(const struct result_maps *maps)
{
	return maps->census ? result_census_cnt(maps->census) : maps->given.len;
}

uint64_t result_maps_total(const struct result_maps *maps)
{
	return maps->census  ? result_census_total(maps->census)
	       : maps->total ? maps->total
			     : maps->given.len;
}

void result_maps_set_total(struct result_maps *maps, uint64_t total)
{
	maps->total = total;
}

void result_map(struct result_maps *maps, size_t i, bool wants_same, struct map_view *ret)
{
	if (maps->census)
		result_census_view(maps->census, i, wants_same, ret);
	else
		given_view(maps, i, ret);
}

bool result_map_find(struct result_maps *maps, uint64_t addr, struct map_view *ret)
{
	struct given_map key = { .addr = addr };
	const struct given_map *found;

	if (maps->census)
		return result_census_find(maps->census, addr, ret);
	found = vec_search(&maps->given, &key, cmp_given);
	if (found)
		given_view(maps, found - maps->given.data, ret);
	return found;
}

void result_maps_free(struct result_maps *maps)
{
	if (!maps)
		return;
	result_census_free(maps->census);
	vec_fini(&maps->given);
	vec_fini(&maps->sames);
	table_fini(&maps->same_by_hash);
	free(maps);
}

uint64_t result_bin_low(unsigned int bin)
{
	return bin ? 1ull << (bin - 1) : 0;
}

uint64_t result_bin_high(unsigned int bin)
{
	return bin == RESULT_BINS - 1 ? UINT64_MAX : 1ull << bin;
}
