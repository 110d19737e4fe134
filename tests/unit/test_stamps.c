// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stamps of pages that were given back: bpf/refaults.bpf.h compiled for this machine,
 * with tables and a clock of our own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/bpf.h>
#include <linux/types.h>

/* Replaces vmlinux.h and libbpf's bpf_helpers.h: their guards are defined. */
#define __VMLINUX_H__
#define __BPF_HELPERS__
#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) val *name
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif

static void *bpf_map_lookup_elem(void *map, const void *key);
static long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
static __u64 bpf_get_current_pid_tgid(void);
static __u64 bpf_ktime_get_ns(void);

#include "refaults.bpf.h"

enum { PAGE_SHIFT = 12, PAGE_SZ = 1 << PAGE_SHIFT };
#define CHUNK_BYTES ((uint64_t)ABI_CHUNK_PAGES * PAGE_SZ)
#define CALL_BYTES (ABI_GIVE_CHUNKS * CHUNK_BYTES)
#define FORGET_BYTES (ABI_FORGET_CHUNKS * CHUNK_BYTES)
#define BASE (64 * CALL_BYTES) /* where a chunk begins */

#define MS UINT64_C(1000000)

const volatile __u32 page_shift = PAGE_SHIFT;

/* ---- The kernel's part ---- */

static struct kernel {
	uint64_t now;
	uint64_t tgid;

	__u64 keys[ABI_CHUNKS];
	struct abi_chunk *values[ABI_CHUNKS];
	size_t chunk_cnt;

	struct abi_giver givers[ABI_GIVERS];
	__u32 numbers[ABI_GIVERS];
	size_t giver_cnt;

	struct abi_fault_meter meter;
} kernel;

static void *find(void *map, const void *key)
{
	if (map == &fault_meters)
		return &kernel.meter;
	if (map == &givers) {
		for (size_t i = 0; i < kernel.giver_cnt; i++)
			if (!memcmp(&kernel.givers[i], key, sizeof(kernel.givers[i])))
				return &kernel.numbers[i];
		return NULL;
	}
	assert_ptr_equal(map, &chunks);
	for (size_t i = 0; i < kernel.chunk_cnt; i++)
		if (!memcmp(&kernel.keys[i], key, sizeof(kernel.keys[i])))
			return kernel.values[i];
	return NULL;
}

static void *bpf_map_lookup_elem(void *map, const void *key)
{
	return find(map, key);
}

static long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	assert_int_equal(flags, BPF_NOEXIST);
	assert_null(find(map, key));
	if (map == &givers) {
		if (kernel.giver_cnt == ABI_GIVERS)
			return -1;
		memcpy(&kernel.givers[kernel.giver_cnt], key, sizeof(kernel.givers[0]));
		memcpy(&kernel.numbers[kernel.giver_cnt++], value, sizeof(kernel.numbers[0]));
		return 0;
	}
	if (kernel.chunk_cnt == ABI_CHUNKS)
		return -1;
	struct abi_chunk *chunk = malloc(sizeof(*chunk));
	assert_non_null(chunk);
	memcpy(chunk, value, sizeof(*chunk));
	memcpy(&kernel.keys[kernel.chunk_cnt], key, sizeof(kernel.keys[0]));
	kernel.values[kernel.chunk_cnt++] = chunk;
	return 0;
}

static __u64 bpf_get_current_pid_tgid(void)
{
	return kernel.tgid << 32 | 4711;
}

static __u64 bpf_ktime_get_ns(void)
{
	return kernel.now;
}

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	memset(&fault_state, 0, sizeof(fault_state));
	kernel.now = 1000 * MS;
	kernel.tgid = 42;
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < kernel.chunk_cnt; i++)
		free(kernel.values[i]);
	return 0;
}

/* ---- The target's part: it gives back, maps anew and faults ---- */

static void give(uint64_t who, uint64_t addr, uint64_t len)
{
	const struct abi_giver giver = { .stack = { 0x401000, who } };

	range_give_back(&giver, addr, len, kernel.now);
}

static void forget(uint64_t addr, uint64_t len)
{
	range_forget(addr, len, kernel.now);
}

static uint64_t counted(void)
{
	uint64_t ages = 0, by_giver = 0;

	for (size_t i = 0; i < ABI_AGE_BINS; i++)
		ages += kernel.meter.ages[i];
	for (size_t i = 0; i < ABI_GIVERS; i++)
		by_giver += kernel.meter.givers[i];
	assert_int_equal(ages, by_giver);
	return ages;
}

