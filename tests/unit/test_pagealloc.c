// SPDX-License-Identifier: GPL-2.0-only
/* Free pages from the page allocator's bitmaps: go-runtime facts 4.3. */
#include <string.h>

#include "image.h"

#include "heap/pagealloc.h"

#define RANGES 0x780000ull
#define ALLP_ARRAY 0x790000ull
#define PS 0x7a0000ull
#define CHUNKS_L2 0x7f5000000000ull

enum { CHUNK_SZ = 4 << 20, PS_STRIDE = 0x1000 };

struct fixture {
	struct image *img;
	struct pagealloc pa;
};

/* Makes a heap whose one range has n chunks, with all pages allocated, and one P. */
static void fixture_init(struct fixture *f, unsigned int minor, unsigned int chunks)
{
	f->img = image_new(minor, "");
	image_alloc_words(f->img, 6, 4);
	image_open(f->img);

	const struct mheap_layout *l = &f->img->prog.layout.mheap;
	uint64_t ci = (IMAGE_HEAP - 0xffff800000000000) >> 22;

	image_u64(f->img, IMAGE_MHEAP + l->in_use_ranges, RANGES);
	image_u64(f->img, IMAGE_MHEAP + l->in_use_ranges + 8, 1);
	image_u64(f->img, RANGES, IMAGE_HEAP);
	image_u64(f->img, RANGES + 8, IMAGE_HEAP + (uint64_t)chunks * CHUNK_SZ);
	for (unsigned int i = 0; i < chunks; i++) {
		uint64_t data = CHUNKS_L2 + 128 * ((ci + i) & 8191);

		image_u64(f->img, IMAGE_MHEAP + l->chunks + 8 * ((ci + i) >> 13), CHUNKS_L2);
		for (int w = 0; w < 8; w++) {
			image_u64(f->img, data + 8 * w, UINT64_MAX);
			image_u64(f->img, data + 64 + 8 * w, 0);
		}
	}
	image_u64(f->img, IMAGE_ALLP, ALLP_ARRAY);
	image_u64(f->img, IMAGE_ALLP + 8, 1);
	image_u64(f->img, ALLP_ARRAY, PS);
	image_zero(f->img, PS, 4 * PS_STRIDE);
}

/* Sets the bits of 64 pages. */
static void set_word(struct fixture *f, unsigned int chunk, unsigned int w, uint64_t alloc,
		     uint64_t scav)
{
	uint64_t ci = ((IMAGE_HEAP - 0xffff800000000000) >> 22) + chunk;
	uint64_t data = CHUNKS_L2 + 128 * (ci & 8191);

	image_u64(f->img, data + 8 * w, alloc);
	image_u64(f->img, data + 64 + 8 * w, scav);
}

static void set_cache(struct fixture *f, unsigned int p, uint64_t base, uint64_t cache,
		      uint64_t scav)
{
	uint64_t at = PS + p * PS_STRIDE + f->img->prog.layout.mheap.p_pcache;

	image_u64(f->img, ALLP_ARRAY + 8 * p, PS + p * PS_STRIDE);
	image_u64(f->img, IMAGE_ALLP + 8, p + 1);
	image_u64(f->img, at, base);
	image_u64(f->img, at + 8, cache);
	image_u64(f->img, at + 16, scav);
}

static void read_pages(struct fixture *f)
{
	struct err *err = pagealloc_init(&f->pa, f->img->heap);

	if (err)
		fail_msg("%s", err->msg);
}

static void fixture_fini(struct fixture *f)
{
	pagealloc_fini(&f->pa);
	image_free(f->img);
}

static void expect_refusal(struct fixture *f, const char *part)
{
	_cleanup_err_ struct err *err = pagealloc_init(&f->pa, f->img->heap);

	assert_non_null(err);
	if (!strstr(err->msg, part))
		fail_msg("'%s' does not say '%s'", err->msg, part);
	image_free(f->img);
}

static const unsigned int minors[] = { 19, 21, 22, 23, 24, 25, 26, 27 };

enum { MINORS = sizeof(minors) / sizeof(minors[0]) };

static void a_full_heap_has_no_free_pages(void **state)
{
	(void)state;
	for (int i = 0; i < MINORS; i++) {
		struct fixture f;

		fixture_init(&f, minors[i], 3);
		read_pages(&f);
		assert_int_equal(f.pa.free_bytes, 0);
		assert_int_equal(f.pa.released_bytes, 0);
		assert_int_equal(f.pa.free.len, 0);
		fixture_fini(&f);
	}
}

