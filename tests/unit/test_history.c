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

	assert_true(vec_push(&c->maps, m));
}

static void the_largest_are_followed(void **state)
{
	struct census c = { 0 };
	struct history h = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= MANY; i++)
		add_map(&c, i, 1 + i * 7919 % 10007); /* all different */
	assert_null(history_add(&h, &c));
	assert_int_equal(h.maps.len, HISTORY_MAPS_MAX);
	assert_int_equal(h.left_out, MANY - HISTORY_MAPS_MAX);

	uint64_t least_followed = UINT64_MAX, most_left_out = 0;
	for (size_t i = 0; i < c.maps.len; i++) {
		const struct map_info *m = &c.maps.data[i];
		const struct map_history *mh = history_find(&h, m->addr);

		if (!mh && m->table_bytes > most_left_out)
			most_left_out = m->table_bytes;
		if (mh && m->table_bytes < least_followed)
			least_followed = m->table_bytes;
		if (mh)
			assert_int_equal(mh->last_live_keys, m->live_keys);
	}
	assert_true(least_followed > most_left_out);
	vec_fini(&c.maps);
	history_fini(&h);
}

/* Who is followed stays so, whatever its size; others come when there is room. */
static void newcomers_take_what_room_there_is(void **state)
{
	struct census first = { 0 }, second = { 0 };
	struct history h = { 0 };

	(void)state;
	add_map(&first, 1, 100);
	add_map(&first, 2, 200);
	assert_null(history_add(&h, &first));
	assert_int_equal(h.left_out, 0);

	add_map(&second, 2, 1);
	for (uint64_t i = 3; i < 3 + HISTORY_MAPS_MAX; i++)
		add_map(&second, i, 1000 + i);
	assert_null(history_add(&h, &second));
	assert_int_equal(h.samples, 2);
	assert_int_equal(h.maps.len, HISTORY_MAPS_MAX);
	assert_int_equal(h.left_out, 2);
	assert_int_equal(history_find(&h, 1)->samples, 1);
	assert_int_equal(history_find(&h, 2)->samples, 2);
	assert_null(history_find(&h, 3)); /* the two smallest of the second census */
	assert_null(history_find(&h, 4));
	assert_non_null(history_find(&h, 5));

	assert_null(history_add(&h, &second));
	assert_int_equal(h.left_out, 2);
	assert_int_equal(history_find(&h, 2)->samples, 3);
	vec_fini(&first.maps);
	vec_fini(&second.maps);
	history_fini(&h);
}

static void garbage_and_suspects_are_not_followed(void **state)
{
	struct census c = { 0 };
	struct history h = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		add_map(&c, i, 100);
	c.maps.data[0].garbage = true;
	c.maps.data[1].consistency = MAP_SUSPECT;
	assert_null(history_add(&h, &c));
	assert_int_equal(h.maps.len, 1);
	assert_int_equal(h.left_out, 0);
	assert_non_null(history_find(&h, 3));
	vec_fini(&c.maps);
	history_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_are_followed),
		cmocka_unit_test(newcomers_take_what_room_there_is),
		cmocka_unit_test(garbage_and_suspects_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
