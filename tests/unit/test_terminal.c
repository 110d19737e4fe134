// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/terminal.h"

static int columns_with(const char *variable, FILE *stream)
{
	if (variable)
		setenv("COLUMNS", variable, 1);
	else
		unsetenv("COLUMNS");
	return terminal_columns(stream);
}

static void a_file_has_80_columns(void **state)
{
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	assert_int_equal(columns_with(NULL, f), 80);
	fclose(f);
}

/* A stream in memory has no file descriptor. */
static void a_stream_without_a_file_has_80_columns(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	assert_int_equal(columns_with(NULL, f), 80);
	fclose(f);
	free(text);
}

static void the_environment_says_how_many(void **state)
{
	static const struct {
		const char *variable;
		int columns;
	} rows[] = {
		{ "100", 100 },	 { "40", 40 },	  { "39", 40 },
		{ "1", 40 },	 { "200", 200 },  { "201", 200 },
		{ "9999", 200 }, { "", 80 },	  { "0", 80 },
		{ "-100", 80 },	 { "100x", 80 },  { "1e2", 80 },
		{ " 100", 80 },	 { "10000", 80 }, { "99999999999999999999", 80 },
		{ "0100", 100 },
	};
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(columns_with(rows[i].variable, f), rows[i].columns);
	fclose(f);
}

/* Opens a terminal of this width. */
static FILE *open_terminal(int *master, int columns)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };

	*master = posix_openpt(O_RDWR | O_NOCTTY);
	if (*master < 0 || grantpt(*master) || unlockpt(*master) ||
	    ioctl(*master, TIOCSWINSZ, &size))
		return NULL;
	int fd = open(ptsname(*master), O_RDWR | O_NOCTTY);
	return fd < 0 ? NULL : fdopen(fd, "r+");
}

static void else_the_terminal_does(void **state)
{
	static const struct {
		int terminal;
		int columns;
	} rows[] = { { 120, 120 }, { 80, 80 }, { 20, 40 }, { 500, 200 }, { 0, 80 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int master;
		FILE *f = open_terminal(&master, rows[i].terminal);

		assert_non_null(f);
		assert_int_equal(columns_with(NULL, f), rows[i].columns);
		assert_int_equal(columns_with("no number", f), rows[i].columns);
		assert_int_equal(columns_with("132", f), 132);
		fclose(f);
		close(master);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_has_80_columns),
		cmocka_unit_test(a_stream_without_a_file_has_80_columns),
		cmocka_unit_test(the_environment_says_how_many),
		cmocka_unit_test(else_the_terminal_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
