/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_activity.h - what was done to maps, and from where, in a result.
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
};

/* One operation on one map, or from one place, or on several maps. */
struct result_op {
	uint64_t hits; /* seen */
	double per_s; /* estimated from what was seen; NAN: not known */
	const char *missing; /* why per_s is not known, or NULL */
	bool rough; /* windows filled up, or slowed the target down, or records were lost */
	double per_s_low; /* 95 % interval */
	double per_s_high; /* NAN: not known */
	/* With hits: */
	struct result_op_seen {
		double share; /* of all operations of all maps */
		uint64_t goroutine; /* id of the busiest one; 0: none stands out */
	} * seen;
	/* Inserts and deletes, NULL for others: hits whose outcome is known, and how many of
	 * these changed the length of the map. */
	struct result_op_changes {
		uint64_t told;
		uint64_t changed;
	} * changes;
	const struct result_caller *caller; /* where most hits came from; NULL: not seen */
	double caller_share; /* part of the hits that came from there; NAN: not counted */
};

struct result_activity {
	struct result_op ops[MAP_OP_CNT];
};

/* One place in the code and what it does to maps. */
struct result_call_site {
	enum map_op op;
	const char *type; /* of the maps that it does most to; NULL: not known */
	struct result_op did;
};

/* What was done to maps that are in no census. */
struct result_unplaced {
	uint64_t addr; /* 0: several, or without an address of their own */
	const char *type;
	bool on_stack;
	bool nil_map;
	struct result_activity activity;
};

/* A row of activity for people: one map of the ranking, or all others of a type. */
struct result_busy {
	uint64_t rank; /* of its group; 0: not among the groups that are listed */
	const char *label;
	uint64_t map_cnt;
	struct result_activity activity;
};

#endif
