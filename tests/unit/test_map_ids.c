// SPDX-License-Identifier: GPL-2.0-only
/* Two processes of a build have their maps at other addresses and in another order. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include "graph/holder_search.h"
#include "model/map_ids.h"

enum { ROWS_MAX = 16 };

/* A map, and what holds it. */
struct given {
	uint64_t keys;
	const struct holder *holder; /* NULL: not known */
	uint32_t place;
	uint16_t bucket_sz;
};

/* The maps of one process, in the order of their addresses. */
struct process {
	struct map_rows rows;
	struct holders holders;
	uint32_t by_row[ROWS_MAX];
	uint32_t places[ROWS_MAX];
	struct pool pool;
	struct map_ids ids;
	char text[ROWS_MAX][MAP_ID_SZ];
	bool certain[ROWS_MAX];
};

static const struct holder sessions = { .kind = HOLDER_FIELD,
					.text = "*main.Store.sessions",
					.type = "main.Store",
					.field = "sessions",
					.certain = true,
					.candidates = 1 };
static const struct holder shards = { .kind = HOLDER_FIELD,
				      .text = "*main.Store.shards[*].m",
				      .type = "main.Store",
				      .field = "shards[*].m",
				      .certain = true,
				      .candidates = 1 };
static const struct holder value = { .kind = HOLDER_MAP,
				     .text = "map[string]map[int]int[*]",
				     .type = "map[string]map[int]int",
				     .certain = true,
				     .candidates = 1 };
static const struct holder variable = { .kind = HOLDER_VARIABLE,
					.text = "main.<var> used by main, get",
					.package = "main",
					.used_by = { "main.main", "main.get" },
					.used_by_cnt = 2,
					.candidates = 1 };
static const struct holder same_variable = { .kind = HOLDER_VARIABLE,
					     .text = "main.<var> used by get, main",
					     .package = "main",
					     .used_by = { "main.get", "main.main" },
					     .used_by_cnt = 2,
					     .certain = true,
					     .candidates = 1 };
static const struct holder variable_with_field = {
	.kind = HOLDER_VARIABLE,
	.text = "main.<var>.(main.server).stores used by main, get",
	.type = "main.server",
	.field = "stores",
	.package = "main",
	.used_by = { "main.main", "main.get" },
	.used_by_cnt = 2,
	.candidates = 1
};
static const struct holder named = {
	.kind = HOLDER_VARIABLE, .text = "main.srv", .package = "main", .candidates = 1
};
static const struct holder named_with_field = { .kind = HOLDER_VARIABLE,
						.text = "main.srv.stores[*].m",
						.type = "main.server",
						.field = "stores[*].m",
						.package = "main",
						.candidates = 1 };
static const struct holder guess = {
	.kind = HOLDER_FIELD, .text = "*main.A.m", .type = "main.A", .field = "m", .candidates = 2
};
static const struct holder other_guess = {
	.kind = HOLDER_FIELD, .text = "*main.B.m", .type = "main.B", .field = "m", .candidates = 2
};
static const struct holder frame = { .kind = HOLDER_FRAME,
				     .text = "goroutine 7 main.work",
				     .function = "main.work",
				     .candidates = 1 };
static const struct holder other_goroutine = { .kind = HOLDER_FRAME,
					       .text = "goroutine 812 main.work",
					       .function = "main.work",
					       .candidates = 1 };

static struct process *process_new(const struct given *maps, size_t cnt)
{
	struct process *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	assert_true(cnt <= ROWS_MAX);
	for (size_t i = 0; i < cnt; i++) {
		struct map_info m = { .addr = 0x1000 * (i + 1),
				      .live_keys = maps[i].keys,
				      .bucket_sz = maps[i].bucket_sz };

		assert_true(rows_push(&p->rows, &m));
		p->by_row[i] = maps[i].holder ? holder_set_add(&p->holders.set, maps[i].holder)
					      : HOLDERS_NO_HOLDER;
		p->places[i] = maps[i].place;
	}
	p->holders.by_row = p->by_row;
	p->holders.places = p->places;
	p->holders.row_cnt = cnt;
	map_ids_make(&p->ids, &p->pool, &p->rows, &p->holders, NULL);
	assert_false(p->pool.failed);
	for (size_t i = 0; i < cnt; i++) {
		assert_true(map_id_text(&p->ids, i, p->text[i]));
		p->certain[i] = map_id_is_certain(&p->ids, i);
	}
	return p;
}

static void process_free(struct process *p)
{
	rows_fini(&p->rows);
	holder_set_fini(&p->holders.set);
	pool_fini(&p->pool);
	free(p);
}

