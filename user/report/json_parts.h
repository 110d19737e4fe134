/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_parts.h - what the parts of the JSON report share.
 */
#ifndef MAPTRACE_REPORT_JSON_PARTS_H
#define MAPTRACE_REPORT_JSON_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/result.h"
#include "report/json_shapes.h"

/* The array of all maps, written row by row; false: out of memory. */
bool json_write_maps(struct result_maps *maps, FILE *out);

/* The document of a run that failed. */
struct json_failure {
	const char *schema;
	const char *maptrace;
	uint64_t unix_time_ns;
	struct result_host host;
	struct json_failure_error {
		uint64_t code;
		const char *kind;
		const char *message;
	} error;
};
extern const struct json_shape json_failure_json;

#endif
