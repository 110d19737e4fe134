// SPDX-License-Identifier: GPL-2.0-only
/* Prints made-up documents for schema.t: `full`, `bare`, or that of a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/filled_result.h"
#include "report/report.h"

static struct err *print_made(const char *what)
{
	_cleanup_result_ struct result *r = NULL;

	if (!strcmp(what, "failure")) {
		_cleanup_err_ struct err *err = err_new(ERR_PERM, "reading memory: no");
		return report_json_error(stdout, err);
	}
	r = !strcmp(what, "full") ? filled_result() : bare_result();
	return report_json(r, stdout);
}

int main(int argc, char **argv)
{
	_cleanup_err_ struct err *err = argc == 2 ? print_made(argv[1]) : NULL;

	return argc != 2 || err || fflush(stdout) ? 1 : 0;
}
