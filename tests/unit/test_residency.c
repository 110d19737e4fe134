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
#include "zero_page.h"

#define ARENA_SZ (1ull << ARENA_SHIFT)
#define FIRST (ARENA_SZ * 100)
#define SECOND (ARENA_SZ * 101) /* directly after the first one */
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
		f->arenas[i].present = calloc(4 * PAGES / 64, 8);
		assert_non_null(f->arenas[i].present);
		f->arenas[i].swapped = f->arenas[i].present + PAGES / 64;
		f->arenas[i].huge = f->arenas[i].swapped + PAGES / 64;
		f->arenas[i].unclaimed = f->arenas[i].huge + PAGES / 64;
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
	/* An object in three pages, of which the middle one is not in memory. */
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
	/* From one known arena to another, with 98 unknown ones between them. */
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

/* Each page belongs to the first claim that covers it. */
static void claims_never_overlap(void **state)
{
	struct fixture *f = *state;
	struct resident res;

	for (int i = 0; i < 8; i++)
		touch(f, FIRST + i * PAGE);
	f->arenas[0].huge[0] = 3; /* the first two */
	f->arenas[0].swapped[0] = 1 << 9;
	f->arenas[0].unclaimed[0] = 0xff | 1 << 9;
	touch(f, SECOND);
	f->arenas[1].unclaimed[0] = 1;

	res = residency_claim(&f->r, FIRST + PAGE, 3 * PAGE);
	assert_int_equal(res.bytes, 3 * PAGE);
	assert_int_equal(res.huge_bytes, PAGE);
	assert_int_equal(res.swap_bytes, 0);
	res = residency_claim(&f->r, FIRST, ARENA_SZ + PAGE); /* reaches into the second arena */
	assert_int_equal(res.bytes, 6 * PAGE);
	assert_int_equal(res.huge_bytes, PAGE);
	assert_int_equal(res.swap_bytes, PAGE);
	res = residency_claim(&f->r, FIRST, THIRD - FIRST);
	assert_int_equal(res.bytes, 0);
	assert_int_equal(residency_bytes(&f->r, FIRST, ARENA_SZ), 8 * PAGE); /* as before */
}

struct runs {
	struct page_run list[16];
	size_t cnt;
};

static struct err *note_run(void *ctx, const struct page_run *run)
{
	struct runs *runs = ctx;

	assert_true(runs->cnt < 16);
	runs->list[runs->cnt++] = *run;
	return NULL;
}

static void what_nobody_claimed_is_listed(void **state)
{
	struct fixture *f = *state;
	struct runs runs = { .cnt = 0 };

	f->arenas[0].present[0] = f->arenas[0].unclaimed[0] = 0xf0;
	f->arenas[0].huge[0] = 0xc0;
	f->arenas[0].present[1] = 1; /* claimed */
	f->arenas[0].swapped[2] = f->arenas[0].unclaimed[2] = 6;
	f->arenas[0].swapped[3] = 1; /* claimed */
	f->arenas[1].present[PAGES / 64 - 1] = f->arenas[1].unclaimed[PAGES / 64 - 1] = 1ull << 63;
	assert_null(residency_unclaimed(&f->r, note_run, &runs));
	assert_int_equal(runs.cnt, 4);
	assert_true(runs.list[0].start == FIRST + 4 * PAGE);
	assert_true(runs.list[0].end == FIRST + 6 * PAGE);
	assert_int_equal(runs.list[0].state, PAGE_PRESENT);
	assert_true(runs.list[1].start == FIRST + 6 * PAGE);
	assert_true(runs.list[1].end == FIRST + 8 * PAGE);
	assert_int_equal(runs.list[1].state, PAGE_PRESENT | PAGE_HUGE);
	assert_true(runs.list[2].start == FIRST + 129 * PAGE);
	assert_true(runs.list[2].end == FIRST + 131 * PAGE);
	assert_int_equal(runs.list[2].state, PAGE_SWAPPED);
	assert_true(runs.list[3].start == SECOND + ARENA_SZ - PAGE);
	assert_true(runs.list[3].end == SECOND + ARENA_SZ);
}

/* Pages of this process: what counts in its arenas, and what is outside. */
static void walks_a_process(void **state)
{
	uint64_t len = 4 * ARENA_SZ;
	char *area = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t base = ((uintptr_t)area + ARENA_SZ - 1) >> ARENA_SHIFT << ARENA_SHIFT;
	struct address_range range = { base, base + ARENA_SZ };
	struct heap heap = { .mheap = 0 };
	struct pagealloc pa = { .in_use = { .data = (void *)&range, .len = 1, .cap = 1 } };
	struct addrspace as;
	struct residency r;
	struct runs runs = { .cnt = 0 };

	(void)state;
	assert_ptr_not_equal(area, MAP_FAILED);
	madvise(area, len, MADV_NOHUGEPAGE);
	*(volatile char *)(base + 3 * PAGE) = 1;
	if (kernel_has_zero_page())
		(void)*(volatile char *)(base + 4 * PAGE); /* the page of zeroes is in no RSS */
	*(volatile char *)(base + ARENA_SZ - PAGE) = 1;
	assert_null(addrspace_init(&as, getpid(), NULL));
	assert_null(residency_init(&r, &heap, &pa, &as, NULL, NULL));
	assert_false(r.assumed);
	assert_int_equal(residency_bytes(&r, base, ARENA_SZ), 2 * PAGE);
	assert_int_equal(residency_bytes(&r, base + 3 * PAGE, PAGE), PAGE);
	assert_null(residency_unclaimed(&r, note_run, &runs));
	assert_int_equal(runs.cnt, 2);
	residency_fini(&r);
	addrspace_fini(&as);
	munmap(area, len);
}

/* What reads as zeroes and was never written takes no memory, and still takes none after
 * residency_read() has read it. */
static void untouched_pages_stay_so(void **state)
{
	size_t page = sysconf(_SC_PAGESIZE);
	enum { CNT = 80 };
	char *p =
		mmap(NULL, CNT * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *got = malloc(CNT * page);
	struct residency r = { .page_sz = page };
	uint64_t touched[2] = { 0 };
	struct mem mem;

	(void)state;
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_non_null(got);
	madvise(p, CNT * page, MADV_NOHUGEPAGE);
	memset(p + 3 * page, 3, page);
	memset(p + 70 * page, 70, 2 * page);
	assert_int_equal(((volatile char *)p)[5 * page], 0);

	mem_init_process(&mem, getpid());
	assert_null(pagemap_open(&r.pagemap, getpid(), NULL));
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

	/* Without a pagemap everything is read, and memory that does not exist fails. */
	pagemap_close(&r.pagemap);
	assert_null(residency_read(&r, &mem, &req));
	assert_true(req.ok && got[3 * page - page / 2] == 3);
	munmap(p, CNT * page);
	assert_null(residency_read(NULL, &mem, &req));
	assert_false(req.ok);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_in_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_of_pages_count, setup, teardown),
		cmocka_unit_test_setup_teardown(ranges_may_span_arenas, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_arenas_hold_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_of_another_size, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_never_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(what_nobody_claimed_is_listed, setup, teardown),
		cmocka_unit_test(walks_a_process),
		cmocka_unit_test(untouched_pages_stay_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
