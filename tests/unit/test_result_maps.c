// SPDX-License-Identifier: GPL-2.0-only
/* Maps of a result share facts. But the view of each is the same as if it were the only map. */
#include "image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/result_fill.h"

enum { ROWS = 4000, FIRST = 0x10000, STEP = 48 };

/* A watch that has only what the maps of a result are made from. */
struct fixture {
	struct image *img;
	struct census census;
	struct snapshot snap;
	struct watch w;
	struct result_source from;
};

static struct map_type types[2] = {
	{ .addr = 0x500000, .name = (char *)"map[string]*main.Session" },
	{ .addr = 0x500100, .name = (char *)"map[string]int" },
};

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->img = image_new(24, "");
	f->snap.census = &f->census;
	f->w.prog = &f->img->prog;
	f->w.snap = &f->snap;
	f->from.w = &f->w;
	return f;
}

static void fixture_free(struct fixture *f)
{
	rows_fini(&f->census.maps);
	history_fini(&f->w.history);
	activities_fini(&f->from.activities);
	findings_fini(&f->from.findings);
	image_free(f->img);
	free(f);
}

static uint64_t addr_of(size_t i)
{
	return FIRST + STEP * i * i;
}

/* The facts of a map; they depend on `kind` alone. */
static struct map_info map_of(size_t kind)
{
	return (struct map_info){
		.live_keys = kind,
		.buckets = kind / 4 + 1,
		.table_bytes = 200 * (kind / 4 + 1),
		.resident_bytes = kind % 3 * 60,
		.rebuild_bytes = 208,
		.tombstones = kind % 7,
		.type = kind % 5 ? &types[kind % 2] : NULL,
		.type_candidates = 1,
		.table_cnt = kind % 9,
		.bucket_sz = kind % 11 ? 200 : 0,
		.consistency = kind % 3,
		.garbage = kind % 13 == 5,
		.on_stack = kind % 17 < 3 ? kind % 17 : 0,
		.small = kind < 8,
	};
}

static void add_at(struct fixture *f, struct map_info m, uint64_t addr)
{
	m.addr = addr;
	assert_true(rows_push(&f->census.maps, &m));
}

static void add(struct fixture *f, struct map_info m)
{
	add_at(f, m, addr_of(f->census.maps.len));
}

static void do_something(struct fixture *f, size_t i, const struct map_type *type)
{
	struct activities *as = &f->from.activities;
	struct activity a = { .addr = addr_of(i), .type = type };

	assert_true(vec_push(&as->maps, a));
	assert_true(table_put(&as->by_addr, a.addr, as->maps.len - 1));
}

/* Makes a result. Without `last` it copies the rows, so the fixture can make another one. */
static struct result *result_of(struct fixture *f, bool last)
{
	struct result *r = result_new();

	assert_non_null(r);
	assert_null(result_fill_maps(r, &f->from, last));
	return r;
}

static struct map_view view(const struct result *r, size_t i)
{
	struct map_view v;

	result_map(r->maps, i, true, &v);
	assert_non_null(v.same);
	return v;
}

/* Compares everything; texts by their contents, as each result has its own copies. */
static void expect_same(const struct map_same *a, const struct map_same *b)
{
	struct map_same x = *a, y = *b;

	assert_int_equal(!a->type->name, !b->type->name);
	if (a->type->name)
		assert_string_equal(a->type->name, b->type->name);
	assert_string_equal(a->type_source, b->type_source);
	assert_string_equal(a->consistency, b->consistency);
	x.type = y.type = NULL;
	x.load = y.load = 0;
	assert_memory_equal(&x, &y, sizeof(x));
}

/* Compares the view of a map with that in a process that has no other map, but the same history
 * and values. */
