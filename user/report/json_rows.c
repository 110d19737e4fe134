// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of the maps. A million maps are of a few kinds, and those of one kind differ in
 * their address alone, unless something is known of one map alone. So the text of what they
 * have in common (struct map_same) is made once for all of them, and kept while there is
 * room. The same goes for holders. A row is its address, its id, these two texts, and what is of
 * the map alone.
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
	ID_SZ = 160, /* of the members of an id that needs no escapes, with what is after it */
	ID_LEN_MAX = 40, /* of such an id */
};

/* A text of several maps, `{...}`; without bytes: nothing is kept. */
struct row_text {
	size_t no; /* same_no or holder_no: whose text it is */
	uint32_t off; /* in `texts` */
	uint32_t len;
};

struct row_texts {
	struct json_buf texts;
	struct row_text kept[KEPT_CNT]; /* by `no` */
};

struct json_rows {
	struct result_maps *maps;
	FILE *out;
	struct json_buf lines; /* to be written */
	struct row_texts sames; /* what maps have in common */
	struct row_texts holders; /* `{"holder":...}` */
	struct json_buf own; /* what is of one map alone */
	struct json_buf id; /* an id that is no plain one */
};

/* ---- texts of several maps ---- */

/* Adds a text, and takes `value`. It may drop all others. */
static struct row_text row_texts_add(struct row_texts *texts, size_t no, json_t *value)
{
	if (texts->texts.len > KEPT_BYTES) {
		texts->texts.len = 0;
		memset(texts->kept, 0, sizeof(texts->kept));
	}

	struct row_text t = { .no = no, .off = texts->texts.len };
	t.len = json_buf_add(&texts->texts, value);
	return t;
}

static bool row_text_is_of(const struct row_text *kept, size_t no)
{
	return kept->len && kept->no == no;
}

static struct row_text make_same_text(struct json_rows *r, size_t i)
{
	struct map_view view;

	result_map(r->maps, i, /* wants_same= */ true, &view);
	return row_texts_add(&r->sames, view.same_no, json_object_of(&map_same_json, view.same));
}

/* The text of what a map has in common with others, valid until the next one is made. */
static struct row_text same_text(struct json_rows *r, size_t i, const struct map_view *view)
{
	struct row_text *kept = &r->sames.kept[view->same_no % KEPT_CNT];

	if (view->same_no == MAP_SAME_NONE) {
		struct row_text t = make_same_text(r, i);
		r->sames.texts.len = t.off; /* the next text may overwrite it */
		return t;
	}
	if (!row_text_is_of(kept, view->same_no))
		*kept = make_same_text(r, i);
	return *kept;
}

/* The text of a map's holder, valid until the next one is made. */
static struct row_text holder_text(struct json_rows *r, const struct map_view *view)
{
	struct row_text *kept = &r->holders.kept[view->holder_no % KEPT_CNT];

	if (!row_text_is_of(kept, view->holder_no))
		*kept = row_texts_add(&r->holders, view->holder_no,
				      json_object_of(&map_held_json, view));
	return *kept;
}

/* `{...}`, or nothing in `own` for a map without anything; false: out of memory. */
static bool make_own_text(struct json_rows *r, const struct map_view *view)
{
	r->own.len = 0;
	return (!view->path && !view->activity && !view->history) ||
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

static void put_decimal(struct json_buf *l, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = '0' + v % 10;
		v /= 10;
	} while (v);
	put_bytes(l, digits + at, sizeof(digits) - at);
}

static void flush_lines(struct json_rows *r)
{
	if (r->lines.len)
		fwrite(r->lines.data, 1, r->lines.len, r->out);
	r->lines.len = 0;
}

/* Adds the members of an object to those that the line has. */
static void put_members(struct json_buf *l, const char *object, size_t len)
{
	l->data[l->len - 1] = ',';
	put_bytes(l, object + 1, len - 1);
}

/* ---- ids ---- */

/* An id as the census makes it; a file may have others. */
static bool id_is_plain(const char *id)
{
	size_t len = strspn(id, "0123456789abcdef.-");

	return len <= ID_LEN_MAX && !id[len];
}

/* `{...}` in `id`, if it cannot be put as it is. False: out of memory. */
static bool make_id_text(struct json_rows *r, const struct map_view *view)
{
	r->id.len = 0;
	return !view->id || id_is_plain(view->id) ||
	       json_buf_add(&r->id, json_object_of(&map_id_json, view));
}

static void put_retained(struct json_buf *l, const struct map_view *view)
{
	if (!view->retained_bytes.known) {
		PUT_LITERAL(l, ",\"retained_bytes\":null");
		return;
	}
	PUT_LITERAL(l, ",\"retained_bytes\":");
	put_decimal(l, view->retained_bytes.v);
}

static void put_id(struct json_buf *l, const struct json_rows *r, const struct map_view *view)
{
	if (r->id.len) {
		put_members(l, r->id.data, r->id.len);
		return;
	}
	l->len--;
	if (view->id) {
		PUT_LITERAL(l, ",\"id\":\"");
		put_bytes(l, view->id, strlen(view->id));
		PUT_LITERAL(l, "\"");
	} else {
		PUT_LITERAL(l, ",\"id\":null");
	}
	if (view->id_certain)
		PUT_LITERAL(l, ",\"id_certain\":true");
	else
		PUT_LITERAL(l, ",\"id_certain\":false");
	put_retained(l, view);
	PUT_LITERAL(l, "}");
}

static bool write_map(struct json_rows *r, size_t i)
{
	struct json_buf *l = &r->lines;
	struct map_view view;

	result_map(r->maps, i, /* wants_same= */ false, &view);
	struct row_text same = same_text(r, i, &view), holder = holder_text(r, &view);
	if (!same.len || !holder.len || !make_own_text(r, &view) || !make_id_text(r, &view) ||
	    !vec_reserve(l, l->len + START_SZ + ID_SZ + r->id.len + same.len + holder.len +
				    r->own.len))
		return false;
	if (i)
		PUT_LITERAL(l, ",");
	PUT_LITERAL(l, "\n{\"address\":\"0x");
	put_hex(l, view.addr);
	PUT_LITERAL(l, "\"}");
	put_id(l, r, &view);
	put_members(l, r->sames.texts.data + same.off, same.len);
	put_members(l, r->holders.texts.data + holder.off, holder.len);
	if (r->own.len)
		put_members(l, r->own.data, r->own.len);
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
	json_buf_fini(&r->sames.texts);
	json_buf_fini(&r->holders.texts);
	json_buf_fini(&r->own);
	json_buf_fini(&r->id);
	return i == cnt;
}
