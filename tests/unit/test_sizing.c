// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fresh map takes. The result is exact where the runtime's rules leave no choice. Where
 * keys overflow by chance, it is compared with a simulation that throws keys at random.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "heap/sizeclass.h"
#include "maps/sizing.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

/* map[int]int: a group has 8 + 8 * 16 bytes, a bucket 8 more. */
static const struct table_shape group = { .bucket_sz = 136,
					  .noscan = true,
					  .malloc_headers = true };
static const struct table_shape bucket = { .bucket_sz = 144, .noscan = true, .load_num = 13 };

static void expect_about(uint64_t got, double want, double tolerance)
{
	if (fabs(got - want) > want * tolerance)
		fail_msg("%llu bytes, expected about %.0f", (unsigned long long)got, want);
}

/* ---- Swiss ---- */

static void small_swiss_maps_are_one_group(void **state)
{
	(void)state;
	assert_int_equal(sizing_swiss(0, &group), 0);
	for (uint64_t len = 1; len <= 8; len++)
		assert_int_equal(sizing_swiss(len, &group), 144);
}

/* Enough slots for the keys at a load of 7/8: one table of 32 bytes, its groups, and a
 * directory of one pointer. */
static void one_table_has_a_power_of_two_of_slots(void **state)
{
	static const struct {
		uint64_t len, groups_bytes;
	} rows[] = {
		{ 9, 288 }, /* 16 slots */
		{ 14, 288 }, /* the last length with 16 */
		{ 15, 576 }, /* 32 slots are 544 bytes */
		{ 28, 576 },	{ 29, 1152 }, /* 64: 1088 */
		{ 448, 9472 }, /* 512: 8704 */
		{ 449, 18432 }, { 896, 18432 }, /* 1024: 17408 */
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++)
		assert_int_equal(sizing_swiss(rows[i].len, &group), rows[i].groups_bytes + 32 + 8);
}

static void groups_with_pointers_have_a_header(void **state)
{
	/* map[string]*T: 200 bytes a group; 128 of them and the header take pages. */
	const struct table_shape ptrs = { .bucket_sz = 200, .malloc_headers = true };
	const struct table_shape before = { .bucket_sz = 64 };
	const struct table_shape since = { .bucket_sz = 64, .malloc_headers = true };

	(void)state;
	assert_int_equal(sizing_swiss(8, &ptrs), 208);
	assert_int_equal(sizing_swiss(896, &ptrs), 27264 + 40);
	assert_int_equal(sizing_swiss(9 * 7, &before), 1024 + 40);
	assert_int_equal(sizing_swiss(9 * 7, &since), 1152 + 40);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return *seed >> 33;
}

static uint64_t table_cost(uint64_t slots, const struct table_shape *s)
{
	return alloc_size(slots / 8 * s->bucket_sz, s->noscan, s->malloc_headers) + 32;
}

/* Throws keys into one of n tables at random. A table above 7/8 doubles, or becomes two when it
 * has 1024 slots already. */
static double simulate_swiss(uint64_t len, uint64_t tables, uint64_t slots, int trials)
{
	uint64_t seed = len;
	double sum = 0;
	uint64_t *keys = calloc(tables, sizeof(*keys));

	assert_non_null(keys);
	for (int t = 0; t < trials; t++) {
		uint64_t splits = 0;

		for (uint64_t i = 0; i < tables; i++)
			keys[i] = 0;
		for (uint64_t i = 0; i < len; i++)
			keys[next_random(&seed) % tables]++;
		for (uint64_t i = 0; i < tables; i++) {
			bool over = keys[i] > slots * 7 / 8;
			bool split = over && slots == 1024;

			splits += split;
			sum += split  ? 2 * table_cost(1024, &group)
			       : over ? table_cost(2 * slots, &group)
				      : table_cost(slots, &group);
		}
		sum += alloc_size((splits ? 2 * tables : tables) * 8, false, true);
	}
	free(keys);
	return sum / trials;
}

/* Tables by the rule of NewMap: 8/7 slots per key, at most 1024 per table, and both numbers are
 * rounded up to a power of two. */
