// SPDX-License-Identifier: GPL-2.0-only
/* What the scavenger will still return, and what that says about free memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "heap/scavenger.h"
#include "model/reclaim.h"

static void what_is_above_a_goal_is_pending(void **state)
{
	struct scavenger s = { .retained_bytes = 1000, .ready_bytes = 5000 };

	(void)state;
	assert_int_equal(scavenger_pending(&s), 0); /* no goal is in force */
	s.percent_active = true;
	s.percent_goal_bytes = 400;
	assert_int_equal(scavenger_pending(&s), 600);
	s.limit_active = true; /* the goal that asks for more wins */
	s.limit_goal_bytes = 4000;
	assert_int_equal(scavenger_pending(&s), 1000);
	s.limit_goal_bytes = 4900;
	assert_int_equal(scavenger_pending(&s), 600);
	s.percent_goal_bytes = 1001;
	s.limit_goal_bytes = 5000;
	assert_int_equal(scavenger_pending(&s), 0);
}

struct world {
	struct snapshot snap;
	struct heap heap;
	struct census census;
	struct gc_sample gc;
	struct scavenger scavenger;
	struct reclaim rc;
};

/* A snapshot with 1000 free bytes, 300 of them in chunks that are too full to scavenge. */
static void world_init(struct world *w)
{
	*w = (struct world){ .gc = { .cycles = 5, .percent = 100 } };
	w->snap.heap = &w->heap;
	w->snap.census = &w->census;
	w->snap.ledger.rows[ROW_FREE] = 1000;
	w->snap.ledger.free_busy.bytes = 300;
	w->scavenger = (struct scavenger){ .percent_active = true, .retained_bytes = 2000 };
}

static const struct reclaim_row *sum(struct world *w, bool known)
{
	struct reclaim_sources from = {
		.snap = &w->snap,
		.scavenger = known ? &w->scavenger : NULL,
		.gc = &w->gc,
	};

	reclaim_sum(&w->rc, &from);
	return &w->rc.rows[CAUSE_NOT_SCAVENGED];
}

static void not_yet_and_never(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.scavenger.percent_goal_bytes = 1500; /* 500 to go */
	assert_int_equal(sum(&w, true)->not_yet_bytes, 500);
	assert_int_equal(sum(&w, true)->never_bytes, 500);
	w.scavenger.percent_goal_bytes = 0; /* everything that can be taken */
	assert_int_equal(sum(&w, true)->not_yet_bytes, 700);
	assert_int_equal(sum(&w, true)->never_bytes, 300);
	w.scavenger.percent_active = false;
	assert_int_equal(sum(&w, true)->not_yet_bytes, 0);
	assert_null(sum(&w, true)->not_yet);
	assert_non_null(sum(&w, true)->never);
	w.scavenger.percent_active = true;
	assert_int_equal(sum(&w, false)->not_yet_bytes, 0);
	w.snap.ledger.rows[ROW_FREE] = 0;
	w.snap.ledger.free_busy.bytes = 0;
	assert_null(sum(&w, true)->never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_above_a_goal_is_pending),
		cmocka_unit_test(not_yet_and_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
