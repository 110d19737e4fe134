// SPDX-License-Identifier: GPL-2.0-only
/* Which objects of the heap are candidates for map headers. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

#include "maps/scan.h"

static const struct version {
	unsigned int minor;
	const char *experiments;
} versions[] = {
	{ 19, "" }, { 21, "" },		  { 22, "" },		{ 23, "" }, { 24, "" },
	{ 25, "" }, { 25, "greenteagc" }, { 25, "noswissmap" }, { 26, "" }, { 27, "nogreenteagc" },
	{ 27, "" },
};

enum { VERSIONS = sizeof(versions) / sizeof(versions[0]) };

/* Candidates in the order of the visits. */
struct found {
	VEC(struct candidate) cands;
	size_t visits;
	size_t fail_at; /* number of the visit that fails; 0: none does */
};

static struct err *collect(void *ctx, struct candidate *cands, size_t cnt)
{
	struct found *f = ctx;

	assert_in_range(cnt, 1, CANDIDATES_MAX);
	if (++f->visits == f->fail_at)
		return err_new(ERR_GONE, "enough");
	for (size_t i = 0; i < cnt; i++)
		assert_true(vec_push(&f->cands, cands[i]));
	return NULL;
}

static struct err *scan_all(struct image *img, struct found *f)
{
	struct header_spans spans;
	struct header_scan *s = NULL;
	struct err *err = header_spans_init(&spans, img->heap);

	if (!err)
		err = scan_new(img->heap, &img->target.mem, collect, f, &s);
	if (!err)
		err = scan_spans(s, spans.list.data, spans.list.len);
	scan_free(s);
	header_spans_fini(&spans);
	return err;
}

static void scan(struct image *img, struct found *f)
{
	struct err *err = scan_all(img, f);

	if (err)
		fail_msg("%s", err->msg);
}

static bool is_classic(const struct image *img)
{
	return img->prog.layout.kind == MAP_CLASSIC;
}

static uint64_t add_header(struct image *img)
{
	return is_classic(img) ? image_classic_header(img, 0, 0, 0) : image_swiss_empty(img);
}

static unsigned int header_words(const struct image *img)
{
	const struct go_layout *l = &img->prog.layout;

	return (is_classic(img) ? l->classic.header_sz : l->swiss.header_sz) / 8;
}

/* The pointers of a header: go-runtime facts 1.2, 1.3. */
static uint64_t header_pattern(const struct image *img)
{
	if (!is_classic(img))
		return 1 << 2;
	return 1 << 2 | 1 << 3 | (header_words(img) == 7 ? 1 << 6 : 1 << 5);
}

static void finds_headers_of_every_version(void **state)
{
	(void)state;
	for (size_t v = 0; v < VERSIONS; v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct found f = { 0 };
		uint64_t headers[400];

		for (int i = 0; i < 400; i++) /* in several spans */
			headers[i] = add_header(img);
		image_open(img);
		scan(img, &f);
		assert_int_equal(f.cands.len, 400);
		for (int i = 0; i < 400; i++)
			assert_true(f.cands.data[i].addr == headers[i]);
		vec_fini(&f.cands);
		image_free(img);
	}
}

static void copies_the_header(void **state)
{
	struct image *img = image_new(24, "");
	struct found f = { 0 };
	uint64_t map = image_swiss_header(img, 5, IMAGE_NOWHERE, 2, 1);

	(void)state;
	image_open(img);
	scan(img, &f);
	assert_int_equal(f.cands.len, 1);
	for (unsigned int off = 0; off < 48; off++)
		assert_int_equal(f.cands.data[0].header[off], image_get_u8(img, map + off));
	assert_false(f.cands.data[0].moved);
	vec_fini(&f.cands);
	image_free(img);
}

/* An object of the same size with other pointers is of another type. */
static void other_pointer_patterns_are_passed_over(void **state)
{
	(void)state;
	for (size_t v = 0; v < VERSIONS; v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct found f = { 0 };
		unsigned int words = header_words(img);

		for (uint64_t ptrs = 1; ptrs < 1u << words; ptrs++)
			image_alloc_words(img, words, ptrs);
		image_alloc_words(img, words, 0);
		image_open(img);
		scan(img, &f);
		assert_int_equal(f.cands.len, 1);
		vec_fini(&f.cands);
		image_free(img);
	}
}

static void other_sizes_are_passed_over(void **state)
{
	(void)state;
	for (size_t v = 0; v < VERSIONS; v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct found f = { 0 };
		unsigned int words = header_words(img);

		image_alloc_words(img, words == 7 ? 6 : 4, 1 << 2);
		image_alloc_words(img, words == 7 ? 10 : 8, header_pattern(img));
		image_open(img);
		scan(img, &f);
		assert_int_equal(f.cands.len, 0);
		assert_int_equal(f.visits, 0);
		vec_fini(&f.cands);
		image_free(img);
	}
}

