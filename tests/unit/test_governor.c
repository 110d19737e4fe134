// SPDX-License-Identifier: GPL-2.0-only
/*
 * The budget of probe hits, with a made-up clock: a target with a known rate of hits is
 * watched for a while, and the hits that the plans allow are charged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "trace/governor.h"

#define PRICE_NS 1000.0
#define NEVER UINT64_MAX

static const struct trace_quota most = { 125 * NS_PER_MS, 20 * NS_PER_MS, 2000 };

static struct governor governor(double share, uint64_t seconds)
{
	return (struct governor){ .share = share,
				  .start_ns = 1000 * NS_PER_S,
				  .end_ns = (1000 + seconds) * NS_PER_S };
}

static void test_credit(void **state)
{
	struct governor g = governor(0.01, 10);
	(void)state;

	assert_true(governor_credit(&g, g.start_ns) == 0);
	assert_true(governor_credit(&g, g.start_ns - 5) == 0);
	assert_true(governor_credit(&g, g.start_ns + NS_PER_S) == 10e6);
	g.spent_ns = 12e6;
	assert_true(governor_credit(&g, g.start_ns + NS_PER_S) == -2e6);
}

static void test_when(void **state)
{
	struct governor g = governor(0.01, 10);
	(void)state;

	assert_int_equal(governor_when(&g, 0, 0, g.start_ns), g.start_ns);
	/* 10 ms are earned in a second. */
	assert_int_equal(governor_when(&g, 10e6, 0, g.start_ns) / 1000,
			 (g.start_ns + NS_PER_S) / 1000);
	assert_true(governor_credit(&g, governor_when(&g, 10e6, 0, g.start_ns)) >= 10e6);
	/* 100 ms are earned in all, so there never are more. */
	assert_int_equal(governor_when(&g, 101e6, 0, g.start_ns), NEVER);
	g.spent_ns = 95e6;
	assert_int_equal(governor_when(&g, 6e6, 0, g.start_ns + NS_PER_S), NEVER);
	assert_int_equal(governor_when(&g, 1e6, 0, g.end_ns), NEVER);
}

/* A risk need not be earned yet, but the budget must contain it. */
static void test_when_at_risk(void **state)
{
	struct governor g = governor(0.01, 10), endless = governor(0.01, 1000);
	(void)state;

	assert_int_equal(governor_when(&g, 0, 99e6, g.start_ns), g.start_ns);
	assert_int_equal(governor_when(&g, 0, 101e6, g.start_ns), NEVER);
	assert_int_equal(governor_when(&g, 10e6, 89e6, g.start_ns) / 1000,
			 (g.start_ns + NS_PER_S) / 1000);
	g.spent_ns = 80e6;
	assert_int_equal(governor_when(&g, 0, 30e6, g.start_ns + 9 * NS_PER_S), NEVER);
	/* A longer run may not risk more until it has earned more. */
	assert_int_equal(governor_when(&endless, 0, 99e6, g.start_ns), g.start_ns);
	assert_int_equal(governor_when(&endless, 0, 150e6, g.start_ns) / 1000,
			 (g.start_ns + 15 * NS_PER_S) / 1000);
	assert_true(governor_budget(&endless, g.start_ns + NS_PER_S) == 100e6);
	assert_true(governor_budget(&endless, g.start_ns + 15 * NS_PER_S) == 150e6);
	g = governor(0.01, 3);
	assert_true(governor_budget(&g, g.start_ns) == 30e6);
	/* Neither the cost nor the risk breaks the budget, but both together do. */
	g = governor(0.01, 10);
	assert_int_equal(governor_when(&g, 50e6, 40e6, g.start_ns) / 1000,
			 (g.start_ns + 5 * NS_PER_S) / 1000);
	assert_int_equal(governor_when(&g, 50e6, 60e6, g.start_ns), NEVER);
}

