// SPDX-License-Identifier: GPL-2.0-only
#include "model/result_census.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "graph/paths.h"
#include "model/names.h"
#include "model/result_fill.h"
#include "model/watch_retained.h"

/* What is known of a single map besides the facts that it shares with others of its kind. Most
 * maps have nothing of this, and no struct map_extra. */
struct map_extra {
	uint64_t addr;
	const struct result_path *path; /* NULL: not known */
	const struct result_activity *activity; /* NULL: nothing was seen */
	const struct result_history *history; /* NULL: not followed */
	/* It has a struct map_history, so its own rate decides about the next growth. */
	bool followed;
	bool has_next_growth; /* with followed: next_growth is valid */
	struct result_growth next_growth;
};

/* A kind (maps/rows.h) stands for maps whose facts are equal. A counted kind stands for maps whose
 * facts and zero values are equal. */
struct counted_kind {
	uint32_t kind; /* of the rows */
	uint32_t value; /* index in values */
	uint64_t cnt; /* maps */
};

struct result_census_maps {
	struct pool pool; /* owns types, activities and histories */
	struct map_rows rows; /* moved or copied from the census */
	struct go_layout layout;
	struct opt_u64 cgroup_left;
	VEC(struct value_count) values; /* empty: zero values were not counted */
	/* With values: row.kind is an index in `counted`, and no longer in rows.kinds. */
	VEC(struct counted_kind) counted;
	bool lists_some; /* only the rows in `listed` are shown */
	VEC(uint32_t) listed; /* indexes of rows; ascending */
	VEC(struct map_extra) extras;
	struct table extra_by_addr; /* index in extras */
	struct held_maps held; /* by row; the pool of the result owns its memory */
	struct map_ids ids; /* the same */
	char id[MAP_ID_SZ]; /* for the latest view */
	const uint64_t *retained; /* by row; NULL: not known. The same pool owns it */
	struct table type_by_key; /* index in types; see map_type_key() */
	VEC(struct result_map_type *) types;
	struct map_same same; /* for the latest view */
};

/* ---- types ---- */

/* The key of a type: the address of the struct map_type, which is never dereferenced, and one bit
 * that says whether the maps may as well have another declared type with the same memory layout.
 * Then the struct result_map_type lists those. */
static uint64_t map_type_key(const struct map_info *m)
{
	return (uint64_t)(uintptr_t)m->type << 1 | (m->type && m->type_candidates > 1);
}

