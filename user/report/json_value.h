/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_value.h - members of the report's JSON objects, for the modules that make them.
 * Null: not known. Memory that runs out leaves a member out, or makes a value NULL.
 */
#ifndef MAPTRACE_REPORT_JSON_VALUE_H
#define MAPTRACE_REPORT_JSON_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "process/gotypes.h"

/* The caller owns what these return. */

/* Text of the target's may be anything, JSON must be UTF-8: other text is made ASCII. */
json_t *json_text(const char *s);

/* A string, since a JSON number cannot hold 64 bits everywhere; null for 0. */
json_t *json_address(uint64_t addr);

static inline json_t *json_u64(uint64_t v)
{
	return json_integer(v <= INT64_MAX ? (json_int_t)v : INT64_MAX);
}

/* Each adds a member at the end of an object; set() takes the value. */

static inline void set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static inline void set_u64(json_t *o, const char *key, uint64_t v)
{
	set(o, key, json_u64(v));
}

static inline void set_known(json_t *o, const char *key, bool known, uint64_t v)
{
	set(o, key, known ? json_u64(v) : json_null());
}

/* Of what is not known when it is 0. */
static inline void set_nonzero(json_t *o, const char *key, uint64_t v)
{
	set_known(o, key, v, v);
}

static inline void set_real(json_t *o, const char *key, double v)
{
	set(o, key, json_real(v));
}

static inline void set_known_real(json_t *o, const char *key, bool known, double v)
{
	set(o, key, known ? json_real(v) : json_null());
}

static inline void set_bool(json_t *o, const char *key, bool v)
{
	set(o, key, json_boolean(v));
}

static inline void set_text(json_t *o, const char *key, const char *s)
{
	set(o, key, json_text(s));
}

static inline void set_address(json_t *o, const char *key, uint64_t addr)
{
	set(o, key, json_address(addr));
}

/* The name of a value of errno, "ENOMEM"; 0: there was no error. */
void set_error(json_t *o, const char *key, int error);

/* Whether there is what the object tells of, and why not. */
static inline void set_status(json_t *o, const char *status, const char *reason)
{
	set_text(o, "status", status);
	set_text(o, "reason", reason);
}

static inline void set_type(json_t *o, const struct map_type *type)
{
	set_text(o, "type", type ? type->name : NULL);
}

#endif
