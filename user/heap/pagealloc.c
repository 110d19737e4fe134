// SPDX-License-Identifier: GPL-2.0-only
#include "heap/pagealloc.h"

#include <string.h>
#include <time.h>

enum {
	CHUNK_SHIFT = 22, /* 512 pages of 8 KiB */
	CHUNK_WORDS = 8, /* 64 bytes of bits */
	CHUNK_SZ = 128, /* allocated bits, then scavenged bits */
	CHUNKS_L2_SHIFT = 13,
	CHUNKS_L2_SZ = CHUNK_SZ << CHUNKS_L2_SHIFT, /* bytes of a table: of 32 GiB of heap */
	RANGES_MAX = 1 << 16,
	CHUNKS_MAX = 1 << 24, /* 64 TiB of heap */
	PS_MAX = 1 << 16,
	/* From 1.21 on: 96.875 % of a chunk's pages (Go source: runtime/mgcscavenge.go
	 * scavChunkHiOccPages). */
	BUSY_CHUNK_PAGES = 496,

	/* A writer that was preempted is back in some milliseconds. */
	TRIES = 5,
	FIRST_PAUSE_NS = 500000, /* doubled each time */
};

static struct err *pagealloc_add_free(struct pagealloc *pa, uint64_t addr, bool busy)
{
	struct page_range *last = pa->free.len ? &pa->free.data[pa->free.len - 1] : NULL;

	pa->free_bytes += GO_PAGE_SZ;
	if (last && last->base + (uint64_t)last->npages * GO_PAGE_SZ == addr &&
	    last->busy == busy) {
		last->npages++;
		return NULL;
	}
	return vec_push(&pa->free, ((struct page_range){ addr, 1, busy })) ? NULL : err_nomem();
}

/* Adds 64 pages from addr on: bit i of free says that page i is not in use. */
static struct err *pagealloc_add_word(struct pagealloc *pa, uint64_t addr, uint64_t free,
				      uint64_t scavenged, bool busy)
{
	uint64_t held = free & ~scavenged;

	pa->released_bytes += (uint64_t)__builtin_popcountll(free & scavenged) * GO_PAGE_SZ;
	while (held) {
		int bit = __builtin_ctzll(held);
		struct err *err = pagealloc_add_free(pa, addr + (uint64_t)bit * GO_PAGE_SZ, busy);

		if (err)
			return err;
		held &= held - 1;
	}
	return NULL;
}

static bool pagealloc_is_busy(const struct go_layout *layout, const uint64_t *alloc)
{
	unsigned int pages = 0;

	for (int w = 0; w < CHUNK_WORDS; w++)
		pages += __builtin_popcountll(alloc[w]);
	return layout->bitmap != HEAP_BITMAP_ARENA_2BIT && pages >= BUSY_CHUNK_PAGES;
}

/* Where the bits of all chunks are, as far as they were read. */
struct chunk_tables {
	VEC(struct chunk_table {
		uint64_t nr;
		uint64_t addr;
	})
	tables; /* in the order of their first use; the latest one is used most */
};

/* A table that two parts of the heap share would let few bytes stand for a huge heap. */
static struct err *chunk_tables_add(struct chunk_tables *t, uint64_t nr, uint64_t addr)
{
	for (size_t i = 0; i < t->tables.len; i++) {
		uint64_t other = t->tables.data[i].addr;

		if ((addr > other ? addr - other : other - addr) < CHUNKS_L2_SZ)
			return err_new(ERR_FORMAT, "two tables of the page allocator overlap");
	}
	return vec_push(&t->tables, ((struct chunk_table){ nr, addr })) ? NULL : err_nomem();
}

/* Finds the table that has a chunk's bits. */
static struct err *chunk_tables_find(struct chunk_tables *t, struct heap *heap, uint64_t nr,
				     uint64_t *ret)
{
	uint64_t l1 = heap->mheap + heap->prog->layout.mheap.chunks, addr;

	for (size_t i = t->tables.len; i-- > 0;) {
		*ret = t->tables.data[i].addr;
		if (t->tables.data[i].nr == nr)
			return NULL;
	}
	struct err *err = mem_read_u64(&heap->prog->target->mem, l1 + 8 * nr, &addr);
	if (!err)
		err = chunk_tables_add(t, nr, addr);
	*ret = addr;
	return err;
}

static struct err *pagealloc_read_chunk(struct pagealloc *pa, struct heap *heap,
					struct chunk_tables *tables, uint64_t addr)
{
	uint64_t index = heap_linear_address(heap, addr) >> CHUNK_SHIFT;
	struct mem *mem = &heap->prog->target->mem;
	uint64_t l2 = 0, bits[2 * CHUNK_WORDS];

	struct err *err = chunk_tables_find(tables, heap, index >> CHUNKS_L2_SHIFT, &l2);
	if (!err)
		err = mem_read(mem, l2 + CHUNK_SZ * (index & ((1 << CHUNKS_L2_SHIFT) - 1)), bits,
			       sizeof(bits));
	bool busy = !err && pagealloc_is_busy(&heap->prog->layout, bits);
	for (int w = 0; !err && w < CHUNK_WORDS; w++) {
		uint64_t alloc = bits[w], scav = bits[CHUNK_WORDS + w];

		/* The random pages before the heap (1.26) are marked as both. They belong to no
		 * span, and count as released. */
		if (heap->prog->layout.page_padding)
			pa->released_bytes +=
				(uint64_t)__builtin_popcountll(alloc & scav) * GO_PAGE_SZ;
		err = pagealloc_add_word(pa, addr + (uint64_t)w * 64 * GO_PAGE_SZ, ~alloc, scav,
					 busy);
	}
	return err;
}