/* By then all of it is earned, whatever the rounding. */
static void test_when_is_late_enough(void **state)
{
	struct governor g = governor(0.003, 1000);
	(void)state;

	for (double cost_ns = 1; cost_ns < 1e9; cost_ns *= 1.07) {
		uint64_t when_ns = governor_when(&g, cost_ns, 0, g.start_ns);

		assert_true(governor_credit(&g, when_ns) > cost_ns - 1e-4);
		assert_true(governor_credit(&g, when_ns - 2) < cost_ns);
	}
}

static void test_nothing_for_nothing(void **state)
{
	struct governor g = governor(0, 10);
	struct governor_lesson lesson = { 0 };
	(void)state;

	assert_int_equal(governor_when(&g, 1, 0, g.start_ns), NEVER);
	assert_int_equal(governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns).not_before_ns,
			 NEVER);
}

/* The budget must be able to pay for the worst case of what is not known yet. */
static void test_reserve_for_the_unknown(void **state)
{
	struct governor g = governor(0.005, 20);
	struct governor_lesson idle = { .busy_cores = 0 }, two = { .busy_cores = 2 },
			       many = { .busy_cores = 64 };
	struct governor_period period;
	(void)state;

	period = governor_period(&g, &idle, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 0, 500 * NS_PER_MS);
	period = governor_period(&g, &two, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 0, 500 * NS_PER_MS);
	period = governor_period(&g, &many, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 12 * NS_PER_S, 13 * NS_PER_S);
	/* Once it is known, that is what counts. */
	governor_learn(&many, 2 * NS_PER_MS, 1, 0);
	period = governor_period(&g, &many, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 0, 500 * NS_PER_MS);
}

/* Late hits may come for some milliseconds, however rare they were so far. */
static void test_reserve_for_the_idle(void **state)
{
	struct governor g = governor(0.0001, 10);
	struct governor_lesson lesson = { 0 };
	struct governor_period period;
	(void)state;

	/* A quarter of a core for 15 ms, of which 1 ms could be paid for. */
	governor_learn(&lesson, 2 * NS_PER_MS, 0, 0);
	period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns);
	assert_int_equal(period.not_before_ns, NEVER);
	g = governor(0.0005, 10);
	period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 0, 500 * NS_PER_MS);
}

/* What was seen counts if it is worse than what could be foreseen. */
static void test_reserve_for_what_was_seen(void **state)
{
	struct governor g = governor(0.005, 100);
	struct governor_lesson lesson = { 0 };
	struct governor_period period;
	(void)state;

	/* A hit of 1 us every 10 us is 0.1 cores; a quarter of a core is assumed: 3.75 ms. */
	governor_learn(&lesson, 2 * NS_PER_MS, 200, 40e6);
	period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 0, 500 * NS_PER_MS);
	governor_learn(&lesson, 2 * NS_PER_MS, 200, 80e6);
	period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 16 * NS_PER_S, 17 * NS_PER_S);
	assert_true(governor_window(&g, &lesson, &most, PRICE_NS, g.start_ns + 16 * NS_PER_S).hits <
		    50);

	/* A hit every 1 us is a core. */
	lesson = (struct governor_lesson){ 0 };
	g = governor(0.001, 100);
	governor_learn(&lesson, 2 * NS_PER_MS, 2000, 0);
	period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 15 * NS_PER_S, 16 * NS_PER_S);
}

/* A period earns its window, and has room for it after the wait. */
static void test_periods_are_long_enough(void **state)
{
	struct governor g = governor(1e-5, 1000);
	struct governor_lesson lesson = { 0 };
	struct governor_period period;
	(void)state;

	governor_learn(&lesson, 2 * NS_PER_MS, 0, 0);
	/* 3.75 ms in reserve are earned in 375 s, and 40 us in 4 s. */
	period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns);
	assert_in_range(period.not_before_ns - g.start_ns, 375 * NS_PER_S, 380 * NS_PER_S);
	assert_int_equal(period.period_ns, period.not_before_ns - g.start_ns + most.open_ns);
	period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns + 500 * NS_PER_S);
	assert_int_equal(period.not_before_ns, g.start_ns + 500 * NS_PER_S);
	assert_in_range(period.period_ns, 4 * NS_PER_S - 1000, 4 * NS_PER_S);
	g = governor(0.01, 1000);
	period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns + 500 * NS_PER_S);
	assert_int_equal(period.period_ns, most.period_ns);
}

