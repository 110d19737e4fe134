/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ptrbits.h - the allocator's note of which words of the heap hold pointers.
 *
 * It comes from the type that the program allocated, so it tells objects of one
 * size apart. Up to Go 1.21 it is in heapArena.bitmap; from 1.22 at the end of
 * one-page spans, and objects above 512 bytes have a type word instead
 * (go-runtime facts 4.2, 4.6).
 */
#ifndef MAPTRACE_HEAP_PTRBITS_H
#define MAPTRACE_HEAP_PTRBITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "heap/heap.h"

enum {
	PTRBITS_WORDS_MAX = GO_PAGE_SZ / 8,
	PTRBITS_SZ_MAX = PTRBITS_WORDS_MAX / 4 + 1, /* two bits a word, the widest form */
	PTRBITS_PAD = 32, /* that bits are looked at by words takes so much more room */
};

/* Where the bits of some words are, and how to read them once fetched. */
struct ptrbits {
	uint64_t addr; /* read len bytes from here */
	uint32_t len;
	uint8_t shift; /* a byte tells of 1 << shift words */
	uint8_t first; /* words before ours that the first byte tells of */
};

/* The place of the bits for `words` words from addr on, in span s. False when the
 * allocator keeps none for it. */
bool ptrbits_place(const struct heap *heap, const struct span *s, uint64_t addr, uint32_t words,
		   struct ptrbits *ret);

/* The low four bits of each byte, put together. */
static inline uint64_t ptrbits_low_halves(uint64_t bytes)
{
	bytes &= 0x0f0f0f0f0f0f0f0f;
	bytes = (bytes | bytes >> 4) & 0x00ff00ff00ff00ff;
	bytes = (bytes | bytes >> 8) & 0x0000ffff0000ffff;
	return (bytes | bytes >> 16) & 0xffffffff;
}

/* The bits of 64 words, the first of which is the first that *bytes tells of; of no more
 * than n of them, if that is quicker. */
static inline uint64_t ptrbits_word(const struct ptrbits *p, const uint8_t *bytes, uint32_t n)
{
	if (p->shift == 3)
		return load_u64(bytes, 0);
	uint64_t low = ptrbits_low_halves(load_u64(bytes, 0));

	return n <= 32 ? low : low | ptrbits_low_halves(load_u64(bytes, 8)) << 32;
}

/*
 * Bit i: word w + i (from the addr that was asked for) holds a pointer; n <= 64. Looks at
 * up to PTRBITS_PAD bytes behind the last one that it needs.
 */
static inline uint64_t ptrbits_mask(const struct ptrbits *p, const uint8_t *bytes, uint32_t w,
				    uint32_t n)
{
	uint32_t at = p->first + w, skip = at & ((1u << p->shift) - 1);

	bytes += at >> p->shift;
	uint64_t mask = ptrbits_word(p, bytes, skip + n) >> skip;
	if (skip + n > 64)
		mask |= ptrbits_word(p, bytes + (64 >> p->shift), 64) << (64 - skip);
	return n < 64 ? mask & ((1ull << n) - 1) : mask;
}

/*
 * The mask of an object's first n words, at most 64, for bits that start with it: what
 * lies behind its last pointer is 0, whatever the object before it left there. Up to Go
 * 1.19 the second bit of a word says whether pointers follow.
 */
static inline uint64_t ptrbits_object_mask(const struct ptrbits *p, const uint8_t *bytes,
					   uint32_t n)
{
	uint64_t mask = ptrbits_mask(p, bytes, 0, n);

	for (uint32_t w = 0; p->shift == 2 && w < n; w++) {
		uint32_t at = p->first + w;

		if (!(bytes[at / 4] >> (4 + at % 4) & 1))
			return mask & ((1ull << w) - 1);
	}
	return mask;
}

static inline bool ptrbits_get(const struct ptrbits *p, const uint8_t *bytes, uint32_t w)
{
	return ptrbits_mask(p, bytes, w, 1);
}

#endif
