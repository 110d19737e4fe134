// SPDX-License-Identifier: GPL-2.0-only
#include "model/snapshot.h"

#include "base/clock.h"
#include "heap/madetypes.h"
#include "maps/sizing.h"

enum { TRIES = 3 };

static void set_ledger_maps(struct snapshot *snap)
{
	const struct map_totals *t = &snap->census->totals;
	uint64_t deleted = snap->deleted_bytes < t->live_resident_bytes ? snap->deleted_bytes
									: t->live_resident_bytes;
	uint64_t live = t->live_resident_bytes - deleted;
	struct ledger_maps maps = {
		.live_bytes = live,
		.hole_bytes = t->resident_bytes - live,
		.gives_back_bytes = t->gives_back_resident_bytes + snap->sync_gives_back_bytes,
		.garbage_bytes = snap->garbage_resident_bytes,
	};

	ledger_set_maps(&snap->ledger, &maps);
}

static struct err *snapshot_read(struct program *prog, struct snapshot *snap)
{
	_cleanup_(addrspace_fini) struct addrspace as;
	struct err *err = addrspace_init(&as, prog->target->pid);

	if (!err) {
		addrspace_start(&as);
		err = heap_open(prog, &snap->heap);
	}
	if (!err) /* before the census, which looks up the types of maps */
		err = madetypes_add(snap->heap);
	if (!err)
		err = pagealloc_init(&snap->pages, snap->heap);
	if (!err)
		err = ledger_init(&snap->ledger, snap->heap, &snap->pages, &as, &snap->residency);
	if (!err)
		err = census_take(snap->heap, &snap->residency, &snap->census);
	if (!err)
		set_ledger_maps(snap);
	return err;
}

static struct err *snapshot_take_once(struct program *prog, struct snapshot **ret)
{
	_cleanup_snapshot_ struct snapshot *snap = calloc(1, sizeof(*snap));
	uint64_t start = clock_ns();

	if (!snap)
		return err_nomem();
	snap->residency.pagemap.fd = -1;
	struct err *err = snapshot_read(prog, snap);
	if (!err) /* what was read last may be of another program by now */
		err = target_check(prog->target);
	if (err)
		return err;
	snap->take_ns = clock_ns() - start;
	*ret = take_ptr(snap);
	return NULL;
}

/* A map that grew after the spans were read has its table in memory that we don't know, so it is
 * suspect. If there are such maps, everything is read again, in the hope for fewer. */
struct err *snapshot_take(struct program *prog, struct snapshot **snap)
{
	bool taken = false;

	for (int i = 0; i < TRIES && (!taken || (*snap)->census->totals.suspect_cnt); i++) {
		_cleanup_snapshot_ struct snapshot *now = NULL;
		struct err *err = snapshot_take_once(prog, &now);

		if (err && !taken)
			return err;
		if (err) { /* a snapshot with suspect maps is better than none */
			err_free(err);
			break;
		}
		if (taken && (*snap)->census->totals.suspect_cnt <= now->census->totals.suspect_cnt)
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

struct err *snapshot_set_type(struct snapshot *snap, size_t row, const struct map_type *type,
			      enum type_source source)
{
	struct census *census = snap->census;
	struct map_info m = census_map(census, row);
	struct table_shape shape = {
		.bucket_sz = type->bucket_sz,
		.noscan = type->bucket_ptr_bytes == 0,
		.listed = m.listed,
		.malloc_headers = heap_malloc_headers(snap->heap),
		.load_num = snap->heap->prog->layout.classic.load_num,
	};

	m.type = type;
	m.type_source = source;
	m.type_candidates = 1;
	m.bucket_sz = type->bucket_sz;
	m.rebuild_bytes = snap->heap->prog->layout.kind == MAP_SWISS
				  ? sizing_swiss(m.live_keys, &shape)
				  : sizing_classic(m.live_keys, &shape);
	return rows_set(&census->maps, row, &m) ? NULL : err_nomem();
}

void snapshot_sum(struct snapshot *snap)
{
	snap->census->totals = totals_of(&snap->census->maps);
	set_ledger_maps(snap);
}