/* Faults on pages [first, first + cnt) from BASE on; returns how many count. */
static uint64_t touch(int64_t first, uint64_t cnt)
{
	uint64_t before = counted();

	for (uint64_t i = 0; i < cnt; i++)
		fault_handle(BASE + (first + i) * PAGE_SZ + 1234, /* present= */ 0);
	return counted() - before;
}

static uint64_t unwatched(void)
{
	uint64_t sum = 0, by_giver = 0;

	for (size_t i = 0; i < ABI_GIVERS; i++)
		by_giver += fault_state.giver_pages[i];
	assert_int_equal(by_giver, fault_state.watched_pages);
	for (size_t i = 0; i < ABI_UNWATCHED_CNT; i++)
		sum += fault_state.unwatched_pages[i];
	return sum;
}

/* ---- What counts ---- */

static void the_first_touch_counts(void **state)
{
	(void)state;
	assert_int_equal(touch(0, 100), 0);
	give(1, BASE + 10 * PAGE_SZ, 20 * PAGE_SZ);
	assert_int_equal(fault_state.watched_pages, 20);
	assert_int_equal(touch(0, 10), 0);
	assert_int_equal(touch(30, 10), 0);
	assert_int_equal(touch(10, 20), 20);
	assert_int_equal(touch(10, 20), 0);
	give(1, BASE + 29 * PAGE_SZ, PAGE_SZ);
	assert_int_equal(touch(0, 100), 1);
	assert_int_equal(fault_state.watched_pages, 21);
	assert_int_equal(unwatched(), 0);
}

