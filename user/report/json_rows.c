// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of the maps. A million maps are of a few kinds, and those of one kind, with as
 * many zero values, differ in nothing but their address, unless something else is known of
 * one of them alone. So what follows the address is made once for all of them, and kept
 * while there is room.
 */
#include "report/json_parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "report/json_buf.h"

enum {
	KEPT_CNT = 16 << 10,
	ZERO_STEP = 257,
	KEPT_BYTES = 8 << 20, /* with more all are forgotten */
	WRITE_BYTES = 64 << 10, /* stdio's own writes are of 4 KiB */
	START_SZ = 64, /* of a row: up to its address */
};

/* What follows the address, in the texts; without bytes: nothing. */
struct text {
	size_t row; /* that it was made for */
	uint32_t off;
	uint32_t len;
};

struct rows {
	const struct watch *w;
	const struct map_rows *maps;
	const struct value_count *values; /* NULL: not counted */
	FILE *out;
	struct json_buf lines; /* to be written */
	struct json_buf texts;
	struct text kept[KEPT_CNT];
};

/* Where the text of a row is kept, if it is: kinds are numbered as they come. */
static struct text *place_of(struct rows *r, size_t i)
{
	uint64_t zero = r->values ? r->values[i].zero : 0;

	return &r->kept[(r->maps->data[i].kind + ZERO_STEP * zero) % KEPT_CNT];
}

/* Whether two rows that are not special differ in their address alone. */
static bool is_alike(const struct rows *r, size_t a, size_t b)
{
	return r->maps->data[a].kind == r->maps->data[b].kind &&
	       (!r->values || !memcmp(&r->values[a], &r->values[b], sizeof(*r->values)));
}

static bool is_only_one(const struct rows *r, size_t i)
{
	return r->maps->kinds.data[r->maps->data[i].kind].cnt == 1 || json_map_is_special(r->w, i);
}

static void forget(struct rows *r)
{
	r->texts.len = 0;
	memset(r->kept, 0, sizeof(r->kept));
}

static struct text make(struct rows *r, size_t i)
{
	if (r->texts.len > KEPT_BYTES)
		forget(r);

	struct text t = { .row = i, .off = r->texts.len };
	t.len = json_buf_add(&r->texts, json_map(r->w, i));
	return t;
}

/* The text of a row, valid until the next one is made. */
static struct text text_of(struct rows *r, size_t i)
{
	struct text *kept = place_of(r, i);

	if (is_only_one(r, i)) {
		struct text t = make(r, i);
		r->texts.len = t.off; /* where the next one goes */
		return t;
	}
	if (!kept->len || !is_alike(r, kept->row, i))
		*kept = make(r, i);
	return *kept;
}

static void flush(struct rows *r)
{
	if (r->lines.len)
		fwrite(r->lines.data, 1, r->lines.len, r->out);
	r->lines.len = 0;
}

/* False: out of memory. */
static bool write_row(struct rows *r, size_t i)
{
	struct text t = text_of(r, i);
	struct json_buf *l = &r->lines;

	if (!t.len || !vec_reserve(l, l->len + START_SZ + t.len))
		return false;
	l->len += snprintf(l->data + l->len, START_SZ, "%s\n{\"address\":\"0x%" PRIx64 "\",",
			   i ? "," : "", row_addr(&r->maps->data[i]));
	memcpy(l->data + l->len, r->texts.data + t.off + 1, t.len - 1);
	l->len += t.len - 1;
	if (l->len >= WRITE_BYTES)
		flush(r);
	return true;
}

bool json_write_maps(const struct watch *w, FILE *out)
{
	_cleanup_free_ struct rows *r = calloc(1, sizeof(*r));
	size_t cnt = w->snap ? w->snap->census->maps.len : 0;
	size_t i = 0;

	if (!r)
		return false;
	r->w = w;
	r->maps = cnt ? &w->snap->census->maps : NULL;
	r->values = w->values ? w->values->rows : NULL;
	r->out = out;
	fputc('[', out);
	while (i < cnt && write_row(r, i))
		i++;
	flush(r);
	fputc(']', out);
	json_buf_fini(&r->lines);
	json_buf_fini(&r->texts);
	return i == cnt;
}
