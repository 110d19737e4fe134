// SPDX-License-Identifier: GPL-2.0-only
/*
 * A struct result_maps comes from one of two sources, and looks the same from outside. From a
 * census (result_census.c): rows of 12 bytes, whose facts are kept once for all maps that are
 * alike; a struct map_same is made when somebody asks for it. From a file or a test: "given"
 * maps, each with a struct map_same that is kept as it was pushed.
 */
#include "model/result_maps.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/vec.h"
#include "model/history.h"
#include "model/result_census.h"

/* ---- given maps ---- */

struct given_same {
	struct map_same same;
	size_t cnt; /* maps that share it */
};

struct given_map {
	uint64_t addr;
	const char *id;
	bool id_certain;
	struct opt_u64 retained_bytes;
	size_t same_no;
	size_t holder_no;
	const struct result_path *path;
	const struct result_activity *activity;
	const struct result_history *history;
};

struct result_maps {
	struct result_census_maps *census; /* NULL: maps are given one by one */
	VEC(struct given_map) given; /* ascending by address */
	VEC(struct given_same) sames;
	struct table same_by_hash; /* index in sames */
	VEC(const struct result_holder *) holders; /* different ones */
	struct table holder_by_addr; /* index in holders */
	uint64_t total; /* 0: as many as are given */
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

static uint64_t given_same_hash(const struct map_same *same)
{
	const unsigned char *p = (const unsigned char *)same;
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof(*same); i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

/* Compares bytes: result_maps_push() demands that padding is zero, and that equal texts have the
 * same address. */
static size_t given_same_find(const struct result_maps *maps, const struct map_same *same,
			      uint64_t hash)
{
	size_t no = table_get(&maps->same_by_hash, hash);

	return no != TABLE_NONE && !memcmp(&maps->sames.data[no].same, same, sizeof(*same))
		       ? no
		       : MAP_SAME_NONE;
}

static bool given_same_add(struct result_maps *maps, const struct map_same *same, uint64_t hash)
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

/* Finds or adds a holder. False: out of memory. */
static bool given_holder_no(struct result_maps *maps, const struct result_holder *holder,
			    size_t *ret)
{
	*ret = holder ? table_get(&maps->holder_by_addr, (uintptr_t)holder) : MAP_HOLDER_NONE;
	if (!holder || *ret != TABLE_NONE)
		return true;
	*ret = maps->holders.len;
	return vec_push(&maps->holders, holder) &&
	       table_put(&maps->holder_by_addr, (uintptr_t)holder, *ret);
}

bool result_maps_push(struct result_maps *maps, const struct map_view *view)
{
	uint64_t hash = given_same_hash(view->same);
	struct given_map map = { .addr = view->addr,
				 .id = view->id,
				 .id_certain = view->id_certain,
				 .retained_bytes = view->retained_bytes,
				 .same_no = given_same_find(maps, view->same, hash),
				 .path = view->path,
				 .activity = view->activity,
				 .history = view->history };

	if (map.same_no == MAP_SAME_NONE) {
		map.same_no = maps->sames.len;
		if (!given_same_add(maps, view->same, hash))
			return false;
	}
	maps->sames.data[map.same_no].cnt++;
	return given_holder_no(maps, view->holder, &map.holder_no) && vec_push(&maps->given, map);
}

static void given_view(const struct result_maps *maps, size_t i, struct map_view *ret)
{
	const struct given_map *map = &maps->given.data[i];
	const struct given_same *same = &maps->sames.data[map->same_no];

	*ret = (struct map_view){
		.addr = map->addr,
		.id = map->id,
		.id_certain = map->id_certain,
		.retained_bytes = map->retained_bytes,
		.same_no = same->cnt > 1 ? map->same_no : MAP_SAME_NONE,
		.same = &same->same,
		.holder_no = map->holder_no,
		.holder = map->holder_no == MAP_HOLDER_NONE ? NULL
							    : maps->holders.data[map->holder_no],
		.path = map->path,
		.activity = map->activity,
		.history = map->history,
	};
}

static int cmp_given(const void *a, const void *b)
{
	uint64_t x = ((const struct given_map *)a)->addr, y = ((const struct given_map *)b)->addr;

	return x < y ? -1 : x > y;
}

/* ---- maps from either source ---- */

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
	vec_fini(&maps->holders);
	table_fini(&maps->holder_by_addr);
	free(maps);
}

uint64_t result_bin_low(unsigned int bin)
{
	return histogram_bin_low(bin);
}

uint64_t result_bin_high(unsigned int bin)
{
	return histogram_bin_high(bin);
}
