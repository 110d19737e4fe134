// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "heap/residency.h"
#include "target/pagemap.h"

#define ARENA_SZ (1ull << ARENA_SHIFT)
#define FIRST (ARENA_SZ * 100)
#define SECOND (ARENA_SZ * 101) /* right behind the first */
#define THIRD (ARENA_SZ * 200)

enum { PAGE = 4096, PAGES = 1 << (ARENA_SHIFT - 12) };

/* Three arenas without a page in memory. */
struct fixture {
	struct residency_arena arenas[3];
	struct residency r;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	static const uint64_t bases[] = { FIRST, SECOND, THIRD };

	assert_non_null(f);
	for (int i = 0; i < 3; i++) {
		f->arenas[i].base = bases[i];
		f->arenas[i].present = calloc(PAGES / 64, 8);
	}
	f->r.page_sz = PAGE;
	f->r.arenas.data = (void *)f->arenas;
	f->r.arenas.len = f->r.arenas.cap = 3;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		free(f->arenas[i].present);
	free(f);
	return 0;
}

static void touch(struct fixture *f, uint64_t addr)
{
	for (int i = 0; i < 3; i++) {
		uint64_t page = (addr - f->arenas[i].base) / PAGE;

		if (addr >= f->arenas[i].base && page < PAGES)
			f->arenas[i].present[page / 64] |= 1ull << (page % 64);
	}
}

static void nothing_is_in_memory(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(residency_bytes(&f->r, FIRST, 3 * ARENA_SZ), 0);
	assert_int_equal(residency_bytes(&f->r, FIRST, 0), 0);
}

static void parts_of_pages_count(void **state)
{
	struct fixture *f = *state;

	touch(f, FIRST + 64 * PAGE); /* the first bit of the second word */
	touch(f, FIRST + 66 * PAGE);
	assert_int_equal(residency_bytes(&f->r, FIRST + 64 * PAGE, PAGE), PAGE);
	assert_int_equal(residency_bytes(&f->r, FIRST + 64 * PAGE + 100, 48), 48);
	assert_int_equal(residency_bytes(&f->r, FIRST + 63 * PAGE, PAGE), 0);
	assert_int_equal(residency_bytes(&f->r, FIRST + 65 * PAGE - 10, 20), 10);
	assert_int_equal(residency_bytes(&f->r, FIRST + 66 * PAGE - 10, 20), 10);
	/* An object over three pages, the middle one of which is out. */
	assert_int_equal(residency_bytes(&f->r, FIRST + 64 * PAGE + 1, 2 * PAGE + 7), PAGE - 1 + 8);
}

static void ranges_may_span_arenas(void **state)
{
	struct fixture *f = *state;

	touch(f, SECOND - PAGE);
	touch(f, SECOND);
	assert_int_equal(residency_bytes(&f->r, SECOND - 8, 16), 16);
	assert_int_equal(residency_bytes(&f->r, FIRST, 2 * ARENA_SZ), 2 * PAGE);
}

static void unknown_arenas_hold_nothing(void **state)
{
	struct fixture *f = *state;

	touch(f, SECOND + ARENA_SZ - PAGE);
	touch(f, THIRD);
	assert_int_equal(residency_bytes(&f->r, 0x1000, PAGE), 0);
	assert_int_equal(residency_bytes(&f->r, FIRST - PAGE, PAGE), 0);
	assert_int_equal(residency_bytes(&f->r, SECOND + ARENA_SZ - 8, 16), 8);
	/* From one known arena to the other, 98 unknown ones between them. */
	assert_int_equal(residency_bytes(&f->r, SECOND, THIRD + PAGE - SECOND), 2 * PAGE);
	f->r.arenas.len = 0;
	assert_int_equal(residency_bytes(&f->r, FIRST, ARENA_SZ), 0);
}

static void pages_of_another_size(void **state)
{
	struct fixture *f = *state;

	f->r.page_sz = 16384;
	f->arenas[0].present[0] = 2;
	assert_int_equal(residency_bytes(&f->r, FIRST, 65536), 16384);
	assert_int_equal(residency_bytes(&f->r, FIRST + 16384 - 1, 2), 1);
}

