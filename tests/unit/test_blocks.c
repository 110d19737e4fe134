// SPDX-License-Identifier: GPL-2.0-only
/* Blocks of a small memory of two parts, with a hole between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "process/blocks.h"

enum { PART_SZ = 4 * BLOCK_SZ };
#define LOW UINT64_C(0x10000)
#define HIGH (LOW + PART_SZ + BLOCK_SZ)

struct memory {
	struct mem mem;
	uint8_t low[PART_SZ];
	uint8_t high[PART_SZ];
	size_t reqs;
	bool fails;
};

static const uint8_t *at(const struct memory *m, uint64_t addr, size_t len)
{
	if (addr >= LOW && addr - LOW <= PART_SZ - len)
		return m->low + (addr - LOW);
	if (addr >= HIGH && addr - HIGH <= PART_SZ - len)
		return m->high + (addr - HIGH);
	return NULL;
}

static struct err *read_reqs(struct mem *mem, struct mem_req *reqs, size_t n)
{
	struct memory *m = mem->ctx;

	m->reqs += n;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *from = at(m, reqs[i].addr, reqs[i].len);

		reqs[i].ok = from;
		if (from)
			memcpy(reqs[i].dst, from, reqs[i].len);
	}
	return m->fails ? err_new(ERR_GONE, "process 1 has exited") : NULL;
}

static struct memory *memory_new(void)
{
	struct memory *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->mem = (struct mem){ .read_reqs = read_reqs, .ctx = m };
	for (size_t i = 0; i < PART_SZ; i++) {
		m->low[i] = (uint8_t)(i * 7 >> 3);
		m->high[i] = (uint8_t)(i * 11 >> 3);
	}
	return m;
}

/* Wants n pieces of 16 bytes from addr on, side by side. */
static void want(struct blocks *b, uint64_t addr, int n)
{
	for (int i = 0; i < n; i++)
		blocks_want(b, addr + 16 * i, 16);
}

/* What was read of a piece. Wanting it once more after the reading changes nothing. */
static const uint8_t *look(struct blocks *b, uint64_t addr, size_t len)
{
	return blocks_at(b, blocks_want(b, addr, len), addr);
}

static void what_many_pieces_are_in_is_read_whole(void **state)
{
	struct memory *m = memory_new();
	struct blocks *b = blocks_new();

	(void)state;
	blocks_begin(b);
	want(b, LOW + BLOCK_SZ, 16);
	want(b, LOW, 16); /* its neighbour: one read is enough for both */
	want(b, HIGH + 3 * BLOCK_SZ, 16);
	want(b, HIGH, 1); /* alone */
	assert_null(blocks_read(b, &m->mem));
	assert_int_equal(m->reqs, 2);
	for (uint64_t addr = LOW; addr < LOW + 2 * BLOCK_SZ; addr += 16)
		assert_memory_equal(look(b, addr, 16), at(m, addr, 16), 16);
	assert_memory_equal(look(b, HIGH + 3 * BLOCK_SZ, BLOCK_SZ),
			    at(m, HIGH + 3 * BLOCK_SZ, BLOCK_SZ), BLOCK_SZ);
	assert_null(look(b, HIGH, 16));
	assert_null(look(b, LOW + 2 * BLOCK_SZ, 16));
	/* It lies in two blocks, both of which were read. */
	assert_null(look(b, LOW + BLOCK_SZ - 8, 16));
	blocks_free(b);
	free(m);
}

static void a_batch_forgets_the_one_before(void **state)
{
	struct memory *m = memory_new();
	struct blocks *b = blocks_new();

	(void)state;
	for (int i = 0; i < 3; i++) {
		blocks_begin(b);
		want(b, LOW + i * BLOCK_SZ, 16);
		assert_null(look(b, LOW + i * BLOCK_SZ, 16)); /* nothing is read yet */
		assert_null(blocks_read(b, &m->mem));
		for (int k = 0; k < 3; k++)
			assert_true(!look(b, LOW + k * BLOCK_SZ, 16) == (k != i));
	}
	m->low[0] = 1;
	blocks_begin(b);
	want(b, LOW, 16);
	m->low[0] = 2; /* what counts is when it is read, not when it is wanted */
	assert_null(blocks_read(b, &m->mem));
	assert_int_equal(*look(b, LOW, 1), 2);
	blocks_free(b);
	free(m);
}

/* A hole beside a block makes only those reads fail that include it. */
static void what_cannot_be_read_is_not_there(void **state)
{
	struct memory *m = memory_new();
	struct blocks *b = blocks_new();

	(void)state;
	blocks_begin(b);
	want(b, LOW, 16);
	want(b, LOW + PART_SZ, 16); /* the hole */
	want(b, UINT64_MAX - BLOCK_SZ + 1, 16);
	blocks_want(b, UINT64_MAX - 7, 16); /* at the end of the address space */
	blocks_want(b, LOW, SIZE_MAX);
	assert_null(blocks_read(b, &m->mem));
	assert_non_null(look(b, LOW, 16));
	assert_null(look(b, LOW + PART_SZ, 16));
	assert_null(look(b, UINT64_MAX - BLOCK_SZ + 1, 16));
	assert_null(look(b, UINT64_MAX - 7, 16));
	assert_null(look(b, LOW, SIZE_MAX));
	blocks_free(b);
	free(m);
}

