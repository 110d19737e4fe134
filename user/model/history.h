/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history.h - how a map's size was distributed over the time of observation.
 *
 * Each census at an even interval adds one sample a map, so that counts are
 * shares of time. Bins are powers of two. The largest maps are followed; the
 * number is bounded.
 */
#ifndef MAPTRACE_MODEL_HISTORY_H
#define MAPTRACE_MODEL_HISTORY_H

#include <stdint.h>

#include "base/table.h"
#include "base/vec.h"
#include "maps/census.h"

enum { HISTORY_MAPS_MAX = 4096, HISTORY_BINS = 65 };

/* Bin 0 counts zeroes, bin i values in [2^(i-1), 2^i). */
struct histogram {
	uint16_t bins[HISTORY_BINS];
	uint64_t min;
	uint64_t max;
};

struct map_history {
	uint64_t addr;
	uint32_t samples;
	uint64_t first_live_keys;
	uint64_t last_live_keys;
	struct histogram live_keys;
	struct histogram buckets;
	struct histogram resident_bytes;
};

struct history {
	VEC(struct map_history) maps;
	struct table by_addr;
	uint32_t samples; /* censuses taken */
	uint64_t left_out; /* maps not followed, at the last census */
};

struct err *history_add(struct history *h, const struct census *census);
void history_fini(struct history *h);

/* NULL when the map is not followed. */
const struct map_history *history_find(const struct history *h, uint64_t addr);

/* Bounds of a bin: [low, high). */
uint64_t histogram_bin_low(unsigned int bin);
uint64_t histogram_bin_high(unsigned int bin);

#endif
