/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_activity.h - the part of a result that says what was done to maps, and from where.
 */
#ifndef MAPTRACE_MODEL_RESULT_ACTIVITY_H
#define MAPTRACE_MODEL_RESULT_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_words.h"

struct result_frame {
	const char *function;
	const char *file; /* as the compiler noted it; NULL: not known */
	uint64_t line; /* 0: not known */
};

/* A call in the source. */
struct result_caller {
	const char *function; /* NULL: the address is in no function of the program */
	uint64_t pc; /* return address; 0: not known */
	struct result_frame *at; /* of function, and NULL without it: file and line */
	POOL_LIST(struct result_frame) inlined_into; /* innermost first */
	/* The calls that led to this one most often, innermost first, with those that were
	 * inlined; empty: not known. */
	POOL_LIST(struct result_frame) stack;
	/* The first of them in the program's own packages; NULL: the caller is in one, or not
	 * known. */
	const struct result_frame *user_frame;
};

/* How often one operation happened: on one map, on several maps, or from one call. */
struct result_op {
	uint64_t hits; /* probe hits that were seen */
	double per_s; /* estimated operations per second; NAN: not known */
	const char *missing; /* why per_s is not known; NULL: it is */
	bool is_lower_bound; /* the truth may be any more than per_s_low */
	bool rough; /* windows filled up, or slowed the target down, or records were lost */
	double per_s_low; /* the 95 % interval of per_s */
	double per_s_high; /* NAN: not known */
	/* NULL: there are no hits. */
	struct result_op_seen {
		double share; /* of all operations on all maps */
		uint64_t goroutine; /* id of the busiest one; 0: none stands out */
	} * seen;
	/* For inserts and deletes; NULL for others. */
	struct result_op_changes {
		uint64_t told; /* hits of which it is known whether they changed the length */
		uint64_t changed; /* of told: hits that changed it */
	} * changes;
	const struct result_caller *caller; /* from where most hits came; NULL: no hits */
	double caller_share; /* part of the hits that came from there; NAN: not counted */
};

struct result_activity {
	struct result_op ops[MAP_OP_CNT];
};

/* What one call in the code (did.caller) does to maps with one operation. */
struct result_call_site {
	enum map_op op;
	const char *type; /* of the maps on which it does so most often; NULL: not known */
	struct result_op did;
};

/* What was done to maps that the latest census does not have: unplaced maps. */
struct result_unplaced {
	uint64_t addr; /* 0: nil maps, or maps on stacks: all of one type together */
	const char *type;
	bool on_stack;
	bool nil_map;
	struct result_activity activity;
};

/* A row of the text report's table of activity: the maps of one group, or all other maps of a
 * type (see busiest.h). */
struct result_busy {
	uint64_t rank; /* of its group; 0: not among the groups that are listed */
	const char *label; /* the type, or what is known instead */
	uint64_t map_cnt;
	struct result_activity activity;
};

#endif
