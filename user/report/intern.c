// SPDX-License-Identifier: GPL-2.0-only
#include "report/intern.h"

#include <stdint.h>
#include <string.h>

enum { FIRST_BYTES = 256 };

/* FNV-1a. */
static uint64_t intern_hash(const unsigned char *data, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ data[i]) * UINT64_C(0x100000001b3);
	return h;
}

static bool intern_is(const struct intern *in, size_t no, const void *data, size_t len)
{
	return in->pieces.data[no].len == len && (!len || !memcmp(intern_get(in, no), data, len));
}

static bool intern_push(struct intern *in, uint64_t hash, const void *data, size_t len)
{
	struct intern_piece piece = { .off = in->bytes.len, .len = len };

	if (!vec_reserve(&in->bytes, in->bytes.len + len + FIRST_BYTES) ||
	    !vec_push(&in->pieces, piece))
		return false;
	if (len)
		memcpy(in->bytes.data + in->bytes.len, data, len);
	in->bytes.len += len;
	return table_put(&in->by_hash, hash, in->pieces.len - 1);
}

size_t intern_add(struct intern *in, const void *data, size_t len)
{
	uint64_t hash = intern_hash(data, len);
	size_t no;

	/* Pieces whose hashes are equal by chance take the next ones. */
	for (; (no = table_get(&in->by_hash, hash)) != TABLE_NONE; hash++)
		if (intern_is(in, no, data, len))
			return no;
	if (in->failed || !intern_push(in, hash, data, len)) {
		in->failed = true;
		return 0;
	}
	return in->pieces.len - 1;
}

void intern_fini(struct intern *in)
{
	table_fini(&in->by_hash);
	vec_fini(&in->pieces);
	vec_fini(&in->bytes);
}
