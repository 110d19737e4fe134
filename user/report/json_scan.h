/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_scan.h - cuts a JSON document into its values, without keeping it.
 *
 * A document of a million maps is too large to be parsed at once: jansson takes several
 * times its size. The scanner finds where values begin and end, and hands out their text;
 * whether that is JSON is for a parser to tell.
 */
#ifndef MAPTRACE_REPORT_JSON_SCAN_H
#define MAPTRACE_REPORT_JSON_SCAN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "report/json_buf.h"

struct json_scan {
	FILE *in;
	struct json_buf text; /* of the last value */
};

void json_scan_fini(struct json_scan *s);

/* The next character that is not white space, which stays there; EOF: none. */
int json_scan_peek(struct json_scan *s);

/* Takes this character, after white space; ERR_FORMAT: there is another one. */
struct err *json_scan_take(struct json_scan *s, char wanted);

/* After an element: takes ',' or `end`, and tells which. */
struct err *json_scan_next(struct json_scan *s, char end, bool *more_ret);

/* Takes a value. Its text is in `text`, and ends with a zero byte that its length does not
 * count. ERR_FORMAT: it is longer than max bytes, nested too deep, or the file ends. */
struct err *json_scan_value(struct json_scan *s, size_t max);

#endif
