/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rate.h - operations per second, and how far the truth may be from that.
 *
 *	struct rate_sum sum = { 0 };
 *	for (each sample of result->samples, in order, that belongs to it)
 *		rate_add(&sum, result, sample);
 *	struct rate rate = rate_of(&sum, op, result);
 *
 * Every window is a sample of its period, so the interval comes from how much
 * windows differ (a ratio estimate, its variance between windows, and Student's t
 * on a logarithmic scale: rates are skewed to the right). It is never narrower
 * than independent hits would allow, and covers the truth in 95 of 100 runs.
 * Where all of the time was watched, the rate is a count and the interval is
 * empty.
 *
 * Of what was not seen in windows nobody knows how often it may have happened in
 * between, at once or not: there is no upper end. Hits whose records were lost may be
 * of anything: of what is a count they are the upper end, else there is none.
 */
#ifndef MAPTRACE_TRACE_RATE_H
#define MAPTRACE_TRACE_RATE_H

#include "trace/trace.h"

struct rate {
	double per_s;
	double low; /* 95 of 100 intervals have the truth in them */
	double high; /* NAN: not known, only that it is `low` or more */
	/*
	 * A tenth or more of it comes from windows that were cut off by the number of
	 * hits, or slowed the target down: what it does alone may be more. Or records
	 * were lost.
	 */
	bool rough;
	const char *missing; /* nothing was seen and that tells nothing: why; else NULL. Static. */
};

/* Samples of any set of rows, summed up window by window. Starts as all zero. */
struct rate_sum {
	uint64_t hits;
	uint64_t windows; /* that had hits */
	double estimate;
	double estimate_low; /* a window that was cut off had no more hits than it had */
	double squares; /* of the windows' estimates */
	double products; /* of a window's estimate and its span */
	double noise; /* variance if every hit came on its own */
	double rough; /* of the estimate: from windows that were cut off or disturbed */
	uint32_t func; /* of the one with the fewest windows */
	uint32_t window; /* the last one, plus 1; its estimate is still open */
	double open_estimate;
};

void rate_add(struct rate_sum *sum, const struct trace_result *result,
	      const struct trace_sample *sample);
struct rate rate_of(const struct rate_sum *sum, enum abi_op op, const struct trace_result *result);

#endif
