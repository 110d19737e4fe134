/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busiest.h - the table of activity in the text report.
 *
 * A process may have too many maps to list each. So maps that have the same type and share a
 * place of the ranking (see ranking.h) share a row, if that place is among those the report
 * lists. Of the other maps, all with the same type share a row; maps on stacks and nil maps have
 * rows of their own.
 */
#ifndef MAPTRACE_MODEL_BUSIEST_H
#define MAPTRACE_MODEL_BUSIEST_H

#include <stddef.h>
#include <stdint.h>

#include "model/activity.h"
#include "model/ranking.h"

/* One row: what was done to one map or to several. */
struct busy {
	struct activity sum; /* addr 0: several maps, or maps without an address */
	size_t map_cnt; /* activities summed up here */
	size_t place; /* in the ranking, from 1 on; 0: not among those that are listed */
	struct map_info map; /* one of the maps; addr 0: no census has any of them */
};

/* What the rows are made from. All of it has to outlive them. */
struct busy_sources {
	const struct activities *activities;
	const struct trace_result *trace;
	const struct census *census; /* NULL: there is none */
	const struct ranking *ranking;
	size_t top; /* how many places of the ranking the report lists */
};

/* From where one operation of a row comes. */
struct busy_caller {
	uint64_t pc; /* return address */
	uint64_t hits;
	uint32_t stack; /* of the row of the trace with most hits: index + 1 in its stacks */
	uint64_t stack_hits; /* hits of that row of the trace */
};

struct busiest {
	struct busy_sources from;
	VEC(struct busy) rows; /* busiest first */
};

/* Makes and sorts the rows. The only error is that memory ran out. Free with busiest_fini();
 * after an error there is nothing to free. */
struct err *busiest_init(struct busiest *b, const struct busy_sources *from);
void busiest_fini(struct busiest *b);

/* Finds the caller with most hits of an operation in a row; without any hit all of *ret is 0. The
 * only error is that memory ran out. */
struct err *busiest_caller(const struct busiest *b, const struct busy *row, enum abi_op op,
			   struct busy_caller *ret);

#endif
