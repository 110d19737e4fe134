/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_retained.h - the part of a result about what maps keep alive.
 *
 * A map retains what would be out of reach without it: its header and tables, and the keys, the
 * values and all else that nothing but these leads to. Each map and each group has its own figure;
 * here is what is common to all.
 */
#ifndef MAPTRACE_MODEL_RESULT_RETAINED_H
#define MAPTRACE_MODEL_RESULT_RETAINED_H

#include <stdint.h>

#include "base/pool.h"

/* A map whose strings keep much larger objects alive, which only its tables lead to. */
struct result_pinned {
	uint64_t map; /* address of the header */
	const char *in; /* where the strings are: "keys", "values" or "both" */
	uint64_t objects; /* that are kept; the map's strings use at most half of each */
	uint64_t object_bytes; /* of their slots */
	uint64_t largest_bytes; /* of the largest of them */
	uint64_t strings; /* that point into them */
	uint64_t string_bytes; /* their lengths */
	uint64_t gives_back_bytes; /* if each of these strings becomes a copy */
	uint64_t gives_back_resident_bytes; /* of these: resident */
};

struct result_retained_found {
	uint64_t duration_ns;
	uint64_t peak_bytes; /* of maptrace's own memory, without the graph, about */
	uint64_t maps; /* whose retained bytes are known */
	POOL_LIST(struct result_pinned) pinned; /* most to give back first */
};

struct result_retained {
	const char *status; /* "ok", "refused" or "off" */
	const char *reason; /* why it is refused; else NULL */
	struct result_retained_found *found; /* NULL: refused or off */
};

#endif