static void expect_alone(struct fixture *f, const struct result *all, size_t i)
{
	struct fixture *alone = fixture_new();
	struct map_info m = rows_get(&f->census.maps, i);
	const struct map_history *h = history_find(&f->w.history, m.addr);
	struct map_view v = view(all, i), w;
	struct value_count count;
	struct values values = { .census = &alone->census, .rows = &count };

	add_at(alone, m, m.addr);
	if (h) {
		assert_true(vec_push(&alone->w.history.maps, *h));
		assert_true(table_put(&alone->w.history.by_addr, m.addr, 0));
	}
	if (f->w.values) {
		count = f->w.values->rows[i];
		alone->w.values = &values;
	}
	struct result *r = result_of(alone, false);
	w = view(r, 0);
	assert_int_equal(w.same_no, MAP_SAME_NONE);
	assert_int_equal(v.addr, m.addr);
	expect_same(v.same, w.same);
	assert_int_equal(!v.history, !w.history);
	result_free(r);
	fixture_free(alone);
}

static void expect_views(struct fixture *f, size_t step)
{
	struct result *r = result_of(f, false);

	assert_int_equal(result_maps_cnt(r->maps), f->census.maps.len);
	for (size_t i = 0; i < f->census.maps.len; i += step)
		expect_alone(f, r, i);
	result_free(r);
}

static void without_a_census_there_are_no_maps(void **state)
{
	struct fixture *f = fixture_new();
	struct map_view v;

	(void)state;
	struct result *r = result_of(f, false);
	assert_int_equal(result_maps_cnt(r->maps), 0);
	assert_false(result_map_find(r->maps, FIRST, &v));
	result_free(r);
	f->w.snap = NULL;
	r = result_of(f, false);
	assert_int_equal(result_maps_cnt(r->maps), 0);
	result_free(r);
	fixture_free(f);
}

static void maps_of_a_kind_share_a_number(void **state)
{
	struct fixture *f = fixture_new();
	size_t numbers[251];

	(void)state;
	for (size_t i = 0; i < 251; i++)
		numbers[i] = MAP_SAME_NONE;
	for (size_t i = 0; i < ROWS; i++)
		add(f, map_of(i * i % 251));
	struct result *r = result_of(f, false);
	for (size_t i = 0; i < ROWS; i++) {
		size_t *no = &numbers[i * i % 251];
		struct map_view v = view(r, i);

		assert_int_equal(v.addr, addr_of(i));
		assert_int_equal(v.same->live_keys, i * i % 251);
		if (*no != MAP_SAME_NONE)
			assert_int_equal(v.same_no, *no);
		*no = v.same_no;
	}
	result_free(r);
	expect_views(f, 61);
	fixture_free(f);
}

/* A history belongs to one map: others of its kind don't get it. */
static void a_history_is_of_one_map(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (size_t i = 0; i < ROWS + HISTORY_MAPS_MAX; i++)
		add(f, map_of(i % 23));
	assert_null(history_add(&f->w.history, &f->census, 1000));
	assert_null(history_add(&f->w.history, &f->census, 4000000000));
	history_end(&f->w.history, 5000000000);
	assert_true(f->w.history.left_out > 0);
	struct result *r = result_of(f, false);
	size_t followed = 0, shared = 0;
	for (size_t i = 0; i < f->census.maps.len; i++) {
		struct map_view v = view(r, i);
		bool has = history_find(&f->w.history, v.addr);

		followed += has;
		shared += v.same_no != MAP_SAME_NONE;
		assert_int_equal(v.history != NULL, has);
		assert_false(has && v.same_no != MAP_SAME_NONE);
	}
	assert_true(followed > 0 && shared > 0);
	result_free(r);
	expect_views(f, 97);
	fixture_free(f);
}

static void activity_is_of_one_map_and_its_type(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		add(f, map_of(2 * (i % 3) + 1)); /* types[1] */
	do_something(f, 7, NULL);
	do_something(f, 8, &types[1]);
	do_something(f, 9, &types[0]); /* by another map, which had this address before */
	struct result *r = result_of(f, false);
	for (size_t i = 0; i < ROWS; i++) {
		struct map_view v = view(r, i);

		assert_int_equal(v.activity != NULL, i == 7 || i == 8);
		assert_int_not_equal(v.same_no, MAP_SAME_NONE);
	}
	result_free(r);
	fixture_free(f);
}

