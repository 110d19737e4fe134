/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ptrbits.h - the allocator's bits for the words of the heap that hold pointers.
 *
 * They come from the type that the program allocated, so they tell objects of one size apart. Up
 * to Go 1.21 they are in heapArena.bitmap. From 1.22 on they are at the end of one-page spans,
 * and objects above 512 bytes have a type word instead (go-runtime facts 4.2, 4.6).
 */
#ifndef MAPTRACE_HEAP_PTRBITS_H
#define MAPTRACE_HEAP_PTRBITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"
#include "heap/heap.h"

enum {
	PTRBITS_WORDS_MAX = GO_PAGE_SZ / 8,
	PTRBITS_SZ_MAX = PTRBITS_WORDS_MAX / 4 + 1, /* two bits for each word is the widest form */
	PTRBITS_PAD = 32, /* extra bytes at the end, because bits are looked at in whole words */
};

/* Where the bits of some words are, and how to decode them once they are read. */
struct ptrbits {
	uint64_t addr; /* read len bytes from here */
	uint32_t len;
	uint8_t shift; /* a byte has the bits of 1 << shift words */
	uint8_t first; /* number of words before ours whose bits are in the first byte */
};

/* Finds the bits for `words` words from addr on, in span s. False when the allocator keeps none
 * for that span. */
bool ptrbits_place(const struct heap *heap, const struct span *s, uint64_t addr, uint32_t words,
		   struct ptrbits *ret);

/* Puts the low four bits of all bytes together. */
static inline uint64_t ptrbits_low_halves(uint64_t bytes)
{
	bytes &= 0x0f0f0f0f0f0f0f0f;
	bytes = (bytes | bytes >> 4) & 0x00ff00ff00ff00ff;
	bytes = (bytes | bytes >> 8) & 0x0000ffff0000ffff;
	return (bytes | bytes >> 16) & 0xffffffff;
}

/* The bits of 64 words, beginning with the first one that *bytes has the bit of; or of only n of
 * them, if that is quicker. */
static inline uint64_t ptrbits_word(const struct ptrbits *p, const uint8_t *bytes, uint32_t n)
{
	if (p->shift == 3)
		return load_u64(bytes, 0);
	uint64_t low = ptrbits_low_halves(load_u64(bytes, 0));

	return n <= 32 ? low : low | ptrbits_low_halves(load_u64(bytes, 8)) << 32;
}

/*
 * Bit i says whether word w + i (counted from the addr of ptrbits_place()) holds a pointer; n <=
 * 64. Looks at up to PTRBITS_PAD bytes after the last one that it needs.
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
 * The mask of an object's first n words, at most 64, for bits that begin with the object. Bits
 * after its last pointer are 0, whatever the object before it left there: up to Go 1.19 the
 * second bit of a word says whether pointers follow.
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
