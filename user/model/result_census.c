// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_census.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "model/names.h"
#include "model/result_fill.h"

/* What is known of one map alone. */
struct own_map {
	uint64_t addr;
	const struct result_activity *activity;
	const struct result_history *history;
	bool followed; /* so its next growth has a rate of its own, or none */
	bool has_next_growth;
	struct result_growth next_growth;
};

/* Maps that are alike in their facts and in their zero values. */
struct counted_kind {
	uint32_t kind; /* of the rows */
	uint32_t value; /* index in values */
	uint64_t cnt;
};

struct result_census_maps {
	struct pool pool;
	struct map_rows rows; /* their own: taken over from the census, or copied */
	struct go_layout layout;
	struct opt_u64 cgroup_left;
	VEC(struct value_count) values; /* empty: zero values were not counted */
	VEC(struct counted_kind) counted; /* with values: what a row's kind is an index of */
	bool lists_some; /* only the rows in `listed`, ascending */
	VEC(uint32_t) listed;
	VEC(struct own_map) own;
	struct table own_by_addr;
	struct table type_by_key; /* see type_key() */
	VEC(struct result_map_type *) types;
	struct map_same same; /* of the latest view */
};

/* ---- types ---- */

/* A map type of the binary, which is a number here and never followed; and whether the maps
 * may as well be of declared types with the same memory. */
static uint64_t type_key(const struct map_info *m)
{
	return (uint64_t)(uintptr_t)m->type << 1 | (m->type && m->type_candidates > 1);
}

static void list_declared(struct result_census_maps *maps, struct result_map_type *t,
			  const struct map_type *type, const struct gotypes *types)
{
	size_t cnt, n = 0;
	const struct map_type *all = gotypes_maps(types, &cnt);

	for (size_t i = 0; i < cnt; i++)
		n += all[i].bucket == type->bucket && &all[i] != type;
	pool_list(&maps->pool, &t->declared, n);
	for (size_t i = 0, at = 0; i < cnt && at < t->declared.len; i++)
		if (all[i].bucket == type->bucket && &all[i] != type)
			t->declared.data[at++] = pool_text(&maps->pool, all[i].name);
}

static bool add_type(struct result_census_maps *maps, const struct map_info *m,
		     const struct gotypes *types)
{
	if (table_get(&maps->type_by_key, type_key(m)) != TABLE_NONE)
		return true;

	struct result_map_type *t = pool_alloc(&maps->pool, sizeof(*t));
	if (!t || !vec_push(&maps->types, t) ||
	    !table_put(&maps->type_by_key, type_key(m), maps->types.len - 1))
		return false;
	t->name = pool_text(&maps->pool, m->type ? m->type->name : NULL);
	if (m->type && m->type_candidates > 1)
		list_declared(maps, t, m->type, types);
	return true;
}

static bool add_types(struct result_census_maps *maps, const struct gotypes *types)
{
	for (size_t i = 0; i < maps->rows.kinds.len; i++) {
		struct map_info m = rows_kind_info(&maps->rows, i, 0);

		if (!add_type(maps, &m, types))
			return false;
	}
	return true;
}

/* ---- what maps have in common ---- */

static void set_values(struct map_same *s, const struct value_count *v)
{
	s->has_zero_values = true;
	s->zero_values_reason = value_status_text(v->status);
	if (v->status != VALUES_OK)
		return;
	s->zero_values = (struct result_zero_values){
		.count = v->zero,
		.sampled = v->sampled,
		.low = v->low,
		.high = v->high,
		.slots_read = v->read,
		.consistency = name_consistency(v->consistency),
		.rebuild_bytes = v->rebuild_bytes,
	};
}

static void set_sizes(struct map_same *s, const struct map_info *m)
{
	bool sized = m->bucket_sz != 0;

	s->live_keys = m->live_keys;
	s->slots = map_slots(m);
	s->buckets = m->buckets;
	s->tables = m->table_cnt;
	s->load = map_load(m);
	s->tombstones = m->tombstones;
	s->overflow_buckets = m->overflow_buckets;
	s->old_bytes = m->old_bytes;
	s->table_bytes = m->table_bytes;
	s->resident_bytes = m->resident_bytes;
	s->bucket_bytes = opt_if(sized, m->bucket_sz);
	s->hole_bytes = opt_if(sized, map_hole_bytes(m));
	s->rebuild_bytes = opt_if(sized, m->rebuild_bytes);
	s->gives_back_bytes = opt_if(sized, map_gives_back(m));
	s->gives_back_resident_bytes = opt_if(sized, map_gives_back_resident(m));
}

