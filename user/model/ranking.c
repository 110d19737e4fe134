// SPDX-License-Identifier: GPL-2.0-only
#include "model/ranking.h"

#include <string.h>

/* Maps with equal keys share a place. The key of a large map is its own address, so that it shares
 * its place with no other; the key of a small one stands for its type. */
static uint64_t ranking_key(const struct map_info *m)
{
	return m->table_bytes >= RANKING_SINGLE_MIN ? m->addr : map_kind_key(m);
}

static struct err *ranking_place_for(struct ranking *r, const struct map_info *m,
				     struct ranked **ret)
{
	size_t i = table_get(&r->by_key, ranking_key(m));

	if (i == TABLE_NONE) {
		i = r->places.len;
		if (!vec_push(&r->places, (struct ranked){ .map = *m }) ||
		    !table_put(&r->by_key, ranking_key(m), i))
			return err_nomem();
	}
	*ret = &r->places.data[i];
	return NULL;
}

static void ranked_add(struct ranked *p, const struct map_info *m)
{
	p->map_cnt++;
	p->live_keys += m->live_keys;
	p->slots += map_slots(m);
	p->table_bytes += m->table_bytes;
	p->resident_bytes += m->resident_bytes;
	p->gives_back_bytes += m->bucket_sz ? map_gives_back_resident(m) : 0;
	p->moving |= m->consistency == MAP_MOVING;
	if (!p->largest_addr || m->table_bytes > p->largest_bytes) {
		p->largest_addr = m->addr;
		p->largest_bytes = m->table_bytes;
	}
}

static int cmp_descending(uint64_t x, uint64_t y)
{
	return x < y ? 1 : -(x > y);
}

static int cmp_places(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int by_waste = cmp_descending(x->gives_back_bytes, y->gives_back_bytes);
	int by_size = cmp_descending(x->resident_bytes, y->resident_bytes);

	return by_waste ? by_waste : by_size ? by_size : cmp_descending(y->map.addr, x->map.addr);
}

/* Sorting moves the places, so the index is made anew afterwards. */
static void ranking_reindex(struct ranking *r)
{
	table_fini(&r->by_key);
	for (size_t i = 0; i < r->places.len; i++)
		if (!table_put(&r->by_key, ranking_key(&r->places.data[i].map), i))
			return; /* out of memory: only the ranks in other tables get lost */
}

struct err *ranking_init(struct ranking *r, const struct census *census)
{
	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);
		struct ranked *place = NULL;

		if (!map_stands_alone(&m))
			continue;
		struct err *err = ranking_place_for(r, &m, &place);
		if (err) {
			ranking_fini(r);
			return err;
		}
		ranked_add(place, &m);
	}
	vec_sort(&r->places, cmp_places);
	ranking_reindex(r);
	return NULL;
}

void ranking_fini(struct ranking *r)
{
	vec_fini(&r->places);
	table_fini(&r->by_key);
}

size_t ranking_place(const struct ranking *r, const struct map_info *m)
{
	size_t i = m->addr && map_stands_alone(m) ? table_get(&r->by_key, ranking_key(m))
						  : TABLE_NONE;

	return i == TABLE_NONE ? 0 : i + 1;
}
