// SPDX-License-Identifier: GPL-2.0-only
/* How a window is described and planned, with made-up times and hits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "trace/window.h"

#define START_NS (1000 * NS_PER_S)
#define PERIOD_NS (125 * NS_PER_MS)
#define OPEN_NS (20 * NS_PER_MS)
#define QUOTA 2000

struct fixture {
	struct abi_group shared;
	struct trace_cost cost;
	struct window w;
};

/* A window that is being closed after open_ns, with this many hits of 1 us each. */
static void fixture_init(struct fixture *f, enum abi_group_id id, uint64_t open_ns, uint64_t hits)
{
	*f = (struct fixture){
		.shared = { .hits = hits, .quota = QUOTA },
		.w = { .id = id,
		       .quota = { PERIOD_NS, id == ABI_GROUP_HOT ? OPEN_NS : PERIOD_NS, QUOTA },
		       .set = { .cnt = 1, .probe = { { .func = 5 } } },
		       .planned = { .open_ns = OPEN_NS, .hits = QUOTA },
		       .period_ns = PERIOD_NS,
		       .state = WINDOW_CLOSING,
		       .opened_ns = START_NS,
		       .ended_ns = START_NS + open_ns },
	};
	f->w.shared = &f->shared;
	f->w.cost = &f->cost;
	f->cost.price_ns[5] = 1000;
}

static void ended_by_its_time(void **state)
{
	struct fixture f;
	struct trace_window got;

	(void)state;
	fixture_init(&f, ABI_GROUP_HOT, OPEN_NS, QUOTA - 1);
	window_result(&f.w, &got);
	assert_int_equal(got.hits, QUOTA - 1);
	assert_false(got.saturated);
	assert_false(got.disturbed); /* 2 of 20 ms */
	assert_int_equal(got.start_ns, START_NS);
	assert_int_equal(got.open_ns, OPEN_NS);
	assert_int_equal(got.planned_ns, OPEN_NS);
	assert_int_equal(got.span_ns, PERIOD_NS);
	assert_int_equal(got.funcs, 1 << 5);
}

/* It was open until its last hit; more than the quota were turned back. */
static void ended_by_its_hits(void **state)
{
	struct fixture f;
	struct trace_window got;

	(void)state;
	fixture_init(&f, ABI_GROUP_HOT, OPEN_NS / 2, QUOTA + 3);
	f.shared.full_ns = START_NS + OPEN_NS / 4;
	window_result(&f.w, &got);
	assert_int_equal(got.hits, QUOTA);
	assert_true(got.saturated);
	assert_int_equal(got.open_ns, OPEN_NS / 4);
	assert_int_equal(got.planned_ns, OPEN_NS); /* it would have been */
	assert_int_equal(got.span_ns, PERIOD_NS);
	assert_true(got.disturbed); /* 2 of 5 ms */
}

/* Functions take turns: the window of one of three stands for three periods. */
static void one_of_three_in_turn(void **state)
{
	struct fixture f;
	struct trace_window got;

	(void)state;
	fixture_init(&f, ABI_GROUP_HOT, OPEN_NS, 1);
	f.w.target.how = TRACE_ATTACH_PERF;
	f.w.probes.cnt = 3;
	window_result(&f.w, &got);
	assert_int_equal(got.open_ns, OPEN_NS);
	assert_int_equal(got.span_ns, 3 * PERIOD_NS);
}

/* Hits may take at most a quarter of the time. */
static void slowed_the_target(void **state)
{
	struct fixture f;
	struct trace_window got;

	(void)state;
	for (int more = 0; more < 2; more++) {
		fixture_init(&f, ABI_GROUP_HOT, 4 * NS_PER_MS, 1000 + more);
		window_result(&f.w, &got);
		assert_false(got.saturated);
		assert_int_equal(got.disturbed, more);
	}
}

/* Watched all the time: a window stands for itself, and the next begins where it ends. */
static void rolls_on(void **state)
{
	struct fixture f;
	struct trace_window got;

	(void)state;
	fixture_init(&f, ABI_GROUP_RARE, NS_PER_S, 42);
	f.w.state = WINDOW_OPEN;
	window_result(&f.w, &got);
	assert_int_equal(got.hits, 42);
	assert_int_equal(got.open_ns, NS_PER_S);
	assert_int_equal(got.span_ns, NS_PER_S);
	assert_int_equal(f.shared.hits, 0);

	f.w.ended_ns += NS_PER_S / 2;
	f.w.state = WINDOW_CLOSING; /* the last one */
	f.shared.hits = 3;
	window_result(&f.w, &got);
	assert_int_equal(got.hits, 3);
	assert_int_equal(got.start_ns, START_NS + NS_PER_S);
	assert_int_equal(got.open_ns, NS_PER_S / 2);
	assert_int_equal(got.span_ns, NS_PER_S / 2);
}

