// SPDX-License-Identifier: GPL-2.0-only
/* Which activities share a row of the table. */
#include "image.h"

#include "model/busiest.h"

enum { TOP = 10, MAP_A = 0x10000, MAP_B = 0x20000, MAP_C = 0x30000 };

static struct map_type type_a = { .addr = 0x1000, .name = (char *)"map[string]A" };
static struct map_type type_b = { .addr = 0x2000, .name = (char *)"map[string]B" };

struct table_of {
	struct census census;
	struct ranking ranking;
	struct activities activities;
	struct trace_result trace;
	struct busiest busiest;
};

static void add_map(struct table_of *t, uint64_t addr)
{
	/* The census does not know its type: it is of one kind with all others. */
	struct map_info m = { .addr = addr,
			      .live_keys = 5,
			      .buckets = 1,
			      .bucket_sz = 136,
			      .table_bytes = 136,
			      .shape_candidates = 2 };

	assert_true(rows_push(&t->census.maps, &m));
}

static void add_inserts(struct table_of *t, uint64_t addr, const struct map_type *type,
			uint64_t hits)
{
	struct activity a = { .addr = addr, .type = type, .key = addr };

	a.ops[ABI_OP_INSERT].hits = hits;
	a.ops[ABI_OP_INSERT].per_s = (double)hits;
	assert_true(vec_push(&t->activities.maps, a));
}

static void make(struct table_of *t)
{
	struct busy_sources from = { .activities = &t->activities,
				     .trace = &t->trace,
				     .census = &t->census,
				     .ranking = &t->ranking,
				     .top = TOP };

	assert_null(ranking_init(&t->ranking, &t->census));
	assert_null(busiest_init(&t->busiest, &from));
}

static void release(struct table_of *t)
{
	busiest_fini(&t->busiest);
	activities_fini(&t->activities);
	ranking_fini(&t->ranking);
	rows_fini(&t->census.maps);
}

static void types_are_never_mixed(void **state)
{
	struct table_of t = { 0 };

	(void)state;
	add_map(&t, MAP_A);
	add_map(&t, MAP_B);
	add_map(&t, MAP_C);
	add_inserts(&t, MAP_A, &type_a, 100);
	add_inserts(&t, MAP_B, &type_b, 10);
	add_inserts(&t, MAP_C, &type_a, 1000);
	make(&t);
	assert_int_equal(t.busiest.rows.len, 2);
	assert_ptr_equal(t.busiest.rows.data[0].sum.type, &type_a);
	assert_int_equal(t.busiest.rows.data[0].sum.ops[ABI_OP_INSERT].hits, 1100);
	assert_int_equal(t.busiest.rows.data[0].map_cnt, 2);
	assert_ptr_equal(t.busiest.rows.data[1].sum.type, &type_b);
	assert_int_equal(t.busiest.rows.data[1].sum.ops[ABI_OP_INSERT].hits, 10);
	/* Both are of the same place. */
	assert_int_equal(t.busiest.rows.data[0].place, 1);
	assert_int_equal(t.busiest.rows.data[1].place, 1);
	release(&t);
}

static void another_map_at_the_address_has_no_place(void **state)
{
	struct table_of t = { 0 };

	(void)state;
	add_map(&t, MAP_A);
	add_inserts(&t, MAP_A, &type_b, 100);
	struct map_info m = census_map(&t.census, 0);
	m.type = &type_a;
	assert_true(rows_set(&t.census.maps, 0, &m));
	make(&t);
	assert_ptr_equal(t.busiest.rows.data[0].sum.type, &type_b);
	assert_int_equal(t.busiest.rows.data[0].place, 0);
	release(&t);
}

static void nil_maps_and_stacks_have_their_own(void **state)
{
	struct table_of t = { 0 };

	(void)state;
	add_inserts(&t, 0, &type_a, 1);
	add_inserts(&t, 0, &type_a, 2);
	add_inserts(&t, 0, &type_a, 4);
	t.activities.maps.data[1].nil_map = true;
	t.activities.maps.data[2].on_stack = true;
	make(&t);
	assert_int_equal(t.busiest.rows.len, 3);
	release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_never_mixed),
		cmocka_unit_test(another_map_at_the_address_has_no_place),
		cmocka_unit_test(nil_maps_and_stacks_have_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
