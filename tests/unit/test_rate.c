// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates and their intervals. Streams of operations are made up, and so are the windows in
 * which they are looked at, so the truth is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "trace/functions.h"
#include "trace/rate.h"

#define WINDOWS 64
#define PERIOD_NS (125 * NS_PER_MS)
#define OPEN_NS (20 * NS_PER_MS)
#define RUN_S (WINDOWS * 0.125)

struct run {
	struct trace_window windows[WINDOWS];
	struct trace_sample samples[2 * WINDOWS];
	struct trace_row rows[2];
	struct trace_result result;
};

/* All windows of one kind, without hits. */
static void run_init(struct run *run, uint64_t open_ns)
{
	*run = (struct run){ 0 };
	for (int i = 0; i < WINDOWS; i++)
		run->windows[i] = (struct trace_window){ .open_ns = open_ns,
							 .planned_ns = open_ns,
							 .span_ns = PERIOD_NS };
	run->result.windows = run->windows;
	run->result.window_cnt = WINDOWS;
	run->result.rows = run->rows;
	run->result.row_cnt = 2;
	run->result.samples = run->samples;
	run->result.covers[map_functions[0].op] = open_ns == PERIOD_NS ? TRACE_COVER_ALL
								       : TRACE_COVER_WINDOWS;
	run->result.bases[0] = (struct trace_base){
		.windows = WINDOWS,
		.open_ns = (double)WINDOWS * (double)open_ns,
		.span_ns = (double)WINDOWS * (double)PERIOD_NS,
		.span_ns_squared = (double)WINDOWS * (double)PERIOD_NS * (double)PERIOD_NS,
	};
}

static void run_hit(struct run *run, uint32_t window, uint32_t row, uint32_t hits)
{
	if (hits)
		run->samples[run->result.sample_cnt++] =
			(struct trace_sample){ .window = window, .row = row, .hits = hits };
}

static struct rate run_rate(const struct run *run)
{
	struct rate_sum sum = { 0 };

	for (size_t i = 0; i < run->result.sample_cnt; i++)
		rate_add(&sum, &run->result, &run->samples[i]);
	return rate_of(&sum, map_functions[0].op, &run->result);
}

static void test_nothing_seen(void **state)
{
	struct run run;
	struct rate rate;
	(void)state;

	run_init(&run, PERIOD_NS);
	rate = run_rate(&run);
	assert_true(rate.per_s == 0 && rate.low == 0 && rate.high == 0 && !rate.rough);
	assert_null(rate.missing);

	/* Any number may have happened between the windows. */
	run_init(&run, OPEN_NS);
	rate = run_rate(&run);
	assert_true(rate.per_s == 0 && rate.low == 0 && isnan(rate.high) && !rate.rough);
	assert_null(rate.missing);
}

static void test_not_watched(void **state)
{
	struct run run;
	struct rate rate;
	(void)state;

	run_init(&run, OPEN_NS);
	run.result.covers[map_functions[0].op] = TRACE_COVER_NONE;
	rate = run_rate(&run);
	assert_true(rate.low == 0 && isnan(rate.high) && rate.rough);
	assert_string_equal(rate.missing, "not watched");
}

/* All of the time was watched: the rate is a count, without doubt. */
static void test_standing_window_is_exact(void **state)
{
	struct run run;
	struct rate rate;
	(void)state;

	run_init(&run, PERIOD_NS);
	run_hit(&run, 3, 0, 7);
	run_hit(&run, 50, 0, 1);
	rate = run_rate(&run);
	assert_true(fabs(rate.per_s - 8 / RUN_S) < 1e-9);
	assert_true(fabs(rate.low - rate.per_s) < 1e-9 && fabs(rate.high - rate.per_s) < 1e-9);
}

/* A loop does less while its thread waits for probes, a server does not: the interval has both. */
static void test_time_in_probes_counts(void **state)
{
	const double open_loop = 100 / (OPEN_NS / 1e9);
	struct run run;
	struct rate rate;
	(void)state;

	run_init(&run, OPEN_NS);
	for (uint32_t i = 0; i < WINDOWS; i++) {
		run.windows[i].slowed = 0.2;
		run_hit(&run, i, 0, 100);
	}
	rate = run_rate(&run);
	assert_true(rate.per_s > 1.1 * open_loop && rate.per_s < 1.13 * open_loop);
	assert_true(rate.low < open_loop && rate.high > open_loop / 0.8);

	/* What was watched all the time is a count. */
	run_init(&run, PERIOD_NS);
	run.windows[3].slowed = 0.2;
	run_hit(&run, 3, 0, 7);
	rate = run_rate(&run);
	assert_true(fabs(rate.per_s - 7 / RUN_S) < 1e-9 && fabs(rate.high - rate.per_s) < 1e-9);
}

/* Two rows in a window are one sample of the two together. */
static void test_rows_add_up(void **state)
{
	struct run both, one;
	(void)state;

	run_init(&both, OPEN_NS);
	run_init(&one, OPEN_NS);
	for (uint32_t i = 0; i < WINDOWS; i++) {
		run_hit(&both, i, 0, 5 + i % 3);
		run_hit(&both, i, 1, 2);
		run_hit(&one, i, 0, 7 + i % 3);
	}
	struct rate a = run_rate(&both), b = run_rate(&one);
	assert_true(fabs(a.per_s - b.per_s) < 1e-6);
	assert_true(fabs(a.low - b.low) < 1e-6 && fabs(a.high - b.high) < 1e-6);
}