/* Maps of the same kind, but with different numbers of zero values. */
static void zero_values_are_of_a_map_alone(void **state)
{
	struct fixture *f = fixture_new();
	struct value_count *counts = calloc(ROWS, sizeof(*counts));
	struct values values = { .census = &f->census, .rows = counts };

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		bool sampled = i % 50 == 0;

		add(f, map_of(i % 19));
		counts[i] = (struct value_count){
			.status = i % 31 ? VALUES_OK : VALUES_CHANGED,
			.zero = i % 23,
			.low = sampled ? i % 7 : i % 23,
			.high = sampled ? 100 + i % 11 : i % 23,
			.read = sampled ? 20 + i % 3 : 50,
			.rebuild_bytes = i % 23 < 8 ? 48 : 208,
			.consistency = i % 29 ? MAP_EXACT : MAP_MOVING,
			.sampled = sampled,
		};
	}
	f->w.values = &values;
	expect_views(f, 13);
	free(counts);
	fixture_free(f);
}

static const char *const holder_texts[] = { "*main.Store.sessions", "main.<var>" };

static void hold(struct fixture *f, struct pool *pool)
{
	held_maps_init(&f->from.held, pool, 2, f->census.maps.len);
	assert_int_equal(f->from.held.holders.len, 2);
	for (size_t i = 0; i < 2; i++)
		f->from.held.holders.data[i] = (struct result_holder){ .text = holder_texts[i] };
}

static void maps_share_their_holders(void **state)
{
	struct fixture *f = fixture_new();
	struct pool pool = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		add(f, map_of(i % 19));
	hold(f, &pool);
	for (size_t i = 0; i < ROWS; i++)
		held_maps_set(&f->from.held, i, i % 3); /* there is no holder 2 */
	held_maps_set(&f->from.held, ROWS, 1);
	for (int last = 0; last < 2; last++) {
		struct result *r = result_of(f, last);

		for (size_t i = 0; i < ROWS; i++) {
			struct map_view v = view(r, i);

			assert_int_equal(v.holder_no, i % 3 < 2 ? i % 3 : MAP_HOLDER_NONE);
			assert_int_equal(v.holder != NULL, i % 3 < 2);
			if (v.holder)
				assert_string_equal(v.holder->text, holder_texts[i % 3]);
		}
		result_free(r);
	}
	pool_fini(&pool);
	fixture_free(f);
}

static void without_holders_there_is_no_room_for_them(void **state)
{
	struct held_maps held;
	struct pool pool = { 0 };

	(void)state;
	held_maps_init(&held, &pool, 0, ROWS);
	assert_null(held.by_row);
	held_maps_set(&held, 0, 0);
	assert_int_equal(held_maps_no(&held, 0), HELD_BY_NONE);
	assert_null(held_maps_holder(&held, 0));
	assert_int_equal(pool.bytes, 0);
	pool_fini(&pool);
}

