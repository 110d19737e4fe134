// SPDX-License-Identifier: GPL-2.0-only
/* The page of results made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "filled_result.h"
#include "report/report.h"

static const struct report_opts no_opts;

static char *page_of(struct result *r, const struct report_opts *opts)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_null(report_html(r, opts, out));
	fclose(out);
	assert_int_equal(strlen(text), len);
	return text;
}

static size_t count_of(const char *text, const char *part)
{
	size_t cnt = 0;

	while ((text = strstr(text, part))) {
		cnt++;
		text += strlen(part);
	}
	return cnt;
}

static void assert_has_all(const char *page)
{
	assert_int_equal(count_of(page, "</html>"), 1);
	assert_int_equal(count_of(page, "<section"), count_of(page, "</section>"));
	assert_int_equal(count_of(page, "<table>"), count_of(page, "</table>"));
	assert_int_equal(count_of(page, "<svg"), count_of(page, "</svg>"));
	assert_int_equal(count_of(page, "<tr>"), count_of(page, "</tr>"));
}

static void a_full_result_makes_a_whole_page(void **state)
{
	(void)state;
	_cleanup_result_ struct result *r = filled_result();
	_cleanup_free_ char *page = page_of(r, &no_opts);

	assert_has_all(page);
	assert_int_equal(count_of(page, "<section id=\"activity\""), 1);
	assert_int_equal(count_of(page, "<section id=\"goroutines\""), 1);
	assert_int_equal(count_of(page, "<section id=\"course\""), 0);
}

static void what_is_not_known_makes_a_page_too(void **state)
{
	(void)state;
	_cleanup_result_ struct result *r = bare_result();
	_cleanup_free_ char *page = page_of(r, &no_opts);

	assert_has_all(page);
	assert_non_null(strstr(page, "without a census of the maps there is nothing to judge"));
}

static void names_are_text(void **state)
{
	(void)state;
	_cleanup_result_ struct result *r = filled_result();

	r->target.command = "</title><script>x</script>\x1b\xff'\"&";
	_cleanup_free_ char *page = page_of(r, &no_opts);
	assert_non_null(strstr(page, "<h1>&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;??&#39;"
				     "&quot;&amp;</h1>"));
	assert_null(strstr(page, "<script>x"));
}

static void a_long_name_is_cut(void **state)
{
	(void)state;
	_cleanup_result_ struct result *r = filled_result();
	char name[5000];

	memset(name, 'y', sizeof(name));
	name[sizeof(name) - 1] = 0;
	r->target.command = name;
	_cleanup_free_ char *page = page_of(r, &no_opts);
	assert_non_null(strstr(page, "yyy...</h1>"));
	assert_null(strstr(page, name));
}

/* A line has a gap where a figure is not known. */
static void the_course_is_drawn(void **state)
{
	(void)state;
	_cleanup_result_ struct result *r = filled_result();
	struct course_row rows[] = {
		{ .unix_time_ns = 1, .rss_bytes = 1 << 20, .live_keys = { 5, true } },
		{ .unix_time_ns = 2, .rss_bytes = 2 << 20 },
		{ .unix_time_ns = 3, .rss_bytes = 1 << 20, .live_keys = { 10, true } },
	};
	struct course course = { .rows = { .data = rows, .len = 3 } };
	const struct report_opts opts = { .course = &course };
	_cleanup_free_ char *page = page_of(r, &opts);

	assert_has_all(page);
	assert_non_null(strstr(page, "d=\"M0.0 120.0L500.0 2.0L1000.0 120.0\""));
	assert_non_null(strstr(page, "d=\"M0.0 120.0M1000.0 2.0\""));
}

/* Time that stands still, and counters near their ends, are no reason to divide by 0. */
static void a_course_of_one_row_is_drawn(void **state)
{
	(void)state;
	_cleanup_result_ struct result *r = bare_result();
	struct course_row row = { .unix_time_ns = UINT64_MAX, .rss_bytes = UINT64_MAX };
	struct course course = { .rows = { .data = &row, .len = 1 } };
	const struct report_opts opts = { .course = &course };
	_cleanup_free_ char *page = page_of(r, &opts);

	assert_has_all(page);
	assert_null(strstr(page, "nan"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_result_makes_a_whole_page),
		cmocka_unit_test(what_is_not_known_makes_a_page_too),
		cmocka_unit_test(names_are_text),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(the_course_is_drawn),
		cmocka_unit_test(a_course_of_one_row_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
