/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * span.h - a span: a run of pages of the Go heap that holds objects of one size class, one large
 * object, or memory of the runtime itself.
 */
#ifndef MAPTRACE_HEAP_SPAN_H
#define MAPTRACE_HEAP_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/sizeclass.h"
#include "process/layout.h"

enum span_state { SPAN_DEAD = 0, SPAN_IN_USE = 1, SPAN_MANUAL = 2 };

/*
 * A heap of 8 GiB may have a million of these, so one takes 16 bytes. Addresses of user space
 * have 48 bits. A span of small objects has at most 1024 slots, and its size class tells how many
 * pages; a class up to 1 KiB has one. A large object's span, or the runtime's, has up to 256 GiB.
 * Use span_base() and the like instead of the fields.
 */
struct span {
	uint64_t state : 2; /* enum span_state */
	uint64_t unswept : 1; /* unmarked objects in it are garbage */
	uint64_t sweeping : 1; /* its bitmaps are being exchanged: they may belong to either
			        * cycle, or to neither */
	uint64_t size : 25; /* of class 0: pages; else slots, and freeindex << SPAN_SLOT_BITS */
	uint64_t page : 35; /* in the high bits, so that spans can be sorted by this word */
	uint64_t spanclass : 8; /* sizeclass << 1 | noscan */
	uint64_t alloc_count : 11; /* slots given out */
	uint64_t desc : 45; /* where its descriptor is, in words */
};
_Static_assert(sizeof(struct span) == 16, "a million spans must stay affordable");

enum { SPAN_SLOT_BITS = 11, SPAN_PAGES_MAX = (1 << 25) - 1 };

/* Addresses of a span's bitmaps. */
struct span_bits {
	uint64_t alloc;
	uint64_t mark;
};

static inline unsigned int span_sizeclass(const struct span *s)
{
	return s->spanclass >> 1;
}

static inline bool span_noscan(const struct span *s)
{
	return s->spanclass & 1;
}

static inline uint64_t span_base(const struct span *s)
{
	return (uint64_t)s->page * GO_PAGE_SZ;
}

/* The address of its descriptor, the runtime's mspan. */
static inline uint64_t span_desc(const struct span *s)
{
	return (uint64_t)s->desc * 8;
}

static inline uint32_t span_pages(const struct span *s)
{
	return span_sizeclass(s) ? sizeclass_pages(span_sizeclass(s)) : s->size;
}

static inline uint64_t span_bytes(const struct span *s)
{
	return (uint64_t)span_pages(s) * GO_PAGE_SZ;
}

/* Slots of an in-use span. */
static inline uint32_t span_slots(const struct span *s)
{
	return span_sizeclass(s) ? s->size & ((1 << SPAN_SLOT_BITS) - 1) : 1;
}

/* All slots before this one are given out; the bitmap tells about the others. A large object is
 * given out with its span. */
static inline uint32_t span_freeindex(const struct span *s)
{
	return span_sizeclass(s) ? s->size >> SPAN_SLOT_BITS : s->alloc_count;
}

/*
 * Whether a span may have been freed after it was read, in the same cycle of the collector: by
 * being swept, or by a sweep that had only the last step left to do. The sweep counts what is
 * left before it says that the span is swept (Go source: runtime/mgcsweep.go sweep).
 */
static inline bool span_may_be_freed(const struct span *s)
{
	return s->unswept || s->sweeping || !s->alloc_count;
}

/* Bytes of one slot. */
static inline uint64_t span_elemsize(const struct span *s)
{
	return span_sizeclass(s) ? sizeclass_bytes(span_sizeclass(s)) : span_bytes(s);
}

/* Whether the bitmaps of a span stayed the same between two reads of it. */
static inline bool span_is_steady(const struct span *before, const struct span_bits *bits_before,
				  const struct span *after, const struct span_bits *bits_after)
{
	return !before->sweeping && !after->sweeping && before->unswept == after->unswept &&
	       bits_before->alloc == bits_after->alloc && bits_before->mark == bits_after->mark;
}

#endif