/* A slot is allocated when it is below freeindex, or when its bit is set. */
static void free_slots_are_passed_over(void **state)
{
	struct image *img = image_new(24, "");
	struct found f = { 0 };
	uint64_t map[6];

	(void)state;
	for (int i = 0; i < 6; i++)
		map[i] = add_header(img);
	struct image_span *s = image_span_of(img, map[0]);
	s->freeindex = 2;
	image_u8(img, s->alloc_bits, 1 << 3 | 1 << 5);
	image_open(img);
	scan(img, &f);
	assert_int_equal(f.cands.len, 4);
	assert_true(f.cands.data[0].addr == map[0]);
	assert_true(f.cands.data[1].addr == map[1]);
	assert_true(f.cands.data[2].addr == map[3]);
	assert_true(f.cands.data[3].addr == map[5]);
	vec_fini(&f.cands);
	image_free(img);
}

/* In a span that was not swept yet, objects that the collector did not mark are garbage. The
 * marks are in a bitmap of their own or, with Green Tea, at the end of the span. */
static void unmarked_objects_are_garbage(void **state)
{
	(void)state;
	for (size_t v = 0; v < VERSIONS; v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct found f = { 0 };
		uint64_t map[100];

		for (int i = 0; i < 100; i++)
			map[i] = add_header(img);
		image_span_of(img, map[0])->sweepgen = IMAGE_SWEEPGEN - 2;
		for (int i = 0; i < 100; i += 3)
			image_mark(img, map[i]);
		image_open(img);
		scan(img, &f);
		assert_int_equal(f.cands.len, 100);
		for (int i = 0; i < 100; i++)
			assert_int_equal(f.cands.data[i].garbage, i % 3 != 0);
		vec_fini(&f.cands);
		image_free(img);
	}
}

/* A swept span has fresh, empty mark bits. */
static void nothing_in_a_swept_span_is_garbage(void **state)
{
	struct image *img = image_new(26, "");
	struct found f = { 0 };

	(void)state;
	add_header(img);
	add_header(img);
	image_open(img);
	scan(img, &f);
	assert_int_equal(f.cands.len, 2);
	assert_false(f.cands.data[0].garbage);
	assert_false(f.cands.data[1].garbage);
	vec_fini(&f.cands);
	image_free(img);
}

/* Does what the sweeper does to a span: the mark bits become the allocation bits, and the old
 * bitmap will soon be used for something else. */
static void sweep(struct image *img, uint64_t addr)
{
	struct image_span *s = image_span_of(img, addr);
	const struct go_layout *l = &img->prog.layout;
	uint64_t old = s->alloc_bits;

	image_u8(img, s->mark_bits, image_get_u8(img, old));
	image_u8(img, old, 0);
	image_u64(img, s->mspan + l->mspan.alloc_bits, s->mark_bits);
	image_u64(img, s->mspan + l->mspan.gcmark_bits, old);
	image_u32(img, s->mspan + l->mspan.sweepgen, IMAGE_SWEEPGEN + 2);
	image_u32(img, IMAGE_MHEAP + l->mheap.sweepgen, IMAGE_SWEEPGEN + 2);
}

/* Sweeps a span at the moment when its bitmap is read for the first time. */
struct sweeper {
	uint64_t map;
	uint64_t alloc_bits;
};

static void sweep_late(struct image *img, const struct mem_req *req)
{
	struct sweeper *sweeper = img->hook_ctx;

	if (!image_covers(req, sweeper->alloc_bits))
		return;
	img->hook = NULL;
	sweep(img, sweeper->map);
}

static void a_span_may_be_swept_meanwhile(void **state)
{
	(void)state;
	for (size_t v = 0; v < VERSIONS; v++) {
		for (int late = 0; late < 2; late++) {
			struct image *img = image_new(versions[v].minor, versions[v].experiments);
			struct found f = { 0 };
			struct sweeper sweeper = { .map = add_header(img) };

			sweeper.alloc_bits = image_span_of(img, sweeper.map)->alloc_bits;
			image_span_of(img, sweeper.map)->freeindex = 0;
			image_open(img);
			img->hook_ctx = &sweeper;
			if (late)
				img->hook = sweep_late;
			else
				sweep(img, sweeper.map);
			scan(img, &f);
			assert_null(img->hook);
			assert_int_equal(f.cands.len, 1);
			assert_false(f.cands.data[0].garbage);
			vec_fini(&f.cands);
			image_free(img);
		}
	}
}

/* The descriptor says to the end that it is being swept. It is better to use the bits that
 * there are than to skip the span. */
