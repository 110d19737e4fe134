// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "trace/kernel_faults.h"

static bool release_is_refused(const char *release)
{
	_cleanup_err_ struct err *err = kernel_fault_check(release);

	if (!err)
		return false;
	assert_int_equal(err->kind, ERR_UNSUPPORTED);
	assert_non_null(strstr(err->msg, release));
	assert_non_null(strstr(err->msg, "--force"));
	return true;
}

static void releases_that_crash_are_refused(void **state)
{
	(void)state;
	assert_true(release_is_refused("7.0.0-22-generic"));
	assert_true(release_is_refused("7.0.14"));
	assert_true(release_is_refused("7.0-rc3"));
	assert_true(release_is_refused("6.6.58-talos"));
	assert_true(release_is_refused("6.11.0-19-generic"));
}

static void their_neighbours_are_not(void **state)
{
	static const char *const releases[] = {
		"7.1.0",   "7.3.4",   "6.19.12",	"6.6.57",	   "6.6.59",
		"6.6.580", "6.10.14", "6.12.0-55.el10", "6.18.44-fc-v669", "5.15.0-176-generic",
		"70.0.1",  "6.6",     "17.0.0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		assert_false(release_is_refused(releases[i]));
}

static void what_is_no_release_has_no_fault(void **state)
{
	static const char *const releases[] = { "", "7", "x7.0.0", "-1.0.0", "7.", "Linux" };
	size_t row;

	(void)state;
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		assert_null(kernel_fault_find(releases[i], 0, &row));
}

static void all_faults_of_a_release_are_found(void **state)
{
	const struct kernel_fault *f;
	size_t row = 0, cnt = 0;

	(void)state;
	for (; (f = kernel_fault_find("6.8.0-90-generic", row, &row)); row++, cnt++) {
		assert_false(f->refused);
		assert_true(f->what && f->instead && f->source);
	}
	assert_int_equal(cnt, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(releases_that_crash_are_refused),
		cmocka_unit_test(their_neighbours_are_not),
		cmocka_unit_test(what_is_no_release_has_no_fault),
		cmocka_unit_test(all_faults_of_a_release_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
