// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"

static void has_kind_and_message(void **state)
{
	_cleanup_err_ struct err *err = err_new(ERR_FORMAT, "no %s at %d", "map", 7);

	(void)state;
	assert_int_equal(err->kind, ERR_FORMAT);
	assert_int_equal(err->os_errno, 0);
	assert_string_equal(err->msg, "no map at 7");
}

static void wrapping_puts_the_context_in_front(void **state)
{
	_cleanup_err_ struct err *err = err_fault(0xc000, "cannot read");

	(void)state;
	err = err_wrap(err, "reading %s", "spans");
	err = err_wrap(err, "the heap");
	assert_string_equal(err->msg, "the heap: reading spans: cannot read");
	assert_int_equal(err->kind, ERR_FAULT);
	assert_true(err->addr == 0xc000);
}

static void wrapping_success_is_success(void **state)
{
	(void)state;
	assert_null(err_wrap(NULL, "reading spans"));
}

static void out_of_memory_needs_no_memory(void **state)
{
	struct err *err = err_nomem();

	(void)state;
	assert_ptr_equal(err, err_nomem());
	assert_int_equal(err->kind, ERR_NOMEM);
	assert_ptr_equal(err_wrap(err, "reading"), err);
	assert_string_equal(err->msg, "out of memory");
	err_free(err);
	err_free(NULL);
	assert_string_equal(err_nomem()->msg, "out of memory");
}

static void errno_decides_the_kind(void **state)
{
	static const struct {
		int os_errno;
		enum err_kind kind;
	} rows[] = {
		{ ESRCH, ERR_GONE },   { EPERM, ERR_PERM }, { EACCES, ERR_PERM },
		{ ENOMEM, ERR_NOMEM }, { EIO, ERR_OS },	    { ENOENT, ERR_OS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err *err = err_os(rows[i].os_errno, "open %d", 3);
		char want[128];

		snprintf(want, sizeof(want), "open 3: %s", strerror(rows[i].os_errno));
		assert_int_equal(err->kind, rows[i].kind);
		assert_int_equal(err->os_errno, rows[i].os_errno);
		assert_string_equal(err->msg, want);
	}
}

/* The numbers are an interface: runbooks depend on them. */
static void kinds_decide_the_exit_code(void **state)
{
	static const struct {
		enum err_kind kind;
		int code;
	} rows[] = {
		{ ERR_USAGE, 2 },	{ ERR_PERM, 3 },    { ERR_GONE, 5 },	 { ERR_KERNEL, 6 },
		{ ERR_NOMEM, 4 },	{ ERR_OS, 4 },	    { ERR_FORMAT, 4 },	 { ERR_FAULT, 4 },
		{ ERR_UNSUPPORTED, 4 }, { ERR_STOPPED, 4 }, { ERR_DEADLINE, 7 }, { ERR_OUTPUT, 7 },
	};

	(void)state;
	assert_int_equal(err_exit_code(NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_err_ struct err *err = err_new(rows[i].kind, "x");

		assert_int_equal(err_exit_code(err), rows[i].code);
	}
}

static void kinds_are_compared(void **state)
{
	_cleanup_err_ struct err *err = err_new(ERR_GONE, "x");

	(void)state;
	assert_true(err_is(err, ERR_GONE));
	assert_false(err_is(err, ERR_PERM));
	assert_false(err_is(NULL, ERR_GONE));
	assert_false(err_is(NULL, ERR_NOMEM)); /* its number is 0 */
}

static void return_ptr_moves_the_value_out(void **state)
{
	_cleanup_free_ char *p = strdup("x");
	char *moved = take_ptr(p);

	(void)state;
	assert_null(p);
	assert_string_equal(moved, "x");
	free(moved);
}

/* Puts what the log writes while fn runs into a buffer of the test. */
static void capture(void (*fn)(void), char *buf, size_t sz)
{
	FILE *tmp = tmpfile();
	int saved = dup(STDERR_FILENO);

	assert_non_null(tmp);
	fflush(stderr);
	dup2(fileno(tmp), STDERR_FILENO);
	fn();
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(tmp);
	buf[fread(buf, 1, sz - 1, tmp)] = '\0';
	fclose(tmp);
}

static void log_all(void)
{
	log_error("error %d", 1);
	log_warn("warn");
	log_info("info");
	log_warn_err(err_new(ERR_OS, "no file"), "reading %s, ignoring", "x");
}

static void log_levels_and_prefixes(void **state)
{
	char text[256];

	(void)state;
	capture(log_all, text, sizeof(text));
	assert_string_equal(text, "maptrace: error 1\n"
				  "maptrace: warning: warn\n"
				  "maptrace: warning: reading x, ignoring: no file\n");
	log_set_level(LOG_ERROR);
	capture(log_all, text, sizeof(text));
	assert_string_equal(text, "maptrace: error 1\n");
	log_set_level(LOG_WARN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_kind_and_message),
		cmocka_unit_test(wrapping_puts_the_context_in_front),
		cmocka_unit_test(wrapping_success_is_success),
		cmocka_unit_test(out_of_memory_needs_no_memory),
		cmocka_unit_test(errno_decides_the_kind),
		cmocka_unit_test(kinds_decide_the_exit_code),
		cmocka_unit_test(kinds_are_compared),
		cmocka_unit_test(return_ptr_moves_the_value_out),
		cmocka_unit_test(log_levels_and_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
