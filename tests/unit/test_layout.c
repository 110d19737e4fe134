// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every figure here was copied from the measured tables (go-runtime facts 1.2, 1.3, 4.1 to 4.3,
 * 5.4), not from layout.c, so that a slip in one of the two is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "process/layout.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

static struct go_layout layout(unsigned int minor, const char *experiments,
			       enum layout_match *match_ret)
{
	struct buildinfo bi = { .minor = minor };

	snprintf(bi.experiments, sizeof(bi.experiments), "%s", experiments);
	return layout_for(&bi, layout_default_kind(&bi), match_ret);
}

static struct go_layout known(unsigned int minor, const char *experiments)
{
	enum layout_match match;
	struct go_layout l = layout(minor, experiments, &match);

	assert_int_equal(match, LAYOUT_KNOWN);
	return l;
}

static void mspan_of_each_version(void **state)
{
	static const struct {
		unsigned int first, last;
		struct mspan_layout l;
	} rows[] = {
		{ 19,
		  19,
		  { .size = 144,
		    .start_addr = 24,
		    .npages = 32,
		    .freeindex = 48,
		    .nelems = 56,
		    .index_width = 8,
		    .alloc_bits = 72,
		    .gcmark_bits = 80,
		    .sweepgen = 88,
		    .spanclass = 98,
		    .state = 99,
		    .elemsize = 104,
		    .large_type = OFF_NONE,
		    .alloc_count = 96,
		    .specials = 128 } },
		{ 21,
		  21,
		  { .size = 168,
		    .start_addr = 24,
		    .npages = 32,
		    .freeindex = 48,
		    .nelems = 56,
		    .index_width = 8,
		    .alloc_bits = 72,
		    .gcmark_bits = 80,
		    .sweepgen = 96,
		    .spanclass = 106,
		    .state = 107,
		    .elemsize = 112,
		    .large_type = OFF_NONE,
		    .alloc_count = 104,
		    .specials = 136 } },
		{ 22,
		  27,
		  { .size = 160,
		    .start_addr = 24,
		    .npages = 32,
		    .freeindex = 48,
		    .nelems = 50,
		    .index_width = 2,
		    .alloc_bits = 64,
		    .gcmark_bits = 72,
		    .sweepgen = 88,
		    .spanclass = 98,
		    .state = 99,
		    .elemsize = 104,
		    .large_type = 152,
		    .alloc_count = 96,
		    .specials = 128 } },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++)
		for (unsigned int minor = rows[i].first; minor <= rows[i].last; minor++) {
			struct mspan_layout l = known(minor, "").mspan;

			assert_memory_equal(&l, &rows[i].l, sizeof(l));
			assert_true(l.size <= MSPAN_SZ_MAX);
		}
}

static void goroutine_of_each_version(void **state)
{
	(void)state;
	for (unsigned int minor = 19; minor <= 27; minor++)
		if (minor != 20)
			assert_int_equal(known(minor, "").g.status,
					 minor == 23 || minor == 24 ? 152 : 144);
}

