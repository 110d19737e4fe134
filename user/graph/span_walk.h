/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * span_walk.h - reads all spans whose objects have pointers, piece by piece into memory that is
 * used again, with up to WALK_THREADS_MAX threads.
 */
#ifndef MAPTRACE_GRAPH_SPAN_WALK_H
#define MAPTRACE_GRAPH_SPAN_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "heap/heap.h"
#include "heap/ptrbits.h"
#include "heap/residency.h"

enum {
	WALK_THREADS_MAX = 4,
	WALK_PAGES = 32, /* pages that are read at a time: they stay in the processor's cache */
};

/* Consecutive pages of one span. A span of small objects is in one piece. */
struct span_piece {
	uint32_t span; /* an index into heap->spans */
	uint32_t len;
	uint64_t addr;
	uint8_t *bytes;
	bool bad; /* it could not be read */
};

/* Some pieces, as one thread has read them. */
struct span_pieces {
	const struct span_piece *list;
	size_t cnt;
	uint32_t nth; /* ascending with the addresses */
	unsigned int member; /* which thread it is, below WALK_THREADS_MAX */
};

typedef struct err *(*walk_fn)(void *ctx, const struct span_pieces *pieces);

struct walk_opts {
	const struct residency *residency; /* to leave out what was never written; NULL: read all */
	uint64_t deadline_ns; /* of clock_ns(); 0: none */
	walk_fn visit; /* called by several threads at a time */
	void *ctx;
};

struct walk_result {
	uint64_t bytes; /* that were read */
	uint64_t unread_bytes; /* of pieces that could not be read */
	bool late; /* the deadline came first */
};

/* Fails when the target process is gone, when its mem's `stop` is set, when memory ran out, or with
 * what visit() returned. */
struct err *span_walk(const struct heap *heap, const struct walk_opts *opts,
		      struct walk_result *ret);

/* Bytes of the spans that a walk reads. */
uint64_t span_walk_bytes(const struct heap *heap);

/* ---- the words of a piece ---- */

/* Which words of a one-page span may be pointers, a bit for each. */
struct walk_mask {
	uint64_t bits[GO_PAGE_SZ / 8 / 64];
	bool known; /* false: any word may be one */
};

/* What the allocator's bits say, where they are in the piece itself. */
static inline void walk_mask_of(const struct heap *heap, const struct span_piece *p,
				struct walk_mask *ret)
{
	const struct span *s = &heap->spans.data[p->span];
	struct ptrbits place;

	ret->known = heap->prog->layout.bitmap == HEAP_BITMAP_SPAN &&
		     span_elemsize(s) <= MALLOC_HEADER_MIN &&
		     ptrbits_place(heap, s, span_base(s), GO_PAGE_SZ / 8, &place) &&
		     place.addr - p->addr + sizeof(ret->bits) <= p->len;
	if (ret->known)
		memcpy(ret->bits, p->bytes + (place.addr - p->addr), sizeof(ret->bits));
}

/* Bits of up to 64 words from word w of the piece on, of those before `end`. */
static inline uint64_t walk_mask_from(const struct walk_mask *m, uint32_t w, uint32_t end)
{
	uint64_t bits = m->known ? m->bits[w / 64] >> w % 64 : UINT64_MAX >> w % 64;

	return end - w < 64 ? bits & ((1ull << (end - w)) - 1) : bits;
}

/*
 * Visits the words from `first` up to `end` that may be pointers:
 *
 *	WALK_WORDS(w, &mask, first, end)
 *		use(words[w]);
 */
#define WALK_WORDS(w, mask, first, end)                                                            \
	for (uint32_t w##_at = (first), w##_next = 0; w##_at < (end); w##_at = w##_next)           \
		for (uint64_t w##_bits = (w##_next = (w##_at / 64 + 1) * 64,                       \
					 walk_mask_from((mask), w##_at, (end))),                   \
			      w;                                                                   \
		     w##_bits && (w = w##_at + __builtin_ctzll(w##_bits), true);                   \
		     w##_bits &= w##_bits - 1)

#endif
