/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic_extra.h - what a classic map keeps beside its buckets (runtime.mapextra).
 *
 * The collector does not scan buckets without pointers, so they would not keep alive the
 * overflow buckets that they chain. Instead mapextra has two lists of them, for the present
 * array and for the old one. A list is a pointer to a slice of pointers, which grows as append
 * does. A loop over such a map makes the list, if only an empty one. Buckets with pointers have
 * no lists: their mapextra only tells which preallocated overflow bucket is the next.
 *
 *	mapextra                slice header        array
 *	overflow     ---------> pointer ----------> pointers to overflow buckets
 *	oldoverflow  (or 0)     length, capacity
 *	nextOverflow (or 0)
 */
#ifndef MAPTRACE_MAPS_CLASSIC_EXTRA_H
#define MAPTRACE_MAPS_CLASSIC_EXTRA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "maps/batch.h"

/* Of the overflow buckets of the present array, and of the old one. */
enum { CLASSIC_LISTS = 2 };

struct classic_extra {
	size_t work; /* index of its map in the decoder's works */
	size_t at; /* in the batch */
	uint64_t addr; /* the start of an object of HMAP_EXTRA_SZ bytes */
	bool noscan; /* buckets have no pointers */

	/* What classic_extra_read() found. */
	uint64_t bytes; /* as allocated: mapextra, lists and their slice headers */
	uint64_t resident;
	bool listed; /* it has a list, which may be empty */
	bool unread; /* some of it is newer than the heap that was read */
	uint64_t doubt; /* an address that does not fit that heap; 0: all do */

	uint64_t lists[CLASSIC_LISTS]; /* addresses of the slice headers; 0: none */
	uint64_t slices[CLASSIC_LISTS][3]; /* pointer, length, capacity */
};

struct classic_extras {
	VEC(struct classic_extra) list;
};

void classic_extras_fini(struct classic_extras *extras);

/* Reads all of them with few reads. What is not a list does not count, but the map is still
 * one. */
struct err *classic_extra_read(const struct map_reader *r, struct map_batch *batch,
			       struct classic_extras *extras);

#endif
