// SPDX-License-Identifier: GPL-2.0-only
/* However the rows of maps are made, each is what it would be if it were the only one. */
#include "image.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "report/json_parts.h"
#include "report/json_value.h"

enum { ROWS = 12000, FIRST = 0x10000, STEP = 48 };

/* A watch that has nothing but what rows are made of. */
struct fixture {
	struct image *img;
	struct census census;
	struct snapshot snap;
	struct watch w;
};

static struct map_type types[2] = {
	{ .addr = 0x500000, .name = (char *)"map[string]*main.Session" },
	{ .addr = 0x500100, .name = (char *)"map[struct { A int \"json:\\\"a\\\"\" }]\xc3\xa4" },
};

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->img = image_new(24, "");
	f->snap.census = &f->census;
	f->w.prog = &f->img->prog;
	f->w.snap = &f->snap;
	return f;
}

static void fixture_free(struct fixture *f)
{
	rows_fini(&f->census.maps);
	history_fini(&f->w.history);
	activities_fini(&f->w.activities);
	image_free(f->img);
	free(f);
}

static uint64_t addr_of(size_t i)
{
	return FIRST + STEP * i * i;
}

/* Maps of one number are of one kind. */
static struct map_info map_of(size_t kind)
{
	return (struct map_info){
		.live_keys = kind,
		.buckets = kind / 4 + 1,
		.table_bytes = 200 * (kind / 4 + 1),
		.resident_bytes = kind % 3 * 60,
		.rebuild_bytes = 208,
		.tombstones = kind % 7,
		.type = kind % 5 ? &types[kind % 2] : NULL,
		.type_candidates = 1,
		.table_cnt = kind % 9,
		.bucket_sz = kind % 11 ? 200 : 0,
		.consistency = kind % 3,
		.garbage = kind % 13 == 5,
		.on_stack = kind % 17 < 3 ? kind % 17 : 0,
		.small = kind < 8,
	};
}

static void add(struct fixture *f, struct map_info m)
{
	m.addr = addr_of(f->census.maps.len);
	assert_true(rows_push(&f->census.maps, &m));
}

static void do_something(struct fixture *f, size_t i, const struct map_type *type)
{
	struct activity a = { .addr = addr_of(i), .type = type };

	assert_true(vec_push(&f->w.activities.maps, a));
	assert_true(table_put(&f->w.activities.by_addr, a.addr, f->w.activities.maps.len - 1));
}

/* Returns all rows; the caller frees them. */
static char *written(struct fixture *f)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_true(json_write_maps(&f->w, out));
	fclose(out);
	return text;
}

static char *alone(struct fixture *f, size_t i)
{
	json_t *row = json_object(), *rest = json_map(&f->w, i);

	set_address(row, "address", addr_of(i));
	assert_int_equal(json_object_update(row, rest), 0);
	char *text = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(rest);
	json_decref(row);
	return text;
}

static void expect_rows(struct fixture *f)
{
	char *all = written(f), *line = strtok(all, "\n");

	assert_string_equal(line, "[");
	for (size_t i = 0; i < f->census.maps.len; i++) {
		bool last = i + 1 == f->census.maps.len;
		char *row = alone(f, i);

		line = strtok(NULL, "\n");
		assert_memory_equal(line, row, strlen(row));
		assert_string_equal(line + strlen(row), last ? "]" : ",");
		free(row);
	}
	assert_null(strtok(NULL, "\n"));
	free(all);
}

static void without_maps_there_are_no_rows(void **state)
{
	struct fixture *f = fixture_new();
	char *none = written(f);

	(void)state;
	assert_string_equal(none, "[]");
	free(none);
	f->w.snap = NULL;
	none = written(f);
	assert_string_equal(none, "[]");
	free(none);
	fixture_free(f);
}

static void rows_of_a_kind_differ_in_their_address(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		add(f, map_of(i * i % 251));
	assert_true(f->census.maps.kinds.len < 251);
	expect_rows(f);
	fixture_free(f);
}

/* More than are kept, whether they come once, in turn, or one after the other. */
static void there_may_be_many_kinds(void **state)
{
	enum { KINDS = 20000 };
	struct fixture *f = fixture_new();

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		add(f, map_of(i));
		if (i % 3 == 0)
			add(f, map_of(i));
		if (i % 5 == 0)
			add(f, map_of(i / 2));
		if (i % 7 == 0)
			add(f, map_of(1));
	}
	assert_int_equal(f->census.maps.kinds.len, KINDS);
	expect_rows(f);
	fixture_free(f);
}

