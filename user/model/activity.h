/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * activity.h - what happened to each map while it was traced: the trace's rows,
 * which are by map, operation and caller, summed by map, and by caller.
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

struct activity_op {
	uint64_t hits; /* seen */
	double per_s; /* estimated from what was seen */
	double per_s_low; /* 95 % interval; see trace/rate.h */
	double per_s_high; /* NAN: not known */
	bool rough; /* windows filled up, or slowed the target down; or records were lost */
	const char *missing; /* nothing was seen, and per_s is not known: why; else NULL */
	uint64_t told; /* hits that are known to have changed the length, or not */
	uint64_t changed; /* of those, the ones that did: inserts of new keys */
	uint64_t goroutine; /* id of the one that most hits of the busiest row came from; or 0 */
	struct rate_sum sum;
	uint64_t caller; /* where most of the hits came from */
	uint64_t caller_hits;
};

/* One map; or, with addr 0, all that have no address which means anything. */
struct activity {
	uint64_t addr;
	bool on_stack; /* maps on goroutine stacks: their headers move */
	bool nil_map; /* operations on nil maps */
	uint64_t key;
	const struct map_type *type; /* NULL: not told, or not in the binary */
	struct activity_op ops[ABI_OP_CNT];
};

/* All that one place in the code does to maps with one operation. */
struct call_site {
	uint64_t caller;
	enum abi_op op;
	const struct map_type *type; /* of its busiest row; NULL as above */
	uint64_t row_hits; /* of that row */
	struct activity_op did;
};

struct activities {
	VEC(struct activity) maps; /* busiest first */
	VEC(struct call_site) sites; /* busiest first */
	double per_s; /* all operations of all maps */
	struct table by_key; /* of a trace row */
	struct table by_addr; /* of a map */
};

/* Free with activities_fini(). */
struct err *activities_init(struct activities *as, const struct trace_result *trace,
			    const struct gotypes *types);
void activities_fini(struct activities *as);

/* The activity of a map, or NULL. */
const struct activity *activities_find(const struct activities *as, uint64_t addr);

/* The activity that a row of the trace was summed into. */
const struct activity *activities_of_row(const struct activities *as, const struct trace_row *row);

#endif
