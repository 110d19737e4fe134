// SPDX-License-Identifier: GPL-2.0-only
/* What is written is what is read; each member is there under its name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "filled_result.h"
#include "report/json_object.h"
#include "report/json_shapes.h"
#include "report/report.h"

static void expect_same_again(struct result *r)
{
	char *once = json_of_result(r);
	struct result *read = result_of_json(once);
	char *twice = json_of_result(read);

	assert_string_equal(once, twice);
	free(once);
	free(twice);
	result_free(read);
	result_free(r);
}

static void a_full_result_is_read_as_written(void **state)
{
	(void)state;
	expect_same_again(filled_result());
}

static void a_bare_result_is_read_as_written(void **state)
{
	(void)state;
	expect_same_again(bare_result());
}

/* ---- members ---- */

static void expect_members(const json_t *o, const struct json_shape *shape);

static void expect_member(const json_t *o, const struct json_member *m)
{
	const json_t *value = m->name ? json_object_get(o, m->name) : o;
	bool has_shape = m->shape && m->kind != JSON_KIND_BINS;

	if (!value || json_is_null(value))
		fail_msg("%s: missing", m->name);
	if (m->kind == JSON_KIND_LIST)
		value = json_array_get(value, 0);
	if (has_shape)
		expect_members(value, m->shape);
}

static void expect_members(const json_t *o, const struct json_shape *shape)
{
	for (size_t i = 0; i < shape->member_cnt; i++)
		if (strcmp(shape->name, "map_zeroes") || i == 0)
			expect_member(o, &shape->members[i]);
}

static json_t *parsed(const char *text)
{
	json_error_t error;
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!o)
		fail_msg("%s", error.text);
	return o;
}

static json_t *document_of(struct result *r)
{
	char *text = json_of_result(r);
	json_t *o = parsed(text);

	free(text);
	result_free(r);
	return o;
}

static void each_member_is_in_the_document(void **state)
{
	json_t *o = document_of(filled_result());

	(void)state;
	expect_members(o, &result_json);
	expect_members(json_array_get(json_object_get(o, "maps"), 0), &map_view_json);
	json_decref(o);
}

/* Each of them would not be known again, or mean two things. */
static void expect_unique_names(const struct json_shape *shape)
{
	for (size_t i = 0; i < shape->member_cnt; i++) {
		const struct json_member *m = &shape->members[i];

		for (size_t j = 0; j < i; j++)
			if (m->name && shape->members[j].name)
				assert_string_not_equal(m->name, shape->members[j].name);
		if (m->shape)
			expect_unique_names(m->shape);
	}
}

static void no_object_has_a_name_twice(void **state)
{
	(void)state;
	expect_unique_names(&result_json);
	expect_unique_names(&map_view_json);
}

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	assert_non_null(s);
	return s;
}

static void rows_have_members_of_their_names(void **state)
{
	struct result *r = bare_result();
	struct result_ledger ledger = { 0 };
	json_t *o, *memory;

	(void)state;
	for (enum ledger_row row = 0; row < ROW_CNT; row++)
		ledger.row_bytes[row] = 100 + row;
	r->memory = &ledger;
	o = document_of(r);
	memory = json_object_get(o, "memory");
	for (enum ledger_row row = 0; row < ROW_CNT; row++) {
		char name[64];

		snprintf(name, sizeof(name), "%s_bytes", ledger_row_words[row].name);
		assert_int_equal(json_integer_value(json_object_get(memory, name)), 100 + row);
	}
	json_decref(o);
}

/* ---- values ---- */

static void what_is_not_known_is_null_or_left_out(void **state)
{
	json_t *o = document_of(bare_result()), *target = json_object_get(o, "target");
	json_t *trace = json_object_get(o, "trace");

	(void)state;
	assert_true(json_is_null(json_object_get(o, "memory")));
	assert_true(json_is_null(json_object_get(target, "cgroup_limit_bytes")));
	assert_true(json_is_null(json_object_get(target, "cgroup_left_bytes")));
	assert_true(json_is_null(json_object_get(target, "gone")));
	assert_int_equal(json_array_size(json_object_get(target, "plugins")), 0);
	assert_int_equal(json_object_size(trace), 2);
	assert_string_equal(text_at(trace, "status"), "refused");
	json_decref(o);
}

static void numbers_that_json_has_not_are_close_to_it(void **state)
{
	struct result *r = bare_result();
	struct result_receipt receipt = { .hits_ns = NAN,
					  .price_ns = INFINITY,
					  .run_ns = UINT64_MAX };
	json_t *o, *cost;

	(void)state;
	r->cost.receipt = &receipt;
	r->cost.cpu_ns = UINT64_MAX;
	o = document_of(r);
	cost = json_object_get(o, "cost");
	assert_int_equal(json_integer_value(json_object_get(cost, "cpu_ns")), INT64_MAX);
	assert_true(json_is_null(json_object_get(cost, "hits_ns")));
	assert_true(json_is_null(json_object_get(cost, "price_ns")));
	json_decref(o);
}

static void text_that_is_not_utf8_becomes_ascii(void **state)
{
	struct result *r = bare_result();
	json_t *o;

	(void)state;
	r->target.command = "caf\xe9 \x1b[31m";
	r->target.executable = "/caf\xc3\xa9";
	o = document_of(r);
	assert_string_equal(text_at(json_object_get(o, "target"), "command"), "caf? \x1b[31m");
	assert_string_equal(text_at(json_object_get(o, "target"), "executable"), "/caf\xc3\xa9");
	json_decref(o);
}

static void a_failure_is_a_document(void **state)
{
	struct err *err = err_new(ERR_PERM, "ptrace of 1 is not permitted");
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_null(report_json_error(out, err));
	fclose(out);
	json_t *o = parsed(text), *error = json_object_get(o, "error");
	assert_string_equal(text_at(o, "schema"), RESULT_SCHEMA);
	assert_string_equal(text_at(error, "kind"), "not_permitted");
	assert_string_equal(text_at(error, "message"), "ptrace of 1 is not permitted");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), EXIT_PERM);
	json_decref(o);
	free(text);
	err_free(err);
}

static void *no_memory(size_t size)
{
	(void)size;
	return NULL;
}

static void without_memory_there_is_an_error(void **state)
{
	struct result *r = filled_result();
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	json_set_alloc_funcs(no_memory, free);
	struct err *err = report_json(r, out);
	json_set_alloc_funcs(malloc, free);
	assert_true(err_is(err, ERR_NOMEM));
	err_free(err);
	fclose(out);
	result_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_result_is_read_as_written),
		cmocka_unit_test(a_bare_result_is_read_as_written),
		cmocka_unit_test(each_member_is_in_the_document),
		cmocka_unit_test(no_object_has_a_name_twice),
		cmocka_unit_test(rows_have_members_of_their_names),
		cmocka_unit_test(what_is_not_known_is_null_or_left_out),
		cmocka_unit_test(numbers_that_json_has_not_are_close_to_it),
		cmocka_unit_test(text_that_is_not_utf8_becomes_ascii),
		cmocka_unit_test(a_failure_is_a_document),
		cmocka_unit_test(without_memory_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