/* Of more blocks than there is room for, some are read, and those are right. */
static void too_many_blocks(void **state)
{
	struct memory *m = memory_new();
	struct blocks *b = blocks_new();
	int held = 0;

	(void)state;
	blocks_begin(b);
	for (uint64_t i = 0; i < 5000; i++)
		want(b, (i * 977 % 5000) * BLOCK_SZ, 16);
	assert_null(blocks_read(b, &m->mem));
	for (uint64_t i = 0; i < 5000; i++) {
		const uint8_t *bytes = look(b, i * BLOCK_SZ, 16);
		const uint8_t *truth = at(m, i * BLOCK_SZ, 16);

		assert_true(!bytes || truth);
		if (bytes)
			assert_memory_equal(bytes, truth, 16);
		held += bytes != NULL;
	}
	assert_true(held <= 8);
	blocks_free(b);
	free(m);
}

/* ---- A memory without holes, in which each word says where it is ---- */

static struct err *read_addresses(struct mem *mem, struct mem_req *reqs, size_t n)
{
	(void)mem;
	for (size_t i = 0; i < n; i++) {
		uint8_t *dst = reqs[i].dst;

		for (uint64_t off = 0; off < reqs[i].len; off += 8)
			memcpy(dst + off, &(uint64_t){ reqs[i].addr + off }, 8);
		reqs[i].ok = true;
	}
	return NULL;
}

/* Whether the block that begins there was read. If so, it must be the right one, and bytes after
 * it may be looked at. */
static bool is_there(struct blocks *b, uint64_t block)
{
	volatile uint8_t behind;

	for (uint64_t addr = block; addr < block + BLOCK_SZ; addr += BLOCK_SZ - 8) {
		const uint8_t *bytes = look(b, addr, 8);

		if (!bytes)
			return false;
		assert_memory_equal(bytes, &addr, 8);
		for (int i = 0; i < BLOCKS_PAD; i++)
			behind = bytes[8 + i];
	}
	(void)behind;
	return true;
}

/* Of very many blocks as many are read as of any others, and each is the right one. */
static void the_blocks_of_a_crowd_are_told_apart(void **state)
{
	enum { CROWD = 1500 };
	struct mem mem = { .read_reqs = read_addresses };
	struct blocks *b = blocks_new();
	size_t most = 0;

	(void)state;
	for (uint64_t batch = 0; batch < 20; batch++) {
		uint64_t first = LOW + batch * CROWD * BLOCK_SZ;
		size_t there = 0;

		blocks_begin(b);
		for (int turn = 0; turn < 16; turn++)
			for (uint64_t i = 0; i < CROWD; i++)
				blocks_want(b, first + i * BLOCK_SZ + 16 * turn, 16);
		assert_null(blocks_read(b, &mem));
		for (uint64_t i = 0; i < CROWD; i++)
			there += is_there(b, first + i * BLOCK_SZ);
		most = batch ? most : there;
		assert_true(there > 0);
		assert_int_equal(there, most);
	}
	blocks_free(b);
}

/* Blocks that fit are all read, whatever was in the batches before. */
static void few_blocks_are_there_in_each_batch(void **state)
{
	enum { FEW = 32 };
	struct mem mem = { .read_reqs = read_addresses };
	struct blocks *b = blocks_new();
	uint64_t random = 42, block[FEW];

	(void)state;
	for (int batch = 0; batch < 2000; batch++) {
		blocks_begin(b);
		for (int i = 0; i < FEW; i++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			/* Chosen from few, so that the same ones come again in other batches. */
			block[i] = LOW + (random >> 33) % 4096 * BLOCK_SZ;
		}
		for (int turn = 0; turn < 8; turn++)
			for (int i = 0; i < FEW; i++)
				blocks_want(b, block[i] + 24 * turn, 24);
		assert_null(blocks_read(b, &mem));
		for (int i = 0; i < FEW; i++)
			assert_true(is_there(b, block[(i * 5) % FEW]));
	}
	blocks_free(b);
}

/* More pieces in one block than a counter of 8 or 16 bits can hold. */
static void a_block_of_very_many_pieces(void **state)
{
	struct mem mem = { .read_reqs = read_addresses };

	(void)state;
	for (int n = 1 << 8; n <= 1 << 16; n <<= 8) {
		struct blocks *b = blocks_new();

		blocks_begin(b);
		for (int i = 0; i < n; i++)
			blocks_want(b, LOW + i * 8 % BLOCK_SZ, 8);
		assert_null(blocks_read(b, &mem));
		assert_true(is_there(b, LOW));
		blocks_free(b);
	}
}

static void after_a_failure_nothing_is_there(void **state)
{
	struct memory *m = memory_new();
	struct blocks *b = blocks_new();

	(void)state;
	m->fails = true;
	blocks_begin(b);
	want(b, LOW, 16);
	_cleanup_err_ struct err *err = blocks_read(b, &m->mem);
	assert_true(err_is(err, ERR_GONE));
	assert_null(look(b, LOW, 16));
	blocks_free(b);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_many_pieces_are_in_is_read_whole),
		cmocka_unit_test(a_batch_forgets_the_one_before),
		cmocka_unit_test(what_cannot_be_read_is_not_there),
		cmocka_unit_test(too_many_blocks),
		cmocka_unit_test(the_blocks_of_a_crowd_are_told_apart),
		cmocka_unit_test(few_blocks_are_there_in_each_batch),
		cmocka_unit_test(a_block_of_very_many_pieces),
		cmocka_unit_test(after_a_failure_nothing_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
