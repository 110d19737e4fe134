// SPDX-License-Identifier: GPL-2.0-only
/* Spans and objects of a heap that is made up, and the proof that its layout is the right one. */
#include <string.h>

#include "image.h"

static const struct {
	unsigned int minor;
	const char *experiments;
} versions[] = { { 19, "" }, { 21, "" }, { 22, "" }, { 24, "" }, { 25, "noswissmap" }, { 27, "" } };

enum { VERSIONS = sizeof(versions) / sizeof(versions[0]) };

/* Makes some objects of several classes. */
static void populate(struct image *img)
{
	for (int i = 0; i < 400; i++) {
		image_alloc_words(img, 6, 4);
		image_alloc_words(img, 1 + i % 60, i % 2);
	}
	image_alloc_ptrs(img, 10000);
}

static void opens_every_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < VERSIONS; i++) {
		struct image *img = image_new(versions[i].minor, versions[i].experiments);
		uint64_t bytes = 0;

		populate(img);
		for (size_t j = 0; j < img->spans.len; j++)
			bytes += (uint64_t)img->spans.data[j].npages * GO_PAGE_SZ;
		image_open(img);
		assert_true(img->heap->mheap == IMAGE_MHEAP);
		assert_int_equal(img->heap->span_cnt, img->spans.len);
		assert_int_equal(img->heap->in_use_bytes, bytes);
		assert_int_equal(img->heap->manual_bytes, 0);
		image_free(img);
	}
}

static void finds_the_object_of_an_address(void **state)
{
	struct image *img = image_new(24, "");
	uint64_t a = image_alloc_words(img, 6, 4), b = image_alloc_words(img, 6, 4);
	struct object o = { 0 };

	(void)state;
	image_open(img);
	for (uint64_t addr = b; addr < b + 48; addr++) {
		assert_true(heap_object(img->heap, addr, &o));
		assert_true(o.slot == b && o.start == b);
		assert_int_equal(o.size, 48);
		assert_false(o.has_header);
	}
	assert_true(heap_object(img->heap, b - 1, &o));
	assert_true(o.slot == a);
	image_free(img);
}

static void knows_where_no_object_is(void **state)
{
	struct image *img = image_new(24, "");
	uint64_t a = image_alloc_words(img, 6, 4);
	uint64_t stack = image_alloc_words(img, 64, 0), dead = image_alloc_ptrs(img, 40);
	struct object o = { 0 };

	(void)state;
	image_span_of(img, stack)->state = SPAN_MANUAL;
	image_span_of(img, dead)->state = SPAN_DEAD;
	uint64_t end = image_span_of(img, a)->base + 168 * 48; /* 168 slots come first, then the
								* bits */
	image_open(img);
	assert_true(heap_object(img->heap, end - 1, &o));
	assert_false(heap_object(img->heap, end, &o));
	assert_null(heap_span(img->heap, stack));
	assert_null(heap_span(img->heap, dead));
	assert_null(heap_span(img->heap, 0));
	assert_null(heap_span(img->heap, UINT64_MAX));
	assert_null(heap_span(img->heap, IMAGE_HEAP - 1));
	assert_null(heap_span(img->heap, img->heap_next));
	assert_int_equal(img->heap->manual_bytes, GO_PAGE_SZ);
	image_free(img);
}

/* From 1.22 on, objects with pointers above 512 bytes start after a type word. */
static void large_classes_have_malloc_headers(void **state)
{
	static const struct {
		unsigned int minor;
		uint64_t words;
		bool header;
	} rows[] = { { 21, 65, false },
		     { 22, 64, false },
		     { 22, 65, true },
		     { 27, 4000, true },
		     { 27, 4096, false } /* a span of its own */ };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image *img = image_new(rows[i].minor, "");
		uint64_t first = image_alloc_ptrs(img, rows[i].words);
		uint64_t addr = image_alloc_ptrs(img, rows[i].words);
		struct object o = { 0 };

		(void)first;
		image_open(img);
		assert_true(heap_object(img->heap, addr + 80, &o));
		assert_int_equal(o.has_header, rows[i].header);
		assert_true(o.start == addr);
		assert_true(o.slot == addr - (rows[i].header ? 8 : 0));
		image_free(img);
	}
}

