// SPDX-License-Identifier: GPL-2.0-only
#include "model/snapshot.h"

#include "base/clock.h"
#include "heap/madetypes.h"
#include "maps/sizing.h"

enum { TRIES = 3, TRIES_MOVING = 6 };

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
	struct err *err = addrspace_init(&as, prog->target->pid, &prog->target->holds);

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

static uint64_t snapshot_unexplained(const struct snapshot *snap)
{
	int64_t bytes = snap->ledger.unexplained_bytes;

	return bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
}

/* What we read of a process comes in from swap. So the first time its pages are looked at while
 * they come in; the second time what we read is there. */
static bool snapshot_swapped_in(const struct snapshot *snap)
{
	return snap->ledger.sums.swap_bytes &&
	       snapshot_unexplained(snap) > snap->ledger.rss_bytes / 1000;
}

static bool snapshot_is_good(const struct snapshot *snap)
{
	return !snap->census->totals.suspect_cnt && !ledger_is_moving(&snap->ledger) &&
	       !snapshot_swapped_in(snap);
}

/* A ledger that adds up is worth more than a few maps. */
static bool snapshot_is_better(const struct snapshot *now, const struct snapshot *than)
{
	bool moving = ledger_is_moving(&now->ledger);

	if (moving != ledger_is_moving(&than->ledger))
		return !moving;
	if (moving || snapshot_swapped_in(now) || snapshot_swapped_in(than))
		return snapshot_unexplained(now) < snapshot_unexplained(than);
	return now->census->totals.suspect_cnt < than->census->totals.suspect_cnt;
}

/* How often to read at most: more often where it is quick and the ledger does not add up. */
static int snapshot_tries(const struct snapshot *snap)
{
	return ledger_is_moving(&snap->ledger) && snap->take_ns < NS_PER_S / 4 ? TRIES_MOVING
									       : TRIES;
}

/*
 * A map that grew after the spans were read has its table in memory that we don't know, so it is
 * suspect. And where the heap swings, pages that were free are in use when they are looked at, so
 * the rows don't sum to RSS. Then everything is read again, and the best snapshot stays.
 */
struct err *snapshot_take(struct program *prog, struct snapshot **snap)
{
	_cleanup_snapshot_ struct snapshot *best = NULL;

	for (int i = 0; !best || (i < snapshot_tries(best) && !snapshot_is_good(best)); i++) {
		_cleanup_snapshot_ struct snapshot *now = NULL;
		struct err *err = snapshot_take_once(prog, &now);

		if (err && !best)
			return err;
		if (err) { /* one with suspect maps is better than none */
			err_free(err);
			break;
		}
		if (best && !snapshot_is_better(now, best))
			continue;
		snapshot_free(best);
		best = take_ptr(now);
	}
	snapshot_free(*snap);
	*snap = take_ptr(best);
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
