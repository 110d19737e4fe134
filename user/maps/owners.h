/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * owners.h - sees to it that one table has one owner, which is the map that it belongs to.
 *
 * A header proves that it is a map's by leading to tables that it fits. But so does each copy
 * that a program makes of it, and nothing tells the copies from the map. This bounds what the
 * copies cost, and what they add up to:
 *
 * - A large directory or array is walked at most OWNERS_WALKS_MAX times in a census, no matter
 *   how many headers lead to it. A busy map takes several walks.
 * - When several headers lead to one large table, the owner is not known: all of them are
 *   suspect, and in no sum.
 * - A span has a known number of objects. Maps that need more objects of it than there are
 *   overlap, and those that come too late are suspect, whether their tables are large or small.
 *   But when a cycle of the collector ends during the census, a slot may have been one map's
 *   and then another's, once per cycle. Chained buckets may be as many as there is room for in
 *   all spans of their class.
 *
 * The threads that take a census share it.
 */
#ifndef MAPTRACE_MAPS_OWNERS_H
#define MAPTRACE_MAPS_OWNERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "heap/heap.h"
#include "heap/occupancy.h"

enum {
	/* Twice the number that one header takes at most. */
	OWNERS_WALKS_MAX = 16,
	/* Tables with fewer bytes than this are not large: their spans alone bound what they can
	 * add up to. */
	OWNERS_TABLES_MIN = 4096,
};

struct owner;

/* The headers that owners_add() had taken for owners, and that turned out to be suspect. */
struct suspect_headers {
	VEC(uint64_t) list;
};

struct owners {
	const struct heap *heap;
	pthread_mutex_t lock; /* for the next four */
	struct owner *slots; /* a hash table, by the address of the owner's table */
	size_t slot_cnt; /* a power of two, or 0 */
	size_t len;
	struct suspect_headers suspects;
	/* By span: slots that no map has yet, and how many times all of them were given out again.
	 * Two threads that take slots of one span at the same time may count one slot instead of
	 * two, which makes no map suspect. */
	uint16_t *left;
	uint8_t *turns;
	uint64_t class_bytes[SPANCLASS_CNT]; /* of the spans of each class */
	uint64_t class_taken[SPANCLASS_CNT]; /* by chained buckets, of class_bytes */
};

/* heap outlives it. NULL: out of memory. Free with owners_free(). */
struct owners *owners_new(const struct heap *heap);
void owners_free(struct owners *o);
DEFINE_CLEANUP_PTR(struct owners *, owners_free, cleanup_owners)
#define _cleanup_owners_ _cleanup_(cleanup_owners)

/* Counts a walk of the directory or array at that address. *ret is false when there were enough
 * walks; *owned_ret then says whether some header is known as a map with this table. */
struct err *owners_walk(struct owners *o, uint64_t table, bool *ret, bool *owned_ret);

/* Notes that a header leads to a large table that it fits; the table's address is at table_off
 * in the header. *ret is false when another header was noted before and still leads to the
 * table: both are suspect. */
struct err *owners_add(struct owners *o, struct mem *mem, uint64_t table, uint64_t header,
		       uint32_t table_off, bool *ret);

/* The part of owners_take() that is not inline: no slot of the span was left. */
struct err *owners_take_again(struct owners *o, struct mem *mem, uint32_t span, bool *ret);

/* Takes a slot of the span. *ret is false when none is left. Inline, because it is called for a
 * million maps. */
static inline struct err *owners_take(struct owners *o, struct mem *mem, uint32_t span, bool *ret)
{
	uint16_t left = __atomic_load_n(&o->left[span], __ATOMIC_RELAXED);

	*ret = left;
	if (!left)
		return owners_take_again(o, mem, span, ret);
	__atomic_store_n(&o->left[span], left - 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Takes bytes of the spans of a class, for chained buckets. Takes none, and *ret is false, when
 * fewer are left. */
struct err *owners_take_chained(struct owners *o, struct mem *mem, uint8_t spanclass,
				uint64_t bytes, bool *ret);

#endif
