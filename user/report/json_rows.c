// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of the maps. A million maps are of a few kinds, and those of one kind differ in
 * nothing but their address, unless something is known of one of them alone. So what
 * follows the address is made once for all of them, and kept while there is room.
 */
#include "report/json_parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "report/json_buf.h"

enum {
	KEPT_CNT = 16 << 10,
	KEPT_BYTES = 8 << 20, /* with more all are forgotten */
	WRITE_BYTES = 64 << 10, /* stdio's own writes are of 4 KiB */
	START_SZ = 64, /* of a row: up to its address */
};

/* What follows the address, in the texts; without bytes: nothing. */
struct text {
	uint32_t kind;
	uint32_t len;
	size_t off;
};

struct rows {
	const struct watch *w;
	FILE *out;
	struct json_buf lines; /* to be written */
	struct json_buf texts;
	struct text kept[KEPT_CNT]; /* each at the number of its kind, modulo their count */
};

static void forget(struct rows *r)
{
	r->texts.len = 0;
	memset(r->kept, 0, sizeof(r->kept));
}

static struct text make(struct rows *r, size_t i, uint32_t kind)
{
	if (r->texts.len > KEPT_BYTES)
		forget(r);

	struct text t = { .kind = kind, .off = r->texts.len };
	t.len = json_buf_add(&r->texts, json_map(r->w, i));
	return t;
}

/* The text of a row, valid until the next one is made. */
static struct text text_of(struct rows *r, size_t i)
{
	const struct map_rows *maps = &r->w->snap->census->maps;
	uint32_t kind = maps->data[i].kind;
	struct text *kept = &r->kept[kind % KEPT_CNT];

	if (maps->kinds.data[kind].cnt == 1 || json_map_is_special(r->w, i)) {
		struct text t = make(r, i, kind);
		r->texts.len = t.off; /* where the next one goes */
		return t;
	}
	if (!kept->len || kept->kind != kind)
		*kept = make(r, i, kind);
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
			   i ? "," : "", row_addr(&r->w->snap->census->maps.data[i]));
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
