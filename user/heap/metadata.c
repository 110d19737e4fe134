// SPDX-License-Identifier: GPL-2.0-only
#include "heap/metadata.h"

#include <string.h>
#include <unistd.h>

enum {
	/* The same from 1.19 to 1.27 (Go source: runtime/malloc.go persistentChunkSize, mheap.go
	 * gcBitsChunkBytes, mprof.go buckHashSize, mpagealloc.go). */
	PERSISTENT_CHUNK_SZ = 256 << 10,
	GC_BITS_SZ = 64 << 10,
	PROFILE_HASH_SZ = 179999 * 8,
	SUMMARY_LEVELS = 5,
	CHUNKS_L1_CNT = 1 << 13,
	CHUNKS_L2_SZ = (1 << 13) * 128,
	ARENAS_L2_SZ = (1 << 22) * 8,

	GC_BITS_LISTS = 4, /* free, next, current and previous, after the lock */
	BITS_SPANS = 16, /* samples; some of them are freed while we read */
	ARENA_BATCH = 4096,
	/* Blocks of any list: 16 GiB of mark bits, 64 GiB of chunks. */
	LIST_MAX = 1 << 18,
};

struct metadata_reader {
	struct metadata *md;
	struct heap *heap;
	struct mem *mem;
	uint64_t page_sz;
};

/* ---- blocks ---- */

/* Adds a block, unless what a pointer says about it cannot be true. */
static struct err *metadata_add_block(struct metadata_reader *r, uint64_t addr, uint64_t len)
{
	uint64_t mask = r->page_sz - 1;

	if (!addr || !len || addr > UINT64_MAX - len - r->page_sz)
		return NULL;
	struct address_range block = { addr & ~mask, (addr + len + mask) & ~mask };
	return vec_push(&r->md->blocks, block) ? NULL : err_nomem();
}

static int cmp_metadata_block(const void *a, const void *b)
{
	uint64_t x = ((const struct address_range *)a)->base;
	uint64_t y = ((const struct address_range *)b)->base;

	return x < y ? -1 : x > y;
}

static void metadata_join_blocks(struct metadata *md)
{
	size_t kept = 0;

	vec_sort(&md->blocks, cmp_metadata_block);
	for (size_t i = 0; i < md->blocks.len; i++) {
		const struct address_range *b = &md->blocks.data[i];
		struct address_range *last = kept ? &md->blocks.data[kept - 1] : NULL;

		if (!last || b->base > last->limit)
			md->blocks.data[kept++] = *b;
		else if (b->limit > last->limit)
			last->limit = b->limit;
	}
	md->blocks.len = kept;
}

/* A read that failed because the target changed something is not an error. */
static struct err *metadata_forgive_fault(struct err *err)
{
	if (!err_is(err, ERR_FAULT))
		return err;
	err_free(err);
	return NULL;
}

/* Adds the memory of a slice, by its header: cap elements of elem_sz bytes. */
static struct err *metadata_add_slice(struct metadata_reader *r, uint64_t addr, uint64_t elem_sz)
{
	uint64_t slice[3];
	struct err *err = mem_read(r->mem, addr, slice, sizeof(slice));

	if (err)
		return metadata_forgive_fault(err);
	return slice[2] <= UINT64_MAX / 2 / elem_sz
		       ? metadata_add_block(r, slice[0], slice[2] * elem_sz)
		       : NULL;
}

/* ---- what mheap points to ---- */

static struct err *metadata_add_chunk_tables(struct metadata_reader *r)
{
	_cleanup_free_ uint64_t *l1 = malloc(CHUNKS_L1_CNT * sizeof(*l1));
	struct err *err = NULL;

	if (!l1)
		return err_nomem();
	err = mem_read(r->mem, r->heap->mheap + r->heap->prog->layout.mheap.chunks, l1,
		       CHUNKS_L1_CNT * sizeof(*l1));
	for (size_t i = 0; !err && i < CHUNKS_L1_CNT; i++)
		err = metadata_add_block(r, l1[i], CHUNKS_L2_SZ);
	return metadata_forgive_fault(err);
}

