/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * activity.h - what happened to each map while it was traced.
 *
 * The trace has one row for each map, operation and caller. Here the rows are summed up twice:
 * for each map (struct activity), and for each caller and operation (struct call_site).
 */
#ifndef MAPTRACE_MODEL_ACTIVITY_H
#define MAPTRACE_MODEL_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "base/vec.h"
#include "process/gotypes.h"
#include "trace/rate.h"
#include "trace/trace.h"

/* The sum of all rows with one operation. */
struct activity_op {
	uint64_t hits; /* probe hits that were seen */
	double per_s; /* estimated operations per second, also those outside the windows */
	double per_s_low; /* the 95 % interval of per_s; see trace/rate.h */
	double per_s_high; /* NAN: not known */
	bool rough; /* windows filled up, or slowed the target down; or records were lost */
	const char *missing; /* why per_s is not known (nothing was seen); else NULL; static */
	uint64_t told; /* hits of which it is known whether they changed the map's length */
	uint64_t changed; /* of told: hits that changed it (inserts of new keys, deletes) */
	uint64_t goroutine; /* id of the one that most hits of the busiest row came from; or 0 */
	struct rate_sum sum;
	uint64_t caller; /* return address of the row with most hits */
	uint64_t caller_hits; /* hits of that row */
	uint32_t stack; /* of that row: index + 1 in the trace's stacks; 0: none */
};

/* One map; or, with addr 0, all maps of a type whose address does not identify them. */
struct activity {
	uint64_t addr; /* of the header */
	bool on_stack; /* maps on goroutine stacks, whose headers move */
	bool nil_map; /* operations on nil maps */
	uint64_t key; /* in activities.by_key */
	const struct map_type *type; /* NULL: no hit told it, or it is not in the binary */
	struct activity_op ops[ABI_OP_CNT];
};

/* Everything that one call in the code does to maps with one operation. */
struct call_site {
	uint64_t caller; /* return address */
	enum abi_op op;
	const struct map_type *type; /* of the row with most hits; NULL: as above */
	uint64_t row_hits; /* hits of that row */
	struct activity_op did;
};

struct activities {
	VEC(struct activity) maps; /* busiest first */
	VEC(struct call_site) sites; /* busiest first */
	double per_s; /* all operations on all maps */
	struct table by_key; /* index in maps, by a key made from a row of the trace */
	struct table by_addr; /* index in maps, by the map's address */
};

/* Sums up the trace. Types are pointers into `types`, which has to outlive `as`. The only error
 * is that memory ran out. Free with activities_fini(); after an error there is nothing to free. */
struct err *activities_init(struct activities *as, const struct trace_result *trace,
			    const struct gotypes *types);
void activities_fini(struct activities *as);

/* The activity of the map with this address; NULL: nothing was seen of it, or addr is 0. If
 * several maps had the address one after the other, the busiest one. */
const struct activity *activities_find(const struct activities *as, uint64_t addr);

/* The activity that a row of the trace was summed into. The row has to be from the same trace. */
const struct activity *activities_of_row(const struct activities *as, const struct trace_row *row);

#endif
