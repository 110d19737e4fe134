// SPDX-License-Identifier: GPL-2.0-only
/* However the rows of maps are made, each is what it would be if it were the only one. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "filled_result.h"
#include "report/json_object.h"
#include "report/json_parts.h"
#include "report/json_shapes.h"

enum { ROWS = 12000, FIRST = 0x10000, STEP = 48 };

/* Maps, and what they were made from. */
struct fixture {
	struct pool pool;
	struct result_maps *maps;
	struct result_map_type types[3];
	size_t cnt;
	uint64_t counter;
};

static struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->maps = result_maps_new();
	assert_non_null(f->maps);
	f->types[1].name = "map[string]*main.Session";
	f->types[2].name = "map[struct { A int \"json:\\\"a\\\"\" }]\xc3\xa4";
	return f;
}

static void fixture_free(struct fixture *f)
{
	result_maps_free(f->maps);
	pool_fini(&f->pool);
	free(f);
}

static uint64_t addr_of(size_t i)
{
	return FIRST + STEP * i * i;
}

/* Maps of one number have this in common. Padding is zero, as a set of maps wants it. */
static void same_of(struct fixture *f, size_t kind, struct map_same *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->type = &f->types[kind % 3];
	ret->live_keys = kind;
	ret->table_bytes = 200 * (kind / 4 + 1);
	ret->goroutine_runs = -1;
	ret->garbage = kind % 13 == 5;
	ret->hole_bytes = opt_if(kind % 11, 17 * kind);
}

static void add_map(struct fixture *f, size_t kind, const struct map_view *own)
{
	struct map_same same;
	struct map_view view = { .addr = addr_of(f->cnt++), .same = &same };

	same_of(f, kind, &same);
	if (own) {
		view.holder = own->holder;
		view.activity = own->activity;
		view.history = own->history;
	}
	assert_true(result_maps_push(f->maps, &view));
}

/* Something that is of one map alone, each time something else. */
static struct map_view own_of(struct fixture *f, bool activity, bool history)
{
	struct map_view own = { 0 };

	fill_by_shape(&f->pool, &map_own_json, &own, &f->counter);
	own.activity = activity ? own.activity : NULL;
	own.history = history ? own.history : NULL;
	return own;
}

/* Returns all rows; the caller frees them. */
static char *written(struct fixture *f)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_true(json_write_maps(f->maps, out));
	fclose(out);
	return text;
}

/* The row without any text that was kept. */
static char *alone(struct fixture *f, size_t i)
{
	struct map_view view;

	result_map(f->maps, i, /* wants_same= */ true, &view);
	json_t *row = json_object_of(&map_view_json, &view);
	char *text = json_dumps(row, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(row);
	return text;
}

static void expect_rows(struct fixture *f)
{
	char *all = written(f), *line = strtok(all, "\n");

	assert_string_equal(line, "[");
	for (size_t i = 0; i < f->cnt; i++) {
		bool last = i + 1 == f->cnt;
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
	fixture_free(f);
}

static void rows_of_a_kind_differ_in_their_address(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		add_map(f, i * i % 251, NULL);
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
		add_map(f, i, NULL);
		if (i % 3 == 0)
			add_map(f, i, NULL);
		if (i % 5 == 0)
			add_map(f, i / 2, NULL);
		if (i % 7 == 0)
			add_map(f, 1, NULL);
	}
	expect_rows(f);
	fixture_free(f);
}

/* Two maps that have all in common, but of which different things are known. */
static void a_row_has_what_is_of_its_map_alone(void **state)
{
	struct fixture *f = fixture_new();

	(void)state;
	for (size_t i = 0; i < ROWS / 10; i++) {
		struct map_view own = own_of(f, i % 3 != 1, i % 3 != 0);

		add_map(f, i % 23, i % 4 ? &own : NULL);
	}
	expect_rows(f);
	char *all = written(f);
	assert_non_null(strstr(all, "\"histograms\""));
	assert_non_null(strstr(all, "\"activity\""));
	free(all);
	fixture_free(f);
}

/* Of few kinds, with more holders than are kept, or with none. */
static void a_row_has_the_holder_of_its_map(void **state)
{
	enum { HOLDERS = 20000 };
	struct fixture *f = fixture_new();
	struct result_holder *holders = calloc(HOLDERS, sizeof(*holders));

	(void)state;
	for (size_t i = 0; i < HOLDERS; i++)
		holders[i] = (struct result_holder){
			.text = i % 2 ? "*main.Store.sessions" : "main.<var>",
			.kind = i % 2 ? HELD_BY_FIELD : HELD_BY_VARIABLE,
			.certain = i % 3,
			.candidates = i,
		};
	for (size_t i = 0; i < 2 * HOLDERS; i++) {
		struct map_view own = own_of(f, i % 1000 == 0, false);

		own.holder = i % 5 ? &holders[i % 7 ? i % 10 : i / 2] : NULL;
		add_map(f, i % 3, &own);
	}
	expect_rows(f);
	free(holders);
	fixture_free(f);
}

static void the_largest_address_fits(void **state)
{
	struct fixture *f = fixture_new();
	struct map_same same;
	struct map_view view = { .addr = UINT64_MAX, .same = &same };

	(void)state;
	same_of(f, 1, &same);
	assert_true(result_maps_push(f->maps, &view));
	f->cnt++;
	expect_rows(f);
	char *all = written(f);
	assert_non_null(strstr(all, "{\"address\":\"0xffffffffffffffff\","));
	free(all);
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
	enum { KINDS = 10 };
	struct fixture *f = fixture_new();

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		add_map(f, i % KINDS, NULL);
	json_set_alloc_funcs(counted_malloc, free);
	allocations = 0;
	free(written(f));
	assert_in_range(allocations, KINDS, 200 * KINDS);
	json_set_alloc_funcs(malloc, free);
	fixture_free(f);
}

static void without_memory_there_are_no_rows(void **state)
{
	struct fixture *f = fixture_new();
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	add_map(f, 1, NULL);
	add_map(f, 1, NULL);
	json_set_alloc_funcs(counted_malloc, free);
	exhausted = true;
	assert_false(json_write_maps(f->maps, out));
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
	char *name = calloc(1, NAME_LEN + 1);

	(void)state;
	memset(name, 'T', NAME_LEN);
	for (size_t i = 0; i < 3; i++)
		f->types[i].name = name;
	for (size_t i = 0; i < 2 * KINDS; i++)
		add_map(f, i % KINDS, NULL);
	struct mallinfo2 before = mallinfo2();
	most_memory = 0;
	assert_true(json_write_maps(f->maps, out));
	fclose(out);
	assert_true(most_memory <= before.uordblks + before.hblkhd + AT_MOST);
	expect_rows(f);
	free(name);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_maps_there_are_no_rows),
		cmocka_unit_test(rows_of_a_kind_differ_in_their_address),
		cmocka_unit_test(there_may_be_many_kinds),
		cmocka_unit_test(a_row_has_what_is_of_its_map_alone),
		cmocka_unit_test(a_row_has_the_holder_of_its_map),
		cmocka_unit_test(the_largest_address_fits),
		cmocka_unit_test(what_is_common_is_made_once),
		cmocka_unit_test(without_memory_there_are_no_rows),
		cmocka_unit_test(what_is_kept_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