/* Objects without pointers have none, whatever their size. */
static void noscan_objects_have_no_header(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = { .name = "map[int]int", .key_sz = 8, .elem_sz = 8 };
	struct object o = { 0 };

	(void)state;
	image_add_type(img, &t);
	uint64_t addr = image_alloc_buckets(img, &t, 20);
	image_open(img);
	assert_true(heap_object(img->heap, addr, &o));
	assert_int_equal(o.size, 3072); /* it holds 20 * 136 bytes */
	assert_false(o.has_header);
	assert_true(o.start == addr);
	image_free(img);
}

static void spans_may_cross_arenas(void **state)
{
	struct image *img = image_new(24, "");
	uint64_t boundary = IMAGE_HEAP + (1ull << ARENA_SHIFT);
	struct object o = { 0 };

	(void)state;
	img->heap_next = boundary - 2 * GO_PAGE_SZ;
	uint64_t addr = image_alloc_ptrs(img, 8192); /* eight pages */
	image_open(img);
	assert_true(addr < boundary);
	assert_true(heap_object(img->heap, boundary + 5, &o));
	assert_true(o.start == addr);
	assert_int_equal(o.size, 65536);
	assert_null(heap_span(img->heap, boundary + 6 * GO_PAGE_SZ));
	assert_true(heap_arena_meta(img->heap, boundary) != 0);
	assert_true(heap_arena_meta(img->heap, boundary) != heap_arena_meta(img->heap, addr));
	assert_true(heap_arena_meta(img->heap, boundary + (1ull << ARENA_SHIFT)) == 0);
	image_free(img);
}

static void unswept_spans_are_told(void **state)
{
	static const struct {
		uint32_t sweepgen;
		bool unswept;
	} rows[] = { { IMAGE_SWEEPGEN - 2, true },
		     { IMAGE_SWEEPGEN - 1, false }, /* it is being swept */
		     { IMAGE_SWEEPGEN, false },
		     { IMAGE_SWEEPGEN + 1, true },
		     { IMAGE_SWEEPGEN + 3, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image *img = image_new(24, "");
		uint64_t addr = image_alloc_words(img, 6, 4);

		image_span_of(img, addr)->sweepgen = rows[i].sweepgen;
		image_open(img);
		assert_int_equal(heap_span(img->heap, addr)->unswept, rows[i].unswept);
		image_free(img);
	}
}

/* ---- Proof ---- */

static void expect_refusal(struct image *img, const char *part)
{
	_cleanup_err_ struct err *err = image_try_open(img);

	assert_non_null(err);
	if (!strstr(err->msg, part))
		fail_msg("'%s' does not say '%s'", err->msg, part);
	assert_null(img->heap);
	image_free(img);
}

/* Reads the heap of one version as if it were of another. */
static struct err *open_as(unsigned int is, unsigned int taken_for)
{
	struct image *img = image_new(is, ""), *other = image_new(taken_for, "");

	populate(img);
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	img->prog.layout = other->prog.layout;
	struct err *err = heap_open(&img->prog, &img->heap);
	image_free(img);
	image_free(other);
	return err;
}

static void wrong_layouts_are_refused(void **state)
{
	static const unsigned int minors[] = { 19, 21, 24 };

	(void)state;
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			_cleanup_err_ struct err *err = open_as(minors[i], minors[j]);

			if (i == j) {
				assert_null(err);
				continue;
			}
			assert_non_null(err);
			if (!strstr(err->msg, "does not fit layout"))
				fail_msg("%s", err->msg);
		}
}

