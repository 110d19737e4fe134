/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * taker.h - decides candidates: one thread's share in taking a census.
 *
 * A candidate is decoded until it is decided. One that contradicts itself and yet stands still
 * is not a map; one that changes between two reads is a busy map, and is read again.
 */
#ifndef MAPTRACE_MAPS_TAKER_H
#define MAPTRACE_MAPS_TAKER_H

#include "maps/batch.h"
#include "maps/part.h"
#include "maps/reader.h"
#include "maps/stacks.h"

/* What the threads of a census have in common. */
struct census_shared {
	struct heap *heap; /* stays as it is */
	const struct residency *residency; /* NULL: resident bytes stay 0 */
	struct owners *owners;
	struct stacks *stacks;
};

struct map_taker {
	struct map_reader reader;
	struct map_batch batch;
	struct census_part part; /* what was found so far */
	struct stacks *stacks;
};

/* mem: what this thread reads through. Both outlive the taker. Release with taker_fini(), also
 * after an error. */
struct err *taker_init(struct map_taker *t, const struct census_shared *shared, struct mem *mem);
void taker_fini(struct map_taker *t);

/* Decides these candidates and adds them to the taker's part; of those on a stack it tells
 * stacks.h instead. A candidates_visit_fn, with a map_taker. */
struct err *taker_take(void *taker, struct candidate *cands, size_t cnt);

#endif
