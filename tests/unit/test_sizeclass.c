// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap/sizeclass.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

/* go-runtime facts 4.5 */
static const uint32_t classes[] = {
	0,     8,     16,    24,    32,	   48,	  64,	 80,	96,    112,   128,   144,
	160,   176,   192,   208,   224,   240,	  256,	 288,	320,   352,   384,   416,
	448,   480,   512,   576,   640,   704,	  768,	 896,	1024,  1152,  1280,  1408,
	1536,  1792,  2048,  2304,  2688,  3072,  3200,	 3456,	4096,  4864,  5376,  6144,
	6528,  6784,  6912,  8192,  9472,  9728,  10240, 10880, 12288, 13568, 14336, 16384,
	18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
};

static const uint32_t pages[] = {
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 2, 1, 2, 1, 3, 2,  3, 1, 3,
	2, 3, 4, 5, 6, 1, 7, 6, 5, 4, 3, 5, 7, 2, 9, 7, 5, 8, 3, 10, 7, 4,
};

static void the_table_is_that_of_go(void **state)
{
	(void)state;
	assert_int_equal(CNT(classes), 68);
	assert_int_equal(SIZECLASS_CNT, 68);
	for (unsigned int i = 0; i < CNT(classes); i++)
		assert_int_equal(sizeclass_bytes(i), classes[i]);
	assert_int_equal(CNT(pages), 68);
	for (unsigned int i = 0; i < CNT(pages); i++)
		assert_int_equal(sizeclass_pages(i), pages[i]);
	assert_int_equal(sizeclass_pages(68), 0);
	assert_int_equal(sizeclass_bytes(68), 0);
	assert_int_equal(sizeclass_bytes(UINT32_MAX), 0);
}

static void the_slot_of_each_byte_of_a_span(void **state)
{
	(void)state;
	for (unsigned int i = 1; i < CNT(classes); i++)
		for (uint32_t off = 0; off < pages[i] * 8192; off++)
			if (sizeclass_slot(i, off) != off / classes[i])
				fail_msg("class %u, byte %u", i, off);
	assert_int_equal(sizeclass_slot(0, 100), 0);
	assert_int_equal(sizeclass_slot(68, 100), 0);
	assert_int_equal(sizeclass_slot(UINT32_MAX, 100), 0);
}

/* The smallest class that holds the size, for every size. */
static void the_class_is_the_smallest_that_fits(void **state)
{
	unsigned int want = 1;

	(void)state;
	for (uint32_t sz = 1; sz <= 32768; sz++) {
		if (sz > classes[want])
			want++;
		assert_int_equal(sizeclass_for(sz), want);
	}
	assert_int_equal(sizeclass_for(0), 0);
	assert_int_equal(sizeclass_for(32769), 0);
	assert_int_equal(sizeclass_for(UINT64_MAX), 0);
}

static void allocations(void **state)
{
	static const struct {
		uint64_t sz;
		uint64_t old; /* up to 1.21 */
		uint64_t noscan; /* from 1.22 on */
		uint64_t scan; /* from 1.22 on: malloc header above 512 */
	} rows[] = {
		{ 0, 0, 0, 0 },
		{ 1, 8, 8, 8 },
		{ 8, 8, 8, 8 },
		{ 9, 16, 16, 16 },
		{ 48, 48, 48, 48 },
		{ 511, 512, 512, 512 },
		{ 512, 512, 512, 512 },
		{ 513, 576, 576, 576 },
		{ 568, 576, 576, 576 },
		{ 569, 576, 576, 640 },
		{ 576, 576, 576, 640 },
		{ 1024, 1024, 1024, 1152 },
		{ 28672, 28672, 28672, 32768 },
		{ 32760, 32768, 32768, 32768 },
		{ 32761, 32768, 32768, 32768 }, /* from 1.22 on: four pages */
		{ 32768, 32768, 32768, 32768 },
		{ 32769, 40960, 40960, 40960 },
		{ 40960, 40960, 40960, 40960 },
		{ 40961, 49152, 49152, 49152 },
		{ 1ull << 40, 1ull << 40, 1ull << 40, 1ull << 40 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		assert_true(alloc_size(rows[i].sz, false, false) == rows[i].old);
		assert_true(alloc_size(rows[i].sz, true, false) == rows[i].old);
		assert_true(alloc_size(rows[i].sz, true, true) == rows[i].noscan);
		assert_true(alloc_size(rows[i].sz, false, true) == rows[i].scan);
	}
}

/* Sizes that no process has must not become small ones. */
static void absurd_allocations_do_not_wrap(void **state)
{
	(void)state;
	for (uint64_t sz = UINT64_MAX; sz > UINT64_MAX - 20000; sz -= 997)
		assert_true(alloc_size(sz, false, true) >= sz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_that_of_go),
		cmocka_unit_test(the_slot_of_each_byte_of_a_span),
		cmocka_unit_test(the_class_is_the_smallest_that_fits),
		cmocka_unit_test(allocations),
		cmocka_unit_test(absurd_allocations_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