/* Makes `same` from facts alone: no address is at hand. `value` may be NULL. */
static void set_same(struct result_census_maps *maps, const struct map_info *m,
		     const struct value_count *value)
{
	struct map_same *s = &maps->same;

	memset(s, 0, sizeof(*s));
	s->type = maps->types.data[table_get(&maps->type_by_key, type_key(m))];
	s->type_source = name_type_source(m->type_source);
	s->type_candidates = m->type_candidates;
	s->consistency = name_consistency(m->consistency);
	s->garbage = m->garbage;
	s->on_stack = m->on_stack;
	s->goroutine_runs = m->on_stack ? m->on_stack == MAP_ON_RUNNING_STACK : -1;
	set_sizes(s, m);
	if (value)
		set_values(s, value);
	s->has_next_growth =
		result_growth_of(&maps->layout, m, NULL, maps->cgroup_left, &s->next_growth);
}

/* ---- zero values ---- */

static uint64_t counted_hash(uint32_t kind, const struct value_count *v)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;
	uint64_t h = kind;

	h = (h ^ v->zero) * odd;
	h = (h ^ v->low ^ h >> 29) * odd;
	h = (h ^ v->high ^ h >> 29) * odd;
	h = (h ^ v->read ^ h >> 29) * odd;
	h = (h ^ v->rebuild_bytes ^ h >> 29) * odd;
	return (h ^ v->status ^ (uint64_t)v->consistency << 8 ^ (uint64_t)v->sampled << 16) * odd;
}

static bool counts_alike(const struct value_count *a, const struct value_count *b)
{
	return a->zero == b->zero && a->low == b->low && a->high == b->high && a->read == b->read &&
	       a->rebuild_bytes == b->rebuild_bytes && a->status == b->status &&
	       a->consistency == b->consistency && a->sampled == b->sampled;
}

/* The number of the counted kind, which is made if there is none. */
static bool counted_kind_of(struct result_census_maps *maps, struct table *index, uint32_t kind,
			    const struct value_count *v, uint32_t *ret)
{
	uint64_t hash = counted_hash(kind, v);
	size_t at = table_get(index, hash);

	if (at != TABLE_NONE && maps->counted.data[at].kind == kind &&
	    counts_alike(&maps->values.data[maps->counted.data[at].value], v)) {
		*ret = at;
		return true;
	}
	struct counted_kind c = { .kind = kind, .value = maps->values.len };
	*ret = maps->counted.len;
	return vec_push(&maps->values, *v) && vec_push(&maps->counted, c) &&
	       (at != TABLE_NONE || table_put(index, hash, *ret));
}

/* Rows become rows of counted kinds. */
static bool add_values(struct result_census_maps *maps, const struct values *values)
{
	_cleanup_(table_fini) struct table index = { 0 };

	for (size_t i = 0; i < maps->rows.len; i++) {
		uint32_t *kind = &maps->rows.data[i].kind;

		if (!counted_kind_of(maps, &index, *kind, &values->rows[i], kind))
			return false;
		maps->counted.data[*kind].cnt++;
	}
	return true;
}

/* ---- what is of one map alone ---- */

static const struct own_map *own_of(const struct result_census_maps *maps, uint64_t addr)
{
	size_t at = table_get(&maps->own_by_addr, addr);

	return at == TABLE_NONE ? NULL : &maps->own.data[at];
}

static struct own_map *own_add(struct result_census_maps *maps, uint64_t addr)
{
	size_t at = table_get(&maps->own_by_addr, addr);

	if (at == TABLE_NONE) {
		at = maps->own.len;
		if (!vec_push(&maps->own, (struct own_map){ .addr = addr }) ||
		    !table_put(&maps->own_by_addr, addr, at))
			return NULL;
	}
	return &maps->own.data[at];
}

static struct result_histogram histogram_result(const struct histogram *h)
{
	struct result_histogram r = { .min = h->min, .max = h->max };

	_Static_assert((int)RESULT_BINS == (int)HISTORY_BINS, "the same bins");
	memcpy(r.ns, h->ns, sizeof(r.ns));
	return r;
}