/* What was learnt about a target is forgotten when it has become busier. */
static void test_notice(void **state)
{
	struct governor_lesson lesson = { .busy_cores = 0.1 };
	(void)state;

	governor_learn(&lesson, NS_PER_MS, 10, 5);
	assert_false(governor_notice(&lesson, 0.2));
	assert_true(lesson.learnt);
	assert_true(governor_notice(&lesson, 2));
	assert_false(lesson.learnt);
	assert_true(lesson.busy_cores == 2 && lesson.late_ns == 0);
	assert_false(governor_notice(&lesson, 2));
	for (int i = 0; i < 20; i++)
		assert_false(governor_notice(&lesson, 0));
	assert_true(lesson.busy_cores < 0.01);
}

/* More than twice as busy, and by more than a quarter of a core. */
static void test_notice_no_trifle(void **state)
{
	struct governor_lesson idle = { 0 }, two = { .busy_cores = 2 };
	(void)state;

	assert_false(governor_notice(&idle, 0.25));
	idle.busy_cores = 0;
	assert_true(governor_notice(&idle, 0.26));
	assert_false(governor_notice(&two, 4.25));
	two.busy_cores = 2;
	assert_true(governor_notice(&two, 4.26));
}

static void test_a_small_budget_sees_nothing(void **state)
{
	struct governor g = governor(0.001, 10);
	struct governor_lesson busy = { .busy_cores = 2 };
	(void)state;

	assert_int_equal(governor_period(&g, &busy, &most, PRICE_NS, g.start_ns).not_before_ns,
			 NEVER);
}

/* Windows are made to end by their time. */
static void test_window_fits_the_rate(void **state)
{
	struct governor g = governor(0.01, 100);
	struct governor_lesson lesson = { 0 };
	uint64_t now_ns = g.start_ns + 50 * NS_PER_S;
	struct governor_window window;
	(void)state;

	window = governor_window(&g, &lesson, &most, PRICE_NS, now_ns);
	assert_int_equal(window.hits, most.hits);
	assert_true(window.open_ns < most.open_ns); /* nothing is known */
	governor_learn(&lesson, 10 * NS_PER_MS, 1, 0);
	assert_int_equal(governor_window(&g, &lesson, &most, PRICE_NS, now_ns).open_ns,
			 most.open_ns);
	governor_learn(&lesson, NS_PER_MS, 1000, 0);
	window = governor_window(&g, &lesson, &most, PRICE_NS, now_ns);
	assert_int_equal(window.hits, most.hits);
	assert_int_equal(window.open_ns, NS_PER_MS); /* half full at 1 M/s */
	/* A debt leaves the least there is. */
	g.spent_ns = 600e6;
	assert_in_range(governor_window(&g, &lesson, &most, PRICE_NS, now_ns).hits, 1, 50);
}

/* It opens when it can be paid for, with half of what is earned. */
static void test_window_costs_half(void **state)
{
	struct governor_lesson lesson = { 0 };
	(void)state;

	governor_learn(&lesson, 10 * NS_PER_MS, 1000, 0);
	for (double share = 1e-4; share < 0.1; share *= 1.3)
		for (double spent_s = 0; spent_s < 20; spent_s += 0.7) {
			struct governor g = governor(share, 100);
			struct governor_period period;

			g.spent_ns = spent_s * share * NS_PER_S;
			period = governor_period(&g, &lesson, &most, PRICE_NS, g.start_ns);
			assert_true(period.not_before_ns != NEVER);
			for (uint64_t wait_ns = 0; wait_ns < NS_PER_S; wait_ns += NS_PER_S / 10) {
				uint64_t now_ns = period.not_before_ns + wait_ns;
				uint32_t hits =
					governor_window(&g, &lesson, &most, PRICE_NS, now_ns).hits;

				assert_true(hits > 0);
				assert_true(2 * hits * PRICE_NS <= governor_credit(&g, now_ns) + 1);
			}
		}
}

