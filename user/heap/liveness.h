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
	OBJECT_GARBAGE, /* the last GC did not mark it, and it is not swept yet */
	OBJECT_LIVE, /* the last GC found it reachable, or it is newer than that */
};

/* Reads what the allocator has noted about n objects. */
struct err *liveness_read(struct heap *heap, const struct object *objects, size_t n,
			  enum liveness *ret);

#endif
