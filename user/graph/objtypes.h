/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objtypes.h - the other objects of the heap, by type: all but the tables and headers of maps.
 *
 * Objects with pointers are looked at one by one where there are few of a size class; of the
 * others a random sample stands for all. The allocator notes the types of objects above 512 bytes
 * from Go 1.22 on; others are told by their fit (fit.h). What has no certain type, and what has no
 * pointers, is grouped by the size of its slot: of that nothing tells the type.
 */
#ifndef MAPTRACE_GRAPH_OBJTYPES_H
#define MAPTRACE_GRAPH_OBJTYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

enum object_source {
	OBJECTS_NOTED, /* the allocator has the type */
	OBJECTS_FITTED, /* only this type fits */
	OBJECTS_BY_SIZE, /* the type is not known */
};

struct object_group {
	/* "main.session", "[]main.session", "chan int", "main.f.func1 (closure)"; NULL: not known.
	 * Belongs to the struct holders. */
	const char *type;
	uint64_t slot_bytes; /* of a slot, if the type is not known; 0: they are large, or differ */
	bool pointers; /* they have pointers */
	bool certain; /* the type is */
	bool estimated; /* from a sample */
	enum object_source source;
	uint64_t cnt;
	uint64_t bytes; /* of slots */
	uint64_t garbage_bytes; /* of bytes: what nothing leads to; only with garbage_known */
	uint64_t bytes_low, bytes_high; /* 95 % interval, as far as it comes from the sample; else
					 * both are `bytes` */
};

struct objtypes {
	bool taken; /* false: it was not looked at */
	VEC(struct object_group) groups; /* largest first */
	bool garbage_known;
	uint64_t cnt; /* of all objects in the groups */
	uint64_t bytes;
	uint64_t looked_at; /* objects with pointers that were */
};

struct holder_search;

/* Looks at the heap of the search, for about a second at most. Release with objtypes_fini(). */
struct err *objtypes_take(struct holder_search *s, struct objtypes *ret);
void objtypes_fini(struct objtypes *o);

#endif
