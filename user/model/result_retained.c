// SPDX-License-Identifier: GPL-2.0-only
/* Fills in what maps keep alive. */
#include <string.h>

#include "model/result_fill.h"
#include "model/watch_retained.h"

void result_fill_retained_rows(struct pool *pool, const struct watch *w, const uint64_t **ret)
{
	const struct watch_retained *from = w->retained;
	uint64_t *to = from ? pool_alloc(pool, from->row_cnt * sizeof(*to)) : NULL;

	if (to)
		memcpy(to, from->by_row, from->row_cnt * sizeof(*to));
	*ret = to;
}

static void retained_fill_groups(struct result *r, const struct watch_retained *from)
{
	for (size_t i = 0; i < r->groups.len && i < from->place_cnt; i++)
		if (from->by_place[i] != RETAINED_UNKNOWN)
			r->groups.data[i].retained_bytes = opt_if(true, from->by_place[i]);
}

static int cmp_result_pinned(const void *a, const void *b)
{
	const struct result_pinned *x = a, *y = b;

	if (x->gives_back_bytes != y->gives_back_bytes)
		return x->gives_back_bytes < y->gives_back_bytes ? 1 : -1;
	return x->map < y->map ? -1 : x->map > y->map;
}

static struct result_pinned pinned_result(const struct map_rows *rows, const struct pinned_map *p)
{
	return (struct result_pinned){
		.map = row_addr(&rows->data[p->row]),
		.in = !p->values ? "keys"
		      : !p->keys ? "values"
				 : "both",
		.objects = p->objects,
		.object_bytes = p->object_bytes,
		.largest_bytes = p->largest_bytes,
		.strings = p->strings,
		.string_bytes = p->string_bytes,
		.gives_back_bytes = p->gives_back_bytes,
		.gives_back_resident_bytes = p->gives_back_resident_bytes,
	};
}

static void retained_fill_found(struct result *r, const struct watch *w)
{
	const struct watch_retained *from = w->retained;
	struct result_retained_found *to = pool_alloc(&r->pool, sizeof(*to));

	r->graph.retained.found = to;
	if (!to)
		return;
	to->duration_ns = from->duration_ns;
	to->peak_bytes = from->peak_bytes;
	to->maps = from->known;
	pool_list(&r->pool, &to->pinned, from->pinned.maps.len);
	for (size_t i = 0; i < to->pinned.len; i++)
		to->pinned.data[i] =
			pinned_result(&w->snap->census->maps, &from->pinned.maps.data[i]);
	if (to->pinned.len)
		qsort(to->pinned.data, to->pinned.len, sizeof(*to->pinned.data), cmp_result_pinned);
}

void result_fill_retained(struct result *r, const struct watch *w)
{
	struct result_retained *to = &r->graph.retained;

	to->status = w->retained ? "ok" : w->retained_err ? "refused" : "off";
	to->reason = pool_text(&r->pool, w->retained_err ? w->retained_err->msg : NULL);
	if (!w->retained)
		return;
	retained_fill_groups(r, w->retained);
	retained_fill_found(r, w);
}