static const struct result_history *history_result(struct pool *pool, const struct map_history *h)
{
	struct result_history *r = pool_alloc(pool, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct result_history){
		.censuses = h->samples,
		.observed_ns = histogram_total_ns(&h->live_keys),
		.last_live_keys = h->last_live_keys,
		.live_keys = histogram_result(&h->live_keys),
		.buckets = histogram_result(&h->buckets),
		.resident_bytes = histogram_result(&h->resident_bytes),
	};
	return r;
}

static bool add_histories(struct result_census_maps *maps, const struct history *history)
{
	for (size_t i = 0; i < history->maps.len; i++) {
		const struct map_history *h = &history->maps.data[i];
		ssize_t row = rows_find(&maps->rows, h->addr);
		struct own_map *own = row != ROWS_NONE ? own_add(maps, h->addr) : NULL;

		if (row == ROWS_NONE)
			continue;
		if (!own)
			return false;
		struct map_info m = rows_get(&maps->rows, row);
		own->followed = true;
		own->has_next_growth = result_growth_of(&maps->layout, &m, h, maps->cgroup_left,
							&own->next_growth);
		own->history = h->samples ? history_result(&maps->pool, h) : NULL;
	}
	return true;
}

/* What was seen of a map, and not of another that had its address before. */
static bool is_of_map(const struct activity *a, const struct map_info *m)
{
	return !a->type || !m->type || a->type == m->type;
}

static struct err *add_activities(struct result_census_maps *maps, const struct result_source *from)
{
	const struct activities *as = &from->activities;

	for (size_t i = 0; i < as->maps.len; i++) {
		const struct activity *a = &as->maps.data[i];
		ssize_t row = a->addr ? rows_find(&maps->rows, a->addr) : ROWS_NONE;

		if (row == ROWS_NONE || activities_find(as, a->addr) != a)
			continue;
		struct map_info m = rows_get(&maps->rows, row);
		struct own_map *own = is_of_map(a, &m) ? own_add(maps, a->addr) : NULL;
		if (own)
			own->activity = result_activity_of(&maps->pool, from, a);
		if (is_of_map(a, &m) && (!own || !own->activity))
			return err_nomem();
	}
	return NULL;
}

/* ---- --top ---- */

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct sized_row {
	uint64_t bytes;
	uint32_t row;
};

