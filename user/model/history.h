/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history.h - how a map's size was distributed over the time of observation.
 *
 * A value counts for the time from where it was seen until the next one was: by a
 * census, by a traced call on the map, or at its growth. Bins are powers of two. The
 * largest maps are followed; the number is bounded.
 */
#ifndef MAPTRACE_MODEL_HISTORY_H
#define MAPTRACE_MODEL_HISTORY_H

#include <stdint.h>

#include "base/table.h"
#include "base/vec.h"
#include "maps/census.h"

enum { HISTORY_MAPS_MAX = 4096, HISTORY_BINS = 49 };

/* Bin 0 is of zeroes, bin i of values in [2^(i-1), 2^i), the last one of all above. */
struct histogram {
	uint64_t ns[HISTORY_BINS]; /* how long the value was in the bin */
	uint64_t min; /* of what it was for some time */
	uint64_t max;
	uint64_t now; /* since: */
	uint64_t since_ns; /* 0: nothing seen yet */
};

struct map_history {
	uint64_t addr;
	uint32_t samples; /* censuses */
	uint64_t first_ns; /* time of the first census that had it */
	uint64_t last_ns;
	uint64_t first_live_keys;
	uint64_t last_live_keys;
	uint64_t peak_live_keys;
	uint64_t fall_live_keys; /* the deepest fall below the peak before it */
	struct histogram live_keys;
	struct histogram buckets;
	struct histogram resident_bytes;
};

struct history {
	VEC(struct map_history) maps;
	struct table by_addr;
	uint32_t samples; /* censuses taken */
	uint64_t last_ns; /* time of the latest */
	uint64_t left_out; /* maps not followed, at the last census */
};

/* Adds a census taken at a time (of clock_ns()). */
struct err *history_add(struct history *h, const struct census *census, uint64_t now_ns);

/* What a traced call found; without effect for a map that is not followed. */
void history_live_keys(struct history *h, uint64_t addr, uint64_t live_keys, uint64_t now_ns);
void history_buckets(struct history *h, uint64_t addr, uint64_t buckets, uint64_t now_ns);

/* The observation is over: what maps of the latest census were last, they are now. */
void history_end(struct history *h, uint64_t now_ns);

/* The time that a histogram covers: the sum of its bins. */
uint64_t histogram_total_ns(const struct histogram *h);

void history_fini(struct history *h);

/* NULL when the map is not followed. */
const struct map_history *history_find(const struct history *h, uint64_t addr);

/* Bounds of a bin: [low, high). */
uint64_t histogram_bin_low(unsigned int bin);
uint64_t histogram_bin_high(unsigned int bin);

#endif
