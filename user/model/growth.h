/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * growth.h - how much memory the growth of a map takes: of a growth that was seen, and of the
 * next one, which is forecast.
 *
 * A classic map doubles its bucket array. Both arrays stay in memory until the last entry of
 * the old one has moved. A swiss table with less than 1,024 slots doubles too. A larger swiss
 * map has many tables, and each of them splits in two when it is full. Hashes spread the keys
 * evenly, so that happens to all tables within a tenth of the keys, more or less. The old memory is
 * garbage until the next collection.
 */
#ifndef MAPTRACE_MODEL_GROWTH_H
#define MAPTRACE_MODEL_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "maps/mapinfo.h"
#include "model/history.h"
#include "process/program.h"
#include "trace/trace.h"

/* A growth that was seen. */
struct growth {
	bool bytes_known; /* the type is known, and so the next two */
	uint64_t bytes_from; /* size of the array or table that was too small */
	uint64_t bytes_to; /* size of what is allocated in its place */
	/* Deletes and inserts caused the growth, not a larger number of keys. For a classic map:
	 * it has overflow chains. For a swiss map: a tenth or more of the slots are tombstones,
	 * which is the limit that the runtime itself uses (Go source:
	 * internal/runtime/maps/table.go pruneTombstones). */
	bool churn;
};

/* Cannot fail. */
struct growth growth_of(const struct program *prog, const struct trace_event *event);

enum forecast_event {
	FORECAST_DOUBLE, /* one of twice the size replaces the array, or the only table */
	FORECAST_SPLIT, /* all tables split in two, one after the other, or the only one */
};

/*
 * The next growth of a map. The tables of a large swiss map split one by one: hashes put a few more
 * keys into one table than into another, so the first one is full long before the last one. Where a
 * table stands is not known, but how such numbers are spread: about, for all keys at which a part of
 * the tables has split.
 */
struct forecast {
	enum forecast_event event;
	uint64_t at_live_keys; /* it starts when the map has this many; of splits: about */
	uint64_t half_live_keys; /* of splits: about when half of those to come are done */
	uint64_t end_live_keys; /* of splits: about when the last one is done */
	uint64_t allocates_bytes; /* in all; the old memory is in use until it is done */
	uint64_t step_bytes; /* of that, what one split allocates */
	/* What has to be free. An array or a single table is there beside the old one; of splits,
	 * the old tables are collected meanwhile, so this is by what the map grows, and one split. */
	uint64_t needs_bytes;
	bool rate_known; /* the map was watched for long enough and gained keys steadily */
	double keys_per_s; /* inserts minus deletes; valid if rate_known, as the next three */
	uint64_t in_ns; /* time until it starts, at that rate */
	uint64_t half_in_ns;
	uint64_t end_in_ns;
};

/* Forecasts the next growth. `history` may be NULL: then there is no rate. Returns false, and
 * leaves *ret alone, if the bucket size is unknown, if the map is in no sum (garbage or suspect),
 * or if it had already reached the limit when it was read. */
bool forecast_of(const struct go_layout *layout, const struct map_info *m,
		 const struct map_history *history, struct forecast *ret);

#endif
