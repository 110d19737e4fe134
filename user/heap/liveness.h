/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * liveness.h - whether an object of the heap is allocated, and whether the last
 * garbage collection found it reachable.
 */
#ifndef MAPTRACE_HEAP_LIVENESS_H
#define MAPTRACE_HEAP_LIVENESS_H

#include <stddef.h>
#include <stdint.h>

#include "heap/heap.h"

enum liveness {
	OBJECT_FREE, /* its slot is free */
	OBJECT_GARBAGE, /* not marked by the last GC, not swept yet */
	OBJECT_LIVE, /* as far as the last GC knew, or newer */
};

/* Reads what the allocator has noted of n objects. */
struct err *liveness_read(struct heap *heap, const struct object *objects, size_t n,
			  enum liveness *ret);

#endif
