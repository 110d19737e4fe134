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

struct map_totals {
	uint64_t map_cnt;
	uint64_t exact_cnt;
	uint64_t moving_cnt;
	uint64_t suspect_cnt; /* in no sum */
	uint64_t garbage_cnt; /* in no sum */
	uint64_t on_stack_cnt; /* of map_cnt: the header is on a goroutine stack */
	uint64_t live_keys;
	uint64_t slots;
	uint64_t table_bytes;
	uint64_t resident_bytes;
	uint64_t hole_bytes;
	uint64_t old_bytes;
	uint64_t gives_back_bytes;
	uint64_t gives_back_resident_bytes;
	uint64_t unknown_size_cnt; /* maps whose bucket size is unknown: in the sums of
				    * table bytes, but not of holes and rebuilds */
	uint64_t scan_bytes; /* of table_bytes: what the collector has to scan */
};

struct snapshot {
	struct heap *heap;
	struct pagealloc pages;
	struct residency residency;
	struct census *census;
	struct map_totals totals;
	struct ledger ledger;
	uint64_t take_ns; /* how long it took */
};

/* Reads everything anew, in place of *snap, which may be NULL; without success it stays.
 * There are never more than two at a time. Free with snapshot_free(). */
struct err *snapshot_take(struct program *prog, struct snapshot **snap);
void snapshot_free(struct snapshot *snap);
DEFINE_CLEANUP_PTR(struct snapshot *, snapshot_free, cleanup_snapshot)
#define _cleanup_snapshot_ _cleanup_(cleanup_snapshot)

/* Gives a map the type that a traced call named. Call snapshot_sum() behind it. */
void snapshot_set_type(struct snapshot *snap, struct map_info *m, const struct map_type *type);

/* Computes totals and the ledger's rows from the census. */
void snapshot_sum(struct snapshot *snap);

#endif
