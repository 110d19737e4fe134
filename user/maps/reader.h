/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reader.h - what a thread reads maps with.
 *
 * The decoders get it with each batch. They read through it, and write what they find to the
 * batch (batch.h) and nowhere else.
 */
#ifndef MAPTRACE_MAPS_READER_H
#define MAPTRACE_MAPS_READER_H

#include "heap/heap.h"
#include "heap/residency.h"
#include "maps/owners.h"
#include "maps/shape.h"
#include "process/blocks.h"

struct map_reader {
	struct heap *heap; /* as it was read, before the maps */
	struct mem *mem; /* what this thread reads through */
	const struct residency *residency; /* NULL: resident bytes stay 0 */
	struct owners *owners; /* of the tables; all threads share them */
	struct shape_cache *shapes; /* this thread's own, as are the blocks */
	struct blocks *blocks; /* for small things that lie close together */
};

/* Makes the shapes and the blocks; the rest is the caller's and outlives the reader. Release
 * with reader_fini(), also after an error. */
struct err *reader_init(struct map_reader *r, struct heap *heap, struct mem *mem,
			const struct residency *residency, struct owners *owners);
void reader_fini(struct map_reader *r);

#endif
