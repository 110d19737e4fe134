// SPDX-License-Identifier: GPL-2.0-only
/* Fills in the sync.Maps of a result. */
#include "graph/holders.h"
#include "model/result_fill.h"

enum { SYNC_LISTED_MAX = 1000 };

static enum result_sync_kind result_sync_kind_of(enum sync_map_kind kind)
{
	switch (kind) {
	case SYNC_MAP:
		return SYNC_KIND_MAP;
	case SYNC_UNIQUE:
		return SYNC_KIND_UNIQUE;
	case SYNC_TRIE:
		break;
	}
	return SYNC_KIND_TRIE;
}

static uint64_t row_map_addr(const struct census *census, uint32_t row)
{
	return row < census->maps.len ? row_addr(&census->maps.data[row]) : 0;
}

static struct result_sync_map result_sync_map_of(struct pool *pool,
						 const struct result_source *from,
						 const struct sync_map *s)
{
	const struct census *census = from->w->snap->census;
	const struct held_maps *held = &from->held;

	return (struct result_sync_map){
		.addr = s->addr,
		.kind = result_sync_kind_of(s->kind),
		.form = s->form == SYNC_OF_MAPS ? SYNC_FORM_MAPS : SYNC_FORM_TRIE,
		.type = pool_text(pool, s->type),
		.holder = s->holder < held->holders.len ? &held->holders.data[s->holder] : NULL,
		.moving = s->moving,
		.live_keys = s->live,
		.deleted_keys = s->deleted,
		.nodes = s->nodes,
		.read_map = row_map_addr(census, s->read_row),
		.dirty_map = row_map_addr(census, s->dirty_row),
		.bytes = s->bytes,
		.gives_back_bytes = s->gives_back_bytes,
		.deleted_key_bytes = s->deleted_key_bytes,
	};
}

void result_fill_sync_maps(struct result *r, const struct result_source *from)
{
	const struct watch *w = from->w;

	if (!w->snap || !w->holders)
		return;
	const struct sync_maps *all = holders_sync_maps(w->holders);
	size_t cnt = all->list.len < SYNC_LISTED_MAX ? all->list.len : SYNC_LISTED_MAX;

	r->sync_maps_total = all->list.len;
	pool_list(&r->pool, &r->sync_maps, cnt);
	for (size_t i = 0; i < r->sync_maps.len; i++)
		r->sync_maps.data[i] = result_sync_map_of(&r->pool, from, &all->list.data[i]);
}
