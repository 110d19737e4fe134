// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page faults on pages that were given back: what it may cost to look at them, and what
 * their counts mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/refault_sums.h"
#include "trace/refaults.h"

#define PAGE_SZ 4096
#define PAGES_OF(mib) ((uint64_t)(mib)*1024 * 1024 / PAGE_SZ)

static const struct governor percent = {
	.share = 0.01,
	.start_ns = 1000 * NS_PER_S,
	.end_ns = 1060 * NS_PER_S,
};

static uint64_t allowed(const struct governor *g, double spent_ns, bool paused, uint64_t seconds)
{
	return refaults_allowed(g, spent_ns, /* price_ns */ 100, paused,
				g->start_ns + seconds * NS_PER_S);
}

/* A quarter of what ten seconds earn is there at once: 25 ms. */
static void test_allowed_at_once(void **state)
{
	(void)state;
	assert_int_equal(allowed(&percent, 0, false, 0), 250000);
	assert_int_equal(allowed(&percent, 20e6, false, 0), 50000);
	assert_int_equal(allowed(&percent, 25e6, false, 0), 0);
	assert_int_equal(allowed(&percent, 1e12, false, 0), 0);
	assert_int_equal(allowed(&percent, 25e6, false, 20), 250000);
}

static void test_allowed_after_a_pause(void **state)
{
	(void)state;
	assert_int_equal(allowed(&percent, 25e6, true, 10), 0);
	assert_int_equal(allowed(&percent, 25e6 + 1, true, 11), 0);
	assert_int_equal(allowed(&percent, 25e6, true, 11), 25000);
	assert_int_equal(allowed(&percent, 22e6, true, 0), 30000);
}

static void test_nothing_for_nothing(void **state)
{
	struct governor none = percent;
	(void)state;

	none.share = 0;
	assert_int_equal(allowed(&none, 0, true, 5), 0);
	assert_int_equal(allowed(&none, 0, false, 5), 0);
}

/* A target that has page faults all the time, looked at in steps of 100 ms. */
static void test_part_holds(void **state)
{
	double spent_ns = 0;
	bool attached = false;
	(void)state;

	for (uint64_t ms = 0; ms < 60000; ms += 100) {
		uint64_t now_ns = percent.start_ns + ms * NS_PER_MS;
		uint64_t most = refaults_allowed(&percent, spent_ns, 100, !attached, now_ns);

		attached = most > 0;
		spent_ns += 100.0 * (double)most;
		assert_true(spent_ns <= governor_budget(&percent, now_ns) / REFAULTS_PART);
	}
	/* And the budget is used. */
	assert_true(spent_ns > 0.9 * governor_budget(&percent, percent.end_ns) / REFAULTS_PART);
}

static void test_half(void **state)
{
	struct trace_refaults r = { 0 };
	(void)state;

	assert_int_equal(refaults_half_ns(&r), 0);
	r.faults = r.ages[10] = 1;
	assert_int_equal(refaults_half_ns(&r), 2048);
	r.ages[20] = 1;
	r.faults = 2;
	assert_int_equal(refaults_half_ns(&r), 2048);
	r.ages[20] = 2;
	r.faults = 3;
	assert_int_equal(refaults_half_ns(&r), 2 << 20);
	r = (struct trace_refaults){ .faults = 1 };
	r.ages[63] = 1;
	assert_int_equal(refaults_half_ns(&r), UINT64_MAX);
}

/* Without a stack the reason is not known. */
static void test_sum(void **state)
{
	const struct trace_giver givers[] = {
		{ .pages = 100, .faults = 7 },
		{ .pages = 20, .faults = 3 },
	};
	const struct trace_refaults r = { .givers = givers, .giver_cnt = 2 };
	struct refault_sum sum = refaults_sum(/* lines */ NULL, &r);
	(void)state;

	assert_int_equal(sum.pages[MEM_REASON_UNKNOWN], 120);
	assert_int_equal(sum.faults[MEM_REASON_UNKNOWN], 10);
	assert_int_equal(sum.pages[MEM_REASON_C] + sum.pages[MEM_REASON_PROGRAM], 0);
}

static void test_swing(void **state)
{
	struct refault_sum sum = { 0 };
	(void)state;

	assert_false(refaults_swing(&sum, PAGE_SZ));
	sum.pages[MEM_REASON_FREE_OS_MEMORY] = PAGES_OF(1024);
	sum.faults[MEM_REASON_FREE_OS_MEMORY] = PAGES_OF(1024);
	assert_false(refaults_swing(&sum, PAGE_SZ)); /* the program asked for it */
	sum.pages[MEM_REASON_BACKGROUND_SCAVENGER] = PAGES_OF(15);
	sum.faults[MEM_REASON_BACKGROUND_SCAVENGER] = PAGES_OF(15);
	assert_false(refaults_swing(&sum, PAGE_SZ)); /* too little to matter */
	sum.pages[MEM_REASON_BACKGROUND_SCAVENGER] = PAGES_OF(40);
	sum.faults[MEM_REASON_BACKGROUND_SCAVENGER] = PAGES_OF(10);
	assert_true(refaults_swing(&sum, PAGE_SZ));
	sum.faults[MEM_REASON_BACKGROUND_SCAVENGER]--;
	assert_false(refaults_swing(&sum, PAGE_SZ));
	sum.faults[MEM_REASON_ALLOCATION] = 1;
	assert_true(refaults_swing(&sum, PAGE_SZ));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allowed_at_once),
		cmocka_unit_test(test_allowed_after_a_pause),
		cmocka_unit_test(test_nothing_for_nothing),
		cmocka_unit_test(test_part_holds),
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_swing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