static void free_pages_are_held_or_released(void **state)
{
	(void)state;
	for (int i = 0; i < MINORS; i++) {
		struct fixture f;

		fixture_init(&f, minors[i], 3);
		set_word(&f, 0, 0, ~0xf0ull, 0xc0); /* 4 free, 2 of them released */
		set_word(&f, 2, 7, 0, UINT64_MAX << 4); /* 64 free, 60 released */
		read_pages(&f);
		assert_int_equal(f.pa.free_bytes, (2 + 4) * GO_PAGE_SZ);
		assert_int_equal(f.pa.released_bytes, (2 + 60) * GO_PAGE_SZ);
		assert_int_equal(f.pa.free.len, 2);
		assert_true(f.pa.free.data[0].base == IMAGE_HEAP + 4 * GO_PAGE_SZ);
		assert_int_equal(f.pa.free.data[0].npages, 2);
		assert_true(f.pa.free.data[1].base ==
			    IMAGE_HEAP + 2 * CHUNK_SZ + 7 * 64 * GO_PAGE_SZ);
		assert_int_equal(f.pa.free.data[1].npages, 4);
		fixture_fini(&f);
	}
}

/* Free pages side by side are one range, also across words and chunks. */
static void neighbours_are_one_range(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 24, 2);
	set_word(&f, 0, 6, ~(1ull << 63), 0);
	set_word(&f, 0, 7, 0, 0);
	set_word(&f, 1, 0, ~7ull, 0);
	set_word(&f, 1, 1, ~1ull, 0);
	set_word(&f, 1, 2, 0, UINT64_MAX); /* returned, but no page is in use */
	read_pages(&f);
	assert_int_equal(f.pa.free_bytes, (1 + 64 + 3 + 1) * GO_PAGE_SZ);
	assert_int_equal(f.pa.free.len, 2);
	assert_true(f.pa.free.data[0].base == IMAGE_HEAP + (7 * 64 - 1) * GO_PAGE_SZ);
	assert_int_equal(f.pa.free.data[0].npages, 68);
	assert_int_equal(f.pa.free.data[1].npages, 1);
	fixture_fini(&f);
}

/* From 1.21 on, the scavenger leaves chunks alone in which 496 of 512 pages are in use. */
static void full_chunks_are_busy(void **state)
{
	(void)state;
	for (int i = 0; i < MINORS; i++) {
		bool skips = minors[i] >= 21;
		struct fixture f;

		fixture_init(&f, minors[i], 2);
		set_word(&f, 0, 7, UINT64_MAX >> 16, 0); /* 496 in use */
		set_word(&f, 1, 0, UINT64_MAX << 17, 0); /* 495 in use */
		read_pages(&f);
		/* They are neighbours, but differ. */
		assert_int_equal(f.pa.free.len, skips ? 2 : 1);
		assert_int_equal(f.pa.free.data[0].npages, skips ? 16 : 33);
		assert_int_equal(f.pa.free.data[0].busy, skips);
		if (skips)
			assert_false(f.pa.free.data[1].busy);
		fixture_fini(&f);
	}
}

/* The bitmaps show pages in the caches of Ps as allocated. */
static void page_caches_count_too(void **state)
{
	(void)state;
	for (int i = 0; i < MINORS; i++) {
		struct fixture f;

		fixture_init(&f, minors[i], 1);
		set_cache(&f, 0, IMAGE_HEAP + 0x80000, 0x0f, 0x03);
		set_cache(&f, 1, 0, 0, 0); /* an empty cache */
		set_cache(&f, 2, IMAGE_HEAP + 0x100000, UINT64_MAX, 0);
		read_pages(&f);
		assert_int_equal(f.pa.free_bytes, (2 + 64) * GO_PAGE_SZ);
		assert_int_equal(f.pa.released_bytes, 2 * GO_PAGE_SZ);
		fixture_fini(&f);
	}
}

/* From 1.26 on, the random pages before the heap are marked as allocated and scavenged; they
 * count as released. */
static void padding_counts_as_released(void **state)
{
	(void)state;
	for (int i = 0; i < MINORS; i++) {
		struct fixture f;

		fixture_init(&f, minors[i], 1);
		set_word(&f, 0, 0, UINT64_MAX, 0xff);
		read_pages(&f);
		assert_int_equal(f.pa.free_bytes, 0);
		assert_int_equal(f.pa.released_bytes, minors[i] >= 26 ? 8 * GO_PAGE_SZ : 0);
		fixture_fini(&f);
	}
}

