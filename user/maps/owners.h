/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * owners.h - one table has one owner.
 *
 * A header proves that it is a map's by leading to tables that it fits. So does each copy
 * that a program makes of it, and nothing tells the copies from the map. What this bounds is
 * what they cost and what they add up to:
 *
 * - A large directory or array is walked so often in a census, and no more, whoever leads
 *   to it. A busy map takes several walks.
 * - Of several headers that lead to one large table none is known to be the owner: all are
 *   suspect, and in no sum.
 * - Each span holds so many objects. Maps that need more of it than there are, whether their
 *   tables are large or small, overlap: those that come too late are suspect. Only where a
 *   cycle of the collector ended meanwhile a slot may have been one map's and then another's,
 *   once a cycle. Chained buckets are as many as there is room for in all spans of their kind.
 *
 * Shared by the threads that take a census.
 */
#ifndef MAPTRACE_MAPS_OWNERS_H
#define MAPTRACE_MAPS_OWNERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"
#include "heap/occupancy.h"

enum {
	/* Twice as many as one header takes at most. */
	OWNERS_WALKS_MAX = 16,
	/* Bytes of the tables of a map from which on its owner is looked for. What smaller
	 * ones can add is bounded by their spans. */
	OWNERS_TABLES_MIN = 4096,
};

struct owner;

/* The headers that are suspect, though owners_add() had said otherwise of them. */
struct headers {
	VEC(uint64_t) list;
};

struct owners {
	const struct heap *heap;
	pthread_mutex_t lock; /* for these four */
	struct owner *slots; /* found by a hash of the table's address */
	size_t slot_cnt; /* a power of two, or 0 */
	size_t len;
	struct headers suspects;
	/* By span: slots that no map has yet, and how often they were given out anew. Two threads
	 * that take of one span at a time may count one of them less, which makes no map suspect. */
	uint16_t *left;
	uint8_t *turns;
	uint64_t class_bytes[SPANCLASS_CNT]; /* of the spans */
	uint64_t class_taken[SPANCLASS_CNT]; /* of these, by chained buckets */
};

/* heap outlives it. NULL: out of memory. Free with owners_free(). */
struct owners *owners_new(const struct heap *heap);
void owners_free(struct owners *o);

/* Counts a walk of the directory or array at that address. *ret is false when there were
 * enough; *owned_ret then says whether some header is a map with it. */
struct err *owners_walk(struct owners *o, uint64_t table, bool *ret, bool *owned_ret);

/* A header leads to a large table that it fits; at table_off it has the table's address.
 * *ret is false when another header, found before, still does: both are suspect. */
struct err *owners_add(struct owners *o, struct mem *mem, uint64_t table, uint64_t header,
		       uint32_t table_off, bool *ret);

/* What the maps of a batch are made of; forgotten with the next batch. */
struct claims {
	VEC(uint64_t) objects; /* candidate << 32 | index of the span: an object of it each */
	VEC(struct chained {
		uint32_t at; /* candidate */
		uint8_t spanclass;
		uint64_t bytes;
	})
	chained;
	bool incomplete; /* for lack of memory */
};

/* Notes an object of the span, of which a map is made. */
static inline void claims_note(struct claims *c, uint32_t span, uint32_t at)
{
	if (!vec_push(&c->objects, (uint64_t)at << 32 | span))
		c->incomplete = true;
}

/* Notes the chained buckets of a map, objects of their own. */
void claims_note_chained(struct claims *c, uint8_t spanclass, uint64_t bytes, uint32_t at);

/* What owners_take() does when there was no slot left. */
struct err *owners_take_anew(struct owners *o, struct mem *mem, uint32_t span, bool *ret);

/* Takes a slot of the span. *ret is false when there is none left. Inline: called for a million
 * maps. */
static inline struct err *owners_take(struct owners *o, struct mem *mem, uint32_t span, bool *ret)
{
	uint16_t left = __atomic_load_n(&o->left[span], __ATOMIC_RELAXED);

	*ret = left;
	if (!left)
		return owners_take_anew(o, mem, span, ret);
	__atomic_store_n(&o->left[span], left - 1, __ATOMIC_RELAXED);
	return NULL;
}

/* The same of so many bytes of a class of spans, for chained buckets; none are taken when there
 * are not as many. */
struct err *owners_take_chained(struct owners *o, struct mem *mem, const struct chained *chained,
				bool *ret);

#endif
