/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * threshold.h - how large something must be: a size, a share, or the larger of both.
 */
#ifndef MAPTRACE_MODEL_THRESHOLD_H
#define MAPTRACE_MODEL_THRESHOLD_H

#include <stdint.h>

struct threshold {
	uint64_t bytes; /* at least this many */
	double share; /* and at least this part of `of`, 0 to 1 */
};

/* The default of --min-waste. */
#define DEFAULT_MIN_WASTE ((struct threshold){ .bytes = UINT64_C(8) << 20, .share = 0.1 })

static inline uint64_t threshold_bytes(const struct threshold *t, uint64_t of)
{
	double part = t->share * (double)of;

	return part > (double)t->bytes ? (uint64_t)part : t->bytes;
}

#endif
