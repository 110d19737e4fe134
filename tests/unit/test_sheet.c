// SPDX-License-Identifier: GPL-2.0-only
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "report/sheet.h"

/* Compares the text of a sheet, and drops it. */
static void expect(struct sheet *s, const char *text)
{
	char *got = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&got, &len);

	assert_non_null(out);
	sheet_print(s, out);
	fclose(out);
	assert_string_equal(got, text);
	free(got);
	sheet_fini(s);
}

static void test_lines_are_cut(void **state)
{
	struct sheet s = { .columns = 8 };

	(void)state;
	sheet_put(&s, SHEET_PLAIN, "12345");
	sheet_put(&s, SHEET_BOLD, "6789");
	sheet_put(&s, SHEET_PLAIN, "x");
	sheet_end(&s);
	sheet_put(&s, SHEET_PLAIN, "y");
	sheet_end(&s);
	assert_int_equal(s.lines, 2);
	expect(&s, "12345678\ny\n");
}

static void test_cells(void **state)
{
	struct sheet s = { .columns = 20 };

	(void)state;
	sheet_cell(&s, SHEET_PLAIN, -5, "ab");
	sheet_cell(&s, SHEET_PLAIN, 4, "cd");
	sheet_cell(&s, SHEET_PLAIN, 4, "efghij");
	sheet_cell(&s, SHEET_PLAIN, 9, "klmnopqrs");
	sheet_end(&s);
	expect(&s, "   abcd  efg~klmnop~\n");
}

static void test_text_cannot_steer_the_terminal(void **state)
{
	struct sheet s = { .columns = 40 };

	(void)state;
	sheet_put(&s, SHEET_PLAIN, "a\033[2Jb\nc\xff");
	sheet_end(&s);
	expect(&s, "a?[2Jb?c?\n");
}

static void test_ascii_terminal(void **state)
{
	uint64_t values[] = { 100, 200, 300 };
	struct sheet s = { .columns = 40 };

	(void)state;
	sheet_put(&s, SHEET_PLAIN, "\xc3\xa4");
	sheet_spark(&s, SHEET_PLAIN, values, 3);
	sheet_end(&s);
	expect(&s, "?_=#\n");
}

static void test_wide_characters_take_two_columns(void **state)
{
	struct sheet s = { .columns = 4, .utf8 = true };

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	sheet_cell(&s, SHEET_PLAIN, 4, "\xe4\xb8\x96\xe7\x95\x8c\xe4\xb8\x96");
	assert_int_equal(s.at, 4);
	sheet_end(&s);
	expect(&s, "\xe4\xb8\x96~\n");
}

static void test_flat_sparkline(void **state)
{
	uint64_t values[] = { 1000, 1001, 1010 };
	struct sheet s = { .columns = 40 };

	(void)state;
	sheet_spark(&s, SHEET_PLAIN, values, 3);
	sheet_end(&s);
	expect(&s, "___\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_cut),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_text_cannot_steer_the_terminal),
		cmocka_unit_test(test_ascii_terminal),
		cmocka_unit_test(test_wide_characters_take_two_columns),
		cmocka_unit_test(test_flat_sparkline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