static void mheap_of_each_version(void **state)
{
	static const struct {
		unsigned int minor;
		uint32_t chunks, ranges, sweepgen, allspans, pages_in_use, arenas, heap_arenas,
			arena_spans, pcache, summary, scav_chunks, heap_arena_sz;
	} rows[] = {
		{ 19, 136, 65696, 65848, 65856, 65880, 65936, 66016, 2097152, 72, 16, 65752,
		  2165776 },
		{ 21, 128, 65688, 65856, 65864, 65888, 65944, 66032, 1064960, 72, 8, 65728,
		  1133584 },
		{ 22, 128, 65688, 65856, 65864, 65888, 66008, 66096, 0, 72, 8, 65728, 68624 },
		{ 23, 128, 65688, 65856, 65864, 65888, 66008, 66096, 0, 64, 8, 65728, 68624 },
		{ 24, 128, 65688, 65856, 65864, 65888, 66008, 66096, 0, 64, 8, 65728, 68624 },
		{ 25, 128, 65688, 65856, 65864, 65888, 66008, 66096, 0, 64, 8, 65728, 69648 },
		{ 26, 128, 65688, 65856, 65864, 65888, 66008, 66096, 0, 64, 8, 65728, 69648 },
		{ 27, 128, 65688, 65856, 65864, 65888, 66008, 66096, 0, 64, 8, 65728, 69648 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct mheap_layout l = known(rows[i].minor, "").mheap;

		assert_int_equal(l.chunks, rows[i].chunks);
		assert_int_equal(l.in_use_ranges, rows[i].ranges);
		assert_int_equal(l.sweepgen, rows[i].sweepgen);
		assert_int_equal(l.allspans, rows[i].allspans);
		assert_int_equal(l.pages_in_use, rows[i].pages_in_use);
		assert_int_equal(l.arenas, rows[i].arenas);
		assert_int_equal(l.heap_arenas, rows[i].heap_arenas);
		assert_int_equal(l.arena_spans, rows[i].arena_spans);
		assert_int_equal(l.p_pcache, rows[i].pcache);
		assert_int_equal(l.summary, rows[i].summary);
		assert_int_equal(l.scav_chunks, rows[i].scav_chunks);
		assert_int_equal(l.heap_arena_sz, rows[i].heap_arena_sz);
	}
}

static void moduledata_of_each_version(void **state)
{
	(void)state;
	for (unsigned int minor = 19; minor <= 27; minor++) {
		enum layout_match match;
		struct go_layout l = layout(minor, "", &match);

		assert_int_equal(l.moduledata_types, minor == 19 ? 280 : 296);
		assert_int_equal(l.moduledata_etypes, minor == 19 ? 288 : minor == 27 ? 312 : 304);
		assert_true(l.moduledata_etypes + 8 <= MODULEDATA_SZ_MAX);
		assert_int_equal(l.moduledata_gofunc, minor == 19 ? 304 : minor == 27 ? 344 : 320);
	}
}

/* CPU times have another form up to 1.19; every row has everything else. */
static void every_row_has_the_collectors_counters(void **state)
{
	(void)state;
	for (unsigned int minor = 19; minor <= 27; minor++) {
		enum layout_match match;
		struct go_layout l = layout(minor, "", &match);
		bool old = l.since_minor == 19;
		struct gc_layout *gc = &l.gc;

		assert_int_equal(gc->cpu_gc == OFF_NONE, old);
		assert_int_equal(gc->cpu_gc_1_19 == OFF_NONE, !old);
		gc->cpu_gc = gc->cpu_gc_idle = gc->cpu_all = gc->cpu_gc_1_19 = 0;
		for (size_t i = 0; i < sizeof(*gc) / sizeof(uint32_t); i++)
			assert_true(((const uint32_t *)gc)[i] <= GC_OFFSET_MAX);
		assert_true(gc->heap_in_use == gc->heap_marked + 120);
	}
}

static void map_kind_of_each_version(void **state)
{
	(void)state;
	for (unsigned int minor = 18; minor <= 30; minor++) {
		enum layout_match match;

		assert_int_equal(layout(minor, "", &match).kind,
				 minor < 24 ? MAP_CLASSIC : MAP_SWISS);
	}
	assert_int_equal(known(24, "noswissmap").kind, MAP_CLASSIC);
	assert_int_equal(known(25, "noswissmap").kind, MAP_CLASSIC);
}

static void hmap_of_each_version(void **state)
{
	static const struct {
		unsigned int minor;
		const char *experiments;
		uint32_t size, extra, load_num;
	} rows[] = {
		{ 19, "", 48, 40, 13 },		  { 21, "", 48, 40, 12 },
		{ 22, "", 48, 40, 13 },		  { 23, "", 48, 40, 13 },
		{ 24, "noswissmap", 56, 48, 13 }, { 25, "noswissmap", 56, 48, 13 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct go_layout l = known(rows[i].minor, rows[i].experiments);

		assert_int_equal(l.classic.header_sz, rows[i].size);
		assert_int_equal(l.classic.buckets, 16);
		assert_int_equal(l.classic.oldbuckets, 24);
		assert_int_equal(l.classic.nevacuate, 32);
		assert_int_equal(l.classic.extra, rows[i].extra);
		assert_int_equal(l.classic.load_num, rows[i].load_num);
		assert_int_equal(l.maptype.size, 88);
		assert_int_equal(l.maptype.flags, 84);
		assert_int_equal(l.maptype.bucket_sz, 82);
	}
}

static void swiss_map_of_each_version(void **state)
{
	(void)state;
	for (unsigned int minor = 24; minor <= 27; minor++) {
		struct go_layout l = known(minor, "");

		assert_int_equal(l.swiss.header_sz, 48);
		assert_int_equal(l.swiss.tombstone_possible, minor == 24 ? OFF_NONE : 35);
		if (minor < 27) {
			assert_int_equal(l.maptype.size, 112);
			assert_int_equal(l.maptype.slot_sz, 88);
			assert_int_equal(l.maptype.elem_off, 96);
			assert_int_equal(l.maptype.flags, 104);
		} else {
			assert_int_equal(l.maptype.size, 136);
			assert_int_equal(l.maptype.slot_sz, OFF_NONE);
			assert_int_equal(l.maptype.keys_off, 88);
			assert_int_equal(l.maptype.flags, 128);
		}
		assert_true(l.maptype.size <= MAPTYPE_SZ_MAX);
	}
}

static void heap_bitmap_of_each_version(void **state)
{
	(void)state;
	assert_int_equal(known(19, "").bitmap, HEAP_BITMAP_ARENA_2BIT);
	assert_int_equal(known(21, "").bitmap, HEAP_BITMAP_ARENA_1BIT);
	for (unsigned int minor = 22; minor <= 27; minor++)
		assert_int_equal(known(minor, "").bitmap, HEAP_BITMAP_SPAN);
}

/* Green Tea has to be asked for in 1.25; 1.26 and 1.27 have it unless it is switched off. */
static void green_tea_marks(void **state)
{
	(void)state;
	assert_false(known(24, "").inline_marks);
	assert_false(known(25, "").inline_marks);
	assert_true(known(25, "greenteagc").inline_marks);
	assert_true(known(25, "aliastypeparams,greenteagc").inline_marks);
	assert_true(known(26, "").inline_marks);
	assert_true(known(27, "").inline_marks);
	assert_false(known(26, "nogreenteagc").inline_marks);
	assert_false(known(27, "mapsplitgroup,nogreenteagc").inline_marks);
}

static void random_heap_bases_pad_the_heap(void **state)
{
	(void)state;
	assert_false(known(25, "").page_padding);
	assert_true(known(26, "").page_padding);
	assert_true(known(27, "").page_padding);
}

static void experiments_are_whole_words(void **state)
{
	(void)state;
	assert_int_equal(known(25, "noswissmapx").kind, MAP_SWISS);
	assert_int_equal(known(25, "xnoswissmap").kind, MAP_SWISS);
	assert_int_equal(known(25, "a,noswissmap,b").kind, MAP_CLASSIC);
	assert_false(known(25, "nogreenteagc").inline_marks);
}

static void unknown_versions_get_the_nearest_row(void **state)
{
	static const struct {
		unsigned int minor;
		const char *experiments;
		const char *row;
	} rows[] = {
		{ 18, "", "go1.19" },
		{ 20, "", "go1.21" }, /* as far from 1.19: the newer one is taken */
		{ 28, "", "go1.27" },
		{ 99, "", "go1.27" },
		{ 26, "noswissmap", "go1.25 noswissmap" },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		enum layout_match match;
		struct go_layout l = layout(rows[i].minor, rows[i].experiments, &match);

		assert_string_equal(l.name, rows[i].row);
		assert_int_equal(match, LAYOUT_NEAREST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mspan_of_each_version),
		cmocka_unit_test(mheap_of_each_version),
		cmocka_unit_test(goroutine_of_each_version),
		cmocka_unit_test(moduledata_of_each_version),
		cmocka_unit_test(every_row_has_the_collectors_counters),
		cmocka_unit_test(map_kind_of_each_version),
		cmocka_unit_test(hmap_of_each_version),
		cmocka_unit_test(swiss_map_of_each_version),
		cmocka_unit_test(heap_bitmap_of_each_version),
		cmocka_unit_test(green_tea_marks),
		cmocka_unit_test(random_heap_bases_pad_the_heap),
		cmocka_unit_test(experiments_are_whole_words),
		cmocka_unit_test(unknown_versions_get_the_nearest_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