static struct err *metadata_add_heap_arenas(struct metadata_reader *r, uint64_t l2)
{
	const struct mheap_layout *l = &r->heap->prog->layout.mheap;
	_cleanup_free_ uint64_t *indexes = NULL;
	uint64_t slice[2];
	struct err *err = mem_read(r->mem, r->heap->mheap + l->heap_arenas, slice, sizeof(slice));

	if (err || slice[1] > HEAP_ARENAS_MAX)
		return err;
	indexes = malloc(slice[1] * sizeof(*indexes) + 1);
	if (!indexes)
		return err_nomem();
	err = mem_read(r->mem, slice[0], indexes, slice[1] * sizeof(*indexes));
	for (uint64_t i = 0; !err && i < slice[1]; i++) {
		uint64_t arena = 0;

		if (indexes[i] < ARENAS_L2_SZ / 8)
			err = metadata_forgive_fault(
				mem_read_u64(r->mem, l2 + 8 * indexes[i], &arena));
		if (!err)
			err = metadata_add_block(r, arena, l->heap_arena_sz);
	}
	return err;
}

static struct err *metadata_add_arena_index(struct metadata_reader *r)
{
	uint64_t l2;
	struct err *err =
		mem_read_u64(r->mem, r->heap->mheap + r->heap->prog->layout.mheap.arenas, &l2);

	if (!err)
		err = metadata_add_block(r, l2, ARENAS_L2_SZ);
	if (!err)
		err = metadata_add_heap_arenas(r, l2);
	return metadata_forgive_fault(err);
}

static struct err *metadata_add_mheap_blocks(struct metadata_reader *r)
{
	const struct mheap_layout *l = &r->heap->prog->layout.mheap;
	uint64_t mheap = r->heap->mheap;
	struct err *err = metadata_add_slice(r, mheap + l->allspans, 8);

	for (int i = 0; !err && i < SUMMARY_LEVELS; i++)
		err = metadata_add_slice(r, mheap + l->summary + 24 * i, 8);
	/* 1.19 has one bit for each chunk, later versions eight bytes (Go source:
	 * runtime/mpagealloc.go). */
	bool bits = r->heap->prog->layout.bitmap == HEAP_BITMAP_ARENA_2BIT;
	if (!err)
		err = metadata_add_slice(r, mheap + l->scav_chunks, bits ? 1 : 8);
	if (!err)
		err = metadata_add_slice(r, mheap + l->heap_arenas, 8);
	if (!err)
		err = metadata_add_arena_index(r);
	return err ? err : metadata_add_chunk_tables(r);
}

/* ---- lists ---- */

/* Follows blocks of sz bytes in which the word at next_off points to the next one. */
static struct err *metadata_add_list(struct metadata_reader *r, uint64_t first, uint64_t sz,
				     uint64_t next_off, bool *ok_ret)
{
	uint64_t block = first;

	*ok_ret = true;
	for (uint32_t i = 0; block && *ok_ret; i++) {
		uint64_t next = 0;
		bool sane = i < LIST_MAX && block % r->page_sz == 0;
		struct err *err = sane ? mem_read_u64(r->mem, block + next_off, &next) : NULL;

		if (err_is(err, ERR_FAULT))
			sane = false;
		err = metadata_forgive_fault(err);
		if (!err && sane)
			err = metadata_add_block(r, block, sz);
		if (err)
			return err;
		*ok_ret = sane;
		block = next;
	}
	return NULL;
}

static bool metadata_is_in_blocks(const struct metadata *md, size_t from, uint64_t addr)
{
	for (size_t i = from; i < md->blocks.len; i++)
		if (addr >= md->blocks.data[i].base && addr < md->blocks.data[i].limit)
			return true;
	return false;
}

/* Checks that span descriptors are in the chunks. If not, this is not the list of chunks. */
static struct err *metadata_holds_spans(struct metadata_reader *r, size_t from, bool *ret)
{
	uint64_t spans, mspan;
	struct err *err =
		mem_read_u64(r->mem, r->heap->mheap + r->heap->prog->layout.mheap.allspans, &spans);

	if (!err)
		err = mem_read_u64(r->mem, spans, &mspan);
	*ret = !err && metadata_is_in_blocks(r->md, from, mspan);
	return metadata_forgive_fault(err);
}

