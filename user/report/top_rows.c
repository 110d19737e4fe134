// SPDX-License-Identifier: GPL-2.0-only
#include "report/top_rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"

const char *const top_column_names[TOP_COLUMN_CNT] = {
	[TOP_TABLES] = "tables", [TOP_KEYS] = "keys",	  [TOP_SLOTS] = "slots",
	[TOP_LOAD] = "load",	 [TOP_BACK] = "back",	  [TOP_RETAINED] = "retained",
	[TOP_MAPS] = "maps",	 [TOP_INSERTS] = "ins/s", [TOP_DELETES] = "del/s",
	[TOP_GAIN] = "gain/s",
};

static double optional(struct opt_u64 v)
{
	return v.known ? (double)v.v : NAN;
}

static void key_of(const char *id, uint64_t addr, const char *what, char ret[TOP_KEY_SZ])
{
	if (id)
		snprintf(ret, TOP_KEY_SZ, "%s %s", what, id);
	else
		snprintf(ret, TOP_KEY_SZ, "%s 0x%" PRIx64, what, addr);
}

static void top_group_key(const struct result_group *g, char ret[TOP_KEY_SZ])
{
	key_of(g->id, g->largest_map, "group", ret);
}

static void top_map_key(const struct map_view *m, char ret[TOP_KEY_SZ])
{
	key_of(m->id, m->addr, "map", ret);
}

/* ---- trails ---- */

void top_note(struct trails *trails, struct result *r, uint64_t now_ns)
{
	struct trail_point p = { now_ns, r->memory ? r->memory->rss_bytes : r->target.rss_bytes,
				 r->census.taken ? r->census.taken->totals.live_keys : 0 };
	char key[TOP_KEY_SZ];
	struct map_view m;

	trails_add(trails, "process", &p);
	for (size_t i = 0; i < r->groups.len; i++) {
		const struct result_group *g = &r->groups.data[i];

		top_group_key(g, key);
		trails_add(trails, key,
			   &(struct trail_point){ now_ns, g->table_bytes, g->live_keys });
	}
	for (size_t i = 0; i < result_maps_cnt(r->maps); i++) {
		result_map(r->maps, i, /* wants_same= */ true, &m);
		top_map_key(&m, key);
		trails_add(trails, key,
			   &(struct trail_point){ now_ns, m.same->table_bytes, m.same->live_keys });
	}
	trails_settle(trails);
}

/* ---- what a row has ---- */

static void row_rate(struct top_row *row, enum top_column column, enum map_op op)
{
	const struct result_op *did = row->activity ? &row->activity->ops[op] : NULL;

	if (!did || !did->hits)
		return;
	row->lower_bounds[column] = did->is_lower_bound && did->per_s_low > 0;
	row->values[column] = row->lower_bounds[column] ? did->per_s_low : did->per_s;
}

/* What groups and maps have in common. */
static void row_finish(struct top_row *row, const struct top_state *state)
{
	double slots = row->values[TOP_SLOTS];

	row->values[TOP_LOAD] = slots > 0 ? row->values[TOP_KEYS] / slots : NAN;
	row->trail = trails_find(state->trails, row->key);
	row->values[TOP_GAIN] = row->trail ? trail_keys_per_s(row->trail) : NAN;
	row->values[TOP_INSERTS] = NAN;
	row->values[TOP_DELETES] = NAN;
	row_rate(row, TOP_INSERTS, MAP_OP_INSERT);
	row_rate(row, TOP_DELETES, MAP_OP_DELETE);
}

static const struct result_activity *group_activity(const struct result *r,
						    const struct result_group *g)
{
	const struct result_traced *t = r->trace.traced;

	for (size_t i = 0; t && i < t->busiest.len; i++)
		if (t->busiest.data[i].rank == g->rank)
			return &t->busiest.data[i].activity;
	return NULL;
}

static struct top_row row_of_group(const struct top_state *state, const struct result_group *g)
{
	struct top_row row = {
		.type = g->label ? g->label : "?",
		.holder = g->holder	   ? g->holder
			  : g->held_by.len ? g->held_by.data[0].holder
					   : NULL,
		.activity = group_activity(state->r, g),
		.group = g,
		.map = g->largest_map,
	};

	top_group_key(g, row.key);
	row.values[TOP_TABLES] = (double)g->table_bytes;
	row.values[TOP_KEYS] = (double)g->live_keys;
	row.values[TOP_SLOTS] = (double)g->slots;
	row.values[TOP_BACK] = optional(g->gives_back_resident_bytes);
	row.values[TOP_RETAINED] = optional(g->retained_bytes);
	row.values[TOP_MAPS] = (double)g->maps;
	row_finish(&row, state);
	return row;
}

