/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refaults.h - decides when the page fault program is in the kernel; reads what it counted.
 *
 * A refault is the first page fault on a page that the target had given back to the
 * kernel. The program that counts them is attached as long as the target has few page
 * faults. Each fault of the target is charged with a price, and faults may take a part of
 * the budget. The price is the time by which any fault of the machine takes longer
 * (measured at the start), plus the time that the program takes for a fault of the target
 * (measured by the program itself). When that part of the budget is used up the program is
 * detached until enough is earned again. Meanwhile pages that are given back are still
 * noted, but faults on them are not seen.
 *
 * Times are CLOCK_MONOTONIC in nanoseconds, prices and costs are nanoseconds of CPU time.
 */
#ifndef MAPTRACE_TRACE_REFAULTS_H
#define MAPTRACE_TRACE_REFAULTS_H

#include "trace/governor.h"
#include "trace/programs.h"

/* Faults may take 1 / REFAULTS_PART of the budget. */
#define REFAULTS_PART 4

struct refaults {
	struct programs *programs;
	const struct governor *governor;
	struct trace_refaults *result; /* kept up to date, except what refaults_publish() adds */
	struct trace_giver *givers; /* [ABI_GIVERS] */
	double call_ns; /* part of the price: how much longer any fault of the machine takes */
	bool attached;
	uint64_t attached_at_ns;
};

/*
 * The caller has filled in the first three. When nothing can be watched that is not an
 * error: result->missing says why, and the calls below do nothing. Like refaults_calibrate()
 * and refaults_step() it fails only for want of memory.
 */
struct err *refaults_init(struct refaults *r);
void refaults_fini(struct refaults *r);

/* Measures the first part of the price. When that fails refaults are missing from then on. */
struct err *refaults_calibrate(struct refaults *r);

/* Attaches when the budget pays for it, detaches when it no longer does. When attaching
 * fails refaults are missing from then on. */
struct err *refaults_step(struct refaults *r, uint64_t now_ns);

/* What the faults have cost so far, in ns; 0 when they are missing. */
double refaults_spent(const struct refaults *r);

/* Detaches for good. */
void refaults_stop(struct refaults *r, uint64_t now_ns);

/*
 * What is known now: a complete copy of the result, and its part of the cost. The givers
 * stay valid until the next call. Fails when the kernel's counters cannot be read.
 */
struct err *refaults_publish(struct refaults *r, uint64_t now_ns, struct trace_refaults *ret,
			     struct trace_cost *cost);

/*
 * How many more faults may be looked at now, when one costs price_ns and all so far have
 * cost spent_ns. While the program is detached (`paused`) it is 0 until what a second earns
 * is left to spend.
 */
uint64_t refaults_allowed(const struct governor *g, double spent_ns, double price_ns, bool paused,
			  uint64_t now_ns);

#endif
