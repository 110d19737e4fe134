// SPDX-License-Identifier: GPL-2.0-only
/* How much memory a growth takes by the runtime's rules. */
#include "image.h"

#include <math.h>

#include "base/clock.h"
#include "model/growth.h"

static struct image *classic(void)
{
	return image_new(19, "");
}

static struct image *swiss(void)
{
	return image_new(24, "");
}

static struct trace_event grow(enum trace_growth how, uint64_t from, uint64_t to)
{
	return (struct trace_event){
		.op = ABI_OP_GROW, .growth = how, .slots_from = from, .slots_to = to
	};
}

static void churn_is_told_from_keys(void **state)
{
	struct image *img = swiss();
	struct trace_event e = grow(TRACE_GROWTH_TABLE_SPLIT, 1024, 2048);

	(void)state;
	assert_false(growth_of(&img->prog, &e).churn);
	e.tombstones = 102;
	assert_false(growth_of(&img->prog, &e).churn);
	e.tombstones = 103;
	assert_true(growth_of(&img->prog, &e).churn);
	e = grow(TRACE_GROWTH_SAME_SIZE, 512, 512);
	assert_true(growth_of(&img->prog, &e).churn);
	e = grow(TRACE_GROWTH_DOUBLE, 512, 1024);
	assert_false(growth_of(&img->prog, &e).churn);
	assert_false(growth_of(&img->prog, &e).bytes_known); /* no type */
	image_free(img);
}

static struct map_info map(uint64_t live, uint64_t buckets, uint32_t tables)
{
	return (struct map_info){ .live_keys = live,
				  .buckets = buckets,
				  .table_cnt = tables,
				  .bucket_sz = 264,
				  .noscan = true,
				  .table_bytes = buckets * 264 };
}

static void expect(struct image *img, struct map_info m, enum forecast_event event, uint64_t at,
		   uint64_t bytes)
{
	struct forecast f;

	assert_true(forecast_of(&img->prog.layout, &m, NULL, &f));
	assert_int_equal(f.event, event);
	assert_int_equal(f.at_live_keys, at);
	assert_int_equal(f.allocates_bytes, bytes);
	assert_false(f.rate_known);
}

static void foretells_classic_maps(void **state)
{
	struct image *img = classic();
	struct map_info m = map(100, 18, 1);

	(void)state;
	m.overflow_buckets = 2;
	/* 32 buckets and 2 for overflow take 8,976 bytes, in a size class of 9,472. */
	expect(img, m, FORECAST_DOUBLE, 105, 9472);
	expect(img, map(1, 1, 1), FORECAST_DOUBLE, 9, 576);
	image_free(img);
}

static void foretells_swiss_maps(void **state)
{
	struct image *img = swiss();
	struct map_info m = map(3, 1, 0);
	struct forecast f;

	(void)state;
	m.small = true;
	expect(img, m, FORECAST_DOUBLE, 9, 576 + 32);
	m = map(100, 64, 1);
	m.tombstones = 48;
	expect(img, m, FORECAST_DOUBLE, 401, 40960 + 32);
	expect(img, map(800, 128, 1), FORECAST_SPLIT, 897, 2 * (40960 + 32));
	/* 8 tables, of which one has split: the other 7 will follow. */
	expect(img, map(7100, 9 * 128, 9), FORECAST_SPLIT, 7101, 7 * 2 * (40960 + 32));
	m = map(900, 128, 1); /* more keys than the table may hold: it contradicts itself */
	assert_false(forecast_of(&img->prog.layout, &m, NULL, &f));
	m = map(100, 128, 1);
	m.bucket_sz = 0;
	assert_false(forecast_of(&img->prog.layout, &m, NULL, &f));
	image_free(img);
}

enum { TABLES = 256 };

/* The numbers of keys at which the first, the middle and the last of the tables is full, if each
 * key goes to a random one. */
static void fill_tables(uint64_t ret[3])
{
	static unsigned int keys[TABLES];
	uint64_t seed = 20261130, full = 0;

	for (uint64_t n = 1; full < TABLES; n++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		if (++keys[seed >> 56] != 896)
			continue;
		full++;
		if (full == 1)
			ret[0] = n;
		if (full == TABLES / 2)
			ret[1] = n;
		ret[2] = n;
	}
}

static void expect_near(uint64_t foretold, uint64_t truth, double part)
{
	if (fabs((double)foretold / (double)truth - 1) > part)
		fail_msg("%ju was foretold, it was %ju", (uintmax_t)foretold, (uintmax_t)truth);
}

static void splits_spread_as_random_keys_do(void **state)
{
	struct image *img = swiss();
	struct map_info m = map(TABLES * 600, TABLES * 128, TABLES);
	struct forecast f;
	uint64_t truth[3];

	(void)state;
	fill_tables(truth);
	assert_true(forecast_of(&img->prog.layout, &m, NULL, &f));
	expect_near(f.at_live_keys, truth[0], 0.03);
	expect_near(f.half_live_keys, truth[1], 0.01);
	expect_near(f.end_live_keys, truth[2], 0.03);
	assert_int_equal(f.step_bytes, 2 * (40960 + 32));
	assert_int_equal(f.allocates_bytes, TABLES * f.step_bytes);
	assert_int_equal(f.needs_bytes, (TABLES + 1) * (40960 + 32));
	/* All of them are past their limit, or nearly. */
	m.live_keys = TABLES * 1000;
	assert_true(forecast_of(&img->prog.layout, &m, NULL, &f));
	assert_int_equal(f.at_live_keys, m.live_keys + 1);
	assert_int_equal(f.end_live_keys, m.live_keys + 1);
	image_free(img);
}

static void rates_need_time_and_keys(void **state)
{
	struct image *img = swiss();
	struct map_history h = { .first_live_keys = 500, .last_live_keys = 700 };
	struct map_info m = map(700, 128, 1);
	struct forecast f;

	(void)state;
	h.last_ns = NS_PER_S / 2;
	assert_true(forecast_of(&img->prog.layout, &m, &h, &f));
	assert_false(f.rate_known);
	h.last_ns = 4 * NS_PER_S;
	assert_true(forecast_of(&img->prog.layout, &m, &h, &f));
	assert_true(f.rate_known && f.keys_per_s == 50);
	assert_true(f.in_ns == (897 - 700) * NS_PER_S / 50);
	h.fall_live_keys = 20;
	assert_true(forecast_of(&img->prog.layout, &m, &h, &f) && f.rate_known);
	h.fall_live_keys = 21;
	assert_true(forecast_of(&img->prog.layout, &m, &h, &f) && !f.rate_known);
	h.fall_live_keys = 0;
	h.last_live_keys = 500;
	assert_true(forecast_of(&img->prog.layout, &m, &h, &f));
	assert_false(f.rate_known);
	image_free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(churn_is_told_from_keys),
		cmocka_unit_test(foretells_classic_maps),
		cmocka_unit_test(foretells_swiss_maps),
		cmocka_unit_test(splits_spread_as_random_keys_do),
		cmocka_unit_test(rates_need_time_and_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
