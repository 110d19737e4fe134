/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metadata.h - the memory that the Go runtime takes for itself, outside its heap: span
 * descriptors, mark bits, arena and page indexes, profiles.
 *
 * Most of it is in chunks that the runtime keeps in lists; the rest is in a few large blocks that
 * known pointers lead to. C code may have memory right beside it, in the same mapping. So blocks
 * are told by their addresses, not by mapping.
 */
#ifndef MAPTRACE_HEAP_METADATA_H
#define MAPTRACE_HEAP_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"
#include "process/addrspace.h"

struct metadata {
	VEC(struct address_range) blocks; /* ascending, disjoint, in whole pages */
	/* A list that could not be found or followed: its memory is not known to be the
	 * runtime's. NULL: there is none. Static. */
	const char *missing;
};

/* Follows the lists. When the target changes them meanwhile, they may be incomplete. Free with
 * metadata_fini(). */
struct err *metadata_init(struct metadata *md, struct heap *heap);
/* The same with only the chunks that hold small things: descriptors of spans, finalizers to run. */
struct err *metadata_init_persistent(struct metadata *md, struct heap *heap);
void metadata_fini(struct metadata *md);

#endif
