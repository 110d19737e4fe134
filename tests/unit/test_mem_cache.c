// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "image.h"

#include "process/mem_cache.h"

#define AT (100ull * MEM_CACHE_PAGE_SZ)

static struct image *image_with_bytes(size_t len)
{
	struct image *img = image_new(24, "");

	image_zero(img, AT, len);
	for (size_t off = 0; off < len; off += 8)
		image_u64(img, AT + off, AT + off);
	return img;
}

static void expect_word(struct mem_cache *c, uint64_t addr)
{
	uint64_t word;

	assert_null(mem_read_u64(&c->mem, addr, &word));
	assert_true(word == addr);
}

static void reads_a_page_once(void **state)
{
	struct image *img = image_with_bytes(2 * MEM_CACHE_PAGE_SZ);
	struct mem_cache c;

	(void)state;
	assert_null(mem_cache_init(&c, &img->target.mem));
	uint64_t before = img->reads;
	for (uint64_t off = 0; off < MEM_CACHE_PAGE_SZ; off += 64)
		expect_word(&c, AT + off);
	assert_true(img->reads == before + 1);

	uint8_t across[32];
	uint64_t word;
	assert_null(mem_read(&c.mem, AT + MEM_CACHE_PAGE_SZ - 16, across, sizeof(across)));
	memcpy(&word, across + 16, 8);
	assert_true(word == AT + MEM_CACHE_PAGE_SZ);
	mem_cache_fini(&c);
	image_free(img);
}

/* Pages that share a place throw each other out, and the end of a mapping is read directly. */
static void reads_what_it_cannot_keep(void **state)
{
	struct image *img = image_with_bytes(MEM_CACHE_PAGE_SZ);
	uint64_t far = AT + (uint64_t)MEM_CACHE_PAGES * MEM_CACHE_PAGE_SZ;
	struct mem_cache c;
	uint64_t word;

	(void)state;
	image_u64(img, far, far);
	assert_null(mem_cache_init(&c, &img->target.mem));
	for (int i = 0; i < 3; i++) {
		expect_word(&c, AT + 8);
		expect_word(&c, far);
	}
	struct err *err = mem_read_u64(&c.mem, far + MEM_CACHE_PAGE_SZ - 8, &word);
	assert_non_null(err);
	assert_int_equal(err->kind, ERR_FAULT);
	err_free(err);
	err = mem_read_u64(&c.mem, UINT64_MAX - 3, &word);
	assert_non_null(err);
	err_free(err);
	mem_cache_fini(&c);
	image_free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_page_once),
		cmocka_unit_test(reads_what_it_cannot_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