static struct err *metadata_add_persistent_chunks(struct metadata_reader *r)
{
	size_t before = r->md->blocks.len;
	uint64_t global, first;
	bool ok = program_persistent_chunks(r->heap->prog, &global);
	struct err *err = ok ? mem_read_u64(r->mem, global, &first) : NULL;

	if (!err && ok)
		err = metadata_add_list(r, first, PERSISTENT_CHUNK_SZ, 0, &ok);
	if (!err && ok)
		err = metadata_holds_spans(r, before, &ok);
	if (!err && !ok) {
		r->md->blocks.len = before;
		r->md->missing = "the list of persistent chunks";
	}
	return metadata_forgive_fault(err);
}

/* Checks that the bitmaps of spans are in the arenas of mark bits, which sweeps use. */
static struct err *metadata_holds_bits(const struct metadata_reader *r, size_t from, bool *ret)
{
	struct span spans[BITS_SPANS];
	struct span_bits bits[BITS_SPANS];
	size_t n = 0;

	for (size_t i = 0; i < r->heap->spans.len && n < BITS_SPANS; i++)
		if (r->heap->spans.data[i].state == SPAN_IN_USE)
			spans[n++] = r->heap->spans.data[i];
	struct err *err = heap_reread_spans(r->heap, r->mem, spans, bits, n);
	*ret = true;
	for (size_t i = 0; !err && i < n; i++) {
		if (spans[i].state == SPAN_DEAD)
			continue;
		*ret = metadata_is_in_blocks(r->md, from, bits[i].alloc);
		break;
	}
	return err;
}

static struct err *metadata_add_gc_bits(struct metadata_reader *r)
{
	size_t before = r->md->blocks.len;
	uint64_t global, lists[1 + GC_BITS_LISTS];
	bool ok = program_gc_bits_arenas(r->heap->prog, &global);
	struct err *err = ok ? mem_read(r->mem, global, lists, sizeof(lists)) : NULL;

	/* A sweep may change a list while we follow it, so that it ends early. The rest still
	 * counts. */
	for (int i = 1; !err && ok && i <= GC_BITS_LISTS; i++) {
		bool whole;

		err = metadata_add_list(r, lists[i], GC_BITS_SZ, 8, &whole);
	}
	if (!err && ok)
		err = metadata_holds_bits(r, before, &ok);
	if (!err && !ok) {
		r->md->blocks.len = before;
		r->md->missing = "the arenas of mark bits";
	}
	return metadata_forgive_fault(err);
}

/* The table is made with the first sample of a profile. A pointer to anything else would not be
 * aligned. */
static struct err *metadata_add_profile_hash(struct metadata_reader *r)
{
	uint64_t global, table;

	if (!program_profile_hash(r->heap->prog, &global))
		return NULL;
	struct err *err = mem_read_u64(r->mem, global, &table);
	if (err || table % r->page_sz)
		return metadata_forgive_fault(err);
	return metadata_add_block(r, table, PROFILE_HASH_SZ);
}

static struct metadata_reader metadata_reader_of(struct metadata *md, struct heap *heap)
{
	memset(md, 0, sizeof(*md));
	return (struct metadata_reader){
		.md = md,
		.heap = heap,
		.mem = &heap->prog->target->mem,
		.page_sz = sysconf(_SC_PAGESIZE),
	};
}

static struct err *metadata_end(struct metadata *md, struct err *err)
{
	if (err) {
		metadata_fini(md);
		return err_wrap(err, "reading the runtime's lists of its own memory");
	}
	metadata_join_blocks(md);
	return NULL;
}

struct err *metadata_init(struct metadata *md, struct heap *heap)
{
	struct metadata_reader r = metadata_reader_of(md, heap);
	struct err *err = metadata_add_mheap_blocks(&r);

	if (!err)
		err = metadata_add_persistent_chunks(&r);
	if (!err)
		err = metadata_add_gc_bits(&r);
	if (!err)
		err = metadata_add_profile_hash(&r);
	return metadata_end(md, err);
}

struct err *metadata_init_persistent(struct metadata *md, struct heap *heap)
{
	struct metadata_reader r = metadata_reader_of(md, heap);

	return metadata_end(md, metadata_add_persistent_chunks(&r));
}

void metadata_fini(struct metadata *md)
{
	vec_fini(&md->blocks);
}
