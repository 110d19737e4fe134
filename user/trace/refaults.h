/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refaults.h - when the page fault program is in the kernel, and what it counted.
 *
 * It is there all the time, as long as the faults of the target are few. They are
 * charged with a price, and may take a part of the budget. The price is what any
 * fault of the machine takes longer, measured at the start, and what the program does
 * for the target, measured by itself. When that is used up the program is taken away,
 * until enough is earned again: what is given back goes on being noted, and what is
 * touched meanwhile is not seen.
 */
#ifndef MAPTRACE_TRACE_REFAULTS_H
#define MAPTRACE_TRACE_REFAULTS_H

#include "trace/governor.h"
#include "trace/programs.h"

/* The part of the budget that faults may take: one in so many. */
#define REFAULTS_PART 4

struct refaults {
	struct programs *programs;
	const struct governor *governor;
	struct trace_refaults *result; /* kept complete but for what is read at the end */
	struct trace_giver *givers; /* [ABI_GIVERS] */
	double call_ns; /* of the price: what any fault of the machine takes longer */
	bool attached;
	uint64_t attached_at_ns;
};

/* The caller has filled in the first three. result->missing says why there is nothing
 * to watch. */
struct err *refaults_init(struct refaults *r);
void refaults_fini(struct refaults *r);

/* Finds the first part of the price; when that fails they are missing from then on. */
struct err *refaults_calibrate(struct refaults *r);

/* Attaches when that is paid for, detaches when it no longer is. When attaching fails
 * they are missing from then on. */
struct err *refaults_step(struct refaults *r, uint64_t now_ns);

/* What the faults have cost so far. */
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
 * How many more faults may be looked at now, at this price, after they have cost
 * spent_ns. While they are not (`paused`) there are none until a second's share is to
 * spend.
 */
uint64_t refaults_allowed(const struct governor *g, double spent_ns, double price_ns, bool paused,
			  uint64_t now_ns);

#endif
