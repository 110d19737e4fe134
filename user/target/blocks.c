// SPDX-License-Identifier: GPL-2.0-only
#include "target/blocks.h"

#include <stdlib.h>

enum {
	/* A vector for each piece costs as much as reading the block. */
	PIECES_MIN = 5,
	HELD_MAX = 64, /* half a MiB, to stay in the processor's own cache */
	SLOTS = 1024, /* blocks that are counted, in a hash table; a power of two */
	PROBES_MAX = 8,
	NOT_HELD = -1,
};

struct slot {
	uint64_t block; /* address / BLOCK_SZ */
	uint32_t batch; /* in which the slot was used last */
	uint16_t pieces;
	int16_t held; /* index into bytes, or NOT_HELD */
};

struct blocks {
	uint32_t batch;
	struct slot slots[SLOTS];
	struct slot *wanted[SLOTS]; /* of this batch */
	size_t wanted_cnt;
	size_t last; /* slot that was asked for last: the next piece is often there, too */
	uint8_t bytes[HELD_MAX * BLOCK_SZ + BLOCKS_PAD];
};

struct blocks *blocks_new(void)
{
	return calloc(1, sizeof(struct blocks));
}

void blocks_free(struct blocks *b)
{
	free(b);
}

void blocks_begin(struct blocks *b)
{
	b->batch++;
	b->wanted_cnt = 0;
}

/* Where a block is noted, or would be; SLOTS when there is no room. */
static size_t search(const struct blocks *b, uint64_t block)
{
	size_t home = block * 0x9e3779b97f4a7c15 >> 32;

	for (size_t i = home; i < home + PROBES_MAX; i++) {
		const struct slot *s = &b->slots[i % SLOTS];

		if (s->batch != b->batch || s->block == block)
			return i % SLOTS;
	}
	return SLOTS;
}

/* The same for a piece, which must lie in one block. */
static inline size_t slot_of(struct blocks *b, uint64_t addr, size_t len)
{
	const struct slot *last = &b->slots[b->last];

	if (len > BLOCK_SZ - addr % BLOCK_SZ)
		return SLOTS;
	if (last->block == addr / BLOCK_SZ && last->batch == b->batch)
		return b->last;
	size_t at = search(b, addr / BLOCK_SZ);
	if (at != SLOTS)
		b->last = at;
	return at;
}

/* What lies in two blocks, or in one too many, is left to others. */
void blocks_want(struct blocks *b, uint64_t addr, size_t len)
{
	size_t at = slot_of(b, addr, len);
	struct slot *s = &b->slots[at];

	if (at == SLOTS)
		return;
	if (s->batch != b->batch) {
		*s = (struct slot){ .block = addr / BLOCK_SZ, .batch = b->batch, .held = NOT_HELD };
		b->wanted[b->wanted_cnt++] = s;
	}
	s->pieces += s->pieces < UINT16_MAX;
}

static int cmp_block(const void *a, const void *b)
{
	uint64_t x = (*(struct slot *const *)a)->block, y = (*(struct slot *const *)b)->block;

	return x < y ? -1 : x > y;
}

/* Of the wanted blocks, those worth reading, ascending. Returns their number. */
static size_t choose(struct blocks *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->wanted_cnt && n < HELD_MAX; i++)
		if (b->wanted[i]->pieces >= PIECES_MIN)
			b->wanted[n++] = b->wanted[i];
	b->wanted_cnt = n;
	qsort(b->wanted, n, sizeof(*b->wanted), cmp_block);
	return n;
}

/* How many of the chosen blocks from the i-th on are one piece of memory. */
static size_t run_length(const struct blocks *b, size_t i)
{
	size_t end = i + 1;

	while (end < b->wanted_cnt && b->wanted[end]->block == b->wanted[end - 1]->block + 1)
		end++;
	return end - i;
}

struct err *blocks_read(struct blocks *b, struct mem *mem)
{
	struct mem_req reqs[HELD_MAX];
	size_t n = 0, cnt = choose(b);

	for (size_t i = 0, run; i < cnt; i += run) {
		run = run_length(b, i);
		reqs[n++] = (struct mem_req){ b->wanted[i]->block * BLOCK_SZ, run * BLOCK_SZ, false,
					      b->bytes + i * BLOCK_SZ };
	}
	struct err *err = mem->read_reqs(mem, reqs, n);
	for (size_t r = 0, i = 0; !err && r < n; r++)
		for (size_t end = i + reqs[r].len / BLOCK_SZ; i < end; i++)
			if (reqs[r].ok)
				b->wanted[i]->held = (int16_t)i;
	return err;
}

const uint8_t *blocks_at(struct blocks *b, uint64_t addr, size_t len)
{
	size_t at = slot_of(b, addr, len);
	const struct slot *s = &b->slots[at];

	if (at == SLOTS || s->batch != b->batch || s->held == NOT_HELD)
		return NULL;
	return b->bytes + (size_t)s->held * BLOCK_SZ + addr % BLOCK_SZ;
}