static void many_tables(void **state)
{
	static const struct {
		uint64_t len, tables, slots;
	} rows[] = {
		{ 897, 2, 512 },   { 1000, 2, 1024 },	{ 1700, 2, 1024 },   { 1793, 4, 512 },
		{ 5000, 8, 1024 }, { 28000, 32, 1024 }, { 57000, 64, 1024 }, { 100000, 128, 1024 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++)
		expect_about(sizing_swiss(rows[i].len, &group),
			     simulate_swiss(rows[i].len, rows[i].tables, rows[i].slots, 300),
			     0.004);
}

/* A million entries in a swiss map take 36.1 MiB (go-runtime facts 9). */
static void a_million_keys_take_what_was_measured(void **state)
{
	(void)state;
	expect_about(sizing_swiss(1000000, &group), 36.1 * (1 << 20), 0.002);
	/* 2048 tables of 1024 slots each, and none of them comes near 896 keys. */
	assert_int_equal(sizing_swiss(1000000, &group), 2048 * (18432 + 32) + 18432);
}

static void swiss_sizes_never_fall(void **state)
{
	uint64_t last = 0;

	(void)state;
	for (uint64_t len = 1; len < 1ull << 40; len += 1 + len / 3) {
		uint64_t bytes = sizing_swiss(len, &group);

		assert_true(bytes >= len * 16); /* the keys and elems themselves */
		assert_true(bytes >= last * 0.95); /* before an overflow is likely */
		last = bytes;
	}
}

/* ---- Classic ---- */

static void classic_arrays_bring_overflow_buckets(void **state)
{
	(void)state;
	assert_int_equal(sizing_classic_array(0), 1);
	assert_int_equal(sizing_classic_array(3), 8);
	assert_int_equal(sizing_classic_array(4), 17);
	assert_int_equal(sizing_classic_array(5), 34);
	assert_int_equal(sizing_classic_array(18), (1 << 18) + (1 << 14));
}

static void small_classic_maps_are_one_bucket(void **state)
{
	(void)state;
	assert_int_equal(sizing_classic(0, &bucket), 0);
	for (uint64_t len = 1; len <= 8; len++)
		assert_int_equal(sizing_classic(len, &bucket), 144);
}

/*
 * The capacities that a slice of pointers goes through when append fills it from empty. Measured
 * with Go 1.19 and 1.21, and with 1.22 and 1.23, which have malloc headers.
 */
static const uint32_t append_caps[2][20] = {
	{ 1,   2,    4,	   8,	 16,   32,   64,   128,	 256,	512,
	  848, 1280, 1792, 2560, 3408, 5120, 7168, 9216, 12288, 16384 },
	{ 1,	2,    4,    8,	  16,	32,   64,   143,   287,	  607,
	  1023, 1535, 2303, 3071, 4095, 6144, 8192, 11264, 14336, 18432 },
};

/* What a map keeps beside its buckets when it has chained that many. */
static double extra_bytes(uint64_t chained, unsigned int b, const struct table_shape *s)
{
	double bytes = b >= 4 ? 24 : 0;

	if (!s->noscan || !(chained || s->listed))
		return bytes;
	for (size_t i = 0; chained && i < CNT(append_caps[0]); i++) {
		uint32_t cap = append_caps[s->malloc_headers][i];

		if (cap >= chained)
			return 48 + cap * 8 + (s->malloc_headers && cap > 64 && cap < 4096 ? 8 : 0);
	}
	assert_int_equal(chained, 0);
	return 48;
}

/* Overflow buckets of len keys in 1 << b buckets, beyond those inside the array, and what
 * is kept beside them. */
static double simulate_classic(uint64_t len, unsigned int b, uint64_t inside, int trials,
			       const struct table_shape *s)
{
	uint64_t seed = len;
	double sum = 0;
	uint64_t cnt = 1ull << b;
	uint32_t *keys = calloc(cnt, sizeof(*keys));

	assert_non_null(keys);
	for (int t = 0; t < trials; t++) {
		uint64_t chained = 0;

		for (uint64_t i = 0; i < cnt; i++)
			keys[i] = 0;
		for (uint64_t i = 0; i < len; i++)
			keys[next_random(&seed) & (cnt - 1)]++;
		for (uint64_t i = 0; i < cnt; i++)
			chained += keys[i] > 8 ? (keys[i] - 1) / 8 : 0;
		sum += chained > inside ? (double)(chained - inside) * s->bucket_sz : 0;
		sum += extra_bytes(chained, b, s);
	}
	free(keys);
	return sum / trials;
}

/* B is the smallest one with at most 6.5 keys per bucket. */
static void classic_b_and_overflow(void **state)
{
	static const struct {
		uint64_t len;
		unsigned int b;
	} rows[] = {
		{ 9, 1 },   { 12, 1 },	 { 13, 1 },    { 14, 2 },    { 20, 2 },	     { 26, 2 },
		{ 27, 3 },  { 52, 3 },	 { 53, 4 },    { 104, 4 },   { 105, 5 },     { 208, 5 },
		{ 832, 7 }, { 1000, 8 }, { 6656, 10 }, { 6657, 11 }, { 100000, 14 },
	};
	/* The buckets of map[int]int, and the smallest ones, whose extras weigh most. */
	static const uint32_t sizes[] = { 144, 24 };

	(void)state;
	for (size_t i = 0; i < CNT(rows) * CNT(sizes) * 4; i++) {
		unsigned int b = rows[i / 8].b;
		uint64_t len = rows[i / 8].len;
		const struct table_shape s = { .bucket_sz = sizes[i % 2],
					       .noscan = true,
					       .malloc_headers = i & 2,
					       .listed = i & 4,
					       .load_num = 13 };
		uint64_t array =
			alloc_size(sizing_classic_array(b) * s.bucket_sz, true, s.malloc_headers);
		uint64_t inside = b >= 4 ? array / s.bucket_sz - (1ull << b) : 0;
		double more = simulate_classic(len, b, inside, 100 + 3000000 / len, &s);

		/* In the smallest maps rounding to whole bytes is an error of its own. */
		expect_about(sizing_classic(len, &s), array + more, 0.005 + 0.5 / array);
	}
}

/* A loop over a map of a bucket or two leaves more behind than they take. */
static void a_map_that_was_ranged_over_stays_so(void **state)
{
	struct table_shape listed = bucket, scanned = bucket;

	(void)state;
	listed.listed = true;
	scanned.noscan = false;
	assert_int_equal(sizing_classic(0, &listed), 0);
	assert_int_equal(sizing_classic(8, &listed), 144 + 24 + 24);
	assert_int_equal(sizing_classic(60, &scanned), 2688 + 24);
	scanned.listed = true; /* which no such map ever is */
	assert_int_equal(sizing_classic(60, &scanned), 2688 + 24);
}

/* 34 buckets of 128 bytes take 4864 bytes: room for 38, or for 37 and a malloc header. */
static void the_malloc_header_holds_no_bucket(void **state)
{
	const struct table_shape shape = { .bucket_sz = 128,
					   .malloc_headers = true,
					   .load_num = 13 };
	double extra = simulate_classic(208, 5, 37 - 32, 10000, &shape);

	(void)state;
	assert_int_equal(alloc_header(512, false, true), 0);
	assert_int_equal(alloc_header(513, false, true), 8);
	assert_int_equal(alloc_header(513, true, true), 0);
	assert_int_equal(alloc_header(513, false, false), 0);
	assert_int_equal(alloc_header(32760, false, true), 8);
	assert_int_equal(alloc_header(32761, false, true), 0);
	expect_about(sizing_classic(208, &shape), 4864 + extra, 0.003);
}

/* Go 1.21 grows at 6 keys per bucket. */
static void the_load_limit_is_of_the_version(void **state)
{
	struct table_shape go1_21 = bucket;

	(void)state;
	go1_21.load_num = 12;
	assert_true(sizing_classic(12, &bucket) == sizing_classic(12, &go1_21));
	assert_true(sizing_classic(13, &bucket) < 2 * 288); /* two buckets */
	assert_true(sizing_classic(13, &go1_21) >= 576); /* four */
	/* 6.25 keys for each of 1024 buckets: too many for Go 1.21, but not for the others. */
	expect_about(sizing_classic(6400, &go1_21), 2.0 * sizing_classic(6400, &bucket), 0.2);
}

/* A million entries take 38.3 MiB: B is 18, and the map half full (go-runtime facts 9). */
static void a_million_classic_keys_take_what_was_measured(void **state)
{
	(void)state;
	expect_about(sizing_classic(1000000, &bucket), 38.3 * (1 << 20), 0.002);
}

static void absurd_lengths_end(void **state)
{
	(void)state;
	assert_true(sizing_classic(1ull << 62, &bucket) > 0);
	assert_true(sizing_swiss(1ull << 58, &group) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_swiss_maps_are_one_group),
		cmocka_unit_test(one_table_has_a_power_of_two_of_slots),
		cmocka_unit_test(groups_with_pointers_have_a_header),
		cmocka_unit_test(many_tables),
		cmocka_unit_test(a_million_keys_take_what_was_measured),
		cmocka_unit_test(swiss_sizes_never_fall),
		cmocka_unit_test(classic_arrays_bring_overflow_buckets),
		cmocka_unit_test(small_classic_maps_are_one_bucket),
		cmocka_unit_test(classic_b_and_overflow),
		cmocka_unit_test(a_map_that_was_ranged_over_stays_so),
		cmocka_unit_test(the_malloc_header_holds_no_bucket),
		cmocka_unit_test(the_load_limit_is_of_the_version),
		cmocka_unit_test(a_million_classic_keys_take_what_was_measured),
		cmocka_unit_test(absurd_lengths_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
