// SPDX-License-Identifier: GPL-2.0-only
/* Prints the JSON Schema of the report: `make schema` keeps it in user/report/. */
#include <stdio.h>

#include "report/json_schema.h"

int main(void)
{
	_cleanup_err_ struct err *err = json_schema_write(stdout);

	if (err)
		fprintf(stderr, "report_schema: %s\n", err->msg);
	return err || fflush(stdout) ? 1 : 0;
}
