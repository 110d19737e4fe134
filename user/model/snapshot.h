/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot.h - the target's heap at one moment: spans, free pages, residency and
 * the census of its maps.
 */
#ifndef MAPTRACE_MODEL_SNAPSHOT_H
#define MAPTRACE_MODEL_SNAPSHOT_H

#include <stdint.h>

#include "heap/heap.h"
#include "heap/pagealloc.h"
#include "heap/residency.h"
#include "maps/census.h"
#include "model/ledger.h"

struct snapshot {
	struct heap *heap;
	struct pagealloc pages;
	struct residency residency;
	struct census *census;
	struct ledger ledger;
	uint64_t garbage_resident_bytes; /* as reach.h finds it; 0: not known */
	uint64_t take_ns; /* how long it took */
	/* Of the tables of maps that are parts of sync.Maps; set by the search for these: */
	uint64_t deleted_bytes; /* the share of deleted keys, which the census counts as live */
	uint64_t sync_gives_back_bytes; /* what new sync.Maps do not take */
};

/*
 * Reads everything anew and replaces *snap, which may be NULL at first; the old one is freed. After
 * an error *snap is unchanged. At most two snapshots exist at a time, the old and the new one.
 * Fails if the heap cannot be read or proved (err_is_refusal()), if the target is gone, if a signal
 * stopped it (struct mem), or if memory ran out. Free with snapshot_free().
 */
struct err *snapshot_take(struct program *prog, struct snapshot **snap);
void snapshot_free(struct snapshot *snap);
DEFINE_CLEANUP_PTR(struct snapshot *, snapshot_free, cleanup_snapshot)
#define _cleanup_snapshot_ _cleanup_(cleanup_snapshot)

/* Sets the type of a map to the one that a traced call named, or a holder. Sums don't change before
 * snapshot_sum(): call it once after the last map. The only error is that memory ran out. */
struct err *snapshot_set_type(struct snapshot *snap, size_t row, const struct map_type *type,
			      enum type_source source);
void snapshot_sum(struct snapshot *snap);

#endif
