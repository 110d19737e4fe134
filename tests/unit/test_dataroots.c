// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ranges of package variables and their masks, from a moduledata that is written by hand (Go
 * source: runtime/symtab.go moduledata).
 */
#include "image.h"

#include "process/dataroots.h"

#define MODULE 0x900000ull
#define NOPTRDATA 0x910000ull
#define DATA 0x920000ull
#define BSS 0x930000ull
#define NOPTRBSS 0x940000ull
#define MASKS 0xc00000ull

enum {
	MD_DATA = 208,
	MD_BSS = 224,
	DATA_WORDS = 70,
	BSS_WORDS = 9,
	/* Where gcdatamask is: Go 1.19, 1.21 to 1.25, 1.26. */
	MD_MASKS_1_19 = 480,
	MD_MASKS_1_21 = 520,
	MD_MASKS_1_26 = 528,
};

static void put_masks(struct image *img, size_t off, uint32_t data_words, uint32_t bss_words)
{
	image_u64(img, MODULE + off, data_words);
	image_u64(img, MODULE + off + 8, MASKS);
	image_u64(img, MODULE + off + 16, bss_words);
	image_u64(img, MODULE + off + 24, MASKS + 64);
}

static void put_range(struct image *img, size_t off, uint64_t start, uint64_t end)
{
	image_u64(img, MODULE + off, start);
	image_u64(img, MODULE + off + 8, end);
}

static struct image *module_with_masks_at(size_t off)
{
	struct image *img = image_new(24, "");

	image_zero(img, MODULE, IMAGE_PAGE_SZ);
	put_range(img, 192, NOPTRDATA, NOPTRDATA + 3);
	put_range(img, MD_DATA, DATA, DATA + 8 * DATA_WORDS + 2);
	put_range(img, MD_BSS, BSS, BSS + 8 * BSS_WORDS);
	put_range(img, 240, NOPTRBSS, NOPTRBSS);
	put_masks(img, off, DATA_WORDS, BSS_WORDS);
	image_u64(img, MASKS, 0x5);
	image_u64(img, MASKS + 8, 0x20); /* word 69 */
	image_u64(img, MASKS + 64, 0x100); /* word 8 */
	img->prog.image.moduledata = MODULE;
	return img;
}

static void expect_refusal(struct image *img)
{
	struct data_roots roots;
	struct err *err = data_roots_read(&img->prog, &roots);

	assert_non_null(err);
	assert_int_equal(err->kind, ERR_FORMAT);
	assert_int_equal(roots.cnt, 0);
	err_free(err);
	image_free(img);
}

static void all_versions(void **state)
{
	static const size_t offs[] = { MD_MASKS_1_19, MD_MASKS_1_21, MD_MASKS_1_26 };

	(void)state;
	for (size_t i = 0; i < CNT(offs); i++) {
		struct image *img = module_with_masks_at(offs[i]);
		struct data_roots roots;

		assert_null(data_roots_read(&img->prog, &roots));
		assert_int_equal(roots.cnt, 3); /* the empty range is left out */
		assert_int_equal(roots.ranges[0].kind, DATA_NOPTR);
		assert_null(roots.ranges[0].mask);
		const struct data_range *data = data_roots_find(&roots, DATA + 8);
		const struct data_range *bss = data_roots_find(&roots, BSS + 71);
		assert_int_equal(data->kind, DATA_INITIALIZED);
		assert_int_equal(bss->kind, DATA_BSS);
		assert_int_equal(data_range_words(data), DATA_WORDS);
		for (uint64_t w = 0; w < DATA_WORDS; w++)
			assert_int_equal(data_range_is_pointer(data, w),
					 w == 0 || w == 2 || w == 69);
		for (uint64_t w = 0; w < BSS_WORDS; w++)
			assert_int_equal(data_range_is_pointer(bss, w), w == 8);
		assert_null(data_roots_find(&roots, NOPTRDATA - 1));
		assert_null(data_roots_find(&roots, BSS + 72));
		data_roots_fini(&roots);
		image_free(img);
	}
}

static void masks_must_fit_the_ranges(void **state)
{
	(void)state;
	struct image *img = module_with_masks_at(MD_MASKS_1_21);
	image_u64(img, MODULE + MD_MASKS_1_21, DATA_WORDS + 1);
	expect_refusal(img);

	img = module_with_masks_at(MD_MASKS_1_21);
	put_masks(img, MD_MASKS_1_21 - 64, DATA_WORDS, BSS_WORDS); /* which one is it? */
	expect_refusal(img);

	img = module_with_masks_at(MD_MASKS_1_21);
	image_u64(img, MODULE + MD_MASKS_1_21 + 24, IMAGE_NOWHERE);
	expect_refusal(img);
}

static void refuses_ranges_that_are_none(void **state)
{
	(void)state;
	struct image *img = module_with_masks_at(MD_MASKS_1_21);
	put_range(img, MD_DATA, DATA, DATA - 8);
	expect_refusal(img);

	img = module_with_masks_at(MD_MASKS_1_21);
	put_range(img, MD_BSS, BSS, BSS + (1ull << 40));
	expect_refusal(img);

	img = module_with_masks_at(MD_MASKS_1_21);
	put_range(img, MD_BSS, BSS + 4, BSS + 4 + 8 * BSS_WORDS);
	expect_refusal(img);

	img = module_with_masks_at(MD_MASKS_1_21);
	image_unmap(img, MODULE, IMAGE_PAGE_SZ);
	expect_refusal(img);
}

static void ranges_that_overlap_are_left_out(void **state)
{
	struct image *img = module_with_masks_at(MD_MASKS_1_21);
	struct data_roots roots;

	(void)state;
	put_range(img, MD_BSS, DATA + 8, DATA + 8 + 8 * BSS_WORDS);
	assert_null(data_roots_read(&img->prog, &roots));
	assert_int_equal(roots.cnt, 2);
	assert_int_equal(data_roots_find(&roots, DATA + 8)->kind, DATA_INITIALIZED);
	data_roots_fini(&roots);
	image_free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_versions),
		cmocka_unit_test(masks_must_fit_the_ranges),
		cmocka_unit_test(refuses_ranges_that_are_none),
		cmocka_unit_test(ranges_that_overlap_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