static void hostile_ranges_are_refused(void **state)
{
	static const uint64_t ranges[][2] = {
		{ IMAGE_HEAP + 8192, IMAGE_HEAP + CHUNK_SZ }, /* not aligned */
		{ IMAGE_HEAP + CHUNK_SZ, IMAGE_HEAP }, /* the limit is below the base */
		{ 0, UINT64_MAX }, /* too large */
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		fixture_init(&f, 24, 1);
		image_write(f.img, RANGES, ranges[i], 16);
		expect_refusal(&f, "address ranges are invalid");
	}
	fixture_init(&f, 24, 1);
	image_u64(f.img, IMAGE_MHEAP + 65688 + 8, 1ull << 40);
	expect_refusal(&f, "1099511627776 address ranges");
}

static void hostile_page_caches_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 24, 1);
	set_cache(&f, 0, IMAGE_HEAP + 1, 1, 0);
	expect_refusal(&f, "a page cache of runtime.p is invalid");
	fixture_init(&f, 24, 1);
	image_u64(f.img, IMAGE_ALLP + 8, 0);
	expect_refusal(&f, "runtime.allp is not a slice");
	fixture_init(&f, 24, 1);
	image_u64(f.img, IMAGE_ALLP + 8, 1ull << 32);
	expect_refusal(&f, "runtime.allp is not a slice");
}

/* Makes the page cache valid when the ranges are read for the n-th time. */
struct mender {
	struct fixture *f;
	int reads, n;
};

static void mend(struct image *img, const struct mem_req *req)
{
	struct mender *m = img->hook_ctx;

	if (image_covers(req, RANGES) && ++m->reads == m->n)
		set_cache(m->f, 0, IMAGE_HEAP, 1, 0);
}

static void a_page_cache_that_changes_is_read_again(void **state)
{
	struct fixture f;
	struct mender m = { .f = &f, .n = 3 };

	(void)state;
	fixture_init(&f, 24, 1);
	set_cache(&f, 0, IMAGE_HEAP + CHUNK_SZ, 1, 0); /* of a range that does not exist yet */
	f.img->hook = mend;
	f.img->hook_ctx = &m;
	read_pages(&f);
	assert_int_equal(m.reads, 3);
	assert_int_equal(f.pa.free_bytes, GO_PAGE_SZ);
	assert_int_equal(f.pa.in_use.len, 1);
	fixture_fini(&f);
}

static void unreadable_bitmaps_are_faults(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 24, 1);
	image_unmap(f.img, CHUNKS_L2, 1 << 20);
	expect_refusal(&f, "reading the page allocator: cannot read");
	fixture_init(&f, 24, 1);
	image_u64(f.img, ALLP_ARRAY, IMAGE_NOWHERE);
	expect_refusal(&f, "reading the page allocator: cannot read");
}

/* Else a page of bits could stand for a heap of terabytes. */
static void parts_that_share_a_table_are_refused(void **state)
{
	uint64_t l1 = ((IMAGE_HEAP - 0xffff800000000000) >> 35) + 1; /* the part after the heap's */
	uint64_t border = (l1 << 35) + 0xffff800000000000;

	(void)state;
	for (int shared = 0; shared < 2; shared++) {
		struct fixture f;

		fixture_init(&f, 24, 1);
		const struct mheap_layout *l = &f.img->prog.layout.mheap;
		uint64_t last = CHUNKS_L2 + 128 * 8191, first = CHUNKS_L2 + 0x40000000;
		image_u64(f.img, RANGES, border - CHUNK_SZ);
		image_u64(f.img, RANGES + 8, border + CHUNK_SZ);
		image_u64(f.img, IMAGE_MHEAP + l->chunks + 8 * (l1 - 1), CHUNKS_L2);
		image_u64(f.img, IMAGE_MHEAP + l->chunks + 8 * l1,
			  shared ? CHUNKS_L2 + 4096 : first);
		for (int w = 0; w < 16; w++) {
			image_u64(f.img, last + 8 * w, w < 8 ? UINT64_MAX : 0);
			image_u64(f.img, first + 8 * w, w < 8 ? UINT64_MAX : 0);
		}
		if (shared) {
			expect_refusal(&f, "overlap");
			continue;
		}
		read_pages(&f);
		assert_int_equal(f.pa.free_bytes, 0);
		fixture_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_heap_has_no_free_pages),
		cmocka_unit_test(free_pages_are_held_or_released),
		cmocka_unit_test(neighbours_are_one_range),
		cmocka_unit_test(full_chunks_are_busy),
		cmocka_unit_test(page_caches_count_too),
		cmocka_unit_test(padding_counts_as_released),
		cmocka_unit_test(hostile_ranges_are_refused),
		cmocka_unit_test(hostile_page_caches_are_refused),
		cmocka_unit_test(a_page_cache_that_changes_is_read_again),
		cmocka_unit_test(unreadable_bitmaps_are_faults),
		cmocka_unit_test(parts_that_share_a_table_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
