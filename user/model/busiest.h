/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busiest.h - activity for people: maps that share a place among the first of the
 * ranking share a row, and so do all others of one type.
 */
#ifndef MAPTRACE_MODEL_BUSIEST_H
#define MAPTRACE_MODEL_BUSIEST_H

#include <stddef.h>
#include <stdint.h>

#include "model/activity.h"
#include "model/ranking.h"

struct busy {
	struct activity sum; /* addr 0: several maps, or maps without an address */
	size_t map_cnt;
	size_t place; /* in the ranking, when that lists it; else 0 */
	struct map_info map; /* one of them; addr 0: in no census */
};

/* What rows are made from; all of it outlives them. */
struct busy_sources {
	const struct activities *activities;
	const struct trace_result *trace;
	const struct census *census; /* NULL: there is none */
	const struct ranking *ranking;
	size_t top; /* places of the ranking that are listed */
};

struct busiest {
	struct busy_sources from;
	VEC(struct busy) rows; /* busiest first */
};

/* Free with busiest_fini(). */
struct err *busiest_init(struct busiest *b, const struct busy_sources *from);
void busiest_fini(struct busiest *b);

/* The caller that most hits of an operation in a row came from; *hits_ret of them. */
struct err *busiest_caller(const struct busiest *b, const struct busy *row, enum abi_op op,
			   uint64_t *caller_ret, uint64_t *hits_ret);

#endif
