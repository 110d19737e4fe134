/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * governor.h - what tracing may cost the target, and what it has cost so far.
 *
 * The budget is a share of one core over the time of the run. It is earned as time
 * goes by. Every hit of a probe is charged with its price, whatever came of the hit.
 * A window is planned to cost only what was earned before, so that windows are spread
 * over the run. What windows might cost beyond their plan (the risk) may use what the
 * first ten seconds will earn, or all of a shorter run: a trace that had to earn that
 * first would see little of a busy target. So a run of ten seconds or more keeps to its
 * share, and a run that is ended earlier has spent at most the budget of ten seconds.
 *
 * Windows are planned at the start of their period, from what was learnt before
 * and never from what goes on in them. So a window that lies at a random place
 * of its period is a fair sample of it.
 *
 * What cannot be foreseen are late hits: hits that come while the probes are being taken
 * away. Usually that lasts 100 us, but 20 ms when the kernel has to wait (for an RCU
 * grace period, or for a fork that has lost its CPU). So there is a reserve: a window
 * opens only if the budget could pay for that, too. A window may cost half of what is
 * earned and not reserved.
 *
 * Pure arithmetic: reads no clock, takes no lock, cannot fail. Times are CLOCK_MONOTONIC
 * in nanoseconds, prices and costs are nanoseconds of CPU time.
 */
#ifndef MAPTRACE_TRACE_GOVERNOR_H
#define MAPTRACE_TRACE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/trace_opts.h"

/* The budget of this first part of a run may be at risk from the start on. */
#define GOVERNOR_ADVANCE_NS 10e9

struct governor {
	double share; /* of one core; 0: nothing may be spent */
	uint64_t start_ns; /* when earning began */
	uint64_t end_ns; /* of the run: nothing is planned after that */
	double spent_ns;
};

/*
 * What was learnt about a group of probes from its windows. Before the first window all
 * that is known is how many CPUs the target keeps busy: all of them may turn out to do
 * nothing but hit probes. The same holds when the target has become busier since.
 */
struct governor_lesson {
	double busy_cores;
	bool learnt; /* there was a window: the next two have a meaning */
	double late_ns; /* cost of the late hits of a window */
	double hits_per_s; /* while a window was open */
};

/* When the next window may be. */
struct governor_period {
	uint64_t not_before_ns; /* UINT64_MAX: no more windows in this run */
	uint64_t period_ns; /* its length: the time that the window stands for */
};

/* How large the next window may be. */
struct governor_window {
	uint64_t open_ns;
	uint32_t hits;
};

/* What is earned and not spent, in ns; below 0 for a debt. */
double governor_credit(const struct governor *g, uint64_t now_ns);

/* What a run that ends now is allowed to have spent in all, in ns. */
double governor_budget(const struct governor *g, uint64_t now_ns);

/*
 * The time from now on when cost_ns is earned and a further cost of risk_ns would stay
 * within the budget; UINT64_MAX: not in this run.
 */
uint64_t governor_when(const struct governor *g, double cost_ns, double risk_ns, uint64_t now_ns);

/*
 * Plans the period that begins at start_ns. `most` has the longest window, the most
 * hits and the shortest period. `price_ns` is the price of one hit.
 */
struct governor_period governor_period(const struct governor *g,
				       const struct governor_lesson *lesson,
				       const struct trace_quota *most, double price_ns,
				       uint64_t start_ns);

/* Plans the window that opens now, so that it should end by its time, not by its hits. */
struct governor_window governor_window(const struct governor *g,
				       const struct governor_lesson *lesson,
				       const struct trace_quota *most, double price_ns,
				       uint64_t now_ns);

/*
 * Standing probes stay in the target all the time, since they are seldom hit. Returns how
 * many hits they may have in a period of most->period_ns: a quarter of what is earned in
 * it pays for them.
 */
uint32_t governor_standing_hits(const struct governor *g, const struct trace_quota *most,
				double price_ns);

/*
 * Tells how many CPUs the target keeps busy now. True when it has become much busier: then
 * what was learnt is forgotten, and the next window has to be planned again.
 */
bool governor_notice(struct governor_lesson *lesson, double busy_cores);

/* Learns from a window: how long it was open, its hits, and what its late hits cost. */
void governor_learn(struct governor_lesson *lesson, uint64_t open_ns, uint64_t hits,
		    double late_ns);

#endif
