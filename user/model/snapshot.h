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
	uint64_t take_ns; /* how long it took */
};

/* Reads everything anew, in place of *snap, which may be NULL; without success it stays.
 * There are never more than two at a time. Free with snapshot_free(). */
struct err *snapshot_take(struct program *prog, struct snapshot **snap);
void snapshot_free(struct snapshot *snap);
DEFINE_CLEANUP_PTR(struct snapshot *, snapshot_free, cleanup_snapshot)
#define _cleanup_snapshot_ _cleanup_(cleanup_snapshot)

/* Gives a map of the census the type that a traced call named. No sum has it until the
 * last of them is followed by snapshot_sum(). */
struct err *snapshot_set_type(struct snapshot *snap, size_t row, const struct map_type *type);
void snapshot_sum(struct snapshot *snap);

#endif