static void allspans_must_be_a_slice(void **state)
{
	static const uint64_t slices[][3] = {
		{ 0, 10, 10 },
		{ IMAGE_ALLSPANS, 0, 10 },
		{ IMAGE_ALLSPANS, 11, 10 },
		{ IMAGE_ALLSPANS, 1ull << 40, 1ull << 40 },
		{ IMAGE_ALLSPANS, UINT64_MAX, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
		struct image *img = image_new(24, "");

		populate(img);
		image_open(img);
		heap_close(img->heap);
		img->heap = NULL;
		image_write(img, IMAGE_MHEAP + 65864, slices[i], 24);
		_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
		assert_true(err_is(err, ERR_UNSUPPORTED));
		assert_non_null(strstr(err->msg, "allspans is not a slice"));
		image_free(img);
	}
}

static void an_unreadable_mheap_is_a_fault(void **state)
{
	struct image *img = image_new(24, "");

	(void)state;
	populate(img);
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	image_unmap(img, IMAGE_MHEAP, 0x20000);
	_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
	assert_true(err_is(err, ERR_FAULT));
	image_free(img);
}

/* Fields of one descriptor that contradict each other, by the layout of 1.22. */
static const struct spoil {
	const char *what;
	unsigned int off;
	unsigned int sz;
	uint64_t v;
} spoils[] = {
	{ "base not aligned", 24, 8, IMAGE_HEAP + 8 },
	{ "base at the end of everything", 24, 8, UINT64_MAX - GO_PAGE_SZ + 1 },
	{ "no pages", 32, 8, 0 },
	{ "pages without end", 32, 8, UINT64_MAX },
	{ "more pages than its class has", 32, 8, 2 },
	{ "no objects", 50, 2, 0 },
	{ "more objects than fit", 50, 2, 171 },
	{ "freeindex behind them", 48, 2, 170 },
	{ "class without number", 98, 1, 69 << 1 },
	{ "another class", 98, 1, 6 << 1 },
	{ "another element size", 104, 8, 64 },
	{ "another state", 99, 1, 7 },
};

/* One bad descriptor among many was read while it was written: it is dropped; the heap stays. */
static void a_few_bad_descriptors_are_dropped(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		struct image *img = image_new(24, "");
		uint64_t addr = image_alloc_words(img, 6, 4);

		for (int n = 0; n < 100; n++) /* 100 spans of 10 slots each */
			for (int k = 0; k < 10; k++)
				image_alloc_ptrs(img, 100);
		image_open(img);
		size_t spans = img->heap->spans.len;
		heap_close(img->heap);
		img->heap = NULL;
		image_write(img, image_span_of(img, addr)->mspan + spoils[i].off, &spoils[i].v,
			    spoils[i].sz);
		_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
		if (err)
			fail_msg("%s: %s", spoils[i].what, err->msg);
		if (img->heap->spans.len != spans - 1)
			fail_msg("%s: the descriptor was taken", spoils[i].what);
		assert_null(heap_span(img->heap, addr));
		image_free(img);
	}
}

/* Nothing else limits a span of the runtime itself: 32 TiB would be indexed. */
static void a_manual_span_without_end_is_dropped(void **state)
{
	struct image *img = image_new(24, "");
	uint64_t stack = image_alloc_ptrs(img, 64);

	(void)state;
	populate(img);
	image_span_of(img, stack)->state = SPAN_MANUAL;
	image_open(img);
	assert_int_equal(img->heap->manual_bytes, GO_PAGE_SZ);
	heap_close(img->heap);
	img->heap = NULL;
	image_u64(img, image_span_of(img, stack)->mspan + 32, UINT32_MAX);
	assert_null(heap_open(&img->prog, &img->heap));
	assert_int_equal(img->heap->manual_bytes, 0);
	image_free(img);
}

