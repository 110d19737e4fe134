/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blocks.h - reads of many small things that lie close together.
 *
 * The allocator puts objects of a kind side by side, so a batch of maps wants many small
 * pieces of few pages. The caller says which; blocks that several of them are in are read
 * whole, in a few large reads, and looked into in place. What lies alone is not there:
 * it is cheaper to ask mem_gather() for it.
 *
 *	blocks_begin(b);
 *	for (each) blocks_want(b, addr, len);
 *	err = blocks_read(b, mem);
 *	for (each) bytes = blocks_at(b, addr, len);
 */
#ifndef MAPTRACE_TARGET_BLOCKS_H
#define MAPTRACE_TARGET_BLOCKS_H

#include "target/mem.h"

enum {
	BLOCK_SZ = 8192, /* and aligned to that: a page of Go's heap */
	/* Behind what blocks_at() returns so many bytes may be looked at, whatever they are. */
	BLOCKS_PAD = 64,
};

/* For one thread at a time. NULL: out of memory. Free with blocks_free(). */
struct blocks;
struct blocks *blocks_new(void);
void blocks_free(struct blocks *b);

/* Forgets everything: another batch. What blocks_at() returned is void. */
void blocks_begin(struct blocks *b);

/* A piece that will be looked at. */
void blocks_want(struct blocks *b, uint64_t addr, size_t len);

/* Reads the blocks that enough pieces are in. What cannot be read is not there. */
struct err *blocks_read(struct blocks *b, struct mem *mem);

/* The piece as it was read, until the next batch; NULL when it is not there. */
const uint8_t *blocks_at(struct blocks *b, uint64_t addr, size_t len);

#endif
