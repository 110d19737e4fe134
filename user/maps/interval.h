/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interval.h - what a sample of whole clusters of slots says of all of them.
 *
 * One-stage cluster sampling without replacement, with the ratio estimator: the share
 * of slots that have a property, among those found, times their number, which is
 * known. The variance is that between clusters, with its finite-population
 * correction. What it exceeds that of single slots by (the design effect, 1 at
 * least) shrinks the sample, and Wilson's score interval is taken of the rest: unlike
 * the normal one it holds for shares near 0 and 1, too. With the quantile of Student's
 * t for the clusters that there were.
 */
#ifndef MAPTRACE_MAPS_INTERVAL_H
#define MAPTRACE_MAPS_INTERVAL_H

#include <stdint.h>

/* Add clusters with cluster_sample_add() to one that is zero but for `all`. */
struct cluster_sample {
	uint64_t all; /* clusters that there are */
	uint64_t taken;
	uint64_t slots; /* found in those taken */
	uint64_t hits; /* slots with the property */
	double slots_sq; /* sums of squares and products over the clusters */
	double hits_sq;
	double slots_hits;
};

struct interval {
	uint64_t estimate;
	uint64_t low; /* 95 % */
	uint64_t high;
};

void cluster_sample_add(struct cluster_sample *s, uint64_t slots, uint64_t hits);

/* Slots with the property among `total`. The sample needs a slot, total as many as the
 * sample has. */
struct interval cluster_sample_estimate(const struct cluster_sample *s, uint64_t total);

#endif