/* Whatever the price: at most what was asked for, and not too short to see anything. */
static void test_window_has_bounds(void **state)
{
	const struct trace_quota few = { 125 * NS_PER_MS, 20 * NS_PER_MS, 5 },
				 brief = { 125 * NS_PER_MS, 100000, 2000 };
	struct governor g = governor(0.01, 100);
	struct governor_lesson lesson = { 0 };
	uint64_t now_ns = g.start_ns + 50 * NS_PER_S;
	(void)state;

	assert_int_equal(governor_window(&g, &lesson, &few, PRICE_NS, now_ns).hits, 5);
	assert_int_equal(governor_window(&g, &lesson, &brief, PRICE_NS, now_ns).open_ns, 100000);
	g.spent_ns = 600e6;
	assert_int_equal(governor_window(&g, &lesson, &few, PRICE_NS, now_ns).hits, 5);
	governor_learn(&lesson, NS_PER_MS, 100 * 1000 * 1000, 0);
	assert_int_equal(governor_window(&g, &lesson, &few, PRICE_NS, now_ns).open_ns, 200000);
	assert_int_equal(governor_window(&g, &lesson, &brief, PRICE_NS, now_ns).open_ns <= 100000,
			 true);
}

static void test_lessons_fade(void **state)
{
	struct governor_lesson lesson = { 0 };
	(void)state;

	governor_learn(&lesson, NS_PER_MS, 100, 5000);
	assert_true(lesson.learnt);
	assert_true(lesson.hits_per_s == 1e5);
	assert_true(lesson.late_ns == 5000);
	for (int i = 0; i < 10; i++)
		governor_learn(&lesson, NS_PER_MS, 0, 0);
	assert_true(lesson.late_ns > 0 && lesson.late_ns < 200);
	governor_learn(&lesson, NS_PER_MS, 1000, 6000);
	assert_true(lesson.hits_per_s == 1e6);
	assert_true(lesson.late_ns == 6000);
	governor_learn(&lesson, 0, 10, 0); /* a window of no time teaches no rate */
	assert_true(lesson.hits_per_s < 1e6);
}

static void test_standing(void **state)
{
	const struct trace_quota quota = { NS_PER_S, NS_PER_S, 1000 },
				 few = { NS_PER_S, NS_PER_S, 5 };
	struct governor g = governor(0.01, 10);
	(void)state;

	assert_int_equal(governor_standing_hits(&g, &quota, PRICE_NS), 1000);
	assert_int_equal(governor_standing_hits(&g, &quota, 10 * PRICE_NS), 250);
	assert_int_equal(governor_standing_hits(&g, &most, PRICE_NS), 312); /* of an eighth */
	g.share = 0.001;
	assert_int_equal(governor_standing_hits(&g, &quota, PRICE_NS), 250);
	g.share = 0;
	assert_in_range(governor_standing_hits(&g, &quota, PRICE_NS), 1, 50);
	assert_int_equal(governor_standing_hits(&g, &few, PRICE_NS), 5);
}

/* ---- A whole run ---- */

struct load {
	uint64_t jump_ns; /* after the start; nothing happens before */
	double hits_per_s; /* while probes are in */
	double late_s; /* how long they stay in after the end of a window */
	double bad_day_s; /* the same, for one window of ten */
};

static double random_part(void)
{
	return (double)rand() / RAND_MAX;
}

/* The most by which a run exceeded the budget that it has when it is ended right then. */
static double overdraft_ns;

