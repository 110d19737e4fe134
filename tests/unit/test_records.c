// SPDX-License-Identifier: GPL-2.0-only
/* Decodes records with made-up map headers, and what those say about a growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/records.h"
#include "trace/functions.h"
#include "trace/sites.h"

static const struct trace_header_layout classic = {
	.kind = TRACE_MAP_CLASSIC,
	.header_sz = 48,
	.live_keys_off = 0,
	.seed_off = 12,
	.classic = { .b_off = 9, .noverflow_off = 10, .buckets_off = 16, .load_num = 13 },
};

static const struct trace_header_layout swiss = {
	.kind = TRACE_MAP_SWISS,
	.header_sz = 48,
	.live_keys_off = 0,
	.seed_off = 8,
	.swiss = { .dir_ptr_off = 16,
		   .dir_len_off = 24,
		   .table_used_off = 0,
		   .table_capacity_off = 2,
		   .table_growth_left_off = 4 },
};

static const struct sites no_sites;

static struct abi_map_event_rec growth(void)
{
	return (struct abi_map_event_rec){
		.base = { .hdr = { .kind = ABI_REC_MAP_EVENT,
				   .len = sizeof(struct abi_map_event_rec),
				   .ktime_ns = 5 },
			  .op = ABI_OP_GROW,
			  .flags = ABI_MAP_HAS_HEADER,
			  .map = 0xc000010000 },
	};
}

static struct trace_event decoded(const struct abi_map_event_rec *rec,
				  const struct trace_header_layout *layout)
{
	struct trace_record event;

	assert_true(record_decode(rec, sizeof(*rec), layout, &no_sites, &event));
	return event.map;
}

static struct trace_event classic_growth(uint64_t live_keys, uint8_t b, uint16_t overflow)
{
	struct abi_map_event_rec rec = growth();
	uint64_t buckets = 0xc000020000;

	memcpy(rec.base.header, &live_keys, sizeof(live_keys));
	rec.base.header[9] = b;
	memcpy(rec.base.header + 10, &overflow, sizeof(overflow));
	memcpy(rec.base.header + 16, &buckets, sizeof(buckets));
	return decoded(&rec, &classic);
}

/* 8 buckets take 6.5 keys each, 52 in all: the 53rd key makes the map double. */
static void classic_maps_double_when_full(void **state)
{
	(void)state;
	struct trace_event e = classic_growth(52, 3, 2);
	assert_int_equal(e.growth, TRACE_GROWTH_DOUBLE);
	assert_int_equal(e.live_keys, 52);
	assert_int_equal(e.slots_from, 64);
	assert_int_equal(e.slots_to, 128);
	assert_int_equal(e.overflow_buckets, 2);

	e = classic_growth(51, 3, 8);
	assert_int_equal(e.growth, TRACE_GROWTH_SAME_SIZE);
	assert_int_equal(e.slots_from, 64);
	assert_int_equal(e.slots_to, 64);

	/* One bucket takes all of its 8. */
	assert_int_equal(classic_growth(8, 0, 0).growth, TRACE_GROWTH_DOUBLE);
	assert_int_equal(classic_growth(7, 0, 0).growth, TRACE_GROWTH_SAME_SIZE);
}

/* A number of buckets that no map can have. */
static void classic_nonsense_is_no_growth(void **state)
{
	(void)state;
	struct trace_event e = classic_growth(52, 200, 0);
	assert_int_equal(e.growth, TRACE_GROWTH_NONE);
	assert_int_equal(e.slots_from, 0);
}

static struct trace_event table_growth(uint16_t used, uint16_t capacity, uint16_t left)
{
	struct abi_map_event_rec rec = growth();
	const uint16_t table[] = { used, capacity, left };
	const uint64_t tables = 4;

	rec.base.flags |= ABI_MAP_HAS_TABLE;
	memcpy(rec.base.header + 24, &tables, sizeof(tables));
	memcpy(rec.table_header, table, sizeof(table));
	return decoded(&rec, &swiss);
}

/* Keys and tombstones may take 7 of 8 slots; growth_left is what they have not taken. */
static void swiss_tables_double_and_split(void **state)
{
	(void)state;
	struct trace_event e = table_growth(10, 16, 0);
	assert_int_equal(e.growth, TRACE_GROWTH_TABLE_DOUBLE);
	assert_int_equal(e.tables, 4);
	assert_int_equal(e.slots_from, 16);
	assert_int_equal(e.slots_to, 32);
	assert_int_equal(e.tombstones, 4);

	e = table_growth(900 - 7, 1024, 0);
	assert_int_equal(e.growth, TRACE_GROWTH_TABLE_SPLIT);
	assert_int_equal(e.slots_from, 1024);
	assert_int_equal(e.slots_to, 2048);
	assert_int_equal(e.tombstones, 3);

	assert_int_equal(table_growth(512 * 7 / 8, 512, 0).tombstones, 0);
	assert_int_equal(table_growth(512 * 7 / 8, 512, 0).growth, TRACE_GROWTH_TABLE_DOUBLE);
	assert_int_equal(table_growth(5, 8, 1).tombstones, 1);
	assert_int_equal(table_growth(15, 16, 0).tombstones,
			 0); /* read while it changes: never below 0 */
}

/* From the one group of a small map, which has 8 slots, to a table of 16 slots. */
static void small_swiss_maps_get_a_table(void **state)
{
	struct abi_map_event_rec rec = growth();
	uint64_t live_keys = 8, group = 0xc000020000;

	(void)state;
	memcpy(rec.base.header, &live_keys, sizeof(live_keys));
	memcpy(rec.base.header + 16, &group, sizeof(group));
	struct trace_event e = decoded(&rec, &swiss);
	assert_int_equal(e.growth, TRACE_GROWTH_SMALL_TO_TABLE);
	assert_int_equal(e.live_keys, 8);
	assert_int_equal(e.slots_from, 8);
	assert_int_equal(e.slots_to, 16);
	assert_int_equal(e.tables, 0);
}

/* Without its header nothing is known about the map. */
static void no_header_no_growth(void **state)
{
	struct abi_map_event_rec rec = growth();

	(void)state;
	rec.base.flags = 0;
	struct trace_event e = decoded(&rec, &classic);
	assert_false(e.live_known);
	assert_int_equal(e.growth, TRACE_GROWTH_NONE);
	assert_int_equal(e.map, 0xc000010000);
}

static void nonsense_is_refused(void **state)
{
	struct abi_map_event_rec rec = growth();
	struct trace_record event;

	(void)state;
	assert_false(record_decode(&rec, sizeof(rec) - 1, &classic, &no_sites, &event));
	assert_false(record_decode(&rec, 3, &classic, &no_sites, &event));
	rec.base.op = ABI_OP_CNT;
	assert_false(record_decode(&rec, sizeof(rec), &classic, &no_sites, &event));
	rec = growth();
	rec.base.func = (uint8_t)map_function_cnt;
	assert_false(record_decode(&rec, sizeof(rec), &classic, &no_sites, &event));
	rec = growth();
	rec.base.hdr.len = sizeof(rec) - 1;
	assert_false(record_decode(&rec, sizeof(rec), &classic, &no_sites, &event));
	rec = growth();
	rec.base.hdr.kind = 99;
	assert_false(record_decode(&rec, sizeof(rec), &classic, &no_sites, &event));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classic_maps_double_when_full),
		cmocka_unit_test(classic_nonsense_is_no_growth),
		cmocka_unit_test(swiss_tables_double_and_split),
		cmocka_unit_test(small_swiss_maps_get_a_table),
		cmocka_unit_test(no_header_no_growth),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
