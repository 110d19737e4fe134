// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_buf.h"

#include "base/vec.h"

enum {
	DUMP_FLAGS = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9),
	TYPICAL_SZ = 1024, /* of a text */
};

static size_t buf_dump(const struct json_buf *b, const json_t *value)
{
	return json_dumpb(value, b->data + b->len, b->cap - b->len, DUMP_FLAGS);
}

/* When the text does not fit, jansson says how long it is. */
static size_t buf_append(struct json_buf *b, const json_t *value)
{
	size_t len = vec_reserve(b, b->len + TYPICAL_SZ) ? buf_dump(b, value) : 0;

	if (len > b->cap - b->len)
		len = vec_reserve(b, b->len + len) ? buf_dump(b, value) : 0;
	b->len += len;
	return len;
}

size_t json_buf_add(struct json_buf *b, json_t *value)
{
	size_t len = value ? buf_append(b, value) : 0;

	json_decref(value);
	return len;
}

void json_buf_fini(struct json_buf *b)
{
	vec_fini(b);
}