/* Like madvise(): a length that ends inside a page gives back all of that page. */
static void lengths_are_rounded_up(void **state)
{
	static const struct {
		uint64_t len, pages;
	} cases[] = { { 1, 1 },		  { PAGE_SZ - 1, 1 },	  { PAGE_SZ, 1 },
		      { PAGE_SZ + 1, 2 }, { 2 * PAGE_SZ - 1, 2 }, { 0, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		give(1, BASE, cases[i].len);
		assert_int_equal(touch(0, 10), cases[i].pages);
		give(1, BASE, 10 * PAGE_SZ);
		forget(BASE, cases[i].len);
		assert_int_equal(touch(0, 10), 10 - cases[i].pages);
	}
}

static void ranges_cross_chunks(void **state)
{
	(void)state;
	give(1, BASE + CHUNK_BYTES - PAGE_SZ, 2 * CHUNK_BYTES + 2 * PAGE_SZ);
	assert_int_equal(kernel.chunk_cnt, 4);
	assert_int_equal(fault_state.watched_pages, 2 * ABI_CHUNK_PAGES + 2);
	forget(BASE + 2 * CHUNK_BYTES - 3 * PAGE_SZ, 6 * PAGE_SZ);
	assert_int_equal(touch(0, 5 * ABI_CHUNK_PAGES), 2 * ABI_CHUNK_PAGES - 4);
	assert_int_equal(touch(0, 5 * ABI_CHUNK_PAGES), 0);
}

/* The page came with a huge page or in a system call: no fault brought it back. */
static void a_fault_on_a_page_that_is_there(void **state)
{
	(void)state;
	give(1, BASE, 2 * PAGE_SZ);
	fault_handle(BASE, /* present= */ 1);
	assert_int_equal(counted(), 0);
	assert_int_equal(touch(0, 2), 1);
}

/* ---- When, and by whom ---- */

static void ages_are_powers_of_two(void **state)
{
	static const struct {
		uint64_t age;
		int bin;
	} cases[] = { { 0, 0 },		  { 1, 0 },	     { 2, 1 },	   { 3, 1 },
		      { 4, 2 },		  { 1023, 9 },	     { 1024, 10 }, { (1ull << 32) - 1, 31 },
		      { 1ull << 32, 32 }, { 1ull << 62, 62 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t start = 1024 * MS; /* a coarse time */

		memset(&kernel.meter, 0, sizeof(kernel.meter));
		kernel.now = start;
		give(700 + i, BASE, PAGE_SZ);
		kernel.now = start + cases[i].age;
		assert_int_equal(touch(0, 1), 1);
		assert_int_equal(kernel.meter.ages[cases[i].bin], 1);
	}
	/* Clocks of two CPUs may differ. */
	memset(&kernel.meter, 0, sizeof(kernel.meter));
	give(1, BASE, PAGE_SZ);
	kernel.now = MS;
	assert_int_equal(touch(0, 1), 1);
	assert_int_equal(kernel.meter.ages[0], 1);
}

/* The giver of a page is the last one that gave it back. */
static void each_giver_has_a_number(void **state)
{
	(void)state;
	kernel.now += 1001; /* most of the low bits, which the number takes, are set */
	give(5, BASE, 10 * PAGE_SZ);
	give(6, BASE + 5 * PAGE_SZ, 10 * PAGE_SZ);
	give(5, BASE + 12 * PAGE_SZ, PAGE_SZ);
	assert_int_equal(kernel.giver_cnt, 2);
	assert_int_equal(fault_state.giver_cnt, 2);
	assert_int_equal(fault_state.giver_pages[1], 11);
	assert_int_equal(fault_state.giver_pages[2], 10);
	assert_int_equal(touch(0, 20), 15);
	assert_int_equal(kernel.meter.givers[1], 6);
	assert_int_equal(kernel.meter.givers[2], 9);
	assert_int_equal(unwatched(), 0);
}

/* Further givers have no number, and their pages are not taken for those of others. */
static void too_many_givers(void **state)
{
	enum { MORE = ABI_GIVERS + 10 };

	(void)state;
	for (uint64_t who = 0; who < MORE; who++)
		give(who, BASE + who * PAGE_SZ, PAGE_SZ);
	assert_int_equal(fault_state.giver_cnt, MORE);
	assert_int_equal(touch(0, MORE), MORE);
	assert_int_equal(kernel.meter.givers[0], MORE - (ABI_GIVERS - 1));
	assert_int_equal(fault_state.giver_pages[0], MORE - (ABI_GIVERS - 1));
	for (size_t i = 1; i < ABI_GIVERS; i++)
		assert_int_equal(kernel.meter.givers[i], 1);
	assert_int_equal(unwatched(), 0);
}

static void the_target_is_known_from_the_first_on(void **state)
{
	(void)state;
	forget(BASE, PAGE_SZ);
	assert_int_equal(fault_state.tgid, 0);
	give(1, BASE, PAGE_SZ);
	assert_int_equal(fault_state.tgid, 42);
}

/* ---- Mapping anew ---- */

static void what_is_mapped_anew_is_forgotten(void **state)
{
	(void)state;
	give(1, BASE, 100 * PAGE_SZ);
	forget(BASE + 10 * PAGE_SZ, 20 * PAGE_SZ);
	forget(BASE + 2 * CHUNK_BYTES, 50 * CHUNK_BYTES);
	assert_int_equal(kernel.chunk_cnt, 1); /* forgetting takes no room */
	assert_int_equal(touch(10, 20), 0);
	assert_int_equal(touch(0, 100), 80);
	assert_int_equal(fault_state.voids, 0);
	give(1, BASE + 10 * PAGE_SZ, PAGE_SZ);
	assert_int_equal(touch(0, 100), 1);
}

/* The most that one call forgets page by page. */
static void much_is_mapped_anew(void **state)
{
	const int64_t last = ABI_FORGET_CHUNKS * (int64_t)ABI_CHUNK_PAGES;

	(void)state;
	give(1, BASE - PAGE_SZ, 2 * PAGE_SZ);
	give(1, BASE + CALL_BYTES - PAGE_SZ, 2 * PAGE_SZ);
	give(1, BASE + FORGET_BYTES - PAGE_SZ, 2 * PAGE_SZ);
	forget(BASE, FORGET_BYTES);
	assert_int_equal(fault_state.voids, 0);
	assert_int_equal(touch(-1, 2), 1);
	assert_int_equal(touch(ABI_GIVE_CHUNKS * ABI_CHUNK_PAGES - 1, 2), 0);
	assert_int_equal(touch(last - 1, 2), 1);
}

/* More than that: no page given back before counts any more, all those after do. */
static void too_much_is_mapped_anew(void **state)
{
	(void)state;
	give(1, BASE - CHUNK_BYTES, 10 * PAGE_SZ);
	give(1, BASE + FORGET_BYTES, 10 * PAGE_SZ);
	kernel.now += MS;
	forget(BASE, FORGET_BYTES + PAGE_SZ);
	assert_int_equal(fault_state.voids, 1);
	kernel.now += MS;
	assert_int_equal(touch(-ABI_CHUNK_PAGES, 5), 0);
	assert_int_equal(touch(ABI_FORGET_CHUNKS * (int64_t)ABI_CHUNK_PAGES, 5), 0);
	give(1, BASE, 10 * PAGE_SZ);
	assert_int_equal(touch(0, 10), 10);
}

/* Even in the same microsecond: the low bits of a stamp are not a time. */
static void a_giver_is_not_a_time(void **state)
{
	(void)state;
	for (uint64_t who = 1; who <= 700; who++)
		give(who, BASE, PAGE_SZ);
	kernel.now = 1024 * MS; /* the low bits are 0 */
	give(700, BASE, PAGE_SZ);
	kernel.now += 100;
	forget(BASE + CHUNK_BYTES, FORGET_BYTES + PAGE_SZ);
	assert_int_equal(fault_state.voids, 1);
	assert_int_equal(touch(0, 1), 0);
}

/* ---- Bounds: what is not watched is counted ---- */

static void a_call_may_be_too_long(void **state)
{
	const uint64_t pages = ABI_GIVE_CHUNKS * (uint64_t)ABI_CHUNK_PAGES;

	(void)state;
	give(1, BASE, CALL_BYTES);
	assert_int_equal(fault_state.watched_pages, pages);
	assert_int_equal(unwatched(), 0);
	give(2, BASE + PAGE_SZ, CALL_BYTES + 6 * PAGE_SZ);
	assert_int_equal(fault_state.unwatched_pages[ABI_UNWATCHED_CALL_TOO_LONG], 7);
	assert_int_equal(unwatched(), 7);
	assert_int_equal(fault_state.watched_pages, 2 * pages - 1);
	assert_int_equal(touch(pages - 10, 20), 10);
}

static void the_table_may_be_full(void **state)
{
	uint64_t len = 2 * CHUNK_BYTES;

	(void)state;
	for (uint64_t i = 0; i < ABI_CHUNKS - 1; i++)
		give(1, BASE + i * CHUNK_BYTES, PAGE_SZ);
	assert_int_equal(unwatched(), 0);
	give(1, BASE + (ABI_CHUNKS - 1) * CHUNK_BYTES, len);
	assert_int_equal(fault_state.unwatched_pages[ABI_UNWATCHED_TABLE_FULL], ABI_CHUNK_PAGES);
	assert_int_equal(unwatched(), ABI_CHUNK_PAGES);
	assert_int_equal(fault_state.watched_pages, ABI_CHUNKS - 1 + ABI_CHUNK_PAGES);
	assert_int_equal(touch((ABI_CHUNKS - 1) * (int64_t)ABI_CHUNK_PAGES, 2 * ABI_CHUNK_PAGES),
			 ABI_CHUNK_PAGES);
}

/* ---- Times ---- */

/* One in 2^ABI_TIMED_SHIFT, of a whole range and with any stride. */
static void some_faults_are_timed(void **state)
{
	enum { FAULTS = 1 << 16 };

	(void)state;
	for (uint64_t stride = 1; stride <= 1024; stride *= 2) {
		int timed = 0, first = fault_is_timed(BASE);

		for (uint64_t i = 0; i < FAULTS; i++)
			timed += fault_is_timed(BASE + i * stride * PAGE_SZ);
		assert_in_range(timed, (FAULTS >> ABI_TIMED_SHIFT) * 9 / 10,
				(FAULTS >> ABI_TIMED_SHIFT) * 11 / 10);
		assert_int_equal(fault_is_timed(BASE + PAGE_SZ - 1), first); /* by the page */
	}
}

static void what_was_interrupted_is_cut(void **state)
{
	(void)state;
	fault_time(300);
	fault_time(ABI_TIMED_MOST_NS);
	fault_time(ABI_TIMED_MOST_NS + 1);
	fault_time(1000 * MS);
	assert_int_equal(fault_state.timed, 4);
	assert_int_equal(fault_state.timed_ns, 300 + 3 * ABI_TIMED_MOST_NS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_touch_counts),
		TEST(lengths_are_rounded_up),
		TEST(ranges_cross_chunks),
		TEST(a_fault_on_a_page_that_is_there),
		TEST(ages_are_powers_of_two),
		TEST(each_giver_has_a_number),
		TEST(too_many_givers),
		TEST(the_target_is_known_from_the_first_on),
		TEST(what_is_mapped_anew_is_forgotten),
		TEST(much_is_mapped_anew),
		TEST(too_much_is_mapped_anew),
		TEST(a_giver_is_not_a_time),
		TEST(a_call_may_be_too_long),
		TEST(the_table_may_be_full),
		TEST(some_faults_are_timed),
		TEST(what_was_interrupted_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
