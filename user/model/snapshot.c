// SPDX-License-Identifier: GPL-2.0-only
#include "model/snapshot.h"

#include "base/clock.h"
#include "maps/sizing.h"

enum { TRIES = 3 };

static struct err *take(struct program *prog, struct snapshot *snap)
{
	struct err *err = heap_open(prog, &snap->heap);

	if (!err)
		err = pagealloc_init(&snap->pages, snap->heap);
	if (!err)
		err = ledger_init(&snap->ledger, snap->heap, &snap->pages, &snap->residency);
	if (!err)
		err = census_take(snap->heap, &snap->residency, &snap->census);
	if (!err)
		snapshot_sum(snap);
	return err;
}

static struct err *take_once(struct program *prog, struct snapshot **ret)
{
	_cleanup_snapshot_ struct snapshot *snap = calloc(1, sizeof(*snap));
	uint64_t start = clock_ns();

	if (!snap)
		return err_nomem();
	snap->residency.pagemap.fd = -1;
	struct err *err = take(prog, snap);
	if (err)
		return err;
	snap->take_ns = clock_ns() - start;
	*ret = take_ptr(snap);
	return NULL;
}

/* A map that grew after the spans were read has its table in memory that we do not
 * know: it is suspect then. Reading the spans anew mends that. */
struct err *snapshot_take(struct program *prog, struct snapshot **snap)
{
	bool taken = false;

	for (int i = 0; i < TRIES && (!taken || (*snap)->totals.suspect_cnt); i++) {
		_cleanup_snapshot_ struct snapshot *now = NULL;
		struct err *err = take_once(prog, &now);

		if (err && !taken)
			return err;
		if (err) { /* the one with suspect maps is better than none */
			err_free(err);
			break;
		}
		if (taken && (*snap)->totals.suspect_cnt <= now->totals.suspect_cnt)
			continue;
		snapshot_free(*snap);
		*snap = take_ptr(now);
		taken = true;
	}
	return NULL;
}

void snapshot_free(struct snapshot *snap)
{
	if (!snap)
		return;
	census_free(snap->census);
	ledger_fini(&snap->ledger);
	residency_fini(&snap->residency);
	pagealloc_fini(&snap->pages);
	heap_close(snap->heap);
	free(snap);
}

void snapshot_set_type(struct snapshot *snap, struct map_info *m, const struct map_type *type)
{
	struct table_shape shape = {
		.bucket_sz = type->bucket_sz,
		.noscan = type->bucket_ptr_bytes == 0,
		.malloc_headers = heap_malloc_headers(snap->heap),
		.load_num = snap->heap->prog->layout.classic.load_num,
	};

	m->type = type;
	m->type_source = TYPE_PROBE;
	m->type_candidates = 1;
	m->bucket_sz = type->bucket_sz;
	m->rebuild_bytes = snap->heap->prog->layout.kind == MAP_SWISS
				   ? sizing_swiss(m->live_keys, &shape)
				   : sizing_classic(m->live_keys, &shape);
}

static void add_map(struct map_totals *t, const struct map_info *m)
{
	t->exact_cnt += m->consistency == MAP_EXACT;
	t->moving_cnt += m->consistency == MAP_MOVING;
	t->map_cnt++;
	t->on_stack_cnt += m->on_stack != MAP_ON_HEAP;
	t->live_keys += m->live_keys;
	t->slots += map_slots(m);
	t->table_bytes += m->table_bytes;
	t->resident_bytes += m->resident_bytes;
	t->old_bytes += m->old_bytes;
	t->scan_bytes += m->noscan ? 0 : m->table_bytes;
	if (!m->bucket_sz) {
		t->unknown_size_cnt++;
		return;
	}
	t->hole_bytes += map_hole_bytes(m);
	t->gives_back_bytes += map_gives_back(m);
	t->gives_back_resident_bytes += map_gives_back_resident(m);
}

void snapshot_sum(struct snapshot *snap)
{
	struct map_totals t = { 0 };
	uint64_t live_resident = 0;

	for (size_t i = 0; i < snap->census->maps.len; i++) {
		const struct map_info *m = &snap->census->maps.data[i];

		t.suspect_cnt += m->consistency == MAP_SUSPECT;
		t.garbage_cnt += m->garbage;
		if (!map_counts(m))
			continue;
		add_map(&t, m);
		uint64_t live = m->table_bytes - (m->bucket_sz ? map_hole_bytes(m) : 0);
		live_resident += live < m->resident_bytes ? live : m->resident_bytes;
	}
	struct ledger_maps maps = {
		.live_bytes = live_resident,
		.hole_bytes = t.resident_bytes - live_resident,
		.gives_back_bytes = t.gives_back_resident_bytes,
	};
	snap->totals = t;
	ledger_set_maps(&snap->ledger, &maps);
}
