// SPDX-License-Identifier: GPL-2.0-only
/* Sums over maps: what each row adds, and what it takes out when other facts become known of
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "maps/totals.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

/* 10 buckets of 80 bytes: a key takes 10 bytes. */
static const struct map_info holey = {
	.live_keys = 20,
	.buckets = 10,
	.table_bytes = 800,
	.resident_bytes = 500,
	.old_bytes = 160,
	.rebuild_bytes = 320,
	.bucket_sz = 80,
};

static void push(struct map_rows *r, const struct map_info *m, size_t times)
{
	for (size_t i = 0; i < times; i++)
		assert_true(rows_push(r, m));
}

static void expect_sums(const struct map_rows *r, const struct map_totals *wanted)
{
	struct map_totals t = totals_of(r);

	assert_memory_equal(&t, wanted, sizeof(t));
}

/* Adds maps and checks the sums; then makes all of them garbage, which is in no sum but its
 * count. */
static void expect(const struct map_info *m, size_t cnt, const struct map_totals *wanted)
{
	const struct map_info garbage = { .garbage = true };
	const struct map_totals none = { .garbage_cnt = cnt };
	struct map_rows r = { 0 };

	for (size_t i = 0; i < cnt; i++)
		push(&r, &m[i], 1);
	expect_sums(&r, wanted);
	for (size_t i = 0; i < cnt; i++)
		assert_true(rows_set(&r, i, &garbage));
	expect_sums(&r, &none);
	rows_fini(&r);
}

static void a_map_is_added_and_becomes_another(void **state)
{
	const struct map_totals wanted = {
		.map_cnt = 1,
		.exact_cnt = 1,
		.live_keys = 20,
		.slots = 80,
		.table_bytes = 800,
		.resident_bytes = 500,
		.live_resident_bytes = 200,
		.hole_bytes = 600,
		.old_bytes = 160,
		.gives_back_bytes = 480,
		.gives_back_resident_bytes = 180,
		.scan_bytes = 800,
	};

	(void)state;
	expect(&holey, 1, &wanted);
}

/* Bytes that are not in memory are not live memory. When little is in memory a rebuild gives
 * nothing back. */
static void swapped_out_and_without_pointers(void **state)
{
	struct map_info m = holey;
	struct map_totals wanted = {
		.map_cnt = 1,
		.moving_cnt = 1,
		.live_keys = 20,
		.slots = 80,
		.table_bytes = 800,
		.resident_bytes = 150,
		.live_resident_bytes = 150,
		.hole_bytes = 600,
		.old_bytes = 160,
		.gives_back_bytes = 480,
	};

	(void)state;
	m.consistency = MAP_MOVING;
	m.resident_bytes = 150;
	m.noscan = true;
	expect(&m, 1, &wanted);
}

/* The tables count, but how much of them is holes is not known: all counts as live. */
static void a_bucket_of_unknown_size(void **state)
{
	struct map_info m = holey;
	const struct map_totals wanted = {
		.map_cnt = 1,
		.exact_cnt = 1,
		.live_keys = 20,
		.slots = 80,
		.table_bytes = 800,
		.resident_bytes = 500,
		.live_resident_bytes = 500,
		.old_bytes = 160,
		.unknown_size_cnt = 1,
		.scan_bytes = 800,
	};

	(void)state;
	m.bucket_sz = 0;
	expect(&m, 1, &wanted);
}

static void what_counts_in_no_sum(void **state)
{
	struct map_info m[3] = { holey, holey, holey };
	const struct map_totals wanted = { .suspect_cnt = 2, .garbage_cnt = 2 };

	(void)state;
	m[0].consistency = MAP_SUSPECT;
	m[1].garbage = true;
	m[2].consistency = MAP_SUSPECT;
	m[2].garbage = true;
	expect(m, CNT(m), &wanted);
}

static void headers_on_stacks_are_counted(void **state)
{
	struct map_info m[3] = { { .on_stack = MAP_ON_HEAP },
				 { .on_stack = MAP_ON_STACK },
				 { .on_stack = MAP_ON_RUNNING_STACK } };
	const struct map_totals wanted = {
		.map_cnt = 3, .exact_cnt = 3, .on_stack_cnt = 2, .unknown_size_cnt = 3
	};

	(void)state;
	expect(m, CNT(m), &wanted);
}

/* As when a traced call tells the type of one of many maps. */
static void a_row_among_others_changes(void **state)
{
	struct map_info before = holey, after = holey;
	struct map_rows r = { 0 };

	(void)state;
	before.bucket_sz = 0;
	before.noscan = true;
	after.rebuild_bytes = 240;
	push(&r, &holey, 1);
	push(&r, &before, 1);
	push(&r, &holey, 1);
	assert_true(rows_set(&r, 1, &after));

	struct map_totals t = totals_of(&r);
	assert_int_equal(t.map_cnt, 3);
	assert_int_equal(t.hole_bytes, 3 * 600);
	assert_int_equal(t.scan_bytes, 3 * 800);
	assert_int_equal(t.gives_back_bytes, 2 * 480 + 560);
	assert_int_equal(t.gives_back_resident_bytes, 2 * 180 + 260);
	assert_int_equal(t.unknown_size_cnt, 0);
	rows_fini(&r);
}

/* Three kinds with different numbers of rows: every field counts once per row. */
static void many_maps_are_as_many_times_one(void **state)
{
	enum { FIELDS = sizeof(struct map_totals) / sizeof(uint64_t), N = 1000 };
	struct map_info m[3] = { holey, holey, holey };
	struct map_rows one[3] = { 0 }, all = { 0 };
	uint64_t words[3][FIELDS], sums[FIELDS];

	(void)state;
	m[1].bucket_sz = 0;
	m[1].on_stack = MAP_ON_STACK;
	m[1].consistency = MAP_MOVING;
	m[2].consistency = MAP_SUSPECT;
	m[2].garbage = true;
	for (int i = 0; i < 3; i++) {
		push(&one[i], &m[i], 1);
		push(&all, &m[i], (i + 1) * N);
		memcpy(words[i], &(struct map_totals[]){ totals_of(&one[i]) }, sizeof(words[i]));
		rows_fini(&one[i]);
	}
	assert_int_equal(all.kinds.len, 3);
	memcpy(sums, &(struct map_totals[]){ totals_of(&all) }, sizeof(sums));
	for (int f = 0; f < FIELDS; f++) {
		assert_int_equal(sums[f], N * (words[0][f] + 2 * words[1][f] + 3 * words[2][f]));
		assert_true(sums[f] > 0);
	}
	rows_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_is_added_and_becomes_another),
		cmocka_unit_test(swapped_out_and_without_pointers),
		cmocka_unit_test(a_bucket_of_unknown_size),
		cmocka_unit_test(what_counts_in_no_sum),
		cmocka_unit_test(headers_on_stacks_are_counted),
		cmocka_unit_test(a_row_among_others_changes),
		cmocka_unit_test(many_maps_are_as_many_times_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
