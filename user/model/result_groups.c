// SPDX-License-Identifier: GPL-2.0-only
/* Fills the ranking of maps and the coming growths of a result. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/short_name.h"
#include "base/units.h"
#include "base/vec.h"
#include "model/growth.h"
#include "model/names.h"
#include "model/result_fill.h"

enum {
	LABEL_SZ = 256,
	COMING_MAX = 16, /* at most this many coming growths are listed */
	COMING_TABLE_MIN = 512 << 10, /* bytes of tables: growth of smaller maps does no harm */
};

/* A growth is coming if it starts within a day. */
#define COMING_NS_MAX (86400 * NS_PER_S)

/* ---- labels ---- */

/* The size of a slot, which has a key and its value. A bucket or group has BUCKET_SLOTS slots and 8
 * control bytes; a classic bucket also has a pointer to its overflow bucket. */
static unsigned int map_slot_bytes(const struct go_layout *layout, const struct map_info *m)
{
	unsigned int fixed = layout->kind == MAP_CLASSIC ? 16 : 8;

	return m->bucket_sz > fixed ? (m->bucket_sz - fixed) / BUCKET_SLOTS : 0;
}

const char *result_label(struct pool *pool, const struct go_layout *layout,
			 const struct map_info *m)
{
	const char *fit = m->type_candidates == 1 ? "fits" : "fit";
	char name[LABEL_SZ];

	if (m->type) {
		name_short(m->type->name, name, sizeof(name));
		return pool_text(pool, name);
	}
	if (!m->bucket_sz)
		return pool_printf(pool, "map of unknown slots (%s %s)",
				   text_counted(m->type_candidates, "type").s, fit);
	return pool_printf(pool, "map of %u-byte slots (%s %s)", map_slot_bytes(layout, m),
			   text_counted(m->type_candidates, "type").s, fit);
}

/* ---- groups ---- */

static const char *group_id(struct pool *pool, const struct result_source *from,
			    const struct ranked *p)
{
	ssize_t row = rows_find(&from->w->snap->census->maps, p->largest_addr);
	char id[MAP_ID_SZ];

	if (row == ROWS_NONE || !map_id_text(&from->ids, row, id))
		return NULL;
	if (p->map_cnt > 1)
		map_id_of_kind(&p->map, id);
	return pool_text(pool, id);
}

static struct result_group group_result(struct pool *pool, const struct result_source *from,
					size_t i)
{
	const struct ranked *p = &from->ranking.places.data[i];

	return (struct result_group){
		.rank = i + 1,
		.id = group_id(pool, from, p),
		.label = result_label(pool, &from->w->prog->layout, &p->map),
		.type = pool_text(pool, p->map.type ? p->map.type->name : NULL),
		.type_source = name_type_source(p->map.type_source),
		.type_candidates = p->map.type_candidates,
		.maps = p->map_cnt,
		.live_keys = p->live_keys,
		.slots = p->slots,
		.table_bytes = p->table_bytes,
		.resident_bytes = p->resident_bytes,
		.gives_back_resident_bytes = opt_if(p->map.bucket_sz, p->gives_back_bytes),
		.moving = p->moving,
		.largest_map = p->largest_addr,
		.largest_table_bytes = p->largest_bytes,
	};
}

static void group_add_zeroes(struct result_group_zeroes *z, const struct map_info *m,
			     const struct value_count *v)
{
	z->maps++;
	z->live_keys += m->live_keys;
	z->count += v->zero;
	z->low += v->low;
	z->high += v->high;
	z->sampled |= v->sampled;
}

static void groups_fill_zeroes(struct result *r, const struct result_source *from)
{
	const struct values *values = from->w->values;

	for (size_t i = 0; i < r->groups.len; i++)
		r->groups.data[i].zeroes = pool_alloc(&r->pool, sizeof(*r->groups.data[i].zeroes));
	for (size_t i = 0; !r->pool.failed && i < values->census->maps.len; i++) {
		struct map_info m = census_map(values->census, i);
		size_t rank = ranking_place(&from->ranking, &m);

		if (rank && values->rows[i].status == VALUES_OK)
			group_add_zeroes(r->groups.data[rank - 1].zeroes, &m, &values->rows[i]);
	}
}