/* Watches a load as window.c would; returns the share that it cost. */
static double run(struct governor *g, const struct load *load, double busy_cores, int *windows_ret)
{
	struct governor_lesson lesson = { .busy_cores = busy_cores };
	uint64_t start_ns = g->start_ns;

	overdraft_ns = 0;
	*windows_ret = 0;
	while (start_ns < g->end_ns) {
		struct governor_period period =
			governor_period(g, &lesson, &most, PRICE_NS, start_ns);
		if (period.not_before_ns == NEVER)
			break;

		uint64_t room_ns = start_ns + period.period_ns - period.not_before_ns;
		uint64_t now_ns = period.not_before_ns +
				  (uint64_t)(random_part() * (double)(room_ns - most.open_ns));
		if (now_ns + most.open_ns > g->end_ns)
			break;

		struct governor_window window =
			governor_window(g, &lesson, &most, PRICE_NS, now_ns);
		double rate = now_ns - g->start_ns >= load->jump_ns ? load->hits_per_s : 0;
		double full_s = rate > 0 ? window.hits / rate : 1;
		uint64_t open_ns = window.open_ns;
		if (full_s * NS_PER_S < (double)open_ns)
			open_ns = (uint64_t)(full_s * NS_PER_S);
		double late_s = *windows_ret % 10 == 9 ? load->bad_day_s : load->late_s;
		uint64_t hits = (uint64_t)(rate * (double)open_ns / NS_PER_S);
		uint64_t late = (uint64_t)(rate * late_s);

		g->spent_ns += (double)(hits + late) * PRICE_NS;
		if (overdraft_ns < g->spent_ns - governor_budget(g, now_ns))
			overdraft_ns = g->spent_ns - governor_budget(g, now_ns);
		governor_learn(&lesson, open_ns, hits, (double)late * PRICE_NS);
		(*windows_ret)++;
		start_ns += period.period_ns;
	}
	return g->spent_ns / (double)(g->end_ns - g->start_ns);
}

/* Hammered from 64 threads on 2 CPUs, at once or after a jump: the budget holds. */
static void test_budget_holds(void **state)
{
	static const double shares[] = { 0.001, 0.005, 0.01, 0.05 };
	static const struct load loads[] = {
		{ 0, 2e6, 0.0001, 0.02 },
		{ 0, 2e6, 0.005, 0.005 },
		{ 5 * NS_PER_S, 2e6, 0.0001, 0.02 },
		{ 0, 2e3, 0.02, 0.02 },
	};
	(void)state;

	srand(1);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		for (size_t j = 0; j < sizeof(loads) / sizeof(loads[0]); j++) {
			for (int turn = 0; turn < 20; turn++) {
				struct governor g = governor(shares[i], 60);
				int windows;
				double share = run(&g, &loads[j], 2, &windows);

				assert_true(share <= shares[i]);
				assert_true(windows > 0);
			}
		}
	}
}

/* Also when the run is ended in the middle, as long as late hits cost at most their
 * reserve. */
static void test_budget_holds_at_any_time(void **state)
{
	static const double shares[] = { 0.005, 0.01, 0.05 };
	static const struct load loads[] = {
		{ 0, 2e6, 0.0001, 0.0145 },
		{ 0, 2e6, 0.005, 0.005 },
		{ 0, 2e3, 0.02, 0.02 },
	};
	(void)state;

	srand(1);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		for (size_t j = 0; j < sizeof(loads) / sizeof(loads[0]); j++) {
			for (int turn = 0; turn < 20; turn++) {
				struct governor g = governor(shares[i], 60);
				int windows;

				run(&g, &loads[j], 2, &windows);
				assert_true(windows > 0);
				assert_true(overdraft_ns == 0);
			}
		}
	}
}

/* A quiet target does not have to wait: every period has a window. */
static void test_quiet_target_is_seen(void **state)
{
	const struct load quiet = { 0, 2000, 0.0001, 0.02 };
	struct governor g = governor(0.01, 10);
	int windows;
	(void)state;

	assert_true(run(&g, &quiet, 0, &windows) < 0.01);
	assert_in_range(windows, 70, 81);
}

