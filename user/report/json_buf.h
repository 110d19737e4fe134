/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_buf.h - the texts of JSON values, one after the other.
 */
#ifndef MAPTRACE_REPORT_JSON_BUF_H
#define MAPTRACE_REPORT_JSON_BUF_H

#include <jansson.h>
#include <stddef.h>

struct json_buf {
	char *data; /* a VEC() by its fields: texts end where they end, without a zero */
	size_t len;
	size_t cap;
};

/* Adds the text of a value, and releases it. Returns the length of the text; 0: memory ran
 * out, now or, if the value is NULL, when it was made. */
size_t json_buf_add(struct json_buf *b, json_t *value);

void json_buf_fini(struct json_buf *b);

#endif
