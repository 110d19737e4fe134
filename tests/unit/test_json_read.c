// SPDX-License-Identifier: GPL-2.0-only
/* A report may come from anybody: whatever is wrong with it is said, and nothing breaks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "filled_result.h"
#include "report/json_read.h"
#include "report/report.h"

static struct err *read_text(const char *text, size_t len, struct result **ret)
{
	FILE *in = fmemopen((void *)text, len, "r");

	assert_non_null(in);
	struct err *err = result_read(in, ret);
	fclose(in);
	return err;
}

static void expect_error(const char *text, enum err_kind kind, const char *message)
{
	struct result *r = NULL;
	struct err *err = read_text(text, strlen(text), &r);

	if (!err)
		fail_msg("read, and not: %s", message);
	if (!err_is(err, kind) || !strstr(err->msg, message))
		fail_msg("kind %d, '%s', and not '%s'", err->kind, err->msg, message);
	assert_null(r);
	err_free(err);
}

static char *document(void)
{
	struct result *r = filled_result();
	char *text = json_of_result(r);

	result_free(r);
	return text;
}

/* The full document after a change; the caller frees it. */
static char *changed(const char *from, const char *to)
{
	char *text = document(), *at = strstr(text, from), *ret;

	if (!at)
		fail_msg("there is no %s", from);
	assert_true(asprintf(&ret, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
	free(text);
	return ret;
}

static void expect_refused(const char *from, const char *to, const char *message)
{
	char *text = changed(from, to);

	expect_error(text, ERR_FORMAT, message);
	free(text);
}

/* ---- what may differ ---- */

static void expect_reads_as(const char *text, const char *wanted)
{
	struct result *r = result_of_json(text);
	char *again = json_of_result(r);

	assert_string_equal(again, wanted);
	free(again);
	result_free(r);
}

static void expect_formatted(size_t flags)
{
	char *text = document();
	json_t *o = json_loads(text, 0, NULL);
	char *formatted = json_dumps(o, flags | JSON_REAL_PRECISION(9));

	assert_non_null(formatted);
	expect_reads_as(formatted, text);
	json_decref(o);
	free(formatted);
	free(text);
}

static void the_format_does_not_matter(void **state)
{
	(void)state;
	expect_formatted(JSON_INDENT(3));
	expect_formatted(JSON_SORT_KEYS);
	expect_formatted(JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH);
	expect_formatted(JSON_COMPACT);
}

static void unknown_members_are_ignored(void **state)
{
	char *text = document();
	char *a = changed("\"maptrace\":", "\"new\":[{\"}]\":\"\\\"\"},[]],\"maptrace\":");
	char *b = changed("\"hits\":", "\"new\":{\"a\":[1,null]},\"hits\":");
	char *c = changed("{\"address\":\"0x2000\",", "{\"address\":\"0x2000\",\"new\":true,");

	(void)state;
	expect_reads_as(a, text);
	expect_reads_as(b, text);
	expect_reads_as(c, text);
	free(a);
	free(b);
	free(c);
	free(text);
}

static void maps_are_there_by_address(void **state)
{
	struct result *r = filled_result();
	char *text = json_of_result(r);
	struct result *read = result_of_json(text);
	struct map_view a, b, c;

	(void)state;
	assert_int_equal(result_maps_cnt(read->maps), 3);
	assert_int_equal(result_maps_total(read->maps), 12345);
	result_map(read->maps, 0, true, &a);
	result_map(read->maps, 1, true, &b);
	assert_true(result_map_find(read->maps, 0xfffffffffffffff0, &c));
	assert_ptr_equal(a.same, b.same);
	assert_int_equal(a.same_no, b.same_no);
	assert_non_null(a.activity);
	assert_null(b.activity);
	assert_string_equal(c.same->zero_values_reason, "too large");
	assert_false(c.same->has_next_growth);
	assert_false(result_map_find(read->maps, 0x3000, &c));
	result_free(read);
	result_free(r);
	free(text);
}

static void what_is_null_is_not_known(void **state)
{
	struct result *r = bare_result();
	char *text = json_of_result(r);
	struct result *read = result_of_json(text);

	(void)state;
	assert_null(read->memory);
	assert_null(read->trace.traced);
	assert_null(read->target.gone);
	assert_false(read->target.cgroup_left_bytes.known);
	assert_int_equal(read->host.name != NULL, r->host.name != NULL);
	result_free(read);
	result_free(r);
	free(text);
}

/* ---- other documents ---- */

static void another_schema_is_refused(void **state)
{
	char *number = changed("\"schema\":\"maptrace.report/2\"", "\"schema\":1");
	char *next = changed("report/2", "report/3");

	(void)state;
	expect_error(number, ERR_UNSUPPORTED,
		     "this is a document of schema 1, not of maptrace.report/2");
	expect_error(next, ERR_UNSUPPORTED, "schema \"maptrace.report/3\"");
	expect_error("{}", ERR_UNSUPPORTED, "it has no schema");
	expect_error("{\"target\":1,\"schema\":{\"a\":1}}", ERR_UNSUPPORTED,
		     "of schema {\"a\": 1}");
	free(number);
	free(next);
}

static void the_document_of_a_failure_is_no_report(void **state)
{
	struct err *err = err_new(ERR_GONE, "process 1 has exited");
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_null(report_json_error(out, err));
	fclose(out);
	expect_error(text, ERR_UNSUPPORTED, "maptrace failed: process 1 has exited");
	err_free(err);
	free(text);
}

/* ---- what is wrong ---- */

static void what_is_wrong_has_a_path(void **state)
{
	(void)state;
	expect_refused("\"pid\":", "\"pid\":\"1\",\"old_pid\":", "target.pid: not a whole number");
	expect_refused("\"pid\":", "\"pid\":-1,\"old_pid\":", "target.pid: below 0");
	expect_refused("\"pid\":", "\"pid\":1.5,\"old_pid\":", "target.pid: not a whole number");
	expect_refused("\"pid\":", "\"pid\":null,\"old_pid\":", "target.pid: null");
	expect_refused("\"pid\":", "\"old_pid\":", "target.pid: this member is missing");
	expect_refused("\"stripped\":true", "\"stripped\":1", "target.stripped: neither true nor");
	expect_refused("\"plugins\":[\"", "\"plugins\":[1,\"", "target.plugins[0]: not a string");
	expect_refused("\"plugins\":[", "\"plugins\":{},\"p\":[", "target.plugins: not an array");
	expect_refused("\"host\":{", "\"host\":[],\"h\":{", "host: not an object");
	expect_refused(
		"\"price_ns\":", "\"price_ns\":\"\",\"p\":", "trace.sites[0].price_ns: not a n");
	expect_refused("\"probe\":\"0x", "\"probe\":\"1x", "trace.sites[0].probe: not an address");
	expect_refused("\"call_error\":\"E", "\"call_error\":\"",
		       "reclaim.causes[0].ranges[0].call_error: not the name of an error");
	expect_refused("\"code\":\"", "\"code\":\"x", "doubts[0].code: not one of the words");
	expect_refused("\"status\":\"", "\"status\":null,\"s\":\"", "census.status: null");
	expect_refused("\"unix_time_ns\":", "\"old\":", "unix_time_ns: this member is missing");
	expect_refused("\"maps_total\":", "\"maps_total\":-", "maps_total: not a number of maps");
	expect_refused("\"bins\":[{\"ge\":0", "\"bins\":[{\"ge\":3",
		       "maps[0].histograms.live_keys.bins[0]: not a bin");
}

static void a_struct_is_there_as_a_whole(void **state)
{
	(void)state;
	expect_refused("\"lookalikes_rejected\":", "\"l\":",
		       "census.lookalikes_rejected: this member is missing");
	expect_refused(
		"\"advice_number\":", "\"a\":", "totals[0].advice_number: this member is missing");
}

static void maps_that_are_wrong_are_named(void **state)
{
	(void)state;
	expect_refused("\"0x2000\"", "\"0x1000\"", "maps[1]: not above the map before it");
	expect_refused("{\"address\":\"0x2000\"", "[],{\"address\":\"0x2000\"",
		       "maps[1]: not an object");
	expect_refused("\"address\":\"0x2000\",", "", "maps[1].address: this member is missing");
	expect_refused("\"address\":\"0x2000\"", "\"address\":8192",
		       "maps[1].address: not an addr");
	expect_refused("\"address\":\"0x2000\"", "\"address\":\"0x10000000000000000\"",
		       "maps[1].address: not an address");
	expect_refused("\"maps\":[", "\"maps\":{", "maps: ");
	expect_refused("\"maps\":[", "\"maps\":[,", "maps[0]: ");
	expect_refused("}]\n}\n", "},]\n}\n", "maps[3]: ");
}

static void numbers_may_be_too_large(void **state)
{
	(void)state;
	expect_refused("\"pid\":", "\"pid\":9223372036854775808,\"o\":", "target: not JSON: ");
	expect_refused("\"price_ns\":", "\"price_ns\":1e999,\"o\":", "trace: not JSON: ");
}

static void nesting_is_bounded(void **state)
{
	enum { DEPTH = 100000 };
	char *deep = malloc(DEPTH + 1), *text;

	(void)state;
	memset(deep, '[', DEPTH);
	deep[DEPTH] = '\0';
	expect_error(deep, ERR_FORMAT, "not a report");
	assert_true(asprintf(&text, "{\"schema\":\"maptrace.report/2\",\"x\":%s", deep) > 0);
	expect_error(text, ERR_FORMAT, "nested too deep");
	free(text);
	assert_true(asprintf(&text, "{\"maps\":[%s", deep) > 0);
	expect_error(text, ERR_FORMAT, "nested too deep");
	free(text);
	free(deep);
}

static void lists_are_bounded(void **state)
{
	enum { CNT = (1 << 20) + 1 };
	char *list = malloc(2 * CNT + 1), *text;

	(void)state;
	for (size_t i = 0; i < CNT; i++)
		memcpy(list + 2 * i, "1,", 2);
	list[2 * CNT - 1] = '\0';
	assert_true(asprintf(&text, "\"plugins\":[%s],\"p\":[", list) > 0);
	expect_refused("\"plugins\":[", text, "target.plugins: too many elements");
	free(text);
	free(list);
}

static void names_are_bounded(void **state)
{
	char name[600];

	(void)state;
	memset(name, 'n', sizeof(name));
	memcpy(name, "{\"", 2);
	name[sizeof(name) - 1] = '\0';
	expect_error(name, ERR_FORMAT, "longer than");
}

static void members_are_there_once(void **state)
{
	(void)state;
	expect_refused(
		"\"maptrace\":", "\"maptrace\":\"1\",\"maptrace\":", "maptrace: there twice");
	expect_refused("\"maps\":[", "\"maps\":[],\"maps\":[", "maps: there twice");
	expect_refused("\"pid\":", "\"pid\":1,\"pid\":", "target: not JSON: duplicate");
}

static void text_may_hold_no_zero(void **state)
{
	(void)state;
	expect_refused("\"command\":\"", "\"command\":\"a\\u0000", "target: not JSON: ");
	expect_refused("\"command\":\"", "\"command\":\"\xff", "target: not JSON: ");
}

/* Wherever it ends it is an error; so it is with a byte that is another. */
static void what_is_cut_or_damaged_is_refused(void **state)
{
	char *text = document();
	size_t len = strlen(text);

	(void)state;
	for (size_t i = 1; i < len - 2; i += i < 500 ? 1 : 397) {
		struct result *r = NULL;
		struct err *err = read_text(text, i, &r);

		assert_non_null(err);
		assert_null(r);
		err_free(err);
	}
	for (size_t i = 0; i < len; i += 211) {
		struct result *r = NULL;
		char old = text[i];

		for (const char *with = "\"{}[]:,0x\\\n"; *with; with++) {
			text[i] = *with;
			err_free(read_text(text, len, &r));
			result_free(r);
			r = NULL;
		}
		text[i] = old;
	}
	free(text);
}

static void what_is_no_json_is_refused(void **state)
{
	char *more = changed("}]\n}\n", "}]\n}\n{}");

	(void)state;
	expect_error(" ", ERR_FORMAT, "not JSON: it ends too early");
	expect_error("[]", ERR_FORMAT, "not a report");
	expect_error("{1:2}", ERR_FORMAT, "not JSON: the name of a member");
	expect_error("{\"schema\"}", ERR_FORMAT, "not a report");
	expect_error("{\"schema\":}", ERR_FORMAT, "not JSON");
	expect_error("{\"schema\":\"maptrace.report/2\",}", ERR_FORMAT, "not JSON");
	expect_error(more, ERR_FORMAT, "something after its end");
	free(more);
}

static void files_are_named(void **state)
{
	struct result *r = NULL;
	struct err *err = result_read_file("/no/such/file", &r);

	(void)state;
	assert_non_null(strstr(err->msg, "/no/such/file: No such file"));
	err_free(err);
	err = result_read_file("/dev/null", &r);
	assert_string_equal(err->msg, "/dev/null: not JSON: it ends too early");
	err_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_does_not_matter),
		cmocka_unit_test(unknown_members_are_ignored),
		cmocka_unit_test(maps_are_there_by_address),
		cmocka_unit_test(what_is_null_is_not_known),
		cmocka_unit_test(another_schema_is_refused),
		cmocka_unit_test(the_document_of_a_failure_is_no_report),
		cmocka_unit_test(what_is_wrong_has_a_path),
		cmocka_unit_test(a_struct_is_there_as_a_whole),
		cmocka_unit_test(maps_that_are_wrong_are_named),
		cmocka_unit_test(numbers_may_be_too_large),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(members_are_there_once),
		cmocka_unit_test(text_may_hold_no_zero),
		cmocka_unit_test(what_is_cut_or_damaged_is_refused),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(files_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