static void type_list_declared(struct result_census_maps *maps, struct result_map_type *t,
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

static bool census_add_type(struct result_census_maps *maps, const struct map_info *m,
			    const struct gotypes *types)
{
	if (table_get(&maps->type_by_key, map_type_key(m)) != TABLE_NONE)
		return true;

	struct result_map_type *t = pool_alloc(&maps->pool, sizeof(*t));
	if (!t || !vec_push(&maps->types, t) ||
	    !table_put(&maps->type_by_key, map_type_key(m), maps->types.len - 1))
		return false;
	t->name = pool_text(&maps->pool, m->type ? m->type->name : NULL);
	if (m->type && m->type_candidates > 1)
		type_list_declared(maps, t, m->type, types);
	return true;
}

static bool census_add_types(struct result_census_maps *maps, const struct gotypes *types)
{
	for (size_t i = 0; i < maps->rows.kinds.len; i++) {
		struct map_info m = rows_kind_info(&maps->rows, i, 0);

		if (!census_add_type(maps, &m, types))
			return false;
	}
	return true;
}

/* ---- facts that maps of a kind share ---- */

static void same_set_values(struct map_same *s, const struct value_count *v)
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

static void same_set_sizes(struct map_same *s, const struct map_info *m)
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

/* Makes maps->same. It gets no address, so nothing in it can depend on one. `value` may be
 * NULL. */
static void census_set_same(struct result_census_maps *maps, const struct map_info *m,
			    const struct value_count *value)
{
	struct map_same *s = &maps->same;

	memset(s, 0, sizeof(*s));
	s->type = maps->types.data[table_get(&maps->type_by_key, map_type_key(m))];
	s->type_source = name_type_source(m->type_source);
	s->type_candidates = m->type_candidates;
	s->consistency = name_consistency(m->consistency);
	s->garbage = m->garbage;
	s->reachable = m->reach == MAP_REACH_UNKNOWN ? -1 : m->reach == MAP_HELD;
	s->part_of = m->of_sync_map ? "sync.Map" : NULL;
	s->on_stack = m->on_stack;
	s->goroutine_runs = m->on_stack ? m->on_stack == MAP_ON_RUNNING_STACK : -1;
	same_set_sizes(s, m);
	if (value)
		same_set_values(s, value);
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

/* Finds or makes the counted kind for a kind and a count of values; *ret is its index. If two have
 * the same hash, one of them may be made more than once: that costs room, but is correct. False:
 * out of memory. */
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

/* Replaces the kind of each row by its counted kind. */
static bool census_add_values(struct result_census_maps *maps, const struct values *values)
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

/* ---- facts about a single map ---- */

static const struct map_extra *extra_find(const struct result_census_maps *maps, uint64_t addr)
{
	size_t at = table_get(&maps->extra_by_addr, addr);

	return at == TABLE_NONE ? NULL : &maps->extras.data[at];
}

/* Finds or makes the extra of a map; valid until the next call. NULL: out of memory. */
static struct map_extra *extra_for(struct result_census_maps *maps, uint64_t addr)
{
	size_t at = table_get(&maps->extra_by_addr, addr);

	if (at == TABLE_NONE) {
		at = maps->extras.len;
		if (!vec_push(&maps->extras, (struct map_extra){ .addr = addr }) ||
		    !table_put(&maps->extra_by_addr, addr, at))
			return NULL;
	}
	return &maps->extras.data[at];
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

static bool census_add_histories(struct result_census_maps *maps, const struct history *history)
{
	for (size_t i = 0; i < history->maps.len; i++) {
		const struct map_history *h = &history->maps.data[i];
		ssize_t row = rows_find(&maps->rows, h->addr);
		struct map_extra *extra = row != ROWS_NONE ? extra_for(maps, h->addr) : NULL;

		if (row == ROWS_NONE)
			continue;
		if (!extra)
			return false;
		struct map_info m = rows_get(&maps->rows, row);
		extra->followed = true;
		extra->has_next_growth = result_growth_of(&maps->layout, &m, h, maps->cgroup_left,
							  &extra->next_growth);
		extra->history = h->samples ? history_result(&maps->pool, h) : NULL;
	}
	return true;
}

/* Whether the activity belongs to this map, and not to one of another type that had the same
 * address before. */
static bool activity_is_of_map(const struct activity *a, const struct map_info *m)
{
	return !a->type || !m->type || a->type == m->type;
}

static struct err *census_add_activities(struct result_census_maps *maps,
					 const struct result_source *from)
{
	const struct activities *as = &from->activities;

	for (size_t i = 0; i < as->maps.len; i++) {
		const struct activity *a = &as->maps.data[i];
		ssize_t row = a->addr ? rows_find(&maps->rows, a->addr) : ROWS_NONE;

		if (row == ROWS_NONE || activities_find(as, a->addr) != a)
			continue;
		struct map_info m = rows_get(&maps->rows, row);
		struct map_extra *extra = activity_is_of_map(a, &m) ? extra_for(maps, a->addr)
								    : NULL;
		if (extra)
			extra->activity = result_activity_of(&maps->pool, from, a);
		if (activity_is_of_map(a, &m) && (!extra || !extra->activity))
			return err_nomem();
	}
	return NULL;
}

static const struct result_path *path_result(struct pool *pool, const struct map_path *p)
{
	struct result_path *r = pool_alloc(pool, sizeof(*r));

	if (!r)
		return NULL;
	r->text = pool_text(pool, p->text);
	r->certain = p->certain;
	pool_list(pool, &r->steps, p->step_cnt);
	for (size_t i = 0; i < r->steps.len; i++)
		r->steps.data[i] = (struct result_path_step){
			.text = pool_text(pool, p->steps[i].text),
			.kind = held_by_kind(p->steps[i].kind),
			.type = pool_text(pool, p->steps[i].type),
			.field = pool_text(pool, p->steps[i].field),
			.certain = p->steps[i].certain,
		};
	return r;
}

static bool census_add_paths(struct result_census_maps *maps, const struct paths *paths)
{
	for (size_t i = 0; paths && i < paths_cnt(paths); i++) {
		const struct map_path *p = paths_get(paths, i);
		struct map_extra *extra =
			p->row < maps->rows.len
				? extra_for(maps, row_addr(&maps->rows.data[p->row]))
				: NULL;

		if (!extra)
			return false;
		extra->path = path_result(&maps->pool, p);
	}
	return !maps->pool.failed;
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

/* Sorts by size, largest first; equal ones by address, lowest first. */
static int cmp_sized_rows(const void *a, const void *b)
{
	const struct sized_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static void census_drop_repeated(struct result_census_maps *maps)
{
	size_t kept = 0;

	vec_sort(&maps->listed, cmp_u32);
	for (size_t i = 0; i < maps->listed.len; i++)
		if (!i || maps->listed.data[i] != maps->listed.data[i - 1])
			maps->listed.data[kept++] = maps->listed.data[i];
	maps->listed.len = kept;
}

/* Lists the maps with the largest tables, and the main map of each finding. */
static bool census_list_top(struct result_census_maps *maps, uint64_t top,
			    const struct findings *findings)
{
	_cleanup_free_ struct sized_row *all = malloc((maps->rows.len + 1) * sizeof(*all));

	if (!all)
		return false;
	maps->lists_some = true;
	for (size_t i = 0; i < maps->rows.len; i++) {
		struct map_info m = rows_get(&maps->rows, i);

		all[i] = (struct sized_row){ m.table_bytes, i };
	}
	qsort(all, maps->rows.len, sizeof(*all), cmp_sized_rows);
	for (size_t i = 0; i < maps->rows.len && i < top; i++)
		if (!vec_push(&maps->listed, all[i].row))
			return false;
	for (size_t i = 0; i < findings->list.len; i++) {
		ssize_t row = rows_find(&maps->rows, findings->list.data[i].map.addr);

		if (row != ROWS_NONE && !vec_push(&maps->listed, row))
			return false;
	}
	census_drop_repeated(maps);
	return true;
}

/* ---- from a census to the maps of a result ---- */

static bool map_rows_copy(struct map_rows *to, const struct map_rows *from)
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

/* Also frees the hash index of the kinds: it serves only to add rows. */
static void map_rows_move(struct map_rows *to, struct map_rows *from)
{
	*to = *from;
	*from = (struct map_rows){ .data = NULL };
	free(to->slots);
	to->slots = NULL;
	to->slot_cnt = 0;
}

static bool map_rows_take(struct map_rows *to, struct map_rows *from, bool last)
{
	if (!last)
		return map_rows_copy(to, from);
	map_rows_move(to, from);
	return true;
}

static struct err *census_maps_fill(struct result_census_maps *maps,
				    const struct result_source *from, bool last)
{
	const struct watch *w = from->w;

	maps->layout = w->prog->layout;
	maps->cgroup_left = opt_if(w->cgroup_limited, w->cgroup_left_bytes);
	maps->held = from->held;
	maps->ids = from->ids;
	maps->retained = from->retained;
	if (!map_rows_take(&maps->rows, &w->snap->census->maps, last) ||
	    !census_add_types(maps, w->prog->types) || !census_add_histories(maps, &w->history))
		return err_nomem();
	if (!census_add_paths(maps, w->paths))
		return err_nomem();
	struct err *err = census_add_activities(maps, from);
	if (err)
		return err;
	if (w->opts.only_top && !census_list_top(maps, w->opts.top, &from->findings))
		return err_nomem();
	/* Do this last: the steps before need the kinds of the census in the rows. */
	if (w->values && !census_add_values(maps, w->values))
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
	vec_fini(&maps->extras);
	vec_fini(&maps->types);
	table_fini(&maps->extra_by_addr);
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

/* Whether other maps have the same struct map_same. A map that is followed has its own forecast, so
 * it shares with none. */
static bool kind_is_shared(const struct result_census_maps *maps, uint32_t kind,
			   const struct map_extra *extra)
{
	uint64_t cnt = maps->counted.len ? maps->counted.data[kind].cnt
					 : maps->rows.kinds.data[kind].cnt;

	return cnt > 1 && !(extra && extra->followed);
}

static void census_make_same(struct result_census_maps *maps, uint32_t no,
			     const struct map_extra *extra)
{
	const struct counted_kind *c = maps->counted.len ? &maps->counted.data[no] : NULL;
	struct map_info m = rows_kind_info(&maps->rows, c ? c->kind : no, 0);

	census_set_same(maps, &m, c ? &maps->values.data[c->value] : NULL);
	if (extra && extra->followed) {
		maps->same.has_next_growth = extra->has_next_growth;
		maps->same.next_growth = extra->next_growth;
	}
}

static struct opt_u64 census_retained(const struct result_census_maps *maps, size_t row)
{
	bool known = maps->retained && maps->retained[row] != RETAINED_UNKNOWN;

	return opt_if(known, known ? maps->retained[row] : 0);
}

static void census_view_row(struct result_census_maps *maps, size_t row, bool wants_same,
			    struct map_view *ret)
{
	const struct map_row *r = &maps->rows.data[row];
	const struct map_extra *extra = extra_find(maps, row_addr(r));
	bool shared = kind_is_shared(maps, r->kind, extra);
	uint32_t holder_no = held_maps_no(&maps->held, row);

	if (wants_same)
		census_make_same(maps, r->kind, extra);
	*ret = (struct map_view){
		.addr = row_addr(r),
		.id = map_id_text(&maps->ids, row, maps->id) ? maps->id : NULL,
		.id_certain = map_id_is_certain(&maps->ids, row),
		.retained_bytes = census_retained(maps, row),
		.same_no = shared ? r->kind : MAP_SAME_NONE,
		.same = wants_same ? &maps->same : NULL,
		.holder_no = holder_no == HELD_BY_NONE ? MAP_HOLDER_NONE : holder_no,
		.holder = held_maps_holder(&maps->held, row),
		.path = extra ? extra->path : NULL,
		.activity = extra ? extra->activity : NULL,
		.history = extra ? extra->history : NULL,
	};
}

void result_census_view(struct result_census_maps *maps, size_t i, bool wants_same,
			struct map_view *ret)
{
	census_view_row(maps, maps->lists_some ? maps->listed.data[i] : i, wants_same, ret);
}

bool result_census_find(struct result_census_maps *maps, uint64_t addr, struct map_view *ret)
{
	ssize_t row = rows_find(&maps->rows, addr);

	if (row != ROWS_NONE)
		census_view_row(maps, row, true, ret);
	return row != ROWS_NONE;
}
