/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a page that is only read takes no memory. Some kernels of virtual machines have no
 * shared page of zeroes: there each page that is read becomes the process's own. */
#ifndef TESTS_ZERO_PAGE_H
#define TESTS_ZERO_PAGE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static inline long own_rss_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long rss = -1;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &rss), 1);
	fclose(f);
	return rss;
}

static inline bool kernel_has_zero_page(void)
{
	enum { CNT = 1024 };
	size_t page = sysconf(_SC_PAGESIZE);
	char *p =
		mmap(NULL, CNT * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long before = own_rss_pages();

	assert_ptr_not_equal(p, MAP_FAILED);
	madvise(p, CNT * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < CNT; i++)
		(void)*(volatile char *)(p + i * page);
	long after = own_rss_pages();
	munmap(p, CNT * page);
	return after - before < CNT / 2;
}

#endif
