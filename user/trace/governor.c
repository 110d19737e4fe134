// SPDX-License-Identifier: GPL-2.0-only
#include "trace/governor.h"

#include "base/clock.h"

#define NEVER UINT64_MAX

enum {
	/* A window gets at least this many hits: fewer tell nothing. */
	HITS_MIN = 20,
	/* A window may cost 1 / WINDOW_PART of the credit. */
	WINDOW_PART = 2,
	/* Standing probes may take 1 / STANDING_PART of the income. */
	STANDING_PART = 4,
	/* A window is planned for 1 / FILL_PART of its hits, so that it ends by its time. */
	FILL_PART = 2,
	OPEN_NS_MIN = 200 * 1000,
	OPEN_NS_FIRST = 2 * 1000 * 1000, /* enough to learn the rate */
	/* How long it takes on a bad day to remove the probes, and how many CPUs can hit the
	 * probes all that time: more of them would wait for each other at the maps. */
	LATE_NS = 15 * 1000 * 1000,
	LATE_CORES = 4,
};

/* CPUs. A target that is less busy than this may still become so at any time. */
#define IDLE_CORES 0.25

/* The part of an old value that is left after a window with a lower one. */
#define MEMORY 0.7

static double governor_run_ns(const struct governor *g, uint64_t now_ns)
{
	return now_ns > g->start_ns ? (double)(now_ns - g->start_ns) : 0;
}

/* The length of the beginning of the run whose budget is there at once. */
static double governor_advance_ns(const struct governor *g)
{
	double planned_ns = governor_run_ns(g, g->end_ns);

	return planned_ns < GOVERNOR_ADVANCE_NS ? planned_ns : GOVERNOR_ADVANCE_NS;
}

double governor_credit(const struct governor *g, uint64_t now_ns)
{
	return g->share * governor_run_ns(g, now_ns) - g->spent_ns;
}

double governor_budget(const struct governor *g, uint64_t now_ns)
{
	double ns = governor_run_ns(g, now_ns), least_ns = governor_advance_ns(g);

	return g->share * (ns > least_ns ? ns : least_ns);
}

uint64_t governor_when(const struct governor *g, double cost_ns, double risk_ns, uint64_t now_ns)
{
	if (g->share <= 0 || now_ns >= g->end_ns)
		return NEVER;

	double earned_ns = (g->spent_ns + cost_ns) / g->share;
	double safe_ns = (g->spent_ns + cost_ns + risk_ns) / g->share;
	double after_ns = safe_ns > governor_advance_ns(g) ? safe_ns : earned_ns;
	if (after_ns <= governor_run_ns(g, now_ns))
		return now_ns;
	return after_ns < governor_run_ns(g, g->end_ns) ? g->start_ns + (uint64_t)after_ns + 1
							: NEVER;
}

static uint64_t window_open_time(const struct governor_lesson *lesson,
				 const struct trace_quota *most, uint32_t hits)
{
	double ns = (double)most->open_ns;

	if (!lesson->learnt && ns > OPEN_NS_FIRST)
		ns = OPEN_NS_FIRST;
	if (lesson->hits_per_s > 0) {
		double fills_ns = hits * (double)NS_PER_S / lesson->hits_per_s;
		if (fills_ns / FILL_PART < ns)
			ns = fills_ns / FILL_PART;
	}
	if (ns < OPEN_NS_MIN && OPEN_NS_MIN < most->open_ns)
		ns = OPEN_NS_MIN;
	return (uint64_t)ns;
}

static uint32_t hits_clamp(double hits, uint32_t most)
{
	if (hits < HITS_MIN)
		hits = HITS_MIN;
	return hits < most ? (uint32_t)hits : most;
}

/* What late hits of the window may cost, which its plan does not have. */
static double late_reserve(const struct governor_lesson *lesson, double price_ns)
{
	double cores = lesson->learnt ? lesson->hits_per_s * price_ns / (double)NS_PER_S
				      : lesson->busy_cores;
	if (cores > LATE_CORES)
		cores = LATE_CORES;
	double foreseen_ns = LATE_NS * (cores > IDLE_CORES ? cores : IDLE_CORES);
	double seen_ns = lesson->late_ns;

	return seen_ns > foreseen_ns ? seen_ns : foreseen_ns;
}

struct governor_period governor_period(const struct governor *g,
				       const struct governor_lesson *lesson,
				       const struct trace_quota *most, double price_ns,
				       uint64_t start_ns)
{
	double least_ns = WINDOW_PART * HITS_MIN * price_ns;
	struct governor_period period = {
		.not_before_ns =
			governor_when(g, least_ns, late_reserve(lesson, price_ns), start_ns),
		.period_ns = most->period_ns,
	};

	if (period.not_before_ns == NEVER)
		return period;
	/* A period must earn the smallest window. */
	if (least_ns > g->share * (double)period.period_ns)
		period.period_ns = (uint64_t)(least_ns / g->share);
	/* After a wait there must be room left for the window. */
	uint64_t wait_ns = period.not_before_ns - start_ns;
	if (period.period_ns < wait_ns + most->open_ns)
		period.period_ns = wait_ns + most->open_ns;
	return period;
}

struct governor_window governor_window(const struct governor *g,
				       const struct governor_lesson *lesson,
				       const struct trace_quota *most, double price_ns,
				       uint64_t now_ns)
{
	double earned_ns = governor_credit(g, now_ns);
	double safe_ns = governor_budget(g, now_ns) - g->spent_ns - late_reserve(lesson, price_ns);
	double hits = (earned_ns < safe_ns ? earned_ns : safe_ns) / WINDOW_PART / price_ns;
	struct governor_window window = { .hits = hits_clamp(hits, most->hits) };

	window.open_ns = window_open_time(lesson, most, window.hits);
	return window;
}

uint32_t governor_standing_hits(const struct governor *g, const struct trace_quota *most,
				double price_ns)
{
	double income = g->share * (double)most->period_ns;

	return hits_clamp(income / STANDING_PART / price_ns, most->hits);
}

static double value_remember(double old, double seen)
{
	return seen > MEMORY * old ? seen : MEMORY * old;
}

bool governor_notice(struct governor_lesson *lesson, double busy_cores)
{
	if (busy_cores > 2 * lesson->busy_cores + IDLE_CORES) {
		*lesson = (struct governor_lesson){ .busy_cores = busy_cores };
		return true;
	}
	lesson->busy_cores = value_remember(lesson->busy_cores, busy_cores);
	return false;
}

void governor_learn(struct governor_lesson *lesson, uint64_t open_ns, uint64_t hits, double late_ns)
{
	double rate = open_ns ? (double)hits * (double)NS_PER_S / (double)open_ns : 0;

	lesson->learnt = true;
	lesson->late_ns = value_remember(lesson->late_ns, late_ns);
	lesson->hits_per_s = value_remember(lesson->hits_per_s, rate);
}
