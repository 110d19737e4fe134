/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_object.h - JSON objects from structs, by their shapes.
 */
#ifndef MAPTRACE_REPORT_JSON_OBJECT_H
#define MAPTRACE_REPORT_JSON_OBJECT_H

#include <jansson.h>
#include <stdbool.h>

#include "report/json_shape.h"

/* The caller owns what these return; NULL: out of memory. */

/* The object of the struct at `from`. */
json_t *json_object_of(const struct json_shape *shape, const void *from);

/* The value of one member that is not inline, of the struct at `from`. */
json_t *json_member_of(const struct json_member *m, const void *from);

/* A text of the target's may be anything, JSON must be UTF-8: in other text each byte that
 * is not ASCII becomes '?'. NULL: null. */
json_t *json_text(const char *s);

/* Adds the members of the struct at `from` to an object; false: out of memory. */
bool json_object_add(json_t *o, const struct json_shape *shape, const void *from);

#endif