/* The largest first; of equal ones that with the lower address. */
static int cmp_sized(const void *a, const void *b)
{
	const struct sized_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static void drop_repeated(struct result_census_maps *maps)
{
	size_t kept = 0;

	vec_sort(&maps->listed, cmp_u32);
	for (size_t i = 0; i < maps->listed.len; i++)
		if (!i || maps->listed.data[i] != maps->listed.data[i - 1])
			maps->listed.data[kept++] = maps->listed.data[i];
	maps->listed.len = kept;
}

/* Lists the maps with the largest tables, and those in findings. */
static bool list_top(struct result_census_maps *maps, uint64_t top, const struct findings *findings)
{
	_cleanup_free_ struct sized_row *all = malloc((maps->rows.len + 1) * sizeof(*all));

	if (!all)
		return false;
	maps->lists_some = true;
	for (size_t i = 0; i < maps->rows.len; i++) {
		struct map_info m = rows_get(&maps->rows, i);

		all[i] = (struct sized_row){ m.table_bytes, i };
	}
	qsort(all, maps->rows.len, sizeof(*all), cmp_sized);
	for (size_t i = 0; i < maps->rows.len && i < top; i++)
		if (!vec_push(&maps->listed, all[i].row))
			return false;
	for (size_t i = 0; i < findings->list.len; i++) {
		ssize_t row = rows_find(&maps->rows, findings->list.data[i].map.addr);

		if (row != ROWS_NONE && !vec_push(&maps->listed, row))
			return false;
	}
	drop_repeated(maps);
	return true;
}

/* ---- making it ---- */

static bool copy_rows(struct map_rows *to, const struct map_rows *from)
{
	if (!vec_reserve(to, from->len) || !vec_reserve(&to->kinds, from->kinds.len))
		return false;
	if (from->len)
		memcpy(to->data, from->data, from->len * sizeof(*from->data));
	if (from->kinds.len)
		memcpy(to->kinds.data, from->kinds.data,
		       from->kinds.len * sizeof(*from->kinds.data));
	to->len = from->len;
	to->kinds.len = from->kinds.len;
	return true;
}

/* The index of the kinds' facts serves those who add rows: nobody does from now on. */
static void move_rows(struct map_rows *to, struct map_rows *from)
{
	*to = *from;
	*from = (struct map_rows){ .data = NULL };
	free(to->slots);
	to->slots = NULL;
	to->slot_cnt = 0;
}

static bool take_rows(struct map_rows *to, struct map_rows *from, bool last)
{
	if (!last)
		return copy_rows(to, from);
	move_rows(to, from);
	return true;
}

static struct err *census_maps_fill(struct result_census_maps *maps,
				    const struct result_source *from, bool last)
{
	const struct watch *w = from->w;

	maps->layout = w->prog->layout;
	maps->cgroup_left = opt_if(w->cgroup_limited, w->cgroup_left_bytes);
	if (!take_rows(&maps->rows, &w->snap->census->maps, last) ||
	    !add_types(maps, w->prog->types) || !add_histories(maps, &w->history))
		return err_nomem();
	struct err *err = add_activities(maps, from);
	if (err)
		return err;
	if (w->opts.only_top && !list_top(maps, w->opts.top, &from->findings))
		return err_nomem();
	/* Last: rows are of the census' kinds until then. */
	if (w->values && !add_values(maps, w->values))
		return err_nomem();
	return maps->pool.failed ? err_nomem() : NULL;
}

struct err *result_fill_maps(struct result *r, const struct result_source *from, bool last)
{
	struct result_census_maps *maps;
	struct err *err = NULL;

	if (!from->w->snap) {
		r->maps = result_maps_new();
		return r->maps ? NULL : err_nomem();
	}
	maps = calloc(1, sizeof(*maps));
	if (!maps)
		return err_nomem();
	err = census_maps_fill(maps, from, last);
	r->maps = err ? NULL : result_maps_of_census(maps);
	if (!r->maps)
		result_census_free(maps);
	return r->maps || err ? err : err_nomem();
}

void result_census_free(struct result_census_maps *maps)
{
	if (!maps)
		return;
	rows_fini(&maps->rows);
	vec_fini(&maps->values);
	vec_fini(&maps->counted);
	vec_fini(&maps->listed);
	vec_fini(&maps->own);
	vec_fini(&maps->types);
	table_fini(&maps->own_by_addr);
	table_fini(&maps->type_by_key);
	pool_fini(&maps->pool);
	free(maps);
}

/* ---- views ---- */

uint64_t result_census_total(const struct result_census_maps *maps)
{
	return maps->rows.len;
}

size_t result_census_cnt(const struct result_census_maps *maps)
{
	return maps->lists_some ? maps->listed.len : maps->rows.len;
}

/* A map with a history has a forecast of its own. */
static bool is_shared(const struct result_census_maps *maps, uint32_t kind,
		      const struct own_map *own)
{
	uint64_t cnt = maps->counted.len ? maps->counted.data[kind].cnt
					 : maps->rows.kinds.data[kind].cnt;

	return cnt > 1 && !(own && own->followed);
}

static void make_same(struct result_census_maps *maps, uint32_t no, const struct own_map *own)
{
	const struct counted_kind *c = maps->counted.len ? &maps->counted.data[no] : NULL;
	struct map_info m = rows_kind_info(&maps->rows, c ? c->kind : no, 0);

	set_same(maps, &m, c ? &maps->values.data[c->value] : NULL);
	if (own && own->followed) {
		maps->same.has_next_growth = own->has_next_growth;
		maps->same.next_growth = own->next_growth;
	}
}

static void view_row(struct result_census_maps *maps, size_t row, bool wants_same,
		     struct map_view *ret)
{
	const struct map_row *r = &maps->rows.data[row];
	const struct own_map *own = own_of(maps, row_addr(r));
	bool shared = is_shared(maps, r->kind, own);

	if (wants_same)
		make_same(maps, r->kind, own);
	*ret = (struct map_view){
		.addr = row_addr(r),
		.same_no = shared ? r->kind : MAP_SAME_NONE,
		.same = wants_same ? &maps->same : NULL,
		.activity = own ? own->activity : NULL,
		.history = own ? own->history : NULL,
	};
}

void result_census_view(struct result_census_maps *maps, size_t i, bool wants_same,
			struct map_view *ret)
{
	view_row(maps, maps->lists_some ? maps->listed.data[i] : i, wants_same, ret);
}

bool result_census_find(struct result_census_maps *maps, uint64_t addr, struct map_view *ret)
{
	ssize_t row = rows_find(&maps->rows, addr);

	if (row != ROWS_NONE)
		view_row(maps, row, true, ret);
	return row != ROWS_NONE;
}
