// SPDX-License-Identifier: GPL-2.0-only
/* Rows come out as they went in, and each is counted once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "maps/rows.h"

enum { TYPES = 5, N = 20000 };

static const struct map_type types[TYPES];
static uint64_t state = 88172645463325252;

static uint64_t random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* A number from 0 to 2^bits - 1; the edges come more often than at random. */
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

/* A small map nine times out of ten. */
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

/* Sums over the kinds must be sums over the rows. */
static void expect_counted(const struct map_rows *r)
{
	uint64_t *cnts = calloc(r->kinds.len, sizeof(*cnts));

	for (size_t i = 0; i < r->len; i++)
		cnts[r->data[i].kind]++;
	for (size_t i = 0; i < r->kinds.len; i++)
		assert_int_equal(r->kinds.data[i].cnt, cnts[i]);
	free(cnts);
}

static void rows_come_out_as_they_went_in(void **unused)
{
	struct map_info *maps = calloc(N, sizeof(*maps));
	struct map_rows r = { 0 };

	(void)unused;
	for (size_t i = 0; i < N; i++) {
		maps[i] = random_map(0xc000000000 + 48 * i);
		assert_true(rows_push(&r, &maps[i]));
	}
	assert_true(r.kinds.len > N / 2);
	for (size_t i = 0; i < N; i++)
		expect_same(&r, i, &maps[i]);
	/* Other facts become known of some maps. */
	for (size_t i = 0; i < N; i += 3) {
		maps[i] = random_map(maps[i].addr);
		assert_true(rows_set(&r, i, &maps[i]));
	}
	for (size_t i = 0; i < N; i++)
		expect_same(&r, i, &maps[i]);
	expect_counted(&r);
	assert_int_equal(rows_find(&r, 0xc000000001), ROWS_NONE);
	assert_int_equal(rows_find(&r, 0xc000000000 + (1ull << 48)), ROWS_NONE);
	rows_fini(&r);
	free(maps);
}

/* Maps that differ in one field are of two kinds, no matter which field. */
static void every_field_tells_kinds_apart(void **unused)
{
	struct map_info base = random_map(0xc000000000);
	struct map_rows r = { 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof(base); i++) {
		struct map_info m = base;

		((uint8_t *)&m)[i] ^= 1;
		assert_true(rows_push(&r, &m));
	}
	/* The address does not make a kind. */
	assert_int_equal(r.kinds.len, 1 + sizeof(base) - sizeof(base.addr));
	assert_int_equal(r.kinds.data[0].cnt, sizeof(base.addr));
	for (size_t i = 0; i < sizeof(base); i++) {
		struct map_info got = rows_get(&r, i);

		((uint8_t *)&got)[i] ^= 1;
		assert_memory_equal(&got, &base, sizeof(got));
	}
	expect_counted(&r);
	rows_fini(&r);
}

/* Very many maps that are alike have few kinds. */
static void what_is_the_same_is_kept_once(void **unused)
{
	struct map_info kinds[10];
	struct map_rows r = { 0 };

	(void)unused;
	for (size_t i = 0; i < 10; i++) {
		kinds[i] = random_map(0);
		kinds[i].live_keys = i;
	}
	for (size_t i = 0; i < N; i++) {
		struct map_info m = kinds[i % 10];

		m.addr = 0xc000000000 + 48 * i;
		assert_true(rows_push(&r, &m));
	}
	assert_int_equal(r.kinds.len, 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(r.kinds.data[i].cnt, N / 10);
	rows_fini(&r);
}

/* This holds for very many kinds, and in several lists. */
static void many_kinds_are_kept_once(void **unused)
{
	enum { KINDS = 3000, TURNS = 3 };
	struct map_rows r = { 0 }, part = { 0 };

	(void)unused;
	for (int turn = 0; turn < TURNS; turn++) {
		for (size_t i = 0; i < 2 * KINDS; i++) {
			struct map_info m = { .addr = 48 * (2 * KINDS * turn + i),
					      .live_keys = i % KINDS };

			assert_true(rows_push(&part, &m));
		}
		assert_int_equal(part.kinds.len, KINDS);
		expect_counted(&part);
		assert_true(rows_append(&r, &part));
		assert_int_equal(r.kinds.len, KINDS);
		expect_counted(&r);
	}
	for (size_t i = 0; i < KINDS; i++)
		assert_int_equal(r.kinds.data[i].cnt, 2 * TURNS);
	rows_fini(&r);
	rows_fini(&part);
}

/* Rows of several lists, of which the late ones are in no order, are put into one. */
static void lists_are_put_together(void **unused)
{
	struct map_info *maps = calloc(N, sizeof(*maps));
	struct map_rows r = { 0 }, part = { 0 }, late = { 0 };

	(void)unused;
	for (size_t i = 0; i < N; i++) {
		maps[i] = random_map(0xc000000000 + 48 * i);
		if (i % 7 == 3)
			continue;
		assert_true(rows_push(&part, &maps[i]));
		if (i % 100 == 99) {
			assert_true(rows_append(&r, &part));
			assert_int_equal(part.len, 0);
			assert_int_equal(part.kinds.len, 0);
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
	expect_counted(&r);
	rows_fini(&r);
	rows_fini(&part);
	rows_fini(&late);
	free(maps);
}

/* Addresses of the heap, of an arena far away, and of stacks below. */
static void addresses_may_be_far_apart(void **unused)
{
	static const uint64_t places[] = { 0x10000,	 0x80010000,	 0xc000000000,
					   0xc080000030, 0x7f0000000000, (1ull << 48) - 8 };
	enum { PLACES = sizeof(places) / sizeof(places[0]) };
	struct map_info maps[PLACES];
	struct map_rows r = { 0 }, late = { 0 };

	(void)unused;
	for (size_t i = 0; i < PLACES; i++)
		maps[i] = random_map(places[i]);
	for (size_t i = 1; i < PLACES; i += 2)
		assert_true(rows_push(&r, &maps[i]));
	for (size_t i = PLACES; i > 0; i -= 2)
		assert_true(rows_push(&late, &maps[i - 2])); /* among them the lowest of all */
	assert_true(rows_merge(&r, &late));
	assert_int_equal(r.len, PLACES);
	for (size_t i = 0; i < PLACES; i++)
		expect_same(&r, i, &maps[i]);
	for (size_t i = 0; i < PLACES; i++) {
		assert_int_equal(rows_find(&r, places[i] - 1), ROWS_NONE);
		assert_int_equal(rows_find(&r, places[i] + 1), ROWS_NONE);
	}
	rows_fini(&r);
	rows_fini(&late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_out_as_they_went_in),
		cmocka_unit_test(every_field_tells_kinds_apart),
		cmocka_unit_test(what_is_the_same_is_kept_once),
		cmocka_unit_test(many_kinds_are_kept_once),
		cmocka_unit_test(lists_are_put_together),
		cmocka_unit_test(addresses_may_be_far_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
