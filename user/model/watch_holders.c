// SPDX-License-Identifier: GPL-2.0-only
/* Who holds the maps of the latest census, and the types that this tells. */
#include "base/log.h"
#include "graph/holders.h"
#include "heap/sizeclass.h"
#include "model/result_fill.h"

/* What is not found by then stays unknown. */
enum { HOLDERS_BUDGET_S = 30 };

/* Whether a table as it was found can be of that type. */
static bool type_fits_map(const struct heap *heap, const struct map_type *type,
			  const struct map_info *m)
{
	bool noscan = !type->bucket_ptr_bytes, headers = heap_malloc_headers(heap);

	if (m->bucket_sz && m->bucket_sz != type->bucket_sz)
		return false;
	if (m->small)
		return alloc_size(type->bucket_sz, noscan, headers) == m->table_bytes ||
		       m->table_bytes < MALLOC_HEADER_MIN;
	return m->buckets * type->bucket_sz <= m->table_bytes;
}

/* Whether the census knows less than a certain holder does. */
static bool type_is_open(const struct map_info *m)
{
	return m->type_source == TYPE_UNKNOWN || m->type_source == TYPE_AMBIGUOUS ||
	       m->type_source == TYPE_CONTENTS;
}

/* Gives maps the types that their holders say. */
static struct err *watch_apply_held_types(struct watch *w)
{
	const struct census *census = w->snap->census;
	struct err *err = NULL;
	uint64_t cnt = 0;

	for (size_t i = 0; !err && i < census->maps.len; i++) {
		const struct holder *h = holders_of(w->holders, i);
		const struct map_type *type = h && (h->certain || h->map_type_sure) && h->map_type
						      ? gotypes_find(w->prog->types, h->map_type)
						      : NULL;
		struct map_info m;

		if (!type)
			continue;
		m = census_map(census, i);
		if (!map_counts(&m) || !type_is_open(&m) || !type_fits_map(w->snap->heap, type, &m))
			continue;
		err = snapshot_set_type(w->snap, i, type, TYPE_HOLDER);
		cnt++;
	}
	snapshot_sum(w->snap);
	log_debug("types of %llu maps by their holders", (unsigned long long)cnt);
	return err;
}

/* Says of a map that it is a part of a sync.Map. */
static struct err *watch_set_inner(struct watch *w, uint32_t row)
{
	struct map_rows *rows = &w->snap->census->maps;

	if (row == UINT32_MAX || row >= rows->len)
		return NULL;
	struct map_info m = rows_get(rows, row);
	m.of_sync_map = true;
	return rows_set(rows, row, &m) ? NULL : err_nomem();
}

/* The share of deleted keys in the tables of its maps. */
static uint64_t sync_deleted_bytes(const struct census *census, const struct sync_map *s)
{
	uint32_t rows[] = { s->read_row, s->dirty_row };
	uint64_t bytes = 0;

	for (size_t i = 0; i < 2; i++) {
		struct map_info m = { 0 };

		if (rows[i] != UINT32_MAX && rows[i] < census->maps.len)
			m = census_map(census, rows[i]);
		uint64_t deleted = m.live_keys < s->deleted ? m.live_keys : s->deleted;
		bytes += deleted * m.bucket_sz / BUCKET_SLOTS;
	}
	return bytes;
}

static struct err *watch_apply_sync_maps(struct watch *w)
{
	const struct sync_maps *all = holders_sync_maps(w->holders);
	struct snapshot *snap = w->snap;
	struct err *err = NULL;

	snap->deleted_bytes = snap->sync_gives_back_bytes = 0;
	for (size_t i = 0; !err && i < all->list.len; i++) {
		const struct sync_map *s = &all->list.data[i];

		snap->deleted_bytes += sync_deleted_bytes(snap->census, s);
		snap->sync_gives_back_bytes += s->tables_give_back_bytes;
		err = watch_set_inner(w, s->read_row);
		if (!err)
			err = watch_set_inner(w, s->dirty_row);
	}
	snapshot_sum(snap);
	return err;
}

struct err *watch_find_holders(struct watch *w)
{
	struct mem *mem = &w->target->mem;
	struct holders_opts opts = {
		.stop = w->opts.stop,
		.reach = w->reach,
		.budget_ns = HOLDERS_BUDGET_S * 1000000000ull,
		.keep = w->opts.full_graph,
	};

	watch_begins(w, "the search for holders");
	mem->stop = w->opts.stop;
	struct err *err = holders_take(w->snap->heap, w->snap->census, &opts, &w->holders);
	mem->stop = NULL;
	if (err_is(err, ERR_NOMEM))
		return err;
	if (err) {
		w->holders_err = err;
		return NULL;
	}
	err = watch_apply_held_types(w);
	return err ? err : watch_apply_sync_maps(w);
}
