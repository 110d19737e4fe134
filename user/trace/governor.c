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

double governor_credit(const struct governor *g, uint64_t now_ns)
{
	double earned = now_ns > g->start_ns ? g->share * (double)(now_ns - g->start_ns) : 0;

	return earned - g->spent_ns;
}

uint64_t governor_when(const struct governor *g, double cost_ns, uint64_t now_ns)
{
	double lacking = cost_ns - governor_credit(g, now_ns);

	if (g->share <= 0 || now_ns >= g->end_ns)
		return NEVER;
	if (lacking <= 0)
		return now_ns;

	double wait_ns = lacking / g->share;
	return wait_ns < (double)(g->end_ns - now_ns) ? now_ns + (uint64_t)wait_ns + 1 : NEVER;
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
	if (hits >= most)
		return most;
	return hits < HITS_MIN ? HITS_MIN : (uint32_t)hits;
}

/* The credit that is not to be touched by plans. */
static double reserve(const struct governor_lesson *lesson, double price_ns)
{
	double cores = lesson->learnt ? lesson->hits_per_s * price_ns / (double)NS_PER_S
				      : lesson->busy_cores;
	if (cores > LATE_CORES)
		cores = LATE_CORES;
	double foreseen_ns = LATE_NS * (cores > IDLE_CORES ? cores : IDLE_CORES);
	double seen_ns = lesson->late_hits * price_ns;

	return seen_ns > foreseen_ns ? seen_ns : foreseen_ns;
}

struct governor_period governor_period(const struct governor *g,
				       const struct governor_lesson *lesson,
				       const struct trace_quota *most, double price_ns,
				       uint64_t start_ns)
{
	double least_ns = WINDOW_PART * HITS_MIN * price_ns;
	double need_ns = least_ns + reserve(lesson, price_ns);
	struct governor_period period = {
		.not_before_ns = governor_when(g, need_ns, start_ns),
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
	double free_ns = governor_credit(g, now_ns) - reserve(lesson, price_ns);
	double hits = free_ns / WINDOW_PART / price_ns;
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

void governor_learn(struct governor_lesson *lesson, uint64_t open_ns, uint64_t hits, uint64_t late)
{
	double rate = open_ns ? (double)hits * (double)NS_PER_S / (double)open_ns : 0;

	lesson->learnt = true;
	lesson->late_hits = remember(lesson->late_hits, (double)late);
	lesson->hits_per_s = remember(lesson->hits_per_s, rate);
}
