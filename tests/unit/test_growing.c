// SPDX-License-Identifier: GPL-2.0-only
/* Which maps grow steadily, by the numbers of keys at the censuses. */
#include "image.h"

#include "base/clock.h"
#include "model/growing.h"

enum { CENSUSES = 17, STEP_MS = 600 };

static const struct go_layout swiss_layout = { .kind = MAP_SWISS };
static struct map_type type = { .addr = 0x1000, .name = (char *)"map[int]int" };

/* The number of keys of map `map` at a census. */
typedef uint64_t (*keys_fn)(unsigned int map, unsigned int census);

struct watched {
	struct history history;
	struct census census;
	struct growing_maps growing;
};

static void watched_fini(struct watched *w)
{
	growing_fini(&w->growing);
	history_fini(&w->history);
	rows_fini(&w->census.maps);
}

static void census_fill(struct census *c, unsigned int maps, unsigned int nth, keys_fn keys)
{
	rows_fini(&c->maps);
	*c = (struct census){ 0 };
	for (unsigned int i = 0; i < maps; i++) {
		struct map_info m = { .addr = 0x10000 + 64 * i,
				      .live_keys = keys(i, nth),
				      .buckets = 1 + keys(i, nth) / 6,
				      .bucket_sz = 136,
				      .table_bytes = 64,
				      .type = &type };

		if (m.live_keys)
			assert_true(rows_push(&c->maps, &m));
	}
}

static void watch_maps(struct watched *w, unsigned int maps, unsigned int censuses, keys_fn keys)
{
	*w = (struct watched){ 0 };
	for (unsigned int n = 0; n < censuses; n++) {
		census_fill(&w->census, maps, n, keys);
		assert_null(
			history_add(&w->history, &w->census, NS_PER_S + n * STEP_MS * NS_PER_MS));
	}
	assert_null(growing_find(&w->history, &w->census, &w->growing));
}

static void expect_none(unsigned int maps, keys_fn keys)
{
	struct watched w;

	watch_maps(&w, maps, CENSUSES, keys);
	assert_int_equal(w.growing.list.len, 0);
	watched_fini(&w);
}

static uint64_t leak(unsigned int map, unsigned int census)
{
	(void)map;
	return 10000 + 300 * census;
}

static void a_leak_is_found(void **state)
{
	struct watched w;

	(void)state;
	watch_maps(&w, 1, CENSUSES, leak);
	assert_int_equal(w.growing.list.len, 1);
	const struct growing *g = &w.growing.list.data[0];
	assert_int_equal(g->map.addr, 0x10000);
	assert_int_equal(g->gained_keys, 300 * (CENSUSES - 1));
	assert_true(g->keys_per_s > 499.9 && g->keys_per_s < 500.1);
	assert_null(growing_doubt(g, &swiss_layout, 60 * NS_PER_S));
	watched_fini(&w);
}

/* More censuses than there are points in the history. */
static void a_long_watch_is_no_different(void **state)
{
	struct watched w;

	(void)state;
	watch_maps(&w, 1, 10 * HISTORY_POINTS + 3, leak);
	assert_int_equal(w.growing.list.len, 1);
	assert_true(w.growing.list.data[0].keys_per_s > 499.9);
	assert_true(w.growing.list.data[0].keys_per_s < 500.1);
	watched_fini(&w);
}

static uint64_t in_bursts(unsigned int map, unsigned int census)
{
	(void)map;
	return 10000 + 2000 * (census / 4);
}

static void bursts_are_growth(void **state)
{
	struct watched w;

	(void)state;
	watch_maps(&w, 1, CENSUSES, in_bursts);
	assert_int_equal(w.growing.list.len, 1);
	watched_fini(&w);
}

/* Each map alone gains too little to tell. */
static uint64_t in_shards(unsigned int map, unsigned int census)
{
	return 100 + (census * 7 + map) / 20;
}

static void many_maps_leak_together(void **state)
{
	struct watched w;

	(void)state;
	watch_maps(&w, 200, CENSUSES, in_shards);
	assert_int_equal(w.growing.list.len, 1);
	assert_int_equal(w.growing.list.data[0].map_cnt, 200);
	watched_fini(&w);
}

static uint64_t filled_once(unsigned int map, unsigned int census)
{
	(void)map;
	return census < 13 ? 1000 * (census + 1) : 13000;
}

static uint64_t cleared(unsigned int map, unsigned int census)
{
	(void)map;
	return 100 + 500 * (census % 5);
}

static uint64_t swapped(unsigned int map, unsigned int census)
{
	return (census / 4) % 2 == map ? 100 + 500 * (census % 4) : 1600;
}

static uint64_t full(unsigned int map, unsigned int census)
{
	(void)map;
	return 50000 + census % 3 * 20;
}

static uint64_t begun_late(unsigned int map, unsigned int census)
{
	(void)map;
	return census < 10 ? 1000 : 1000 + 100 * (census - 9);
}

static uint64_t slowing_down(unsigned int map, unsigned int census)
{
	(void)map;
	return 100000 - (100000 >> census);
}

static uint64_t replaced(unsigned int map, unsigned int census)
{
	return census / 6 == map ? 1000 * (census + 1) : 0;
}

static void healthy_maps_are_not(void **state)
{
	(void)state;
	expect_none(1, filled_once);
	expect_none(1, cleared);
	expect_none(2, swapped);
	expect_none(1, full);
	expect_none(1, begun_late);
	expect_none(1, slowing_down);
	expect_none(3, replaced);
}

/* What the trace sees between the censuses counts, too. */
static void clears_between_censuses_count(void **state)
{
	struct watched w;

	(void)state;
	watch_maps(&w, 1, CENSUSES, leak);
	growing_fini(&w.growing);
	w.history.maps.data[0].fall_live_keys = 800;
	assert_null(growing_find(&w.history, &w.census, &w.growing));
	assert_int_equal(w.growing.list.len, 0);
	watched_fini(&w);
}

static void short_watches_tell_nothing(void **state)
{
	struct watched w;

	(void)state;
	watch_maps(&w, 1, 3, leak);
	assert_int_equal(w.growing.list.len, 0);
	watched_fini(&w);
}

static void doubts(void **state)
{
	struct growing g = { .map = { .live_keys = 1000, .buckets = 256 },
			     .live_keys = 1000,
			     .keys_per_s = 100 };

	(void)state;
	/* As old as the process, or a quarter of it. */
	assert_null(growing_doubt(&g, &swiss_layout, 12 * NS_PER_S));
	assert_null(growing_doubt(&g, &swiss_layout, 39 * NS_PER_S));
	assert_non_null(growing_doubt(&g, &swiss_layout, 41 * NS_PER_S));
	/* 5 minutes of growth count in any process. */
	g.live_keys = 30001;
	assert_null(growing_doubt(&g, &swiss_layout, 1000000 * NS_PER_S));
	/* A table that was larger once. */
	g.map.buckets = 512;
	assert_non_null(growing_doubt(&g, &swiss_layout, 12 * NS_PER_S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leak_is_found),
		cmocka_unit_test(a_long_watch_is_no_different),
		cmocka_unit_test(bursts_are_growth),
		cmocka_unit_test(many_maps_leak_together),
		cmocka_unit_test(healthy_maps_are_not),
		cmocka_unit_test(clears_between_censuses_count),
		cmocka_unit_test(short_watches_tell_nothing),
		cmocka_unit_test(doubts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
