// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of the maps. A million maps are of a few kinds, and those of one kind differ in
 * their address alone, unless something is known of one map alone. So the text of what they
 * have in common (struct map_same) is made once for all of them, and kept while there is
 * room. A row is its address, that text, and what is of the map alone.
 */
#include "report/json_parts.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "report/json_buf.h"
#include "report/json_object.h"

enum {
	KEPT_CNT = 16 << 10,
	KEPT_BYTES = 8 << 20, /* when the texts are larger, all are dropped */
	WRITE_BYTES = 64 << 10, /* stdio writes 4 KiB at once by itself */
	START_SZ = 64, /* of a row: up to its address */
};

/* The text of what maps have in common: `{...}`; without bytes: nothing is kept. */
struct row_text {
	size_t same_no; /* whose text it is */
	uint32_t off; /* in `texts` */
	uint32_t len;
};

struct json_rows {
	struct result_maps *maps;
	FILE *out;
	struct json_buf lines; /* to be written */
	struct json_buf texts;
	struct json_buf own; /* what is of one map alone */
	struct row_text kept[KEPT_CNT]; /* by the number of `same` */
};

static void drop_kept_texts(struct json_rows *r)
{
	r->texts.len = 0;
	memset(r->kept, 0, sizeof(r->kept));
}

static struct row_text make_text(struct json_rows *r, size_t i)
{
	struct map_view view;

	if (r->texts.len > KEPT_BYTES)
		drop_kept_texts(r);
	result_map(r->maps, i, /* wants_same= */ true, &view);

	struct row_text t = { .same_no = view.same_no, .off = r->texts.len };
	t.len = json_buf_add(&r->texts, json_object_of(&map_same_json, view.same));
	return t;
}

/* The text of what a map has in common with others, valid until the next one is made. */
static struct row_text common_text(struct json_rows *r, size_t i, const struct map_view *view)
{
	struct row_text *kept = &r->kept[view->same_no % KEPT_CNT];

	if (view->same_no == MAP_SAME_NONE) {
		struct row_text t = make_text(r, i);
		r->texts.len = t.off; /* the next text may overwrite it */
		return t;
	}
	if (!kept->len || kept->same_no != view->same_no)
		*kept = make_text(r, i);
	return *kept;
}

/* `{...}`, or nothing in `own` for a map without anything; false: out of memory. */
static bool make_own_text(struct json_rows *r, const struct map_view *view)
{
	r->own.len = 0;
	return (!view->activity && !view->history) ||
	       json_buf_add(&r->own, json_object_of(&map_own_json, view));
}

/* ---- lines: there is room for what is put ---- */

static void put_bytes(struct json_buf *l, const char *data, size_t len)
{
	memcpy(l->data + l->len, data, len);
	l->len += len;
}

#define PUT_LITERAL(l, s) put_bytes((l), (s), sizeof(s) - 1)

static void put_hex(struct json_buf *l, uint64_t v)
{
	char digits[16];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v);
	put_bytes(l, digits + at, sizeof(digits) - at);
}

static void flush_lines(struct json_rows *r)
{
	if (r->lines.len)
		fwrite(r->lines.data, 1, r->lines.len, r->out);
	r->lines.len = 0;
}

static bool write_map(struct json_rows *r, size_t i)
{
	struct json_buf *l = &r->lines;
	struct map_view view;

	result_map(r->maps, i, /* wants_same= */ false, &view);
	struct row_text t = common_text(r, i, &view);
	if (!t.len || !make_own_text(r, &view) ||
	    !vec_reserve(l, l->len + START_SZ + t.len + r->own.len))
		return false;
	if (i)
		PUT_LITERAL(l, ",");
	PUT_LITERAL(l, "\n{\"address\":\"0x");
	put_hex(l, view.addr);
	PUT_LITERAL(l, "\",");
	put_bytes(l, r->texts.data + t.off + 1, t.len - 1);
	if (r->own.len) {
		l->data[l->len - 1] = ',';
		put_bytes(l, r->own.data + 1, r->own.len - 1);
	}
	if (l->len >= WRITE_BYTES)
		flush_lines(r);
	return true;
}

bool json_write_maps(struct result_maps *maps, FILE *out)
{
	_cleanup_free_ struct json_rows *r = calloc(1, sizeof(*r));
	size_t cnt = result_maps_cnt(maps), i = 0;

	if (!r)
		return false;
	r->maps = maps;
	r->out = out;
	fputc('[', out);
	while (i < cnt && write_map(r, i))
		i++;
	flush_lines(r);
	fputc(']', out);
	json_buf_fini(&r->lines);
	json_buf_fini(&r->texts);
	json_buf_fini(&r->own);
	return i == cnt;
}
