// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/clock.h"
#include "model/result_trail.h"

static void note(struct trails *t, const char *key, uint64_t second, uint64_t keys)
{
	struct trail_point p = { second * NS_PER_S, 10 * keys, keys };

	assert_true(trails_add(t, key, &p));
}

static void test_found_after_settle(void **state)
{
	struct trails t = { 0 };

	(void)state;
	note(&t, "b", 1, 5);
	note(&t, "a", 1, 7);
	assert_null(trails_find(&t, "a"));
	trails_settle(&t);
	assert_int_equal(trail_point(trails_find(&t, "a"), 0)->keys, 7);
	assert_int_equal(trail_point(trails_find(&t, "b"), 0)->bytes, 50);
	assert_null(trails_find(&t, "c"));
	trails_fini(&t);
}

static void test_ring_keeps_the_last(void **state)
{
	struct trails t = { 0 };

	(void)state;
	for (uint64_t i = 0; i < TRAIL_POINTS + 10; i++) {
		note(&t, "a", i, i);
		trails_settle(&t);
	}
	const struct trail *a = trails_find(&t, "a");
	assert_int_equal(a->len, TRAIL_POINTS);
	assert_int_equal(trail_point(a, 0)->keys, 10);
	assert_int_equal(trail_point(a, TRAIL_POINTS - 1)->keys, TRAIL_POINTS + 9);
	trails_fini(&t);
}

static void test_rate(void **state)
{
	struct trails t = { 0 };

	(void)state;
	note(&t, "a", 1, 100);
	trails_settle(&t);
	assert_true(isnan(trail_keys_per_s(trails_find(&t, "a"))));
	note(&t, "a", 5, 60);
	trails_settle(&t);
	assert_true(trail_keys_per_s(trails_find(&t, "a")) == -10);
	trails_fini(&t);
}

static void test_the_oldest_go(void **state)
{
	struct trails t = { 0 };
	char key[32];

	(void)state;
	note(&t, "old", 1, 1);
	trails_settle(&t);
	for (int i = 0; i < TRAILS_MAX; i++) {
		snprintf(key, sizeof(key), "new %d", i);
		note(&t, key, 2, 1);
	}
	trails_settle(&t);
	assert_int_equal(t.by_key.len, TRAILS_MAX);
	assert_null(trails_find(&t, "old"));
	assert_non_null(trails_find(&t, "new 0"));
	trails_fini(&t);
}

static void test_things_are_bounded(void **state)
{
	struct trails t = { 0 };
	struct trail_point p = { 1, 1, 1 };
	char key[32];

	(void)state;
	for (int i = 0; i < 2 * TRAILS_MAX; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_true(trails_add(&t, key, &p));
	}
	assert_false(trails_add(&t, "one more", &p));
	trails_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_after_settle),
		cmocka_unit_test(test_ring_keeps_the_last),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_the_oldest_go),
		cmocka_unit_test(test_things_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
