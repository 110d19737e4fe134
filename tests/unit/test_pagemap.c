// SPDX-License-Identifier: GPL-2.0-only
/* Pages of this process, by the ioctl and by the file: both must tell the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/addrspace.h"
#include "zero_page.h"

enum { PAGE = 4096, PAGES = 8192 };

struct seen {
	uint64_t base;
	uint32_t state[PAGES];
	uint64_t last_end;
};

static struct err *note(void *ctx, const struct page_run *run)
{
	struct seen *s = ctx;

	assert_true(run->start >= s->last_end && run->end > run->start);
	s->last_end = run->end;
	for (uint64_t a = run->start; a < run->end; a += PAGE)
		s->state[(a - s->base) / PAGE] = run->state;
	return NULL;
}

static char *map_pages(size_t cnt)
{
	char *p =
		mmap(NULL, cnt * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	madvise(p, cnt * PAGE, MADV_NOHUGEPAGE);
	return p;
}

static void walk(struct pagemap *pm, const char *area, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	seen->base = (uintptr_t)area;
	assert_null(pagemap_walk(pm, seen->base, seen->base + (uint64_t)PAGES * PAGE, note, seen));
}

/* Every other page, so that there are more regions than one call of the ioctl returns. */
static void states_of_pages(void **state)
{
	static struct seen by_scan, by_read;
	char *area = map_pages(PAGES);
	bool has_zero_page = kernel_has_zero_page();
	struct pagemap pm;

	(void)state;
	for (int i = 0; i < PAGES; i += 2)
		area[(size_t)i * PAGE] = 1;
	if (has_zero_page)
		(void)*(volatile char *)(area + 5 * PAGE); /* only read */
	assert_null(pagemap_open(&pm, getpid(), NULL));
	walk(&pm, area, &by_scan);
	bool scans = pm.scans;
	pm.scans = false;
	walk(&pm, area, &by_read);
	for (int i = 0; i < PAGES; i++) {
		uint32_t wanted = i % 2 == 0 ? PAGE_PRESENT : 0;

		if (i == 5 && has_zero_page)
			wanted = PAGE_PRESENT | PAGE_ZERO;
		if (scans)
			assert_int_equal(by_scan.state[i], wanted);
		if (i != 5 || pm.zero_pfn)
			assert_int_equal(by_read.state[i], wanted);
	}
	pagemap_close(&pm);
	munmap(area, (size_t)PAGES * PAGE);
}

static void pages_of_files_are_told(void **state)
{
	static struct seen seen;
	char *area = map_pages(PAGES);
	int fd = memfd_create("test", 0);
	struct pagemap pm;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4 * PAGE), 0);
	assert_ptr_equal(
		mmap(area, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0), area);
	area[PAGE] = 1;
	area[5 * PAGE] = 1;
	assert_null(pagemap_open(&pm, getpid(), NULL));
	walk(&pm, area, &seen);
	assert_int_equal(seen.state[1], PAGE_PRESENT | PAGE_FILE);
	assert_int_equal(seen.state[5], PAGE_PRESENT);
	assert_int_equal(seen.state[0], 0);
	pagemap_close(&pm);
	close(fd);
	munmap(area, (size_t)PAGES * PAGE);
}

/* Memory that was read and never written is one huge page of zeroes, where the kernel has it; it
 * is in no RSS. */
static void the_huge_page_of_zeroes_is_told(void **state)
{
	enum { HUGE = 2 << 20 };
	static struct seen seen;
	char *area = map_pages(PAGES);
	char *huge = (char *)(((uintptr_t)area + HUGE - 1) / HUGE * HUGE);
	struct pagemap pm;

	(void)state;
	if (!kernel_has_zero_page())
		return;
	madvise(huge, 2 * HUGE, MADV_HUGEPAGE);
	(void)*(volatile char *)huge;
	huge[HUGE] = 1;
	assert_null(pagemap_open(&pm, getpid(), NULL));
	walk(&pm, area, &seen);
	size_t first = (huge - area) / PAGE;
	assert_true(seen.state[first] & PAGE_ZERO);
	assert_true((seen.state[first + HUGE / PAGE] & (PAGE_PRESENT | PAGE_ZERO | PAGE_FILE)) ==
		    PAGE_PRESENT);
	pagemap_close(&pm);
	munmap(area, (size_t)PAGES * PAGE);
}

static struct err *sum_run(void *ctx, const struct page_run *run)
{
	if (run->state & PAGE_PRESENT)
		*(uint64_t *)ctx += run->end - run->start;
	return NULL;
}

/* Terabytes of reserved address space must not be read page by page. */
static void reservations_cost_nothing(void **state)
{
	size_t len = 8ull << 40;
	char *area = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t sum = 0;
	struct addrspace as;

	(void)state;
	assert_ptr_not_equal(area, MAP_FAILED);
	assert_null(addrspace_init(&as, getpid(), NULL));
	assert_null(addrspace_walk(&as, sum_run, &sum));
	assert_true(as.source != ADDRSPACE_SMAPS);
	/* We take pages ourselves between the walk and the sum. */
	assert_true(sum <= as.sums.rss_bytes + (1 << 20));
	assert_true(sum + (1 << 20) >= as.sums.rss_bytes);
	addrspace_fini(&as);
	munmap(area, len);
}

