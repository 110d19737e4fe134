// SPDX-License-Identifier: GPL-2.0-only
/* How full spans are, and what a few objects keep. */
#include <string.h>

#include "image.h"

#include "heap/occupancy.h"
#include "model/ledger.h"

enum { PAGES = 1 << (ARENA_SHIFT - 12), WORDS = PAGES / 64 };

/* An image whose heap is resident, except for the pages that a test takes out. */
struct fixture {
	struct image *img;
	struct residency_arena arena;
	struct residency r;
	struct occupancy o;
};

static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->img = image_new(24, "");
	f->arena.base = IMAGE_HEAP;
	f->arena.present = calloc(4 * WORDS, 8);
	assert_non_null(f->arena.present);
	f->arena.swapped = f->arena.present + WORDS;
	f->arena.huge = f->arena.swapped + WORDS;
	f->arena.unclaimed = f->arena.huge + WORDS;
	memset(f->arena.present, 0xff, WORDS * 8);
	f->r = (struct residency){ .page_sz = 4096, .pagemap = { .fd = -1 } };
	f->r.arenas.data = (void *)&f->arena;
	f->r.arenas.len = f->r.arenas.cap = 1;
}

static void take_out(struct fixture *f, uint64_t addr)
{
	uint64_t page = (addr - IMAGE_HEAP) / 4096;

	f->arena.present[page / 64] &= ~(1ull << (page % 64));
}

static void count(struct fixture *f)
{
	image_open(f->img);
	memcpy(f->arena.unclaimed, f->arena.present, WORDS * 8);
	struct err *err = occupancy_init(&f->o, f->img->heap, &f->r);
	if (err)
		fail_msg("%s", err->msg);
}

static void fixture_fini(struct fixture *f)
{
	free(f->arena.present);
	image_free(f->img);
}

static const struct class_use *use_of(const struct fixture *f, uint64_t addr)
{
	return &f->o.classes[heap_span(f->img->heap, addr)->spanclass];
}

static void slots_in_use_and_free(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	uint64_t first = image_alloc_words(f.img, 16, 0); /* 128 bytes without pointers */
	for (int i = 1; i < 10; i++)
		image_alloc_words(f.img, 16, 0);
	count(&f);
	const struct class_use *c = use_of(&f, first);
	assert_int_equal(c->span_cnt, 1);
	assert_int_equal(c->object_cnt, 10);
	assert_int_equal(c->object_bytes, 1280);
	assert_int_equal(c->object_resident_bytes, 1280);
	assert_int_equal(c->free_resident_bytes, 8192 - 1280);
	assert_int_equal(c->bins[10 * 10 / c->slot_cnt], 1);
	assert_int_equal(class_pinned_bytes(c), 0); /* they need the span */
	assert_int_equal(f.o.total.object_resident_bytes + f.o.total.free_resident_bytes,
			 f.o.total.resident.bytes);
	fixture_fini(&f);
}

/* The bits tell which part of a partly resident span belongs to objects. */
static void partly_resident_spans(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	uint64_t first = image_alloc_words(f.img, 16, 0);
	for (int i = 1; i < 40; i++)
		image_alloc_words(f.img, 16, 0);
	take_out(&f, first + 4096);
	count(&f);
	const struct class_use *c = use_of(&f, first);
	assert_int_equal(c->resident.bytes, 4096);
	assert_int_equal(c->object_resident_bytes, 4096); /* 32 of the 40 */
	assert_int_equal(c->free_resident_bytes, 0);
	fixture_fini(&f);
}

static void objects_that_fit_into_fewer_spans(void **state)
{
	struct class_use c = {
		.span_cnt = 100,
		.span_bytes = 100 * 8192,
		.slot_cnt = 6400,
		.object_cnt = 100,
		.resident = { .bytes = 100 * 8192 },
	};

	(void)state;
	assert_int_equal(class_pinned_bytes(&c), 98 * 8192); /* 100 objects fill 1.6 spans */
	c.object_cnt = 6400;
	assert_int_equal(class_pinned_bytes(&c), 0);
	c.object_cnt = 100;
	c.resident.bytes = 8192; /* the other pages were never touched */
	assert_int_equal(class_pinned_bytes(&c), 0);
	c = (struct class_use){ .span_cnt = 3, .span_bytes = 1 << 20, .slot_cnt = 3 };
	c.resident.bytes = 1 << 20; /* large objects: one in each span */
	assert_int_equal(class_pinned_bytes(&c), 0);
}

/* On machines with pages of 64 KiB the ends of a free range cannot be returned. */
static void parts_of_physical_pages(void **state)
{
	const struct page_range unaligned = { .base = 0xc000000000 + 3 * 8192, .npages = 20 };
	const struct page_range tiny = { .base = 0xc000000000, .npages = 7 };

	(void)state;
	assert_int_equal(ledger_partial_bytes(&unaligned, 4096), 0);
	/* 5 pages up to the next 64 KiB, 8 whole ones, 7 after them. */
	assert_int_equal(ledger_partial_bytes(&unaligned, 65536), 12 * 8192);
	assert_int_equal(ledger_partial_bytes(&tiny, 65536), 7 * 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_in_use_and_free),
		cmocka_unit_test(partly_resident_spans),
		cmocka_unit_test(objects_that_fit_into_fewer_spans),
		cmocka_unit_test(parts_of_physical_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
