/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * growth.h - how much memory the growth of a map takes: of a growth that was seen, and of the
 * next one, which is forecast.
 *
 * A classic map doubles its bucket array. Both arrays stay in memory until the last entry of
 * the old one has moved. A swiss table with less than 1,024 slots doubles too. A larger swiss
 * map has many tables, and each of them splits in two when it is full. Hashes spread the keys
 * evenly, so this happens to all tables at about the same time. The old memory is garbage until
 * the next collection.
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
	FORECAST_SPLIT, /* all tables split in two, one after the other */
};

/* The next growth of a map. */
struct forecast {
	enum forecast_event event;
	uint64_t at_live_keys; /* it starts when the map has this many; swiss: about */
	uint64_t allocates_bytes; /* in all; the old memory is in use until it is done */
	bool rate_known; /* the map was watched for long enough and gained keys steadily */
	double keys_per_s; /* inserts minus deletes; valid if rate_known */
	uint64_t in_ns; /* time until it starts, at that rate; valid if rate_known */
};

/* Forecasts the next growth. `history` may be NULL: then there is no rate. Returns false, and
 * leaves *ret alone, if the bucket size is unknown, if the map is in no sum (garbage or suspect),
 * or if it had already reached the limit when it was read. */
bool forecast_of(const struct go_layout *layout, const struct map_info *m,
		 const struct map_history *history, struct forecast *ret);

#endif
