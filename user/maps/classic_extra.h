/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic_extra.h - what a classic map keeps beside its buckets (runtime.mapextra).
 *
 * Buckets without pointers are not scanned, and so would not keep the overflow buckets
 * alive that they chain: these are listed, those of the old array apart. The lists are
 * slices of pointers behind pointers, and grow as append does. To range over such a map
 * takes an empty one. Buckets with pointers have no lists, and mapextra only tells where
 * the preallocated overflow buckets go on.
 */
#ifndef MAPTRACE_MAPS_CLASSIC_EXTRA_H
#define MAPTRACE_MAPS_CLASSIC_EXTRA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "maps/census.h"

/* Of the array's overflow buckets, and of the old array's. */
enum { CLASSIC_LISTS = 2 };

struct classic_extra {
	size_t work; /* whose; of the decoder's */
	size_t at; /* in the batch */
	uint64_t addr; /* the start of an object of HMAP_EXTRA_SZ bytes */
	bool noscan; /* buckets have no pointers */

	/* What classic_extra_read() found. */
	uint64_t bytes; /* as allocated: mapextra, lists and their slice headers */
	uint64_t resident;
	bool listed; /* it has a list, may be an empty one */
	bool unread; /* some of it is newer than the heap that was read */
	uint64_t doubt; /* address of what does not fit that heap; 0: all does */

	uint64_t lists[CLASSIC_LISTS]; /* addresses of the slice headers; 0: none */
	uint64_t slices[CLASSIC_LISTS][3]; /* pointer, length, capacity */
};

struct classic_extras {
	VEC(struct classic_extra) list;
};

void classic_extras_fini(struct classic_extras *extras);

/* Reads all of them with few reads. What is no list does not count, nor does it make a map
 * none. */
struct err *classic_extra_read(struct census *census, struct census_batch *batch,
			       struct classic_extras *extras);

#endif
