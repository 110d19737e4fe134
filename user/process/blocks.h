/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blocks.h - reads of many small things that lie close together.
 *
 * The allocator puts objects of a kind side by side, so a batch of maps wants many small pieces
 * of few pages. The caller says which pieces. Blocks with several pieces are read as a whole, in
 * a few large reads, and pieces are looked at in place. A piece that is alone in its block is not
 * read: mem_gather() does that for less.
 *
 *	blocks_begin(b);
 *	for (each) place = blocks_want(b, addr, len);
 *	err = blocks_read(b, mem);
 *	for (each) bytes = blocks_at(b, place, addr);
 */
#ifndef MAPTRACE_PROCESS_BLOCKS_H
#define MAPTRACE_PROCESS_BLOCKS_H

#include "process/mem.h"

enum {
	BLOCK_SZ = 8192, /* a page of Go's heap; blocks are aligned to it */
	BLOCKS_HELD_MAX = 64, /* half a MiB, to stay in the processor's cache */
	BLOCKS_NOTED_BITS = 10,
	BLOCKS_NOTED_MAX = 1 << BLOCKS_NOTED_BITS, /* blocks that are counted, in a hash table */
	BLOCKS_NOWHERE = BLOCKS_NOTED_MAX, /* the place of a piece that will not be read */
	/* This many bytes after a piece that blocks_at() returns may be looked at, whatever they
	 * are. */
	BLOCKS_PAD = 64,
};

struct block {
	uint64_t nr; /* address / BLOCK_SZ */
	uint32_t batch; /* the batch in which it was noted */
	uint16_t pieces;
	int16_t held; /* index into bytes; negative: not held */
};

/* For one thread at a time. */
struct blocks {
	uint32_t batch;
	struct block noted[BLOCKS_NOTED_MAX];
	struct block *wanted[BLOCKS_NOTED_MAX]; /* those of this batch */
	size_t wanted_cnt;
	uint8_t bytes[BLOCKS_HELD_MAX * BLOCK_SZ + BLOCKS_PAD];
};

/* Returns NULL when out of memory. Free with blocks_free(). */
struct blocks *blocks_new(void);
void blocks_free(struct blocks *b);

/* Begins another batch and forgets everything: what blocks_at() returned is no longer valid. */
void blocks_begin(struct blocks *b);

/* Does what blocks_want() does, for a block that is not in its first slot. */
uint32_t blocks_note(struct blocks *b, uint64_t nr);

/* Where the search for a block begins. */
static inline uint32_t blocks_home(uint64_t nr)
{
	return nr * 0x9e3779b97f4a7c15 >> (64 - BLOCKS_NOTED_BITS);
}

/* Notes a piece that will be looked at. Returns its place in this batch, or BLOCKS_NOWHERE when
 * it lies across two blocks, or in a block more than can be noted. */
static inline uint32_t blocks_want(struct blocks *b, uint64_t addr, size_t len)
{
	uint64_t nr = addr / BLOCK_SZ;
	uint32_t home = blocks_home(nr);

	if (len > BLOCK_SZ - addr % BLOCK_SZ)
		return BLOCKS_NOWHERE;
	if (b->noted[home].nr != nr || b->noted[home].batch != b->batch)
		home = blocks_note(b, nr);
	if (home != BLOCKS_NOWHERE)
		b->noted[home].pieces += b->noted[home].pieces < UINT16_MAX;
	return home;
}

/* Reads the blocks with enough pieces. What cannot be read is left out. */
struct err *blocks_read(struct blocks *b, struct mem *mem);

/* The bytes of the piece at addr, valid until the next batch; NULL when it was not read. */
static inline const uint8_t *blocks_at(const struct blocks *b, uint32_t place, uint64_t addr)
{
	if (place == BLOCKS_NOWHERE || b->noted[place].held < 0)
		return NULL;
	return b->bytes + (size_t)b->noted[place].held * BLOCK_SZ + addr % BLOCK_SZ;
}

#endif