/* Two busy threads, 1 %, bad days: windows in nearly every second of the ten. */
static void test_busy_target_is_seen_all_the_time(void **state)
{
	const struct load busy = { 0, 2e6, 0.0001, 0.007 };
	(void)state;

	srand(1);
	for (int turn = 0; turn < 20; turn++) {
		struct governor g = governor(0.01, 10);
		int windows;

		assert_true(run(&g, &busy, 2, &windows) <= 0.01);
		assert_in_range(windows, 20, 81);
	}
}

/* ---- Probes that stay ---- */

/*
 * Two groups whose probes are hit without end, as window.c treats them: each period has a
 * quota, and once it was used up the probes come back when the next one is earned.
 * Returns how many quotas there were.
 */
static unsigned int run_standing(struct governor *g, const struct trace_quota *quota,
				 uint64_t late_hits)
{
	uint64_t due_ns[2] = { g->start_ns, g->start_ns };
	unsigned int quotas = 0;
	uint64_t now_ns = g->start_ns;

	for (; now_ns < g->end_ns; now_ns += quota->period_ns)
		for (int i = 0; i < 2; i++) {
			uint32_t hits = governor_standing_hits(g, quota, PRICE_NS);
			double cost_ns = (double)(hits + late_hits) * PRICE_NS;

			if (now_ns < due_ns[i])
				continue;
			if (now_ns > g->start_ns)
				due_ns[i] = governor_when(g, cost_ns, 0, now_ns);
			if (due_ns[i] > now_ns)
				continue;
			g->spent_ns += cost_ns;
			quotas++;
			assert_true(g->spent_ns <= governor_budget(g, now_ns));
		}
	return quotas;
}

/* The quota of a second is a quarter of what a second earns. So the sum never exceeds what
 * all seconds earn up to the end of the current one. */
static void test_standing_budget_holds(void **state)
{
	static const double shares[] = { 0.001, 0.005, 0.01, 0.05 };
	const struct trace_quota quota = { NS_PER_S, NS_PER_S, 1000 };
	(void)state;

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		for (uint64_t late_hits = 0; late_hits < 10000; late_hits = 10 * late_hits + 10) {
			struct governor g = governor(shares[i], 60);
			uint32_t hits = governor_standing_hits(&g, &quota, PRICE_NS);
			unsigned int quotas = run_standing(&g, &quota, late_hits);

			assert_true(hits * PRICE_NS <= g.share * NS_PER_S / 4);
			assert_in_range(quotas, 2, 2 * 60);
			assert_true(g.spent_ns <= g.share * 60 * NS_PER_S);
			if (!late_hits)
				assert_int_equal(quotas, 2 * 60);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credit),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_when_at_risk),
		cmocka_unit_test(test_when_is_late_enough),
		cmocka_unit_test(test_nothing_for_nothing),
		cmocka_unit_test(test_reserve_for_the_unknown),
		cmocka_unit_test(test_reserve_for_the_idle),
		cmocka_unit_test(test_reserve_for_what_was_seen),
		cmocka_unit_test(test_periods_are_long_enough),
		cmocka_unit_test(test_notice),
		cmocka_unit_test(test_notice_no_trifle),
		cmocka_unit_test(test_a_small_budget_sees_nothing),
		cmocka_unit_test(test_window_fits_the_rate),
		cmocka_unit_test(test_window_costs_half),
		cmocka_unit_test(test_window_has_bounds),
		cmocka_unit_test(test_lessons_fade),
		cmocka_unit_test(test_standing),
		cmocka_unit_test(test_budget_holds),
		cmocka_unit_test(test_budget_holds_at_any_time),
		cmocka_unit_test(test_quiet_target_is_seen),
		cmocka_unit_test(test_busy_target_is_seen_all_the_time),
		cmocka_unit_test(test_standing_budget_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
