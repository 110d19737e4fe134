// SPDX-License-Identifier: GPL-2.0-only
#include "trace/rate.h"

#include <math.h>

#include "base/clock.h"
#include "trace/functions.h"

/* A rate is rough when more than this part of it comes from rough windows. */
#define ROUGH_PART 0.1

/*
 * Attaching takes CPU time from the target. On a machine without idle CPUs the target
 * makes up for it after the window, so rates came out some percent low there. A factor.
 */
#define SYSTEMATIC 1.05

/* In a window slowed more than that nobody knows what would have been. */
#define SLOWED_MOST 0.5

/* Student's t for 95 %, two-sided. */
static double student_t(uint64_t freedom)
{
	static const double t[] = { 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23,
				    2.20,  2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09 };
	const uint64_t cnt = sizeof(t) / sizeof(t[0]);

	if (freedom < 1)
		freedom = 1;
	return freedom <= cnt ? t[freedom - 1] : 1.96 + 2.5 / (double)freedom;
}

/* Closes the sum of the last window: there are no more samples of it. */
static void window_flush(struct rate_sum *sum, const struct trace_result *result)
{
	if (!sum->window)
		return;

	const struct trace_window *window = &result->windows[sum->window - 1];
	sum->squares += sum->open_estimate * sum->open_estimate;
	sum->products += sum->open_estimate * (double)window->span_ns;
	sum->windows++;
	if (window->saturated || window->disturbed)
		sum->rough += sum->open_estimate;
	sum->open_estimate = 0;
}

/* The part of a sampling window in which the target did not wait for probes. What was counted all
 * the time was counted as it was. */
static double rate_unslowed_part(const struct trace_window *window)
{
	bool sampled = window->open_ns < window->span_ns;
	double slowed = sampled ? window->slowed : 0;

	return slowed < SLOWED_MOST ? 1 - slowed : 1 - SLOWED_MOST;
}

void rate_add(struct rate_sum *sum, const struct trace_result *result,
	      const struct trace_sample *sample)
{
	const struct trace_window *window = &result->windows[sample->window];
	uint32_t func = result->rows[sample->row].func;
	double span_ns = (double)window->span_ns;
	double weight = span_ns / (window->open_ns ? (double)window->open_ns : 1);

	if (sum->window != sample->window + 1) {
		window_flush(sum, result);
		sum->window = sample->window + 1;
	}
	if (!sum->hits || result->bases[func].windows < result->bases[sum->func].windows)
		sum->func = func;
	sum->hits += sample->hits;
	sum->estimate += weight * sample->hits;
	sum->estimate_high += weight * sample->hits / rate_unslowed_part(window);
	sum->open_estimate += weight * sample->hits;
	sum->noise += weight * weight * sample->hits;
	sum->estimate_low +=
		sample->hits * span_ns / (window->planned_ns ? (double)window->planned_ns : 1);
}

/* The relative standard error of the estimate. */
static double rate_relative_error(const struct rate_sum *sum, const struct trace_base *base)
{
	double n = (double)base->windows;
	double rate = sum->estimate / base->span_ns;
	/* Sum of the squared distances of all windows from the mean, also those without hits. */
	double squares =
		sum->squares - 2 * rate * sum->products + rate * rate * base->span_ns_squared;
	double between = n > 1 ? squares * n / (n - 1) : sum->estimate * sum->estimate;
	double variance = between > sum->noise ? between : sum->noise;
	double unseen = 1 - base->open_ns / base->span_ns;

	return unseen > 0 ? sqrt(variance * unseen) / sum->estimate : 0;
}

/* The least span of the functions of the operation, in ns; 0: none was watched. */
static double least_span_ns(enum abi_op op, const struct trace_result *result)
{
	double least_ns = 0;

	for (size_t i = 0; i < map_function_cnt; i++) {
		double span_ns = result->bases[i].span_ns;

		if (map_functions[i].op == op && span_ns > 0 && (!least_ns || span_ns < least_ns))
			least_ns = span_ns;
	}
	return least_ns;
}

static struct rate rate_of_none(enum abi_op op, const struct trace_result *result)
{
	double lost = (double)trace_lost_hits(result), span_ns = least_span_ns(op, result);

	/* It may be among the samples that were left out. */
	if (result->overflow.samples || result->overflow.windows)
		return (struct rate){ .high = NAN };
	switch (result->covers[op]) {
	case TRACE_COVER_NONE:
		return (struct rate){ .high = NAN, .rough = true, .missing = "not watched" };
	case TRACE_COVER_WINDOWS:
		return (struct rate){ .high = NAN,
				      .rough = lost > 0,
				      .missing = lost > 0 ? "records were lost" : NULL };
	case TRACE_COVER_ALL:
		break;
	}
	if (!lost || !span_ns)
		return (struct rate){ 0 };
	return (struct rate){ .high = lost / span_ns * NS_PER_S, .rough = true };
}

struct rate rate_of(const struct rate_sum *from, enum abi_op op, const struct trace_result *result)
{
	struct rate_sum sum = *from;
	const struct trace_base *base = &result->bases[sum.func];

	window_flush(&sum, result);
	if (!sum.hits || base->span_ns <= 0)
		return rate_of_none(op, result);

	uint64_t freedom = sum.windows < base->windows ? sum.windows : base->windows - 1;
	double factor = 1;
	if (base->open_ns < base->span_ns)
		factor = SYSTEMATIC * exp(student_t(freedom) * rate_relative_error(&sum, base));
	double per_ns = 1 / base->span_ns;
	struct rate rate = {
		.per_s = sqrt(sum.estimate * sum.estimate_high) * per_ns * NS_PER_S,
		.low = sum.estimate_low * per_ns * NS_PER_S / factor,
		.high = sum.estimate_high * per_ns * NS_PER_S * factor,
		.rough = sum.rough > ROUGH_PART * sum.estimate,
	};

	double lost = (double)trace_lost_hits(result);
	if (rate.rough || (lost > 0 && base->open_ns < base->span_ns))
		rate.high = NAN;
	else
		rate.high += lost * per_ns * NS_PER_S;
	if (lost > 0)
		rate.rough = true;
	/* Nobody knows how far off the rate is without the samples that were left out. */
	if (result->overflow.samples || result->overflow.windows) {
		rate.low = 0;
		rate.high = NAN;
	}
	return rate;
}
