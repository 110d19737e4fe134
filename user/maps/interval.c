// SPDX-License-Identifier: GPL-2.0-only
#include "maps/interval.h"

#include <math.h>

void cluster_sample_add(struct cluster_sample *s, uint64_t slots, uint64_t hits)
{
	double n = slots, z = hits;

	s->taken++;
	s->slots += slots;
	s->hits += hits;
	s->slots_sq += n * n;
	s->hits_sq += z * z;
	s->slots_hits += n * z;
}

/* The 0.975 quantile of Student's t, expanded around that of the normal distribution. */
static double t_quantile(uint64_t degrees)
{
	const double z = 1.959964, v = degrees;

	return z + (pow(z, 3) + z) / (4 * v) +
	       (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * v * v);
}

/* The factor by which the share varies more than if single slots had been drawn. */
static double design_effect(const struct cluster_sample *s, double share)
{
	double m = s->taken, n = s->slots;
	double residues = s->hits_sq - 2 * share * s->slots_hits + share * share * s->slots_sq;
	double between = m / (m - 1) * residues / (n * n);
	double single = share * (1 - share) / n;

	return single > 0 && between > single ? between / single : 1;
}

struct interval cluster_sample_estimate(const struct cluster_sample *s, uint64_t total)
{
	double share = (double)s->hits / s->slots;
	uint64_t misses = s->slots - s->hits;
	struct interval all = { total * share + 0.5, s->hits, total - misses };

	if (s->taken == s->all)
		return (struct interval){ all.estimate, all.estimate, all.estimate };
	if (s->taken < 2)
		return all;

	double t = t_quantile(s->taken - 1);
	double missing = 1 - (double)s->taken / s->all;
	double n = s->slots / design_effect(s, share) / missing;
	double center = (share + t * t / (2 * n)) / (1 + t * t / n);
	double half = t * sqrt(share * (1 - share) / n + t * t / (4 * n * n)) / (1 + t * t / n);
	double low = floor(total * (center - half)), high = ceil(total * (center + half));

	/* The slots that were seen are certain. */
	return (struct interval){
		.estimate = all.estimate,
		.low = low > all.low ? low : all.low,
		.high = high < all.high ? high : all.high,
	};
}