/* The largest object that a span can hold, and the next larger one. */
static void a_large_object_without_end_is_dropped(void **state)
{
	struct image *img = image_new(24, "");
	const struct mspan_layout *l = &img->prog.layout.mspan;
	uint64_t large = image_alloc_ptrs(img, 5 * GO_PAGE_SZ / 8);
	uint64_t mspan = image_span_of(img, large)->mspan;

	(void)state;
	populate(img);
	image_open(img);
	struct span s;
	for (uint64_t pages = SPAN_PAGES_MAX; pages <= SPAN_PAGES_MAX + 1; pages++) {
		bool fits = pages == SPAN_PAGES_MAX;

		image_u64(img, mspan + l->npages, pages);
		image_u64(img, mspan + l->elemsize, pages * GO_PAGE_SZ);
		struct err *err = heap_read_span(img->heap, &img->target.mem, large, &s);
		assert_null(err);
		assert_int_equal(s.state, fits ? SPAN_IN_USE : SPAN_DEAD);
		assert_true(!fits || span_bytes(&s) == pages * GO_PAGE_SZ);
		assert_true(!fits || span_slots(&s) == 1);
	}
	image_free(img);
}

static void many_bad_descriptors_are_a_wrong_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		struct image *img = image_new(24, "");
		uint64_t addr = image_alloc_words(img, 6, 4);

		image_alloc_words(img, 8, 4);
		image_open(img);
		heap_close(img->heap);
		img->heap = NULL;
		image_write(img, image_span_of(img, addr)->mspan + spoils[i].off, &spoils[i].v,
			    spoils[i].sz);
		_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
		if (!err)
			fail_msg("%s was accepted", spoils[i].what);
		assert_true(err_is(err, ERR_UNSUPPORTED));
		assert_non_null(strstr(err->msg, "1 of 2 span descriptors contradict themselves"));
		image_free(img);
	}
}

static void unreadable_descriptors_count_as_bad(void **state)
{
	struct image *img = image_new(24, "");

	(void)state;
	populate(img);
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	image_u64(img, IMAGE_ALLSPANS, IMAGE_NOWHERE);
	image_u64(img, IMAGE_ALLSPANS + 8, 0);
	_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	image_free(img);
}

/* The index must lead from a span's address back to that span. */
static void the_arena_index_must_agree(void **state)
{
	struct image *img = image_new(24, "");

	(void)state;
	populate(img);
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	for (uint64_t page = 0; page < ARENA_PAGES; page++)
		image_u64(img, IMAGE_ARENA_METAS + 8 * page, IMAGE_MSPANS);
	_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_non_null(strstr(err->msg, "the arena index names another span"));
	image_free(img);
}

static void the_index_may_not_be_readable(void **state)
{
	struct image *img = image_new(24, "");

	(void)state;
	populate(img);
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	image_u64(img, IMAGE_MHEAP + 66008, IMAGE_NOWHERE);
	_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	image_free(img);
}

static void the_pages_must_add_up(void **state)
{
	struct image *img = image_new(24, "");

	(void)state;
	populate(img);
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	uint64_t pages = image_get_u64(img, IMAGE_MHEAP + 65888);
	image_u64(img, IMAGE_MHEAP + 65888, pages + 100); /* more, as in a heap that changes */
	assert_null(heap_open(&img->prog, &img->heap));
	heap_close(img->heap);
	img->heap = NULL;
	image_u64(img, IMAGE_MHEAP + 65888, 1 << 20);
	_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_non_null(strstr(err->msg, "the runtime counts 1048576"));
	image_free(img);
}

/* Two descriptors of one place: the span was freed and reused while we read. */
static void overlapping_spans_are_dropped(void **state)
{
	struct image *img = image_new(24, "");
	uint64_t addr = image_alloc_words(img, 6, 4);
	struct object o = { 0 };

	(void)state;
	populate(img);
	struct image_span twin = *image_span_of(img, addr);
	twin.mspan = IMAGE_MSPANS + 0x100000;
	assert_true(vec_push(&img->spans, twin));
	for (int n = 0; n < 100; n++) /* so that one misfit is few */
		for (int k = 0; k < 10; k++)
			image_alloc_ptrs(img, 100);
	image_open(img);
	assert_int_equal(img->heap->spans.len, img->spans.len - 1);
	assert_true(heap_object(img->heap, addr, &o));
	image_free(img);
}

/* ---- Proof of a heap that changes ---- */

enum { MHEAP_PAGES = 65888, MSPAN_STATE = 99, MSPAN_NELEMS = 50 }; /* by the layout of 1.22 */

