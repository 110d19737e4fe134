/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filled_result.h - made-up results, for what writes and reads them.
 */
#ifndef MAPTRACE_TESTS_FILLED_RESULT_H
#define MAPTRACE_TESTS_FILLED_RESULT_H

#include <stdio.h>

#include "model/result.h"
#include "report/json_shape.h"

/* Sets every member of a struct of zeroes, each to another value where its kind has
 * enough; lists get two elements. *counter goes up. */
void fill_by_shape(struct pool *pool, const struct json_shape *shape, void *to, uint64_t *counter);

/* With every member set, and with maps: of the first two the second has all that the first
 * has but for what is of one map alone; the third has no zero values. */
struct result *filled_result(void);

/* With nothing but what is never null. */
struct result *bare_result(void);

/* The document of a result; the caller frees it. */
char *json_of_result(struct result *r);

/* Reads a document; fails the test unless it can be read. */
struct result *result_of_json(const char *text);

#endif
