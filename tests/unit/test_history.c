// SPDX-License-Identifier: GPL-2.0-only
/* Which maps are followed over several censuses, and what is kept of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/history.h"

enum { MANY = HISTORY_MAPS_MAX + 1000 };

static void add_map(struct census *c, uint64_t addr, uint64_t table_bytes)
{
	struct map_info m = {
		.addr = addr, .live_keys = addr, .buckets = 1, .table_bytes = table_bytes
	};

	assert_true(rows_push(&c->maps, &m));
}

static void the_largest_are_followed(void **state)
{
	struct census c = { 0 };
	struct history h = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= MANY; i++)
		add_map(&c, i, 1 + i * 7919 % 10007); /* all different */
	assert_null(history_add(&h, &c, 1));
	assert_int_equal(h.maps.len, HISTORY_MAPS_MAX);
	assert_int_equal(h.left_out, MANY - HISTORY_MAPS_MAX);

	uint64_t least_followed = UINT64_MAX, most_left_out = 0;
	for (size_t i = 0; i < c.maps.len; i++) {
		const struct map_info row = census_map(&c, i), *m = &row;
		const struct map_history *mh = history_find(&h, m->addr);

		if (!mh && m->table_bytes > most_left_out)
			most_left_out = m->table_bytes;
		if (mh && m->table_bytes < least_followed)
			least_followed = m->table_bytes;
		if (mh)
			assert_int_equal(mh->last_live_keys, m->live_keys);
	}
	assert_true(least_followed > most_left_out);
	rows_fini(&c.maps);
	history_fini(&h);
}

/* A map that is followed stays so, whatever its size; others are added if there is room. */
static void newcomers_take_what_room_there_is(void **state)
{
	struct census first = { 0 }, second = { 0 };
	struct history h = { 0 };

	(void)state;
	add_map(&first, 1, 100);
	add_map(&first, 2, 200);
	assert_null(history_add(&h, &first, 2));
	assert_int_equal(h.left_out, 0);

	add_map(&second, 2, 1);
	for (uint64_t i = 3; i < 3 + HISTORY_MAPS_MAX; i++)
		add_map(&second, i, 1000 + i);
	assert_null(history_add(&h, &second, 3));
	assert_int_equal(h.samples, 2);
	assert_int_equal(h.maps.len, HISTORY_MAPS_MAX);
	assert_int_equal(h.left_out, 2);
	assert_int_equal(history_find(&h, 1)->samples, 1);
	assert_int_equal(history_find(&h, 2)->samples, 2);
	assert_null(history_find(&h, 3)); /* the two smallest of the second census */
	assert_null(history_find(&h, 4));
	assert_non_null(history_find(&h, 5));

	assert_null(history_add(&h, &second, 4));
	assert_int_equal(h.left_out, 2);
	assert_int_equal(history_find(&h, 2)->samples, 3);
	rows_fini(&first.maps);
	rows_fini(&second.maps);
	history_fini(&h);
}

static void garbage_and_suspects_are_not_followed(void **state)
{
	struct census c = { 0 };
	struct history h = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		add_map(&c, i, 100);
	struct map_info garbage = census_map(&c, 0), suspect = census_map(&c, 1);
	garbage.garbage = true;
	suspect.consistency = MAP_SUSPECT;
	assert_true(rows_set(&c.maps, 0, &garbage) && rows_set(&c.maps, 1, &suspect));
	assert_null(history_add(&h, &c, 5));
	assert_int_equal(h.maps.len, 1);
	assert_int_equal(h.left_out, 0);
	assert_non_null(history_find(&h, 3));
	rows_fini(&c.maps);
	history_fini(&h);
}

/* A census every 100 ns, and calls in between. */
static void values_count_for_their_time(void **state)
{
	struct census c = { 0 };
	struct history h = { 0 };

	(void)state;
	add_map(&c, 5, 4096);
	add_map(&c, 6, 4096);
	assert_null(history_add(&h, &c, 100)); /* 5 live keys */
	history_live_keys(&h, 5, 16, 130);
	history_live_keys(&h, 5, 0, 170);
	history_live_keys(&h, 5, 1000, 120); /* older than the one before */
	history_live_keys(&h, 7, 1000, 180); /* not followed */
	history_buckets(&h, 5, 2, 150);
	c.maps.len = 1;
	assert_null(history_add(&h, &c, 200));
	history_end(&h, 250);

	const struct map_history *mh = history_find(&h, 5);
	assert_int_equal(mh->live_keys.ns[0], 30); /* 170 to 200 */
	assert_int_equal(mh->live_keys.ns[3], 80); /* 100 to 130, 200 to 250 */
	assert_int_equal(mh->live_keys.ns[5], 40); /* 130 to 170 */
	assert_int_equal(histogram_total_ns(&mh->live_keys), 150);
	assert_true(mh->live_keys.min == 0 && mh->live_keys.max == 16);
	/* From 1000 to 5: for a fall the record that came late counts, too. */
	assert_int_equal(mh->fall_live_keys, 995);
	assert_int_equal(mh->buckets.ns[1], 100);
	assert_int_equal(mh->buckets.ns[2], 50);
	assert_int_equal(histogram_total_ns(&mh->resident_bytes), 150);
	/* For a map that is gone the time after its last census does not count. */
	assert_int_equal(histogram_total_ns(&history_find(&h, 6)->live_keys), 0);
	assert_int_equal(history_find(&h, 6)->live_keys.min, 6);
	rows_fini(&c.maps);
	history_fini(&h);
}

static void bins_cover_all_numbers(void **state)
{
	(void)state;
	assert_int_equal(histogram_bin_low(0), 0);
	for (unsigned int b = 0; b + 1 < HISTORY_BINS; b++)
		assert_true(histogram_bin_high(b) == histogram_bin_low(b + 1));
	assert_true(histogram_bin_high(HISTORY_BINS - 1) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_are_followed),
		cmocka_unit_test(newcomers_take_what_room_there_is),
		cmocka_unit_test(garbage_and_suspects_are_not_followed),
		cmocka_unit_test(values_count_for_their_time),
		cmocka_unit_test(bins_cover_all_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
