// SPDX-License-Identifier: GPL-2.0-only
/* The schema in the tree is the one of the tables: `make schema` makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "report/json_schema.h"

#define SCHEMA_FILE "user/report/report.schema.json"

static char *schema_now(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_null(json_schema_write(out));
	fclose(out);
	return text;
}

static void the_file_is_what_the_tables_say(void **state)
{
	_cleanup_free_ char *now = schema_now();
	_cleanup_free_ char *file = NULL;
	_cleanup_fclose_ FILE *in = fopen(SCHEMA_FILE, "re");
	size_t cap = 0;

	(void)state;
	assert_non_null(in);
	assert_true(getdelim(&file, &cap, '\0', in) > 0);
	if (strcmp(file, now))
		fail_msg(SCHEMA_FILE " is not what the tables say: run make schema");
}

/* ---- all objects of the schema ---- */

static void expect_object(const char *name, json_t *object)
{
	json_t *properties = json_object_get(object, "properties"), *required, *property;
	const char *key;
	size_t i;

	if (!json_is_string(json_object_get(object, "description")))
		fail_msg("%s has no description", name);
	assert_true(json_is_false(json_object_get(object, "additionalProperties")));
	json_object_foreach(properties, key,
			    property) if (!json_is_string(json_object_get(property, "description")))
		fail_msg("%s.%s has no description", name, key);
	json_array_foreach(json_object_get(object, "required"), i, required)
		assert_non_null(json_object_get(properties, json_string_value(required)));
}

static void each_member_is_described(void **state)
{
	_cleanup_free_ char *now = schema_now();
	json_t *schema = json_loads(now, JSON_REJECT_DUPLICATES, NULL), *object;
	const char *name;

	(void)state;
	assert_non_null(schema);
	assert_true(json_object_size(json_object_get(schema, "$defs")) > 30);
	json_object_foreach(json_object_get(schema, "$defs"), name, object)
		expect_object(name, object);
	json_decref(schema);
}

static void *no_memory(size_t size)
{
	(void)size;
	return NULL;
}

static void without_memory_there_is_an_error(void **state)
{
	_cleanup_fclose_ FILE *out = fopen("/dev/null", "we");

	(void)state;
	json_set_alloc_funcs(no_memory, free);
	struct err *err = json_schema_write(out);
	json_set_alloc_funcs(malloc, free);
	assert_true(err_is(err, ERR_NOMEM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_is_what_the_tables_say),
		cmocka_unit_test(each_member_is_described),
		cmocka_unit_test(without_memory_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