/* What the target changes while it is read. */
struct change {
	uint64_t when; /* before a read of this address ... */
	unsigned int skip; /* ... after this many reads of it */
	uint64_t addr;
	const void *src;
	size_t len;
	bool always; /* at every further read: the first byte counts up */
};

static void change_late(struct image *img, const struct mem_req *req)
{
	struct change *c = img->hook_ctx;

	if (!image_covers(req, c->when) || c->skip-- > 0)
		return;
	c->skip = 0;
	image_write(img, c->addr, c->src, c->len);
	if (c->always)
		++*(uint8_t *)c->src;
	else
		img->hook = NULL;
}

/* Opens a heap that changes like this after it was written. */
static struct err *open_changing(struct image *img, struct change *c)
{
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	img->hook = change_late;
	img->hook_ctx = c;
	struct err *err = heap_open(&img->prog, &img->heap);
	assert_true(c->always || !img->hook); /* the change was made */
	img->hook = NULL;
	return err;
}

/* Makes a heap of 100 spans; index[] is where the arena index has them. */
static struct image *image_of_100_spans(uint64_t index[100])
{
	struct image *img = image_new(24, "");

	for (int i = 0; i < 900; i++) /* 9 objects of 896 bytes fill a span */
		image_alloc_ptrs(img, 100);
	assert_int_equal(img->spans.len, 100);
	for (int i = 0; i < 100; i++)
		index[i] = img->spans.data[i].mspan;
	return img;
}

/* The spans are in use a moment before the index names them. */
static void the_index_may_lag_behind(void **state)
{
	uint64_t index[100], none[100] = { 0 };
	struct image *img = image_of_100_spans(index);
	struct change early = {
		.when = IMAGE_ALLSPANS, .addr = IMAGE_ARENA_METAS, .src = none, .len = sizeof(none)
	};
	struct change late = { .when = IMAGE_ARENA_METAS,
			       .skip = 2,
			       .addr = IMAGE_ARENA_METAS,
			       .src = index,
			       .len = sizeof(index) };

	(void)state;
	_cleanup_err_ struct err *never = open_changing(img, &early);
	assert_true(err_is(never, ERR_UNSUPPORTED));
	img->hook = change_late;
	img->hook_ctx = &late;
	assert_null(heap_open(&img->prog, &img->heap));
	assert_null(img->hook);
	image_free(img);
}

/* The index may say anything about spans that are gone by now. */
static void freed_spans_say_nothing_of_the_index(void **state)
{
	uint64_t index[100], none[80] = { 0 };
	struct image *img = image_of_100_spans(index);
	uint8_t descs[80 * 256] = { 0 };
	struct change forgotten = {
		.when = IMAGE_ALLSPANS, .addr = IMAGE_ARENA_METAS, .src = none, .len = sizeof(none)
	};
	struct change freed = { .when = IMAGE_ARENA_METAS,
				.addr = img->spans.data[0].mspan,
				.src = descs,
				.len = sizeof(descs) };

	(void)state;
	_cleanup_err_ struct err *err = open_changing(img, &forgotten);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_non_null(strstr(err->msg, "another span for 80 of 100 spans"));
	img->hook = change_late;
	img->hook_ctx = &freed;
	assert_null(heap_open(&img->prog, &img->heap));
	assert_null(img->hook);
	image_free(img);
}

/* When no span is left, nothing is proved. */
static void spans_that_are_all_gone_prove_nothing(void **state)
{
	uint64_t index[100], none[100] = { 0 };
	struct image *img = image_of_100_spans(index);
	uint8_t descs[100 * 256] = { 0 };
	struct change c = { .when = IMAGE_ARENA_METAS,
			    .addr = img->spans.data[0].mspan,
			    .src = descs,
			    .len = sizeof(descs) };

	(void)state;
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	image_write(img, IMAGE_ARENA_METAS, none, sizeof(none));
	img->hook = change_late;
	img->hook_ctx = &c;
	_cleanup_err_ struct err *err = heap_open(&img->prog, &img->heap);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_non_null(strstr(err->msg, "the arena index names another span for 0 of 0"));
	image_free(img);
}

