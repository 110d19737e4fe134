/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_reader.h - structs from JSON objects, by their shapes.
 *
 * The document may come from anybody: what has the wrong type, is missing, or does not fit
 * is ERR_FORMAT, with its path: "trace.sites[3].hits: not a number". Members that no shape
 * knows are ignored. What is read is in a pool, texts of the same content once.
 */
#ifndef MAPTRACE_REPORT_JSON_READER_H
#define MAPTRACE_REPORT_JSON_READER_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/table.h"
#include "base/vec.h"
#include "report/json_shape.h"

enum {
	JSON_PATH_MAX = 24, /* deeper than any shape */
	JSON_LIST_MAX = 1 << 20, /* elements of a list */
};

/* What a document may make the reader take; bytes. */
#define JSON_POOL_MAX (UINT64_C(4) << 30)

#define JSON_NO_INDEX SIZE_MAX

struct json_step {
	const char *name; /* NULL: an element */
	size_t index; /* JSON_NO_INDEX: a member */
};

struct json_reader {
	struct pool *pool; /* of all that is read; not owned */
	struct json_step path[JSON_PATH_MAX]; /* to what is read now */
	size_t depth;
	struct table text_index; /* by hash, into texts */
	VEC(const char *) texts; /* that were read before */
};

/* Frees what the reader itself has, not what it has read. */
void json_reader_fini(struct json_reader *r);

/* Where a value is, while it is read. */
void json_reader_enter(struct json_reader *r, const char *name, size_t index);
void json_reader_leave(struct json_reader *r);

/* ERR_FORMAT, with the path of what is read now: "PATH: MESSAGE". */
struct err *json_reader_fail(const struct json_reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Puts that path before an error's message; NULL is fine. */
struct err *json_reader_wrap(const struct json_reader *r, struct err *err);

/* Fills a struct of zeroes. */
struct err *json_reader_object(struct json_reader *r, const struct json_shape *shape,
			       const json_t *from, void *to);

/* The value of one member that is not inline, into the struct at `to`. */
struct err *json_reader_value(struct json_reader *r, const struct json_member *m,
			      const json_t *value, void *to);

/* A text in the pool; NULL when memory ran out. */
const char *json_reader_text(struct json_reader *r, const char *s);

/* Parses "0x...". */
struct err *json_reader_address(const struct json_reader *r, const json_t *value, uint64_t *ret);

#endif
