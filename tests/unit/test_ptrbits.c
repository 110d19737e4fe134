// SPDX-License-Identifier: GPL-2.0-only
/* Where each form of the allocator notes pointers: go-runtime facts 4.2, 4.6. */
#include <string.h>

#include "image.h"

#include "heap/ptrbits.h"
#include "heap/sizeclass.h"

#define ARENA 0xc000000000ull
#define META 0x7f1000000000ull

/* A heap of one arena, with just what ptrbits_place() looks at. */
struct fixture {
	struct program prog;
	struct arena arena;
	struct heap heap;
};

static void fixture_init(struct fixture *f, unsigned int minor, const char *experiments)
{
	struct buildinfo build = { .minor = minor };
	enum layout_match match;

	memset(f, 0, sizeof(*f));
	strcpy(build.experiments, experiments);
	f->prog.layout = layout_for(&build, layout_default_kind(&build), &match);
	f->arena = (struct arena){ .base = ARENA, .meta = META };
	f->heap.prog = &f->prog;
	f->heap.arenas.data = &f->arena;
	f->heap.arenas.len = f->heap.arenas.cap = 1;
}

static struct span span_of(uint64_t base, uint64_t sz, bool noscan)
{
	return (struct span){
		.page = base / GO_PAGE_SZ,
		.size = sz > SIZECLASS_MAX_SZ ? sz / GO_PAGE_SZ : 0,
		.spanclass = sizeclass_for(sz) << 1 | noscan,
		.state = SPAN_IN_USE,
	};
}

/* Up to 1.19 a word has two bits and a byte has four words, with the pointer bits in its low
 * half. */
static void two_bits_a_word_in_the_arena(void **state)
{
	struct fixture f;
	struct span s = span_of(ARENA + 0x4000, 48, false);
	struct ptrbits p;
	const uint8_t bytes[2 + PTRBITS_PAD] = { 0xf4, 0x02 };

	(void)state;
	fixture_init(&f, 19, "");
	assert_true(ptrbits_place(&f.heap, &s, ARENA + 0x4000 + 48, 6, &p));
	/* Word 0x800 + 6 of the arena is bit 2 of byte 0x201; six words end in byte 0x202. */
	assert_true(p.addr == META + 0x201);
	assert_int_equal(p.len, 2);
	assert_true(ptrbits_get(&p, bytes, 0)); /* bit 2 of 0xf4 */
	assert_false(ptrbits_get(&p, bytes, 1)); /* bit 3; the high half has no pointer bits */
	assert_false(ptrbits_get(&p, bytes, 2));
	assert_true(ptrbits_get(&p, bytes, 3)); /* bit 1 of 0x02 */
	assert_false(ptrbits_get(&p, bytes, 4));
	assert_false(ptrbits_get(&p, bytes, 5));
}

/* 1.21: one bit for each word. */
static void one_bit_a_word_in_the_arena(void **state)
{
	struct fixture f;
	struct span s = span_of(ARENA + 0x4000, 48, false);
	struct ptrbits p;
	const uint8_t bytes[2 + PTRBITS_PAD] = { 0x40, 0x09 };

	(void)state;
	fixture_init(&f, 21, "");
	assert_true(ptrbits_place(&f.heap, &s, ARENA + 0x4000 + 48, 6, &p));
	assert_true(p.addr == META + 0x100); /* word 0x806: bit 6 of that byte */
	assert_int_equal(p.len, 2);
	assert_true(ptrbits_get(&p, bytes, 0));
	assert_false(ptrbits_get(&p, bytes, 1));
	assert_true(ptrbits_get(&p, bytes, 2)); /* bit 0 of 0x09 */
	assert_false(ptrbits_get(&p, bytes, 3));
	assert_false(ptrbits_get(&p, bytes, 4));
	assert_true(ptrbits_get(&p, bytes, 5)); /* bit 3 */
}

/* From 1.22 on they are the last 128 bytes of a one-page span. With Green Tea the marks are
 * there, and the pointer bits before them. */