static struct err *pagealloc_read_range(struct pagealloc *pa, struct heap *heap,
					struct chunk_tables *tables, uint64_t addr,
					uint64_t *budget)
{
	uint64_t range[2]; /* base, limit */
	struct err *err = mem_read(&heap->prog->target->mem, addr, range, sizeof(range));

	if (err)
		return err;
	if (range[0] % (1 << CHUNK_SHIFT) || range[0] > range[1] ||
	    (range[1] - range[0]) >> CHUNK_SHIFT > *budget)
		return err_new(ERR_FORMAT, "the page allocator's address ranges are invalid");
	if (!vec_push(&pa->in_use, ((struct address_range){ range[0], range[1] })))
		return err_nomem();
	for (uint64_t a = range[0]; !err && a < range[1]; a += 1 << CHUNK_SHIFT, --*budget)
		err = pagealloc_read_chunk(pa, heap, tables, a);
	return err;
}

static struct err *pagealloc_read_chunks(struct pagealloc *pa, struct heap *heap)
{
	struct mem *mem = &heap->prog->target->mem;
	uint64_t slice[2]; /* inUse.ranges: pointer, len */
	uint64_t budget = CHUNKS_MAX;
	struct chunk_tables tables = { 0 };

	struct err *err = mem_read(mem, heap->mheap + heap->prog->layout.mheap.in_use_ranges, slice,
				   sizeof(slice));
	if (err)
		return err;
	if (slice[1] > RANGES_MAX)
		return err_new(ERR_FORMAT, "the page allocator has %llu address ranges",
			       (unsigned long long)slice[1]);
	for (uint64_t i = 0; !err && i < slice[1]; i++)
		err = pagealloc_read_range(pa, heap, &tables, slice[0] + 16 * i, &budget);
	vec_fini(&tables.tables);
	return err;
}

/* A cache is 64 pages, aligned to their size, in an address range in use; pages that are marked
 * scavenged are in the cache. What a wrong offset yields hardly ever looks like that. */
static bool is_page_cache(const struct pagealloc *pa, const uint64_t pcache[3])
{
	if (!pcache[0])
		return !pcache[1] && !pcache[2];
	if (pcache[0] % (64 * GO_PAGE_SZ))
		return false;
	for (size_t i = 0; i < pa->in_use.len; i++)
		if (pcache[0] >= pa->in_use.data[i].base && pcache[0] < pa->in_use.data[i].limit)
			return true;
	return false;
}

/* Reads the pages that each P took from the bitmaps in advance. */
static struct err *pagealloc_read_caches(struct pagealloc *pa, struct heap *heap)
{
	struct mem *mem = &heap->prog->target->mem;
	uint64_t allp, slice[2];

	if (!program_allp(heap->prog, &allp))
		return err_new(ERR_UNSUPPORTED, "runtime.allp cannot be found");
	struct err *err = mem_read(mem, allp, slice, sizeof(slice));
	if (err)
		return err;
	if (!slice[1] || slice[1] > PS_MAX)
		return err_new(ERR_FORMAT, "runtime.allp is not a slice");

	for (uint64_t i = 0; i < slice[1]; i++) {
		uint64_t p, pcache[3]; /* base, cache, scav */

		err = mem_read_u64(mem, slice[0] + 8 * i, &p);
		if (!err)
			err = mem_read(mem, p + heap->prog->layout.mheap.p_pcache, pcache,
				       sizeof(pcache));
		if (!err && !is_page_cache(pa, pcache))
			err = err_new(ERR_FORMAT, "a page cache of runtime.p is invalid");
		if (!err && pcache[0])
			err = pagealloc_add_word(pa, pcache[0], pcache[1], pcache[2], false);
		if (err)
			return err;
	}
	return NULL;
}

static struct err *pagealloc_read_all(struct pagealloc *pa, struct heap *heap)
{
	memset(pa, 0, sizeof(*pa));
	struct err *err = pagealloc_read_chunks(pa, heap);
	if (!err)
		err = pagealloc_read_caches(pa, heap);
	if (err)
		pagealloc_fini(pa);
	return err;
}

/* When the heap grows, there are caches of ranges that did not exist when those were read. And
 * the runtime takes and gives back a cache by several stores. So what contradicts is read again. */
struct err *pagealloc_init(struct pagealloc *pa, struct heap *heap)
{
	struct timespec pause = { .tv_nsec = FIRST_PAUSE_NS };
	struct err *err = pagealloc_read_all(pa, heap);

	for (int i = 1; i < TRIES && (err_is(err, ERR_FORMAT) || err_is(err, ERR_FAULT));
	     i++, pause.tv_nsec *= 2) {
		err_free(err);
		nanosleep(&pause, NULL);
		err = pagealloc_read_all(pa, heap);
	}
	return err ? err_wrap(err, "reading the page allocator") : NULL;
}

void pagealloc_fini(struct pagealloc *pa)
{
	vec_fini(&pa->free);
	vec_fini(&pa->in_use);
}
