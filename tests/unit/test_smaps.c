// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/smaps.h"

struct list {
	struct smaps_mapping m[8];
	size_t cnt;
};

static struct err *note(void *ctx, const struct smaps_mapping *m)
{
	struct list *l = ctx;

	assert_true(l->cnt < 8);
	l->m[l->cnt++] = *m;
	return NULL;
}

static void parse(const char *text, struct list *l)
{
	_cleanup_fclose_ FILE *f = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(f);
	l->cnt = 0;
	assert_null(smaps_parse(f, note, l));
}

static void parses_mappings(void **state)
{
	struct list l;

	(void)state;
	parse("c000000000-c000400000 rw-p 00000000 00:00 0  [anon: Go: heap]\n"
	      "Size:               4096 kB\nRss:                 100 kB\nPss:  1 kB\n"
	      "LazyFree:             12 kB\nAnonHugePages:      2048 kB\nSwap:   8 kB\n"
	      "SwapPss:              99 kB\nLocked:               4 kB\n"
	      "VmFlags: rd wr mr mw me lo ac sd \n"
	      "7f0000000000-7f0000200000 rw-s 00000000 00:0f 3 /anon_hugepage (deleted)\n"
	      "Rss:                   0 kB\nPrivate_Hugetlb:    2048 kB\n"
	      "Shared_Hugetlb:     4096 kB\nVmFlags: rd wr de ht\n"
	      "7f0000300000-7f0000301000 rw-s 00000000 00:05 3 /dev/lo ht\n"
	      "Rss:                   0 kB\nVmFlags: rd pf io\n",
	      &l);
	assert_int_equal(l.cnt, 3);
	assert_true(l.m[0].start == 0xc000000000 && l.m[0].end == 0xc000400000);
	assert_int_equal(l.m[0].sizes.rss_bytes, 100 << 10);
	assert_int_equal(l.m[0].sizes.lazy_free_bytes, 12 << 10);
	assert_int_equal(l.m[0].sizes.huge_bytes, 2 << 20);
	assert_int_equal(l.m[0].sizes.swap_bytes, 8 << 10);
	assert_int_equal(l.m[0].sizes.locked_bytes, 4 << 10);
	assert_true(l.m[0].locked && !l.m[0].hugetlb && !l.m[0].pfnmap);
	assert_true(l.m[1].hugetlb && !l.m[1].locked);
	assert_int_equal(l.m[1].sizes.hugetlb_bytes, 6 << 20);
	assert_true(l.m[2].pfnmap && !l.m[2].hugetlb && !l.m[2].locked);
}

static void odd_files(void **state)
{
	struct list l;

	(void)state;
	parse("\n", &l);
	assert_int_equal(l.cnt, 0);
	parse("Rss: 5 kB\n", &l); /* belongs to no mapping */
	assert_int_equal(l.cnt, 0);
	parse("1000-2000 rw-p", &l); /* cut off */
	assert_int_equal(l.cnt, 1);
	parse("1000-2000 rw-p\nVmFlags:\nRss:\nRss: x\nVmFlags: lo", &l);
	assert_int_equal(l.cnt, 1);
	assert_int_equal(l.m[0].sizes.rss_bytes, 0);
	assert_true(l.m[0].locked);
}

static struct err *add_rss(void *ctx, const struct smaps_mapping *m)
{
	*(uint64_t *)ctx += m->sizes.rss_bytes;
	return NULL;
}

static void reads_a_process(void **state)
{
	struct memory_counters c;
	struct hold_meter meter = { 0 };
	uint64_t rss = 0;

	(void)state;
	assert_null(memory_counters_read(getpid(), &c));
	assert_null(smaps_read_mappings(getpid(), &meter, add_rss, &rss));
	assert_true(rss + c.slack_bytes >= c.rss_bytes &&
		    rss < c.rss_bytes + c.slack_bytes + (1 << 20));
	assert_true(c.slack_bytes > 0 && c.slack_bytes <= c.rss_bytes / 64 + (1 << 20));
	assert_int_equal(c.hugetlb_bytes, 0);
	assert_true(meter.cnt > 0 && meter.max_ns > 0 && meter.max_ns <= meter.total_ns);

	_cleanup_err_ struct err *err = memory_counters_read(-1, &c);
	assert_true(err_is(err, ERR_GONE));
	_cleanup_err_ struct err *gone = smaps_read_mappings(-1, NULL, add_rss, &rss);
	assert_true(err_is(gone, ERR_GONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_mappings),
		cmocka_unit_test(odd_files),
		cmocka_unit_test(reads_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
