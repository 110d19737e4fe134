/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pprof_parts.h - a profile while it is made: what its samples are, before they are written.
 *
 * A sample has a stack of locations, from the leaf to the root, and five values. A location is a
 * function with a line; types of maps and holders are functions without a file. Numbers of
 * strings, functions, locations and samples are those of their lists here.
 */
#ifndef MAPTRACE_REPORT_PPROF_PARTS_H
#define MAPTRACE_REPORT_PPROF_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/result.h"
#include "report/intern.h"

enum pprof_value {
	PPROF_LIVE,
	PPROF_HOLES,
	PPROF_REBUILD,
	PPROF_MAPS,
	PPROF_RETAINED,
	PPROF_VALUES,
};

enum { PPROF_DEPTH = 128 }; /* of a stack at most */

struct pprof_function {
	uint64_t name; /* strings */
	uint64_t file;
};

struct pprof_location {
	uint64_t function;
	uint64_t line; /* 0: not known */
};

/* What tells samples apart. */
struct pprof_stack {
	uint64_t identity; /* a string: the id of the maps without their number */
	uint64_t depth;
	uint64_t locations[PPROF_DEPTH]; /* the leaf first */
};

struct pprof_sums {
	uint64_t v[PPROF_VALUES];
};

struct pprof {
	struct result *r;
	struct intern strings; /* the first one is empty */
	struct intern functions; /* of struct pprof_function */
	struct intern locations; /* of struct pprof_location */
	struct intern stacks; /* of struct pprof_stack, up to its depth */
	VEC(struct pprof_sums) sums; /* by stack */
	uint64_t sizeless; /* maps whose holes are not known */
	bool failed; /* memory ran out */
};

/* The number of a string of the target's; what can't be printed becomes '?'. */
uint64_t pprof_string(struct pprof *p, const char *s);

/* Adds all maps of the census. */
void pprof_add_maps(struct pprof *p);

#endif
