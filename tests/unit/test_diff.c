// SPDX-License-Identifier: GPL-2.0-only
/* Two made-up results are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filled_result.h"
#include "model/result_diff.h"

static const struct result_map_type type_of_sessions = { .name = "map[string]*main.Session" };

static struct map_same some_map(uint64_t keys, uint64_t table_bytes)
{
	return (struct map_same){
		.type = &type_of_sessions,
		.type_source = "header",
		.consistency = "exact",
		.live_keys = keys,
		.slots = 2 * keys,
		.table_bytes = table_bytes,
		.resident_bytes = table_bytes,
	};
}

static struct result *result_of_process(uint64_t start_s, uint64_t now_ns)
{
	struct result *r = bare_result();

	r->target.pid = 4182;
	r->target.start_time_unix_s = start_s;
	r->unix_time_ns = now_ns;
	return r;
}

static void add_map(struct result *r, uint64_t addr, const char *id, struct map_same same)
{
	struct map_view view = { .addr = addr, .id = id, .id_certain = true, .same = &same };

	assert_true(result_maps_push(r->maps, &view));
}

static void a_result_equals_itself(void **state)
{
	struct result *r = filled_result();
	struct result_diff *d = diff_new(r, r);

	assert_non_null(d);
	assert_true(d->same_process && d->same_program);
	assert_true(d->maps.len > 0 && d->findings.len > 0 && d->memory.len == ROW_CNT);
	assert_int_equal(d->grew_bytes, 0);
	for (size_t i = 0; i < d->maps.len; i++)
		assert_int_equal(d->maps.data[i].fate, FATE_SAME);
	for (size_t i = 0; i < d->findings.len; i++)
		assert_int_equal(d->findings.data[i].fate, FATE_SAME);
	diff_free(d);
	result_free(r);
	(void)state;
}

/* Maps that differ in the last part of their id only are one row. */
static void maps_of_one_identity_are_summed(void **state)
{
	struct result *before = result_of_process(1000, 5000000000),
		      *after = result_of_process(1001, 7000000000);

	add_map(before, 0x1000, "00000000000000aa-1", some_map(100, 4000));
	add_map(before, 0x2000, "00000000000000aa-2", some_map(50, 2000));
	add_map(before, 0x3000, "00000000000000bb", some_map(7, 300));
	add_map(after, 0x1000, "00000000000000aa-1", some_map(300, 9000));
	add_map(after, 0x4000, "00000000000000cc.5", some_map(1, 100));

	struct result_diff *d = diff_new(before, after);
	assert_non_null(d);
	assert_true(d->same_process && !d->by_type);
	assert_int_equal(d->between_ns.v, 2000000000);
	assert_int_equal(d->maps.len, 3);

	const struct diff_map *m = d->maps.data;
	assert_string_equal(m[0].id, "00000000000000aa");
	assert_int_equal(m[0].fate, FATE_GREW);
	assert_int_equal(m[0].before.maps, 2);
	assert_int_equal(m[0].before.live_keys, 150);
	assert_int_equal(m[0].grew_bytes, 3000);
	assert_true(m[0].keys_per_s > 74.9 && m[0].keys_per_s < 75.1);
	assert_string_equal(m[1].id, "00000000000000bb");
	assert_int_equal(m[1].fate, FATE_GONE);
	assert_int_equal(m[1].grew_bytes, -300);
	assert_int_equal(m[2].fate, FATE_NEW);
	diff_free(d);
	result_free(before);
	result_free(after);
	(void)state;
}

/* The numbers of a list that lacks maps would look like a loss. */
static void a_short_list_is_compared_by_type(void **state)
{
	struct result *before = result_of_process(1000, 1), *after = result_of_process(2000, 2);

	add_map(before, 0x1000, "00000000000000aa", some_map(100, 4000));
	result_maps_set_total(before->maps, 2);
	add_map(after, 0x1000, "00000000000000aa", some_map(100, 4000));

	struct result_diff *d = diff_new(before, after);
	assert_non_null(d);
	assert_true(d->by_type && !d->same_process && !d->between_ns.known);
	assert_int_equal(d->maps.len, 0); /* these results have no groups */
	diff_free(d);
	result_free(before);
	result_free(after);
	(void)state;
}

static void garbage_is_not_compared(void **state)
{
	struct result *before = result_of_process(1000, 1), *after = result_of_process(1000, 2);
	struct map_same dead = some_map(100, 4000);

	dead.garbage = true;
	add_map(after, 0x1000, "00000000000000aa", dead);
	struct result_diff *d = diff_new(before, after);
	assert_non_null(d);
	assert_int_equal(d->maps.len, 0);
	diff_free(d);
	result_free(before);
	result_free(after);
	(void)state;
}

/* A saved report may lack what ours always has. */
static void a_map_without_a_consistency_counts(void **state)
{
	struct result *before = result_of_process(1000, 1), *after = result_of_process(1000, 2);
	struct map_same odd = some_map(100, 4000);

	odd.consistency = NULL;
	add_map(after, 0x1000, "00000000000000aa", odd);
	struct result_diff *d = diff_new(before, after);
	assert_non_null(d);
	assert_int_equal(d->maps.len, 1);
	assert_int_equal(d->maps.data[0].fate, FATE_NEW);
	diff_free(d);
	result_free(before);
	result_free(after);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_result_equals_itself),
		cmocka_unit_test(maps_of_one_identity_are_summed),
		cmocka_unit_test(a_short_list_is_compared_by_type),
		cmocka_unit_test(garbage_is_not_compared),
		cmocka_unit_test(a_map_without_a_consistency_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