/* A row of the ranking has a holder if all of its maps have it. */
static void a_group_has_the_holder_of_all_its_maps(void **state)
{
	enum { SHARED, SEVERAL, PARTLY, LARGE, UNHELD, GROUPS };
	struct fixture *f = fixture_new();
	struct result *r = result_new();

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct map_info m = { .buckets = 1, .bucket_sz = 200, .live_keys = 1 };

		m.table_bytes = i == LARGE ? 1 << 20 : 1000 * (GROUPS - i % GROUPS);
		m.type_candidates = i % GROUPS; /* another group */
		m.bucket_sz += 8 * (i % GROUPS);
		add(f, m);
	}
	hold(f, &r->pool);
	for (size_t i = 0; i < ROWS; i++) {
		uint32_t no[GROUPS] = { 1, i % 2, i % 7 ? 0 : HELD_BY_NONE, 1, HELD_BY_NONE };

		held_maps_set(&f->from.held, i, no[i == LARGE ? LARGE : i % GROUPS]);
	}
	assert_null(ranking_init(&f->from.ranking, &f->census));
	result_fill_groups(r, &f->from);
	assert_false(r->pool.failed);
	uint64_t several = 0, partly = 0, unheld = 0, alone = 0;
	for (size_t i = 0; i < r->groups.len; i++) {
		const struct result_group *g = &r->groups.data[i];

		for (size_t h = 1; h < g->held_by.len; h++)
			assert_true(g->held_by.data[h - 1].maps >= g->held_by.data[h].maps);
		assert_int_equal(g->held_by.len, g->holders);
		several += g->holders == 2 && !g->holder && g->maps_held == g->maps;
		partly += g->holders == 1 && !g->holder && g->maps_held < g->maps;
		unheld += !g->holders && !g->holder && !g->maps_held;
		alone += g->holders == 1 && g->maps_held == g->maps && g->holder &&
			 !strcmp(g->holder->text, holder_texts[1]);
	}
	assert_int_equal(several, 1);
	assert_int_equal(partly, 1);
	assert_int_equal(unheld, 1);
	assert_int_equal(alone, 3); /* LARGE is two: one map alone, and its small ones */
	ranking_fini(&f->from.ranking);
	result_free(r);
	fixture_free(f);
}

/* --top lists the maps with the largest tables and those in findings, by address. */
static void the_top_and_findings_are_listed(void **state)
{
	struct fixture *f = fixture_new();
	struct finding finding = { .map = { .addr = addr_of(3) } };
	struct map_view v;

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		add(f, map_of(i % 300));
	assert_true(vec_push(&f->from.findings.list, finding));
	f->w.opts.only_top = true;
	f->w.opts.top = 5;
	struct result *r = result_of(f, false);
	assert_int_equal(result_maps_cnt(r->maps), 6);
	assert_int_equal(result_maps_total(r->maps), ROWS);
	assert_int_equal(view(r, 0).addr, addr_of(3));
	for (size_t i = 1; i < 6; i++) {
		assert_int_equal(view(r, i).same->table_bytes, 200 * 75);
		assert_true(view(r, i).addr > view(r, i - 1).addr);
	}
	/* A map that is not listed can still be found. */
	assert_true(result_map_find(r->maps, addr_of(17), &v));
	assert_int_equal(v.same->live_keys, 17);
	result_free(r);

	f->w.opts.top = 0;
	f->from.findings.list.len = 0;
	r = result_of(f, false);
	assert_int_equal(result_maps_cnt(r->maps), 0);
	result_free(r);
	fixture_free(f);
}

/* The last result takes the rows over, and stays valid when everything else is freed. */
static void a_result_outlives_the_watch(void **state)
{
	struct fixture *f = fixture_new();
	struct map_type type = { .addr = 0x500200, .name = strdup("map[int]int") };
	struct map_info m = map_of(9);

	(void)state;
	m.type = &type;
	add(f, m);
	add(f, m);
	struct result *copy = result_of(f, false), *last = result_of(f, true);
	assert_int_equal(f->census.maps.len, 0);
	memset(type.name, 'x', strlen(type.name));
	free(type.name);
	memset(&type, 0, sizeof(type));
	fixture_free(f);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(view(copy, i).same->type->name, "map[int]int");
		assert_string_equal(view(last, i).same->type->name, "map[int]int");
		assert_int_equal(view(last, i).same->live_keys, 9);
	}
	result_free(copy);
	result_free(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_census_there_are_no_maps),
		cmocka_unit_test(maps_of_a_kind_share_a_number),
		cmocka_unit_test(a_history_is_of_one_map),
		cmocka_unit_test(activity_is_of_one_map_and_its_type),
		cmocka_unit_test(zero_values_are_of_a_map_alone),
		cmocka_unit_test(maps_share_their_holders),
		cmocka_unit_test(without_holders_there_is_no_room_for_them),
		cmocka_unit_test(a_group_has_the_holder_of_all_its_maps),
		cmocka_unit_test(the_top_and_findings_are_listed),
		cmocka_unit_test(a_result_outlives_the_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