/* in_b[i]: where the i-th map of the first process is in the second one. */
static void expect_same(const struct given *a, const struct given *b, const size_t *in_b,
			size_t cnt)
{
	struct process *p = process_new(a, cnt), *q = process_new(b, cnt);

	for (size_t i = 0; i < cnt; i++) {
		assert_string_equal(p->text[i], q->text[in_b[i]]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(p->text[i], p->text[k]);
	}
	process_free(p);
	process_free(q);
}

#define NO HOLDERS_NO_PLACE

static void a_field_is_the_same_with_other_keys(void **state)
{
	const struct given a[] = { { 10, &sessions, NO, 200 }, { 5, NULL, NO, 80 } };
	const struct given b[] = { { 7, NULL, NO, 80 }, { 90000, &sessions, NO, 0 } };
	struct process *p = process_new(a, 2);

	(void)state;
	expect_same(a, b, (size_t[]){ 1, 0 }, 2);
	assert_true(p->certain[0]);
	assert_false(p->certain[1]);
	assert_int_equal(strlen(p->text[0]), 16);
	process_free(p);
}

static void elements_have_their_index(void **state)
{
	const struct given a[] = { { 1, &shards, 0, 200 },
				   { 5, &shards, 1, 200 },
				   { 3, &shards, 17, 200 },
				   { 9, &shards, 17, 200 } };
	const struct given b[] = { { 99, &shards, 17, 200 },
				   { 50, &shards, 17, 200 },
				   { 70, &shards, 1, 200 },
				   { 5, &shards, 0, 200 } };
	struct process *p = process_new(a, 4);

	(void)state;
	expect_same(a, b, (size_t[]){ 3, 2, 1, 0 }, 4);
	assert_string_equal(p->text[0] + 16, ".0");
	assert_string_equal(p->text[3] + 16, ".17");
	assert_string_equal(p->text[2] + 16, ".17-2");
	assert_memory_equal(p->text[0], p->text[3], 16);
	assert_true(p->certain[1]);
	assert_false(p->certain[3]); /* another one may have more keys next time */
	process_free(p);
}

/* Variables of one package that the same functions use are in the order of their words. */
static void variables_are_in_their_order(void **state)
{
	const struct given a[] = { { 1, &variable, 100, 200 }, { 900, &same_variable, 101, 200 } };
	const struct given b[] = { { 5, &variable, 101, 200 }, { 2, &same_variable, 100, 200 } };
	struct process *p = process_new(a, 2);

	(void)state;
	expect_same(a, b, (size_t[]){ 1, 0 }, 2);
	assert_true(p->certain[0] && p->certain[1]);
	assert_string_equal(p->text[1] + 16, "-2");
	process_free(p);
}

/* What says that it is a field may come after the start of the program. */
static void fields_of_variables_change_no_id(void **state)
{
	const struct given a[] = { { 1, &variable, 100, 200 }, { 9, &named, 101, 200 } };
	const struct given b[] = { { 5, &variable_with_field, 100, 200 },
				   { 2, &named_with_field, 101, 200 } };

	(void)state;
	expect_same(a, b, (size_t[]){ 0, 1 }, 2);
}

static void values_are_told_apart_by_their_map(void **state)
{
	const struct given a[] = { { 4, &sessions, NO, 200 },
				   { 2, &variable, 7, 200 },
				   { 6, &value, 0, 80 },
				   { 6, &value, 1, 80 },
				   { 3, &value, 1, 80 } };
	const struct given b[] = { { 6, &value, 3, 80 },
				   { 4, &value, 3, 80 },
				   { 9, &value, 4, 80 },
				   { 2, &variable, 7, 200 },
				   { 4, &sessions, NO, 200 } };

	(void)state;
	expect_same(a, b, (size_t[]){ 4, 3, 2, 0, 1 }, 5);
}

/* A map cannot be its own value; memory that changed may say so. */
static void a_circle_of_values_ends(void **state)
{
	const struct given a[] = { { 4, &value, 0, 200 },
				   { 2, &value, 2, 200 },
				   { 2, &value, 1, 200 },
				   { 6, &value, 99, 80 } };
	struct process *p = process_new(a, 4);

	(void)state;
	assert_false(p->certain[0] && p->certain[1]);
	process_free(p);
}

static void a_guess_says_nothing(void **state)
{
	const struct given a[] = { { 10, &guess, NO, 200 },
				   { 5, &other_guess, NO, 200 },
				   { 5, NULL, NO, 208 } };
	const struct given b[] = { { 5, NULL, NO, 208 },
				   { 5, &guess, NO, 200 },
				   { 10, NULL, NO, 200 } };
	struct process *p = process_new(a, 3);

	(void)state;
	expect_same(a, b, (size_t[]){ 2, 1, 0 }, 3);
	assert_false(p->certain[0] || p->certain[1] || p->certain[2]);
	process_free(p);
}

static void goroutines_have_numbers_that_do_not_count(void **state)
{
	const struct given a[] = { { 10, &frame, NO, 200 }, { 5, NULL, NO, 200 } };
	const struct given b[] = { { 10, &other_goroutine, NO, 200 }, { 5, NULL, NO, 200 } };

	(void)state;
	expect_same(a, b, (size_t[]){ 0, 1 }, 2);
}

/* Ids of earlier versions are kept by those who watch a service for long. */
static void ids_stay_as_they_are(void **state)
{
	const struct given a[] = { { 10, &sessions, NO, 200 }, { 1, &variable, 100, 200 } };
	struct process *p = process_new(a, 2);

	(void)state;
	assert_string_equal(p->text[0], "73e9298032665135");
	assert_string_equal(p->text[1], "ef8552a349c5b0a3");
	process_free(p);
}

static void without_rows_there_are_none(void **state)
{
	struct process *p = process_new(NULL, 0);
	char text[MAP_ID_SZ];

	(void)state;
	assert_false(map_id_text(&p->ids, 0, text));
	assert_false(map_id_is_certain(&p->ids, 0));
	process_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_is_the_same_with_other_keys),
		cmocka_unit_test(elements_have_their_index),
		cmocka_unit_test(variables_are_in_their_order),
		cmocka_unit_test(fields_of_variables_change_no_id),
		cmocka_unit_test(values_are_told_apart_by_their_map),
		cmocka_unit_test(a_circle_of_values_ends),
		cmocka_unit_test(a_guess_says_nothing),
		cmocka_unit_test(goroutines_have_numbers_that_do_not_count),
		cmocka_unit_test(ids_stay_as_they_are),
		cmocka_unit_test(without_rows_there_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
