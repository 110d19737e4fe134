/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rate.h - operations per second, and how far the truth may be from that.
 *
 *	struct rate_sum sum = { 0 };
 *	for (each sample that belongs to it, in the order of result->samples)
 *		rate_add(&sum, result, sample);
 *	struct rate rate = rate_of(&sum, op, result);
 *
 * Each window is a sample of its period, so the interval comes from how much
 * windows differ (a ratio estimate, its variance between windows, and Student's t
 * on a logarithmic scale: rates are skewed to the right). It is never narrower
 * than it would be if every hit came independently, and contains the truth in 95 of
 * 100 runs. Where all of the time was watched, the rate is a count and the interval has
 * no width.
 *
 * A hit takes a microsecond or so. A loop that does things one after the other does fewer of them
 * in a window, by the part of the time that its thread spends in probes. A program that does what
 * comes in from outside does as many. Nobody can tell which it is, so the rate is in the middle, and
 * the interval has both.
 *
 * An operation that was never seen in windows may have happened between them, any number
 * of times: the interval has no upper end. Hits whose records were lost may have been any
 * operation: they raise the upper end of a count, and an estimate has no upper end then.
 */
#ifndef MAPTRACE_TRACE_RATE_H
#define MAPTRACE_TRACE_RATE_H

#include "trace/trace_result.h"

struct rate {
	double per_s;
	double low; /* 95 of 100 intervals from low to high contain the truth */
	double high; /* NAN: not known, only that it is `low` or more */
	/*
	 * More than a tenth of it comes from windows that were ended by their hits, or that
	 * slowed the target down: the true rate may be higher. Or records were lost.
	 */
	bool rough;
	/* Nothing was seen, which does not mean that nothing happened: why. Else NULL. Static. */
	const char *missing;
};

/*
 * Samples of any set of rows, summed up window by window. Starts as all zero. Estimates
 * are numbers of operations; a window's estimate is its hits times span_ns / open_ns.
 */
struct rate_sum {
	uint64_t hits;
	uint64_t windows; /* those with hits, without the last one */
	double estimate;
	double estimate_low; /* if windows that were cut off had no more hits to come */
	double estimate_high; /* if the target did less in windows, by the time spent in probes */
	double squares; /* sum of the squares of the windows' estimates */
	double products; /* sum of the windows' estimates times their spans */
	double noise; /* variance of the estimate if every hit came independently */
	double rough; /* the part of the estimate from windows cut off or disturbed */
	uint32_t func; /* the function with the fewest windows: its base is used */
	uint32_t window; /* index of the last window plus 1: more samples of it may come */
	double open_estimate; /* of that one */
};

/*
 * Adds a sample of `result` to the sum. Samples of one window must come one after the
 * other, as they are in result->samples. Cannot fail.
 */
void rate_add(struct rate_sum *sum, const struct trace_result *result,
	      const struct trace_sample *sample);

/*
 * The rate of a sum of samples, all of operation `op`, in operations per second. A sum
 * without samples is fine: the rate is 0, as certain as result->covers[op] lets it be.
 * Cannot fail; what is not known is `missing`, `rough` or NAN.
 */
struct rate rate_of(const struct rate_sum *sum, enum abi_op op, const struct trace_result *result);

#endif
