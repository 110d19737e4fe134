// SPDX-License-Identifier: GPL-2.0-only
#include "trace/governor.h"

#include "base/clock.h"

#define NEVER UINT64_MAX

enum {
	/* Fewer hits tell nothing, however short the money. */
	HITS_MIN = 20,
	/* Part of the credit that a window may cost: one in so many. */
	WINDOW_PART = 2,
	/* Part of the income that standing probes may take: one in so many. */
	STANDING_PART = 4,
	/* A window shall end by its time: it is planned for one in so many of its hits. */
	FILL_PART = 2,
	OPEN_NS_MIN = 200 * 1000,
	OPEN_NS_FIRST = 2 * 1000 * 1000, /* enough to learn the rate */
	/* What taking the probes away lasts on a bad day, and how many CPUs can hit the
	 * probes for so long: more get into each other's way in the maps. */
	LATE_NS = 15 * 1000 * 1000,
	LATE_CORES = 4,
};

/* A target that is no busier may do anything next. */
#define IDLE_CORES 0.25

/* How much of an old lesson is left after a window that taught less. */
#define MEMORY 0.7

static double run_ns(const struct governor *g, uint64_t now_ns)
{
	return now_ns > g->start_ns ? (double)(now_ns - g->start_ns) : 0;
}

/* Of the beginning of the run: its budget is there at once. */
static double advance_ns(const struct governor *g)
{
	double planned_ns = run_ns(g, g->end_ns);

	return planned_ns < GOVERNOR_ADVANCE_NS ? planned_ns : GOVERNOR_ADVANCE_NS;
}

double governor_credit(const struct governor *g, uint64_t now_ns)
{
	return g->share * run_ns(g, now_ns) - g->spent_ns;
}

double governor_budget(const struct governor *g, uint64_t now_ns)
{
	double ns = run_ns(g, now_ns), least_ns = advance_ns(g);

	return g->share * (ns > least_ns ? ns : least_ns);
}

uint64_t governor_when(const struct governor *g, double cost_ns, double risk_ns, uint64_t now_ns)
{
	if (g->share <= 0 || now_ns >= g->end_ns)
		return NEVER;

	double earned_ns = (g->spent_ns + cost_ns) / g->share;
	double safe_ns = (g->spent_ns + cost_ns + risk_ns) / g->share;
	double after_ns = safe_ns > advance_ns(g) ? safe_ns : earned_ns;
	if (after_ns <= run_ns(g, now_ns))
		return now_ns;
	return after_ns < run_ns(g, g->end_ns) ? g->start_ns + (uint64_t)after_ns + 1 : NEVER;
}

static uint64_t open_time(const struct governor_lesson *lesson, const struct trace_quota *most,
			  uint32_t hits)
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

static uint32_t clamp_hits(double hits, uint32_t most)
{
	if (hits < HITS_MIN)
		hits = HITS_MIN;
	return hits < most ? (uint32_t)hits : most;
}

/* What the window may cost beyond its plan. */
static double reserve(const struct governor_lesson *lesson, double price_ns)
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
		.not_before_ns = governor_when(g, least_ns, reserve(lesson, price_ns), start_ns),
		.period_ns = most->period_ns,
	};

	if (period.not_before_ns == NEVER)
		return period;
	/* The smallest window is to be earned in its period. */
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
	double safe_ns = governor_budget(g, now_ns) - g->spent_ns - reserve(lesson, price_ns);
	double hits = (earned_ns < safe_ns ? earned_ns : safe_ns) / WINDOW_PART / price_ns;
	struct governor_window window = { .hits = clamp_hits(hits, most->hits) };

	window.open_ns = open_time(lesson, most, window.hits);
	return window;
}

uint32_t governor_standing_hits(const struct governor *g, const struct trace_quota *most,
				double price_ns)
{
	double income = g->share * (double)most->period_ns;

	return clamp_hits(income / STANDING_PART / price_ns, most->hits);
}

static double remember(double old, double seen)
{
	return seen > MEMORY * old ? seen : MEMORY * old;
}

bool governor_notice(struct governor_lesson *lesson, double busy_cores)
{
	if (busy_cores > 2 * lesson->busy_cores + IDLE_CORES) {
		*lesson = (struct governor_lesson){ .busy_cores = busy_cores };
		return true;
	}
	lesson->busy_cores = remember(lesson->busy_cores, busy_cores);
	return false;
}

void governor_learn(struct governor_lesson *lesson, uint64_t open_ns, uint64_t hits, double late_ns)
{
	double rate = open_ns ? (double)hits * (double)NS_PER_S / (double)open_ns : 0;

	lesson->learnt = true;
	lesson->late_ns = remember(lesson->late_ns, late_ns);
	lesson->hits_per_s = remember(lesson->hits_per_s, rate);
}
