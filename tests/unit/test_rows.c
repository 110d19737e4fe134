// SPDX-License-Identifier: GPL-2.0-only
/* Whatever a row is, packed or whole, it comes out as it went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "maps/rows.h"

enum { TYPES = 5, N = 20000 };

static const struct map_type types[TYPES], foreign;
static uint64_t state = 88172645463325252;

static uint64_t random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static struct map_rows rows_empty(void)
{
	return (struct map_rows){ .types = types, .type_cnt = TYPES };
}

/* 0 to 2^bits - 1, with the edges more often than chance has them. */
static uint64_t some(unsigned int bits)
{
	uint64_t most = (1ull << bits) - 1;

	switch (random_u64() % 4) {
	case 0:
		return 0;
	case 1:
		return most;
	default:
		return random_u64() & most;
	}
}

/* Small ones nine times out of ten. */
static struct map_info random_map(uint64_t addr)
{
	bool large = random_u64() % 10 == 0;
	struct map_info m = {
		.addr = addr,
		.live_keys = some(large ? 40 : 4),
		.buckets = large ? some(37) : 1,
		.table_bytes = some(large ? 44 : 16),
		.resident_bytes = some(large ? 44 : 16),
		.rebuild_bytes = some(large ? 44 : 16),
		.table_cnt = some(large ? 24 : 1),
		.bucket_sz = some(16),
		.type_candidates = some(16),
		.shape_candidates = some(16),
		.consistency = random_u64() % 3,
		.type_source = random_u64() % 6,
		.garbage = random_u64() & 1,
		.small = random_u64() & 1,
		.on_stack = random_u64() % 3,
		.noscan = random_u64() & 1,
	};

	if (random_u64() % 3)
		m.type = &types[random_u64() % TYPES];
	else if (random_u64() % 20 == 0)
		m.type = &foreign;
	if (large) {
		m.old_bytes = some(30);
		m.tombstones = some(30);
		m.overflow_buckets = some(30);
	}
	return m;
}

static void expect_same(const struct map_rows *r, size_t i, const struct map_info *m)
{
	struct map_info got = rows_get(r, i);

	assert_memory_equal(&got, m, sizeof(got));
	assert_int_equal(rows_find(r, m->addr), i);
}

static void rows_come_out_as_they_went_in(void **unused)
{
	struct map_info *maps = calloc(N, sizeof(*maps));
	struct map_rows r = rows_empty();

	(void)unused;
	for (size_t i = 0; i < N; i++) {
		maps[i] = random_map(0xc000000000 + 48 * i);
		assert_true(rows_push(&r, &maps[i]));
	}
	assert_true(r.whole.len > N / 20 && r.whole.len < N / 5);
	for (size_t i = 0; i < N; i++)
		expect_same(&r, i, &maps[i]);
	/* Small ones become large, and large ones small. */
	for (size_t i = 0; i < N; i += 3) {
		maps[i] = random_map(maps[i].addr);
		assert_true(rows_set(&r, i, &maps[i]));
	}
	for (size_t i = 0; i < N; i++)
		expect_same(&r, i, &maps[i]);
	assert_int_equal(rows_find(&r, 0xc000000001), ROWS_NONE);
	assert_int_equal(rows_find(&r, 0xc000000000 + (1ull << 48)), ROWS_NONE);
	rows_fini(&r);
	free(maps);
}

/* Each bound: what just fits is packed, and one more is kept whole. */
static void what_does_not_fit_is_kept_whole(void **unused)
{
	const struct map_info most = {
		.addr = (1ull << 48) - 8,
		.live_keys = 15,
		.buckets = 1,
		.table_bytes = UINT16_MAX,
		.resident_bytes = UINT16_MAX,
		.rebuild_bytes = UINT16_MAX,
		.table_cnt = 1,
		.bucket_sz = UINT16_MAX,
		.type = &types[TYPES - 1],
	};
	struct map_info over[11];
	struct map_rows r = rows_empty();

	(void)unused;
	for (size_t i = 0; i < 11; i++)
		over[i] = most;
	over[0].live_keys++;
	over[1].buckets++;
	over[2].table_bytes++;
	over[3].resident_bytes++;
	over[4].rebuild_bytes++;
	over[5].table_cnt++;
	over[6].buckets = 0;
	over[7].type = &foreign;
	over[8].old_bytes++;
	over[9].tombstones++;
	over[10].overflow_buckets++;
	assert_true(rows_push(&r, &most));
	assert_int_equal(r.whole.len, 0);
	for (size_t i = 0; i < 11; i++) {
		assert_true(rows_push(&r, &over[i]));
		assert_int_equal(r.whole.len, i + 1);
	}
	for (size_t i = 0; i < 11; i++) {
		struct map_info got = rows_get(&r, i + 1);

		assert_memory_equal(&got, &over[i], sizeof(got));
	}
	rows_fini(&r);
}

/* Rows of several lists, the late ones in no order, end in one. */
static void lists_are_put_together(void **unused)
{
	struct map_info *maps = calloc(N, sizeof(*maps));
	struct map_rows r = rows_empty(), part = rows_empty(), late = rows_empty();

	(void)unused;
	for (size_t i = 0; i < N; i++) {
		maps[i] = random_map(0xc000000000 + 48 * i);
		if (i % 7 == 3)
			continue;
		assert_true(rows_push(&part, &maps[i]));
		if (i % 100 == 99) {
			assert_true(rows_append(&r, &part));
			assert_int_equal(part.len, 0);
		}
	}
	assert_true(rows_append(&r, &part));
	for (size_t i = 0; i < N; i++) {
		size_t at = (i * 7919) % N;

		if (at % 7 == 3)
			assert_true(rows_push(&late, &maps[at]));
	}
	assert_true(rows_merge(&r, &late));
	assert_int_equal(r.len, N);
	assert_int_equal(late.len, 0);
	for (size_t i = 0; i < N; i++)
		expect_same(&r, i, &maps[i]);
	rows_fini(&r);
	rows_fini(&part);
	rows_fini(&late);
	free(maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_out_as_they_went_in),
		cmocka_unit_test(what_does_not_fit_is_kept_whole),
		cmocka_unit_test(lists_are_put_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