/* ---- coming growths ---- */

bool result_growth_of(const struct go_layout *layout, const struct map_info *m,
		      const struct map_history *history, struct opt_u64 cgroup_left,
		      struct result_growth *ret)
{
	struct forecast f;

	if (!forecast_of(layout, m, history, &f))
		return false;
	*ret = (struct result_growth){
		.event = f.event == FORECAST_DOUBLE ? "double" : "split",
		.at_live_keys = f.at_live_keys,
		.half_at_live_keys = f.half_live_keys,
		.ends_at_live_keys = f.end_live_keys,
		.allocates_bytes = f.allocates_bytes,
		.step_bytes = f.step_bytes,
		.needs_bytes = f.needs_bytes,
		.keys_per_s = f.rate_known ? f.keys_per_s : NAN,
		.in_ns = opt_if(f.rate_known, f.in_ns),
		.half_in_ns = opt_if(f.rate_known, f.half_in_ns),
		.ends_in_ns = opt_if(f.rate_known, f.end_in_ns),
		.fits_cgroup = cgroup_left.known ? f.needs_bytes <= cgroup_left.v : -1,
	};
	return true;
}

/* A growth that is large and starts soon. */
struct coming_growth {
	struct map_info map;
	struct result_growth growth;
};

struct coming_growths {
	struct coming_growth *data; /* these are the fields of a VEC(), which has no name */
	size_t len;
	size_t cap;
};

static int cmp_soonest(const void *a, const void *b)
{
	uint64_t x = ((const struct coming_growth *)a)->growth.in_ns.v;
	uint64_t y = ((const struct coming_growth *)b)->growth.in_ns.v;

	return x < y ? -1 : x > y;
}

/* Lists the growths of large maps that start within a day, soonest first. Only maps that are
 * followed have a rate, and so a time. False: out of memory. */
static bool coming_growths_find(const struct watch *w, struct coming_growths *list)
{
	const struct map_rows *rows = &w->snap->census->maps;
	struct opt_u64 left = opt_if(w->cgroup_limited, w->cgroup_left_bytes);

	for (size_t i = 0; i < w->history.maps.len; i++) {
		const struct map_history *h = &w->history.maps.data[i];
		ssize_t row = rows_find(rows, h->addr);
		struct coming_growth c;

		if (row == ROWS_NONE)
			continue;
		c.map = rows_get(rows, row);
		if (c.map.table_bytes < COMING_TABLE_MIN ||
		    !result_growth_of(&w->prog->layout, &c.map, h, left, &c.growth) ||
		    !c.growth.in_ns.known || c.growth.in_ns.v >= COMING_NS_MAX)
			continue;
		if (!vec_push(list, c))
			return false;
	}
	vec_sort(list, cmp_soonest);
	return true;
}

static void groups_fill_coming(struct result *r, const struct watch *w)
{
	struct coming_growths list = { 0 };

	r->pool.failed |= !coming_growths_find(w, &list);
	pool_list(&r->pool, &r->next_growths, list.len < COMING_MAX ? list.len : COMING_MAX);
	for (size_t i = 0; i < r->next_growths.len; i++)
		r->next_growths.data[i] = (struct result_coming_growth){
			.map = list.data[i].map.addr,
			.label = result_label(&r->pool, &w->prog->layout, &list.data[i].map),
			.growth = list.data[i].growth,
		};
	vec_fini(&list);
}

void result_fill_groups(struct result *r, const struct result_source *from)
{
	if (!from->w->snap)
		return;
	pool_list(&r->pool, &r->groups, from->ranking.places.len);
	for (size_t i = 0; i < r->groups.len; i++)
		r->groups.data[i] = group_result(&r->pool, from, i);
	if (from->w->values)
		groups_fill_zeroes(r, from);
	result_fill_group_holders(r, from);
	groups_fill_coming(r, from->w);
}
