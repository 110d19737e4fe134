// SPDX-License-Identifier: GPL-2.0-only
#include "process/blocks.h"

#include <stdlib.h>

enum {
	/* With fewer pieces, one vector for each costs less than reading the whole block. */
	PIECES_MIN = 5,
	PROBES_MAX = 8,
	NOT_HELD = -1,
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

/* Finds where a block is noted, or would be; BLOCKS_NOWHERE when there is no room. */
static uint32_t blocks_search(const struct blocks *b, uint64_t nr)
{
	uint32_t home = blocks_home(nr);

	for (uint32_t i = home; i < home + PROBES_MAX; i++) {
		const struct block *at = &b->noted[i % BLOCKS_NOTED_MAX];

		if (at->batch != b->batch || at->nr == nr)
			return i % BLOCKS_NOTED_MAX;
	}
	return BLOCKS_NOWHERE;
}

uint32_t blocks_note(struct blocks *b, uint64_t nr)
{
	uint32_t place = blocks_search(b, nr);

	if (place != BLOCKS_NOWHERE && b->noted[place].batch != b->batch) {
		b->noted[place] = (struct block){ .nr = nr, .batch = b->batch, .held = NOT_HELD };
		b->wanted[b->wanted_cnt++] = &b->noted[place];
	}
	return place;
}

static int cmp_block_nr(const void *a, const void *b)
{
	uint64_t x = (*(struct block *const *)a)->nr, y = (*(struct block *const *)b)->nr;

	return x < y ? -1 : x > y;
}

/* Chooses the wanted blocks that are worth reading, in ascending order. Returns their number. */
static size_t blocks_choose(struct blocks *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->wanted_cnt && n < BLOCKS_HELD_MAX; i++)
		if (b->wanted[i]->pieces >= PIECES_MIN)
			b->wanted[n++] = b->wanted[i];
	b->wanted_cnt = n;
	qsort(b->wanted, n, sizeof(*b->wanted), cmp_block_nr);
	return n;
}

/* How many of the chosen blocks, from the i-th on, are one piece of memory. */
static size_t blocks_run_length(const struct blocks *b, size_t i)
{
	size_t end = i + 1;

	while (end < b->wanted_cnt && b->wanted[end]->nr == b->wanted[end - 1]->nr + 1)
		end++;
	return end - i;
}

struct err *blocks_read(struct blocks *b, struct mem *mem)
{
	struct mem_req reqs[BLOCKS_HELD_MAX];
	size_t n = 0, cnt = blocks_choose(b);

	for (size_t i = 0, run; i < cnt; i += run) {
		run = blocks_run_length(b, i);
		reqs[n++] = (struct mem_req){ b->wanted[i]->nr * BLOCK_SZ, run * BLOCK_SZ, false,
					      b->bytes + i * BLOCK_SZ };
	}
	struct err *err = mem->read_reqs(mem, reqs, n);
	for (size_t r = 0, i = 0; !err && r < n; r++)
		for (size_t end = i + reqs[r].len / BLOCK_SZ; i < end; i++)
			if (reqs[r].ok)
				b->wanted[i]->held = (int16_t)i;
	return err;
}
