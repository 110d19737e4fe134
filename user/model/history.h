/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history.h - how the size of a map was distributed over the time of observation.
 *
 * Each value is weighed by the time it lasted: from the moment it was seen until the next value
 * was seen. Values come from a census, from a traced call on the map, or from its growth. Bins
 * are powers of two.
 *
 * A map that has a history is "followed". At most HISTORY_MAPS_MAX maps are, the largest ones
 * first; a map that is followed stays so, whatever its size becomes.
 */
#ifndef MAPTRACE_MODEL_HISTORY_H
#define MAPTRACE_MODEL_HISTORY_H

#include <stdint.h>

#include "base/table.h"
#include "base/vec.h"
#include "maps/census.h"

enum { HISTORY_MAPS_MAX = 4096, HISTORY_BINS = 49, HISTORY_POINTS = 32 };

/* In place of a number of keys: that census did not have the map. */
#define HISTORY_UNSEEN UINT64_MAX

/* Bin 0 holds zeroes, bin i values in [2^(i-1), 2^i), the last bin all larger ones. */
struct histogram {
	uint64_t ns[HISTORY_BINS]; /* how long the value was in the bin */
	uint64_t min; /* smallest and largest value that lasted for some time */
	uint64_t max;
	uint64_t now; /* the value that was seen last */
	uint64_t since_ns; /* when that was, or until when ns[] counts it; 0: nothing seen */
};

/* What is known of one map that is followed. Times are those of clock_ns(). */
struct map_history {
	uint64_t addr; /* of the header */
	uint32_t samples; /* censuses that had it */
	uint64_t first_ns; /* time of the first census that had it */
	uint64_t last_ns; /* of the last one */
	uint64_t first_live_keys; /* in the first census that had it */
	uint64_t last_live_keys; /* in the last one */
	uint64_t peak_live_keys; /* the most that were seen */
	uint64_t fall_live_keys; /* the deepest fall below the peak before the fall */
	/* The number of keys at each point of history.point_ns, or HISTORY_UNSEEN. */
	uint64_t points[HISTORY_POINTS];
	struct histogram live_keys;
	struct histogram buckets;
	struct histogram resident_bytes;
};

struct history {
	VEC(struct map_history) maps;
	struct table by_addr; /* index in maps */
	uint32_t samples; /* censuses taken */
	uint64_t last_ns; /* time of the latest census */
	uint64_t left_out; /* maps of the latest census that are not followed */
	/* Points are moments of censuses, evenly spread over all of them: every stride-th one. When
	 * there is no room for another one, every second point goes. */
	uint64_t point_ns[HISTORY_POINTS];
	uint32_t point_cnt;
	uint32_t point_stride; /* 0: there was no census */
};

/* Adds a census that was taken at now_ns (of clock_ns()), and starts to follow the largest new
 * maps if there is room. The only error is that memory ran out. A history that is all zero is
 * empty; free with history_fini(). */
struct err *history_add(struct history *h, const struct census *census, uint64_t now_ns);

/* Adds what a traced call found at now_ns; no effect if the map is not followed. */
void history_live_keys(struct history *h, uint64_t addr, uint64_t live_keys, uint64_t now_ns);
void history_buckets(struct history *h, uint64_t addr, uint64_t buckets, uint64_t now_ns);

/* Counts the latest value of each map until now_ns. Maps that are not in the latest census are
 * left alone, since nobody knows when they went. May be called again later. */
void history_end(struct history *h, uint64_t now_ns);

/* The time in ns that a histogram covers: the sum of its bins. */
uint64_t histogram_total_ns(const struct histogram *h);

void history_fini(struct history *h);

/* NULL: the map is not followed. Valid until the next history_add(). */
const struct map_history *history_find(const struct history *h, uint64_t addr);

/* Bounds of a bin: values in [low, high). */
uint64_t histogram_bin_low(unsigned int bin);
uint64_t histogram_bin_high(unsigned int bin);

#endif