/* A history and what was done are of one map alone; the next of its kind has none. */
static void a_row_has_what_is_of_its_map_alone(void **state)
{
	struct fixture *f = fixture_new();
	struct map_info large = map_of(100);

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		add(f, map_of(i % 23));
	assert_null(history_add(&f->w.history, &f->census, 1000));
	assert_null(history_add(&f->w.history, &f->census, 4000000000));
	history_end(&f->w.history, 5000000000);
	assert_true(f->w.history.left_out > 0);
	for (size_t i = 0; i < ROWS; i += 37)
		do_something(f, i, NULL);
	for (size_t i = 1; i < ROWS; i += 41)
		do_something(f, i + (i % 37 == 0), &types[i % 2]);
	add(f, large);
	expect_rows(f);

	char *all = written(f);
	assert_non_null(strstr(all, "\"histograms\""));
	assert_non_null(strstr(all, "\"activity\""));
	free(all);
	fixture_free(f);
}

/* Maps of one kind, in each of which some other values are zero. */
static void zero_values_are_of_a_map_alone(void **state)
{
	struct fixture *f = fixture_new();
	struct value_count *counts = calloc(ROWS, sizeof(*counts));
	struct values values = { .census = &f->census, .rows = counts };

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		bool sampled = i % 50 == 0;

		add(f, map_of(i % 19));
		counts[i] = (struct value_count){
			.status = i % 31 ? VALUES_OK : VALUES_CHANGED,
			.zero = i % 23,
			.low = sampled ? i % 7 : i % 23,
			.high = sampled ? 100 + i % 11 : i % 23,
			.read = sampled ? 20 + i % 3 : 50,
			.rebuild_bytes = i % 23 < 8 ? 48 : 208,
			.consistency = i % 29 ? MAP_EXACT : MAP_MOVING,
			.sampled = sampled,
		};
	}
	f->w.values = &values;
	expect_rows(f);
	free(counts);
	fixture_free(f);
}

/* ---- what it takes ---- */

static size_t allocations;
static bool exhausted;

static void *counted_malloc(size_t sz)
{
	allocations++;
	return exhausted ? NULL : malloc(sz);
}

/* jansson takes about a hundred for a row. */
static void what_is_common_is_made_once(void **state)
{
	enum { KINDS = 10, ZEROES = 9 };
	struct fixture *f = fixture_new();
	struct value_count *counts = calloc(ROWS, sizeof(*counts));
	struct values values = { .census = &f->census, .rows = counts };

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		add(f, map_of(i % KINDS));
		counts[i].status = VALUES_OK;
		counts[i].zero = i / KINDS % ZEROES;
	}
	json_set_alloc_funcs(counted_malloc, free);
	allocations = 0;
	free(written(f));
	assert_in_range(allocations, KINDS, 200 * KINDS);
	f->w.values = &values;
	allocations = 0;
	free(written(f));
	assert_in_range(allocations, ZEROES * KINDS, 200 * ZEROES * KINDS);
	json_set_alloc_funcs(malloc, free);
	free(counts);
	fixture_free(f);
}

static void without_memory_there_are_no_rows(void **state)
{
	struct fixture *f = fixture_new();
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	add(f, map_of(1));
	add(f, map_of(1));
	json_set_alloc_funcs(counted_malloc, free);
	exhausted = true;
	assert_false(json_write_maps(&f->w, out));
	exhausted = false;
	json_set_alloc_funcs(malloc, free);
	fclose(out);
	fixture_free(f);
}

static size_t most_memory;

static ssize_t look_at_memory(void *cookie, const char *text, size_t len)
{
	struct mallinfo2 info = mallinfo2();

	(void)cookie;
	(void)text;
	if (info.uordblks + info.hblkhd > most_memory)
		most_memory = info.uordblks + info.hblkhd;
	return len;
}

/* Names of types may be as long as the target likes. ASan's malloc() tells nothing. */
static void what_is_kept_is_bounded(void **state)
{
	enum { KINDS = 6000, NAME_LEN = 4000, AT_MOST = 16 << 20 };
	struct fixture *f = fixture_new();
	FILE *out = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = look_at_memory });
	struct map_type type = { .name = calloc(1, NAME_LEN + 1) };

	(void)state;
	memset(type.name, 'T', NAME_LEN);
	for (size_t i = 0; i < 2 * KINDS; i++) {
		struct map_info m = map_of(i % KINDS);

		m.type = &type;
		add(f, m);
	}
	struct mallinfo2 before = mallinfo2();
	most_memory = 0;
	assert_true(json_write_maps(&f->w, out));
	fclose(out);
	assert_true(most_memory <= before.uordblks + before.hblkhd + AT_MOST);
	expect_rows(f);
	free(type.name);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_maps_there_are_no_rows),
		cmocka_unit_test(rows_of_a_kind_differ_in_their_address),
		cmocka_unit_test(there_may_be_many_kinds),
		cmocka_unit_test(a_row_has_what_is_of_its_map_alone),
		cmocka_unit_test(zero_values_are_of_a_map_alone),
		cmocka_unit_test(what_is_common_is_made_once),
		cmocka_unit_test(without_memory_there_are_no_rows),
		cmocka_unit_test(what_is_kept_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