static struct top_row row_of_map(const struct top_state *state, const struct map_view *m)
{
	struct top_row row = {
		.type = m->same->type->name	   ? m->same->type->name
			: m->same->type_candidates ? "map (several types fit)"
						   : "map of unknown type",
		.holder = m->holder,
		.path = m->path,
		.activity = m->activity,
		.map = m->addr,
	};

	top_map_key(m, row.key);
	row.values[TOP_TABLES] = (double)m->same->table_bytes;
	row.values[TOP_KEYS] = (double)m->same->live_keys;
	row.values[TOP_SLOTS] = (double)m->same->slots;
	row.values[TOP_BACK] = optional(m->same->gives_back_resident_bytes);
	row.values[TOP_RETAINED] = optional(m->retained_bytes);
	row.values[TOP_MAPS] = 1;
	row_finish(&row, state);
	return row;
}

/* ---- which rows, in which order ---- */

static bool row_passes(const struct top_row *row, const char *filter)
{
	return !*filter || strcasestr(row->type, filter) ||
	       (row->holder && row->holder->text && strcasestr(row->holder->text, filter));
}

static void rows_add(struct top_rows *t, const struct top_view *view, const struct top_row *row)
{
	if (row_passes(row, view->filter) && !vec_push(&t->rows, *row))
		t->failed = true;
}

static void rows_add_maps(struct top_rows *t, const struct top_state *state,
			  const struct top_view *view)
{
	struct map_view m;

	for (size_t i = 0; i < result_maps_cnt(state->r->maps); i++) {
		result_map(state->r->maps, i, /* wants_same= */ true, &m);
		if (m.same->garbage)
			continue;
		struct top_row row = row_of_map(state, &m);
		rows_add(t, view, &row);
	}
}

/* Unknown values come last, whatever the order. */
static int cmp_top_value(double x, double y, bool reverse)
{
	if (isnan(x) || isnan(y))
		return !!isnan(x) - !!isnan(y);
	int most_first = (x < y) - (x > y);

	return reverse ? -most_first : most_first;
}

static int cmp_top_rows(const void *a, const void *b, void *arg)
{
	const struct top_row *x = a, *y = b;
	const struct top_view *view = arg;
	int order = cmp_top_value(x->values[view->sort], y->values[view->sort], view->reverse);

	if (!order)
		order = cmp_top_value(x->values[TOP_TABLES], y->values[TOP_TABLES], false);
	return order ? order : strcmp(x->key, y->key);
}

void top_rows_make(struct top_rows *t, const struct top_state *state, const struct top_view *view)
{
	struct top_view by = *view;

	if (!state->r)
		return;
	if (view->single)
		rows_add_maps(t, state, view);
	for (size_t i = 0; !view->single && i < state->r->groups.len; i++) {
		struct top_row row = row_of_group(state, &state->r->groups.data[i]);
		rows_add(t, view, &row);
	}
	if (t->rows.len)
		qsort_r(t->rows.data, t->rows.len, sizeof(t->rows.data[0]), cmp_top_rows, &by);
}

void top_rows_fini(struct top_rows *t)
{
	vec_fini(&t->rows);
}

/* ---- cells ---- */

enum { TOP_COUNT_WHOLE = 10000000 };

static void cell_count(double v, char ret[TOP_CELL_SZ])
{
	snprintf(ret, TOP_CELL_SZ, "%s",
		 v < TOP_COUNT_WHOLE ? text_count((uint64_t)v).s : text_rate(v).s);
}

static void cell_gain(double v, char ret[TOP_CELL_SZ])
{
	if (v == 0)
		snprintf(ret, TOP_CELL_SZ, "0");
	else
		snprintf(ret, TOP_CELL_SZ, "%s%s", v < 0 ? "-" : "+", text_rate(fabs(v)).s);
}

void top_cell(const struct top_row *row, enum top_column column, char ret[TOP_CELL_SZ])
{
	double v = row->values[column];

	snprintf(ret, TOP_CELL_SZ, "-");
	if (isnan(v))
		return;
	switch (column) {
	case TOP_TABLES:
	case TOP_BACK:
	case TOP_RETAINED:
		snprintf(ret, TOP_CELL_SZ, "%s", text_bytes((uint64_t)v).s);
		break;
	case TOP_KEYS:
	case TOP_SLOTS:
	case TOP_MAPS:
		cell_count(v, ret);
		break;
	case TOP_LOAD:
		snprintf(ret, TOP_CELL_SZ, "%.0f%%", 100 * v);
		break;
	case TOP_INSERTS:
	case TOP_DELETES:
		snprintf(ret, TOP_CELL_SZ, "%s%s", row->lower_bounds[column] ? ">" : "",
			 text_rate(v).s);
		break;
	case TOP_GAIN:
		cell_gain(v, ret);
		break;
	case TOP_COLUMN_CNT:
		break;
	}
}
