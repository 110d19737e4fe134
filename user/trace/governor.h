/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * governor.h - what tracing may cost the target, and what it has cost so far.
 *
 * A budget is a share of one core, over the time of the run. It is earned as time
 * goes by, and every hit of a probe is charged with its price, whatever came of the
 * hit. Plans spend what was earned, so that windows are spread over the run. Risk
 * may be taken on what the first ten seconds will earn (or all of a shorter run):
 * who had to wait for that would see little of a busy target. So the share holds
 * for a run that goes on as long, and who ends it in the middle of the first ten
 * seconds has still spent no more than their budget.
 *
 * Windows are planned at the start of their period, from what was learnt before
 * and never from what goes on in them: then a window that lies at a random place
 * of its period is a fair sample of it.
 *
 * What cannot be foreseen are late hits, that come while the probes are taken away:
 * mostly for 100 us, but for 20 ms when the kernel has to wait (for an RCU grace
 * period, or for a fork that has lost its CPU). So there is a reserve: no window
 * opens that could not pay for that. Of what is earned and beyond the reserve, a
 * window may cost half.
 *
 * Pure arithmetic: reads no clock, keeps no lock. Times are CLOCK_MONOTONIC.
 */
#ifndef MAPTRACE_TRACE_GOVERNOR_H
#define MAPTRACE_TRACE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/trace.h"

/* The part of a run whose budget may be at risk from the start on. */
#define GOVERNOR_ADVANCE_NS 10e9

struct governor {
	double share; /* of one core; 0: nothing may be spent */
	uint64_t start_ns; /* when earning began */
	uint64_t end_ns; /* of the run: what is earned later is of no use */
	double spent_ns;
};

/*
 * What a group of probes has shown about itself. Before the first window nothing is
 * known but how many CPUs the target keeps busy: all of them may turn out to do
 * nothing but hit probes. The same when the target has become busier since.
 */
struct governor_lesson {
	double busy_cores;
	bool learnt; /* the rest has a meaning */
	double late_ns; /* cost of the late hits of a window */
	double hits_per_s; /* while a window was open */
};

/* When the next window may be. */
struct governor_period {
	uint64_t not_before_ns; /* UINT64_MAX: no more windows in this run */
	uint64_t period_ns; /* from its start on: the time that the window stands for */
};

/* How large it may be. */
struct governor_window {
	uint64_t open_ns;
	uint32_t hits;
};

/* Earned and not spent; below 0 for a debt. */
double governor_credit(const struct governor *g, uint64_t now_ns);

/* What a run that ended now could have spent, in all. */
double governor_budget(const struct governor *g, uint64_t now_ns);

/*
 * When cost_ns is earned, and risk_ns beyond that would not break the budget;
 * UINT64_MAX: not in this run.
 */
uint64_t governor_when(const struct governor *g, double cost_ns, double risk_ns, uint64_t now_ns);

/*
 * The period that begins at start_ns. `most` has the longest window, the most
 * hits, the shortest period. `price_ns` is that of one hit.
 */
struct governor_period governor_period(const struct governor *g,
				       const struct governor_lesson *lesson,
				       const struct trace_quota *most, double price_ns,
				       uint64_t start_ns);

/* The window that opens now. It is made to end by its time rather than its hits. */
struct governor_window governor_window(const struct governor *g,
				       const struct governor_lesson *lesson,
				       const struct trace_quota *most, double price_ns,
				       uint64_t now_ns);

/*
 * For probes that stay in the target while they are seldom hit: the hits for a
 * period of most->period_ns, out of a quarter of what is earned in it.
 */
uint32_t governor_standing_hits(const struct governor *g, const struct trace_quota *most,
				double price_ns);

/*
 * The target keeps so many CPUs busy now. True when that is news: what was learnt
 * is forgotten, and the next window has to be planned again.
 */
bool governor_notice(struct governor_lesson *lesson, double busy_cores);

/* A window of open_ns has had so many hits inside, and late ones of that cost. */
void governor_learn(struct governor_lesson *lesson, uint64_t open_ns, uint64_t hits,
		    double late_ns);

#endif