/* Its hits are used up before its period is over: it stands for the whole period. */
static void a_crowd_of_rare_ones(void **state)
{
	struct fixture f;
	struct trace_window got;

	(void)state;
	fixture_init(&f, ABI_GROUP_RARE, PERIOD_NS / 2, QUOTA);
	f.shared.full_ns = START_NS + PERIOD_NS / 4;
	window_result(&f.w, &got);
	assert_true(got.saturated);
	assert_int_equal(got.open_ns, PERIOD_NS / 4);
	assert_int_equal(got.span_ns, PERIOD_NS);
}

/* A run of 3 s that earns 30 ms, and risks 15 ms for each CPU that the target keeps busy. */
struct short_run {
	struct fixture f;
	struct governor governor;
	struct trace_group group;
};

static void short_run_init(struct short_run *r, double busy_cores)
{
	uint64_t now_ns = clock_ns(); /* the clock that windows are planned with */

	fixture_init(&r->f, ABI_GROUP_HOT, OPEN_NS, 0);
	r->governor = (struct governor){ .share = 0.01,
					 .start_ns = now_ns,
					 .end_ns = now_ns + 3 * NS_PER_S };
	r->group = (struct trace_group){ 0 };
	r->f.w.state = WINDOW_CLOSED;
	r->f.w.target.how = TRACE_ATTACH_MULTI;
	r->f.w.probes = r->f.w.set;
	r->f.w.busy_cores = busy_cores;
	r->f.w.end_ns = r->governor.end_ns;
	r->f.w.governor = &r->governor;
	r->f.w.group = &r->group;
	window_init(&r->f.w, now_ns);
}

static void a_calm_target_has_its_window(void **state)
{
	struct short_run r;

	(void)state;
	short_run_init(&r, 1);
	assert_true(window_deadline(&r.f.w) < r.governor.start_ns + PERIOD_NS);
	assert_false(r.f.w.unpaid);
	assert_false(r.group.out_of_budget);
}

/* Perhaps both of its CPUs were busy only for a moment. */
static void looks_again_at_a_busy_one(void **state)
{
	struct short_run r;
	struct window *w = &r.f.w;

	(void)state;
	short_run_init(&r, 2);
	assert_true(w->unpaid);
	assert_true(r.group.out_of_budget);
	for (int look = 0; look < 3; look++) {
		window_notice(w, 2);
		assert_true(w->unpaid);
		assert_true(r.group.out_of_budget);
		assert_true(window_deadline(w) > clock_ns());
		assert_true(window_deadline(w) < clock_ns() + NS_PER_S);
	}
	window_notice(w, 1);
	assert_false(w->unpaid);
	assert_false(r.group.out_of_budget);
	assert_true(window_deadline(w) < clock_ns() + PERIOD_NS);
	assert_true(w->period_start_ns >
		    r.governor.start_ns); /* it does not stand for time before */
}

/* When the run is almost over, budget is not what is missing. */
static void does_not_blame_the_end(void **state)
{
	struct short_run r;
	struct window *w = &r.f.w;

	(void)state;
	short_run_init(&r, 1);
	r.group.windows = 1;
	r.governor.spent_ns = 0.01 * 3 * NS_PER_S;
	r.governor.start_ns -= 3 * NS_PER_S - PERIOD_NS; /* almost over */
	r.governor.end_ns = w->end_ns = clock_ns() + PERIOD_NS;
	window_notice(w, 10);
	assert_true(w->unpaid);
	assert_false(r.group.out_of_budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ended_by_its_time),
		cmocka_unit_test(ended_by_its_hits),
		cmocka_unit_test(one_of_three_in_turn),
		cmocka_unit_test(slowed_the_target),
		cmocka_unit_test(rolls_on),
		cmocka_unit_test(a_crowd_of_rare_ones),
		cmocka_unit_test(a_calm_target_has_its_window),
		cmocka_unit_test(looks_again_at_a_busy_one),
		cmocka_unit_test(does_not_blame_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