/* Adds up the pages of runs that are in one area. */
struct part {
	uint64_t start;
	uint64_t end;
	uint64_t bytes;
	size_t runs;
};

static struct err *add_part(void *ctx, const struct page_run *run)
{
	struct part *part = ctx;

	/* A run may begin before the area, or end after it. */
	uint64_t start = run->start > part->start ? run->start : part->start;
	uint64_t end = run->end < part->end ? run->end : part->end;

	if (start < end) {
		part->bytes += end - start;
		part->runs++;
	}
	return NULL;
}

/* A walk that began earlier finds what a walk does that begins now. With more runs than it keeps,
 * it begins again. */
static void a_walk_may_be_ahead(void **state)
{
	static const size_t pages[] = { 64, 3 << 16 }; /* number of pages, of which every second
							* one is touched */

	(void)state;
	for (int i = 0; i < 2; i++) {
		char *area = map_pages(pages[i]);
		struct part part = { (uintptr_t)area, (uintptr_t)area + pages[i] * PAGE, 0, 0 };
		struct addrspace as;

		for (size_t k = 0; k < pages[i]; k += 2)
			area[k * PAGE] = 1;
		assert_null(addrspace_init(&as, getpid(), NULL));
		addrspace_start(&as);
		assert_null(addrspace_walk(&as, add_part, &part));
		assert_int_equal(as.ahead.too_many, i == 1);
		assert_int_equal(part.runs, pages[i] / 2);
		assert_int_equal(part.bytes, pages[i] / 2 * PAGE);
		assert_true(as.sums.rss_bytes >= part.bytes);
		addrspace_fini(&as);
		/* Closed without a visit. */
		assert_null(addrspace_init(&as, getpid(), NULL));
		addrspace_start(&as);
		addrspace_fini(&as);
		munmap(area, pages[i] * PAGE);
	}
}

/* What glibc guards stacks with takes neither memory nor swap. */
static void guards_are_no_pages(void **state)
{
	enum { GUARD_INSTALL = 102, CATEGORY_GUARD = 1 << 8 };
	static struct seen seen;
	char *area = map_pages(PAGES);
	struct pagemap pm;

	(void)state;
	area[0] = area[9 * PAGE] = 1;
	assert_null(pagemap_open(&pm, getpid(), NULL));
	if (!(pm.categories & CATEGORY_GUARD) || madvise(area + PAGE, 8 * PAGE, GUARD_INSTALL) != 0)
		skip(); /* before Linux 6.15 */
	for (int scans = 0; scans < 2; scans++) {
		pm.scans = scans;
		walk(&pm, area, &seen);
		for (int i = 0; i < 16; i++)
			assert_int_equal(seen.state[i], i == 0 || i == 9 ? PAGE_PRESENT : 0);
	}
	pagemap_close(&pm);
	munmap(area, (size_t)PAGES * PAGE);
}

/* While a call walks page tables, the target cannot map memory, so each walks little; but holes take
 * few calls. */
static void no_call_walks_much(void **state)
{
	enum { STEP = 1 << 20 };
	static struct seen seen;
	struct hold_meter meter = { 0 };
	char *area = map_pages(PAGES);
	struct pagemap pm;

	(void)state;
	memset(area, 1, (size_t)PAGES * PAGE);
	assert_null(pagemap_open(&pm, getpid(), &meter));
	for (int scans = 0; scans <= pm.scans; scans++) {
		pm.scans = scans;
		meter = (struct hold_meter){ 0 };
		walk(&pm, area, &seen);
		assert_true(meter.cnt >= PAGES * PAGE / STEP);
		assert_true(meter.max_ns > 0 && meter.max_ns <= meter.total_ns);
	}
	if (pm.scans) {
		uint64_t sum = 0, hole = 1ull << 44;

		meter.cnt = 0;
		assert_null(pagemap_walk(&pm, hole, hole << 1, sum_run, &sum));
		assert_true(meter.cnt < 200);
	}
	pagemap_close(&pm);
	munmap(area, (size_t)PAGES * PAGE);
}

static void no_such_process(void **state)
{
	struct pagemap pm;
	_cleanup_err_ struct err *err = pagemap_open(&pm, -1, NULL);

	(void)state;
	assert_true(err_is(err, ERR_GONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_of_pages),
		cmocka_unit_test(pages_of_files_are_told),
		cmocka_unit_test(the_huge_page_of_zeroes_is_told),
		cmocka_unit_test(reservations_cost_nothing),
		cmocka_unit_test(a_walk_may_be_ahead),
		cmocka_unit_test(guards_are_no_pages),
		cmocka_unit_test(no_call_walks_much),
		cmocka_unit_test(no_such_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