/* A descriptor was written while it was read; the next read has it complete. */
static void torn_descriptors_are_read_again(void **state)
{
	static const struct {
		unsigned int off;
		uint16_t torn, whole;
	} rows[] = { { MSPAN_NELEMS, 171, 168 }, /* more than fit */
		     { MSPAN_NELEMS, 170, 168 }, /* leaves no room for pointer bits */
		     { MSPAN_STATE - 1, 0x0700 | 5 << 1, 0x0100 | 5 << 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct image *img = image_new(24, "");
		uint64_t addr = image_alloc_words(img, 6, 4);
		uint64_t mspan = image_span_of(img, addr)->mspan;
		struct change c = { .when = mspan,
				    .skip = 1,
				    .addr = mspan + rows[i].off,
				    .src = &rows[i].whole,
				    .len = 2 };

		image_open(img);
		heap_close(img->heap);
		img->heap = NULL;
		assert_int_equal(image_get_u64(img, mspan + rows[i].off) & 0xffff, rows[i].whole);
		image_u16(img, mspan + rows[i].off, rows[i].torn);
		img->hook = change_late;
		img->hook_ctx = &c;
		assert_null(heap_open(&img->prog, &img->heap));
		assert_non_null(heap_span(img->heap, addr));
		assert_int_equal(span_slots(heap_span(img->heap, addr)), 168);
		image_free(img);
	}
}

/* A collection frees most of a heap while its spans are read. */
static void a_sum_of_two_moments_is_taken_again(void **state)
{
	struct image *img = image_new(24, "");
	uint64_t pages = 100000, zero = 0;

	(void)state;
	image_alloc_words(img, 6, 4);
	for (int i = 0; i < 4; i++)
		image_alloc_ptrs(img, 1 << 20);
	image_open(img);
	heap_close(img->heap);
	img->heap = NULL;
	uint64_t real = image_get_u64(img, IMAGE_MHEAP + MHEAP_PAGES);
	image_u64(img, IMAGE_MHEAP + MHEAP_PAGES, pages);
	/* The count falls to what the spans have. Anything between the two is not a
	 * contradiction. */
	struct change c = {
		.when = IMAGE_ALLSPANS, .addr = IMAGE_MHEAP + MHEAP_PAGES, .src = &real, .len = 8
	};
	img->hook = change_late;
	img->hook_ctx = &c;
	assert_null(heap_open(&img->prog, &img->heap));
	heap_close(img->heap);
	img->heap = NULL;
	/* The count was right, and then is wrong for a while. */
	image_u64(img, IMAGE_MHEAP + MHEAP_PAGES, zero);
	c = (struct change){ .when = IMAGE_MHEAP + MHEAP_PAGES,
			     .skip = 2,
			     .addr = IMAGE_MHEAP + MHEAP_PAGES,
			     .src = &real,
			     .len = 8 };
	img->hook = change_late;
	assert_null(heap_open(&img->prog, &img->heap));
	assert_null(img->hook);
	image_free(img);
}

/* With a wrong layout everything may seem to change, but the contradictions stay. */
static void what_changes_and_contradicts_is_refused(void **state)
{
	struct image *img = image_new(24, "");
	uint64_t count = 1 << 20;
	struct change c = { .when = IMAGE_MHEAP + MHEAP_PAGES,
			    .addr = IMAGE_MHEAP + MHEAP_PAGES,
			    .src = &count,
			    .len = 8,
			    .always = true };

	(void)state;
	populate(img);
	_cleanup_err_ struct err *err = open_changing(img, &c);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_non_null(strstr(err->msg, "the runtime counts 10485"));
	assert_in_range(count - (1 << 20), 5, 12); /* it was loaded a few times, and then no more */
	image_free(img);
}

/* What the snapshot says about an address holds until its span is freed, or one is made there. */
static void memory_that_changed_is_told(void **state)
{
	(void)state;
	for (size_t v = 0; v < VERSIONS; v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		uint64_t same = image_alloc_words(img, 6, 4), freed = image_alloc_words(img, 2, 1);
		uint64_t stack = image_alloc_words(img, 64, 0), dead = image_alloc_words(img, 3, 1);
		uint64_t other = image_alloc_words(img, 8, 1);
		const uint64_t arena = IMAGE_HEAP + (9ull << ARENA_SHIFT);
		const struct {
			uint64_t addr;
			bool changed;
		} rows[] = {
			{ same, false },       { freed, true },		 { stack, true },
			{ dead, true }, /* the span was made since, or the memory is free */
			{ other, true },       { same + 48, false },	 { 0, false },
			{ UINT64_MAX, false }, { IMAGE_NOWHERE, false }, { arena + 8, true },
			{ arena - 8, false },  { IMAGE_TYPES, false },
		};
		uint64_t addrs[CNT(rows)];
		bool changed[CNT(rows)];

		image_span_of(img, stack)->state = SPAN_MANUAL;
		image_span_of(img, dead)->state = SPAN_DEAD;
		image_open(img);
		image_free_span(img, freed);
		image_free_span(img, stack);
		image_u8(img, image_span_of(img, other)->mspan + img->prog.layout.mspan.spanclass,
			 2);
		image_u64(img,
			  IMAGE_ARENA_INDEX +
				  8 * (heap_linear_address(img->heap, arena) >> ARENA_SHIFT),
			  IMAGE_ARENA_METAS);
		for (size_t i = 0; i < CNT(rows); i++)
			addrs[i] = rows[i].addr;
		assert_null(
			heap_find_changed(img->heap, &img->target.mem, addrs, CNT(rows), changed));
		for (size_t i = 0; i < CNT(rows); i++)
			if (changed[i] != rows[i].changed)
				fail_msg("row %zu", i);
		image_free(img);
	}
}

static void refusals_name_version_and_layout(void **state)
{
	struct image *img = image_new(28, "");

	(void)state;
	strcpy(img->prog.image.build.version, "go1.28");
	populate(img);
	for (size_t i = 0; i < img->spans.len; i++)
		img->spans.data[i].elemsize++;
	expect_refusal(img, "the heap of go1.28 does not fit layout go1.27");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_every_version),
		cmocka_unit_test(finds_the_object_of_an_address),
		cmocka_unit_test(knows_where_no_object_is),
		cmocka_unit_test(large_classes_have_malloc_headers),
		cmocka_unit_test(noscan_objects_have_no_header),
		cmocka_unit_test(spans_may_cross_arenas),
		cmocka_unit_test(unswept_spans_are_told),
		cmocka_unit_test(wrong_layouts_are_refused),
		cmocka_unit_test(allspans_must_be_a_slice),
		cmocka_unit_test(an_unreadable_mheap_is_a_fault),
		cmocka_unit_test(a_few_bad_descriptors_are_dropped),
		cmocka_unit_test(a_manual_span_without_end_is_dropped),
		cmocka_unit_test(a_large_object_without_end_is_dropped),
		cmocka_unit_test(many_bad_descriptors_are_a_wrong_layout),
		cmocka_unit_test(unreadable_descriptors_count_as_bad),
		cmocka_unit_test(the_arena_index_must_agree),
		cmocka_unit_test(the_index_may_not_be_readable),
		cmocka_unit_test(the_pages_must_add_up),
		cmocka_unit_test(overlapping_spans_are_dropped),
		cmocka_unit_test(the_index_may_lag_behind),
		cmocka_unit_test(freed_spans_say_nothing_of_the_index),
		cmocka_unit_test(spans_that_are_all_gone_prove_nothing),
		cmocka_unit_test(torn_descriptors_are_read_again),
		cmocka_unit_test(a_sum_of_two_moments_is_taken_again),
		cmocka_unit_test(what_changes_and_contradicts_is_refused),
		cmocka_unit_test(memory_that_changed_is_told),
		cmocka_unit_test(refusals_name_version_and_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