/* The pagemap of this process tells which pages it has touched. */
static void reads_a_pagemap(void **state)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t cnt = 200;
	char *p =
		mmap(NULL, cnt * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pagemap pm;
	uint64_t bits[4] = { 0 };

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	madvise(p, cnt * page, MADV_NOHUGEPAGE);
	p[3 * page] = p[60 * page] = p[70 * page] = p[199 * page] = 1;
	assert_null(pagemap_open(&pm, getpid()));
	assert_null(pagemap_present(&pm, (uintptr_t)p, cnt * page, bits));
	assert_true(bits[0] == (1ull << 3 | 1ull << 60));
	assert_true(bits[1] == 1ull << (70 - 64));
	assert_true(bits[2] == 0);
	assert_true(bits[3] == 1ull << (199 - 192));
	pagemap_close(&pm);
	munmap(p, cnt * page);

	_cleanup_err_ struct err *err = pagemap_open(&pm, -1);
	assert_true(err_is(err, ERR_GONE));
}

/* What reads as zeroes and was never written takes no memory, and reading it through
 * residency_read() leaves it so. */
static void untouched_pages_stay_so(void **state)
{
	size_t page = sysconf(_SC_PAGESIZE);
	enum { CNT = 80 };
	char *p =
		mmap(NULL, CNT * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *got = malloc(CNT * page);
	struct residency r = { .page_sz = page };
	uint64_t touched[2] = { 0 }, present[2] = { 0 };
	struct mem mem;

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_non_null(got);
	madvise(p, CNT * page, MADV_NOHUGEPAGE);
	memset(p + 3 * page, 3, page);
	memset(p + 70 * page, 70, 2 * page);
	assert_int_equal(((volatile char *)p)[5 * page], 0);

	mem_init_process(&mem, getpid());
	assert_null(pagemap_open(&r.pagemap, getpid()));
	/* From the middle of one page to the middle of another. */
	struct mem_req req = { (uintptr_t)p + page / 2, (CNT - 9) * page, false, got };
	memset(got, 0xff, CNT * page);
	assert_null(residency_read(&r, &mem, &req));
	assert_true(req.ok);
	for (size_t i = 0; i < req.len; i++) {
		size_t at = (i + page / 2) / page;

		assert_int_equal(got[i], at == 3 ? 3 : at == 70 || at == 71 ? 70 : 0);
	}
	assert_null(pagemap_touched(&r.pagemap, (uintptr_t)p, CNT * page, touched));
	assert_true(touched[0] == (1ull << 3 | 1ull << 5) && touched[1] == 3ull << (70 - 64));
	/* The page of zeroes is at 5. */
	assert_null(pagemap_present(&r.pagemap, (uintptr_t)p, CNT * page, present));
	assert_true(present[0] == 1ull << 3 && present[1] == 3ull << (70 - 64));

	/* All of it, as it is without a pagemap, and memory that isn't there. */
	pagemap_close(&r.pagemap);
	assert_null(residency_read(&r, &mem, &req));
	assert_true(req.ok && got[3 * page - page / 2] == 3);
	munmap(p, CNT * page);
	assert_null(residency_read(NULL, &mem, &req));
	assert_false(req.ok);
	free(got);
}

/* Where huge pages are on, one read maps 2 MiB of zeroes. */
static void huge_pages_of_zeroes_are_no_memory(void **state)
{
	enum { HUGE = 2 << 20 };
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *huge = (char *)(((uintptr_t)p + HUGE - 1) / HUGE * HUGE);
	uint64_t present[HUGE / 4096 / 64] = { 0 };
	struct pagemap pm;

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	madvise(huge, 2 * HUGE, MADV_HUGEPAGE);
	assert_int_equal(((volatile char *)huge)[page], 0);
	assert_null(pagemap_open(&pm, getpid()));
	assert_null(pagemap_present(&pm, (uintptr_t)huge, HUGE, present));
	for (size_t i = 0; i < sizeof(present) / 8; i++)
		assert_int_equal(present[i], 0);
	huge[HUGE + page] = 1; /* a page, or a huge page with it */
	assert_null(pagemap_present(&pm, (uintptr_t)huge + HUGE, HUGE, present));
	assert_true(present[0] & 2);
	pagemap_close(&pm);
	munmap(p, 3 * HUGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_in_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_pages_count, setup, teardown),
		cmocka_unit_test_setup_teardown(ranges_may_span_arenas, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_arenas_hold_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_of_another_size, setup, teardown),
		cmocka_unit_test(reads_a_pagemap),
		cmocka_unit_test(untouched_pages_stay_so),
		cmocka_unit_test(huge_pages_of_zeroes_are_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