static void test_one_window_tells_little(void **state)
{
	struct run run;
	(void)state;

	run_init(&run, OPEN_NS);
	run_hit(&run, 9, 0, 100);
	struct rate rate = run_rate(&run);
	assert_true(rate.low < rate.per_s / 100 && rate.high > 100 * rate.per_s);
}

static void test_full_windows_have_no_upper_end(void **state)
{
	struct run run;
	(void)state;

	run_init(&run, OPEN_NS);
	for (uint32_t i = 0; i < WINDOWS; i++) {
		run.windows[i].saturated = true;
		run.windows[i].open_ns = OPEN_NS / 10;
		run_hit(&run, i, 0, 100);
	}
	struct rate rate = run_rate(&run);
	assert_true(rate.rough && isnan(rate.high));
	/* Perhaps nothing more happened in the rest of the time that was planned. */
	assert_true(rate.low <= 100 / 0.02);
	assert_true(rate.per_s > 9 * 100 / 0.02);
}

/* A lost record may have been of any map: the count is only the low end. */
static void test_lost_records_are_the_upper_end_of_a_count(void **state)
{
	struct run run;
	struct rate rate;
	(void)state;

	run_init(&run, PERIOD_NS);
	run.result.cost.counts[ABI_COUNT_RING_FULL] = 1;
	run.result.cost.bad_records = 2;
	run.result.overflow.rows = 4;
	rate = run_rate(&run);
	assert_true(rate.rough && rate.per_s == 0 && rate.low == 0);
	assert_true(fabs(rate.high - 7 / RUN_S) < 1e-9);
	assert_null(rate.missing);

	run_hit(&run, 3, 0, 8);
	rate = run_rate(&run);
	assert_true(rate.rough && rate.low == rate.per_s && fabs(rate.low - 8 / RUN_S) < 1e-9);
	assert_true(fabs(rate.high - 15 / RUN_S) < 1e-9);

	run.windows[3].saturated = true;
	rate = run_rate(&run);
	assert_true(rate.rough && isnan(rate.high));
}

static void test_lost_records_leave_no_upper_end_in_windows(void **state)
{
	struct run run;
	struct rate rate;
	(void)state;

	run_init(&run, OPEN_NS);
	run.result.cost.counts[ABI_COUNT_RING_FULL] = 1;
	rate = run_rate(&run);
	assert_true(rate.rough && isnan(rate.high) && rate.low == 0);
	assert_string_equal(rate.missing, "records were lost");

	run_hit(&run, 3, 0, 8);
	rate = run_rate(&run);
	assert_true(rate.rough && isnan(rate.high) && rate.low > 0 && rate.low < rate.per_s);
	assert_null(rate.missing);
}

static void test_left_out_samples_are_not_ignored(void **state)
{
	struct run run;
	(void)state;

	run_init(&run, OPEN_NS);
	for (uint32_t i = 0; i < WINDOWS; i++)
		run_hit(&run, i, 0, 5);
	run.result.overflow.samples = 1;
	struct rate rate = run_rate(&run);
	assert_true(rate.low == 0 && isnan(rate.high));

	/* The windows left out may be those of an operation that was watched all the time. */
	run_init(&run, PERIOD_NS);
	run.result.overflow.windows = 1;
	rate = run_rate(&run);
	assert_true(rate.low == 0 && isnan(rate.high));
}

/* ---- How often is the truth in the interval? ---- */

static double uniform(void)
{
	return (rand() + 0.5) / ((double)RAND_MAX + 1);
}

/* Hits that come independently. */
static uint32_t poisson(double mean)
{
	uint32_t hits = 0;

	for (double sum = -log(uniform()); sum < mean; sum -= log(uniform()))
		hits++;
	return hits;
}

/* The hits of a window at a random time. */
typedef uint32_t (*stream)(double per_s);

static uint32_t steady(double per_s)
{
	return poisson(per_s * OPEN_NS / NS_PER_S);
}

/* A load that comes every 5 ms: all windows have the same number of hits, give or take 1. */
static uint32_t paced(double per_s)
{
	return (uint32_t)(per_s * OPEN_NS / NS_PER_S + uniform());
}

/* Everything happens in a tenth of the time, in bursts that last longer than a window. */
static uint32_t bursty(double per_s)
{
	return uniform() < 0.1 ? steady(10 * per_s) : 0;
}

/* How many of 1000 intervals contain the truth. */
static int covered(stream stream, double per_s)
{
	int inside = 0;

	for (int turn = 0; turn < 1000; turn++) {
		struct run run;

		run_init(&run, OPEN_NS);
		for (uint32_t i = 0; i < WINDOWS; i++)
			run_hit(&run, i, 0, stream(per_s));
		struct rate rate = run_rate(&run);
		inside += rate.low <= per_s && rate.high >= per_s;
	}
	return inside;
}

static void test_coverage(void **state)
{
	(void)state;

	srand(1);
	assert_true(covered(steady, 100) >= 930);
	assert_true(covered(steady, 5000) >= 930);
	assert_true(covered(paced, 400) >= 930);
	assert_true(covered(bursty, 200) >= 900);
	assert_true(covered(bursty, 5000) >= 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_seen),
		cmocka_unit_test(test_not_watched),
		cmocka_unit_test(test_standing_window_is_exact),
		cmocka_unit_test(test_time_in_probes_counts),
		cmocka_unit_test(test_rows_add_up),
		cmocka_unit_test(test_one_window_tells_little),
		cmocka_unit_test(test_full_windows_have_no_upper_end),
		cmocka_unit_test(test_lost_records_are_the_upper_end_of_a_count),
		cmocka_unit_test(test_lost_records_leave_no_upper_end_in_windows),
		cmocka_unit_test(test_left_out_samples_are_not_ignored),
		cmocka_unit_test(test_coverage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
