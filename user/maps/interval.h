/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interval.h - what a sample of whole clusters of slots says about all slots.
 *
 * This is one-stage cluster sampling without replacement, with the ratio estimator: the share
 * of the slots found that have a property, times the number of all slots, which is known.
 *
 * The variance is the one between clusters, with its finite-population correction. The design
 * effect is the factor by which it exceeds the variance of single slots, and at least 1. The
 * sample counts as smaller by this factor, and of such a sample Wilson's score interval is
 * taken. Unlike the normal interval it holds for shares near 0 and 1, too. It uses the quantile
 * of Student's t for the number of clusters that were taken.
 */
#ifndef MAPTRACE_MAPS_INTERVAL_H
#define MAPTRACE_MAPS_INTERVAL_H

#include <stdint.h>

/* Starts with all fields 0 except `all`; cluster_sample_add() adds a cluster. */
struct cluster_sample {
	uint64_t all; /* clusters that there are */
	uint64_t taken; /* clusters that were added */
	uint64_t slots; /* found in the clusters taken */
	uint64_t hits; /* slots with the property */
	double slots_sq; /* sums of squares and products over the clusters */
	double hits_sq;
	double slots_hits;
};

struct interval {
	uint64_t estimate;
	uint64_t low; /* the 95 % interval */
	uint64_t high;
};

void cluster_sample_add(struct cluster_sample *s, uint64_t slots, uint64_t hits);

/* Estimates the slots with the property among `total` slots. The sample must have at least one
 * slot, and total must not be less than the sample has. */
struct interval cluster_sample_estimate(const struct cluster_sample *s, uint64_t total);

#endif
