/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * growth.h - what a map's growth costs: of those that were seen, and of the next.
 *
 * A classic map doubles its bucket array; old and new are there until all of the old
 * one is moved. A swiss table below 1,024 slots doubles too. Larger maps have many
 * tables, each of which splits when it is full: about at the same time, since hashes
 * spread the keys evenly. The old memory is garbage until the next collection.
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
	bool bytes_known; /* the type is known */
	uint64_t bytes_from; /* of the array or table that is too small */
	uint64_t bytes_to; /* of what is allocated in its place */
	/* Not for new keys: overflow chains (classic), or tombstones in a tenth or more
	 * of the slots, which the runtime itself finds too many (swiss; S
	 * internal/runtime/maps/table.go pruneTombstones). */
	bool churn;
};

struct growth growth_of(const struct program *prog, const struct trace_event *event);

enum forecast_event {
	FORECAST_DOUBLE, /* the array, or the one table, is replaced by one twice as large */
	FORECAST_SPLIT, /* all tables split in two, one after the other */
};

/* The next growth of a map. */
struct forecast {
	enum forecast_event event;
	uint64_t at_live_keys; /* for swiss tables: about */
	uint64_t allocates_bytes; /* by the time it is done; the old memory is in use meanwhile */
	bool rate_known; /* it was watched for long enough, and gained keys steadily */
	double keys_per_s; /* net */
	uint64_t in_ns; /* at that rate */
};

/* `history` may be NULL. False for a map of unknown bucket size, or one that is about
 * to grow as it was read. */
bool forecast_of(const struct go_layout *layout, const struct map_info *m,
		 const struct map_history *history, struct forecast *ret);

#endif