static void bits_at_the_end_of_the_span(void **state)
{
	static const struct {
		unsigned int minor;
		const char *experiments;
		unsigned int from_end;
	} rows[] = {
		{ 22, "", 128 }, { 25, "", 128 }, { 25, "greenteagc", 256 },
		{ 26, "", 256 }, { 27, "", 256 }, { 27, "nogreenteagc", 128 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct span s = span_of(ARENA + 0x4000, 48, false);
		struct ptrbits p;

		fixture_init(&f, rows[i].minor, rows[i].experiments);
		assert_true(ptrbits_place(&f.heap, &s, ARENA + 0x4000 + 480, 6, &p));
		assert_true(p.addr == ARENA + 0x6000 - rows[i].from_end + 480 / 8 / 8);
		assert_int_equal(p.len, 2); /* words 60 to 65 */
		assert_int_equal(p.first, 60 % 8);
	}
}

/* Green Tea keeps the marks of 8-byte objects elsewhere. */
static void bits_of_the_smallest_objects(void **state)
{
	static const struct {
		unsigned int minor;
		const char *experiments;
	} rows[] = {
		{ 22, "" }, { 25, "greenteagc" }, { 26, "" }, { 27, "" }, { 27, "nogreenteagc" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct span s = span_of(ARENA + 0x4000, 8, false);
		struct span next = span_of(ARENA + 0x4000, 16, false);
		struct ptrbits p;
		unsigned int marks;

		fixture_init(&f, rows[i].minor, rows[i].experiments);
		marks = f.prog.layout.inline_marks ? 128 : 0;
		assert_true(ptrbits_place(&f.heap, &s, ARENA + 0x4000 + 80, 1, &p));
		assert_true(p.addr == ARENA + 0x6000 - 128 + 80 / 8 / 8);
		assert_int_equal(p.first, 10 % 8);
		assert_true(ptrbits_place(&f.heap, &next, ARENA + 0x4000 + 80, 2, &p));
		assert_true(p.addr == ARENA + 0x6000 - 128 - marks + 80 / 8 / 8);
	}
}

/* A whole span, as the search for headers reads it. */
static void bits_of_a_whole_span(void **state)
{
	static const unsigned int minors[] = { 19, 21, 24 };
	static const unsigned int lens[] = { 256, 128, 128 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fixture f;
		struct span s = span_of(ARENA + 0x4000, 48, false);
		struct ptrbits p;

		fixture_init(&f, minors[i], "");
		assert_true(ptrbits_place(&f.heap, &s, span_base(&s), GO_PAGE_SZ / 8, &p));
		assert_int_equal(p.len, lens[i]);
		assert_true(p.len <= PTRBITS_SZ_MAX);
		assert_int_equal(p.first, 0);
	}
}

/* The bits that are read are those that the image wrote. */
static void pattern_of_an_object(void **state)
{
	static const unsigned int minors[] = { 19, 21, 22, 26 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct image *img = image_new(minors[i], "");
		struct object o = { 0 };
		struct ptrbits p;
		uint8_t bytes[PTRBITS_SZ_MAX + PTRBITS_PAD] = { 0 };
		uint64_t addr = 0;

		for (int n = 0; n < 40; n++)
			addr = image_alloc_words(img, 12, n == 39 ? 0xa25 : 0x7ff);
		image_open(img);
		assert_true(heap_object(img->heap, addr, &o));
		assert_true(ptrbits_place(img->heap, o.span, addr, 12, &p));
		assert_null(mem_read(&img->target.mem, p.addr, bytes, p.len));
		for (uint32_t w = 0; w < 12; w++)
			assert_int_equal(ptrbits_get(&p, bytes, w), 0xa25 >> w & 1);
		image_free(img);
	}
}

static void no_bits_are_kept(void **state)
{
	struct fixture f;
	struct span noscan = span_of(ARENA, 48, true), small = span_of(ARENA, 48, false);
	struct span large = span_of(ARENA, 576, false), far = span_of(ARENA << 1, 48, false);
	struct ptrbits p = { .addr = 7 };

	(void)state;
	fixture_init(&f, 24, "");
	assert_false(ptrbits_place(&f.heap, &noscan, ARENA, 6, &p));
	assert_false(ptrbits_place(&f.heap, &small, ARENA + 4, 6, &p));
	assert_false(ptrbits_place(&f.heap, &small, ARENA, 0, &p));
	assert_false(ptrbits_place(&f.heap, &large, ARENA, 6, &p)); /* it has a header instead */
	fixture_init(&f, 21, "");
	assert_true(ptrbits_place(&f.heap, &large, ARENA, 6, &p)); /* it had none in that version */
	p.addr = 7;
	assert_false(ptrbits_place(&f.heap, &far, ARENA << 1, 6, &p)); /* in an unknown arena */
	f.arena.meta = 0;
	assert_false(ptrbits_place(&f.heap, &small, ARENA, 6, &p));
	assert_int_equal(p.addr, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_bits_a_word_in_the_arena),
		cmocka_unit_test(one_bit_a_word_in_the_arena),
		cmocka_unit_test(bits_at_the_end_of_the_span),
		cmocka_unit_test(bits_of_the_smallest_objects),
		cmocka_unit_test(bits_of_a_whole_span),
		cmocka_unit_test(pattern_of_an_object),
		cmocka_unit_test(no_bits_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