static void a_span_may_be_in_the_sweep_for_long(void **state)
{
	struct image *img = image_new(24, "");
	struct found f = { 0 };
	uint64_t map = add_header(img);

	(void)state;
	image_span_of(img, map)->sweepgen = IMAGE_SWEEPGEN - 1;
	image_open(img);
	scan(img, &f);
	assert_int_equal(f.cands.len, 1);
	vec_fini(&f.cands);
	image_free(img);
}

/* The descriptor is another span's now: what it says is not about the bytes that we read. */
static void a_span_of_another_class_is_gone(void **state)
{
	struct image *img = image_new(24, "");
	struct found f = { 0 };
	uint64_t map = add_header(img);

	(void)state;
	image_open(img);
	image_u8(img, image_span_of(img, map)->mspan + img->prog.layout.mspan.spanclass, 12);
	scan(img, &f);
	assert_int_equal(f.cands.len, 0);
	vec_fini(&f.cands);
	image_free(img);
}

static void stacks_are_passed_over(void **state)
{
	struct image *img = image_new(24, "");
	struct found f = { 0 };
	uint64_t map = add_header(img);

	(void)state;
	image_span_of(img, map)->state = SPAN_MANUAL;
	image_alloc_words(img, 20, 1); /* so that the heap has a span in use */
	image_open(img);
	scan(img, &f);
	assert_int_equal(f.cands.len, 0);
	vec_fini(&f.cands);
	image_free(img);
}

static void many_candidates_come_in_batches(void **state)
{
	enum { MANY = 10 * CANDIDATES_MAX + 3000 }; /* also more spans than are read together */
	struct image *img = image_new(24, "");
	struct found f = { 0 };

	(void)state;
	for (int i = 0; i < MANY; i++)
		add_header(img);
	image_open(img);
	scan(img, &f);
	assert_int_equal(f.cands.len, MANY);
	assert_int_equal(f.visits, (MANY + CANDIDATES_MAX - 1) / CANDIDATES_MAX);
	for (size_t i = 1; i < f.cands.len; i++)
		assert_true(f.cands.data[i - 1].addr < f.cands.data[i].addr);
	vec_fini(&f.cands);
	image_free(img);
}

static void an_error_of_the_visitor_ends_it(void **state)
{
	struct image *img = image_new(24, "");
	struct found f = { .fail_at = 2 };

	(void)state;
	for (int i = 0; i < 3 * CANDIDATES_MAX; i++)
		add_header(img);
	image_open(img);
	_cleanup_err_ struct err *err = scan_all(img, &f);
	assert_true(err_is(err, ERR_GONE));
	assert_int_equal(f.visits, 2);
	assert_int_equal(f.cands.len, CANDIDATES_MAX);
	vec_fini(&f.cands);
	image_free(img);
}

/* A span, or its bits, went away while we read: the other spans count. */
static void spans_that_went_away_are_skipped(void **state)
{
	for (int what = 0; what < 3; what++) {
		struct image *img = image_new(24, "");
		struct found f = { 0 };
		uint64_t first = add_header(img), last = 0;

		(void)state;
		for (int i = 0; i < 400; i++)
			last = add_header(img);
		assert_true(image_span_of(img, first) != image_span_of(img, last));
		struct image_span *s = image_span_of(img, first);
		if (what == 1)
			s->alloc_bits = IMAGE_NOWHERE;
		if (what == 2) {
			s->sweepgen = IMAGE_SWEEPGEN - 2;
			s->mark_bits = IMAGE_NOWHERE;
		}
		image_open(img);
		if (what == 0)
			image_unmap(img, s->base + IMAGE_PAGE_SZ, IMAGE_PAGE_SZ);
		scan(img, &f);
		assert_int_equal(f.cands.len, 401 - 168);
		vec_fini(&f.cands);
		image_free(img);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_headers_of_every_version),
		cmocka_unit_test(copies_the_header),
		cmocka_unit_test(other_pointer_patterns_are_passed_over),
		cmocka_unit_test(other_sizes_are_passed_over),
		cmocka_unit_test(free_slots_are_passed_over),
		cmocka_unit_test(unmarked_objects_are_garbage),
		cmocka_unit_test(nothing_in_a_swept_span_is_garbage),
		cmocka_unit_test(a_span_may_be_swept_meanwhile),
		cmocka_unit_test(a_span_may_be_in_the_sweep_for_long),
		cmocka_unit_test(a_span_of_another_class_is_gone),
		cmocka_unit_test(stacks_are_passed_over),
		cmocka_unit_test(many_candidates_come_in_batches),
		cmocka_unit_test(an_error_of_the_visitor_ends_it),
		cmocka_unit_test(spans_that_went_away_are_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
