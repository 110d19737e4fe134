/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table_owners.h - which maps have some objects as their tables.
 *
 * The allocator does not note the type of small tables, nor of any up to Go 1.21. But the header
 * of a map leads to them.
 */
#ifndef MAPTRACE_GRAPH_TABLE_OWNERS_H
#define MAPTRACE_GRAPH_TABLE_OWNERS_H

#include "graph/referrers.h"
#include "maps/census.h"

/* Sets rows[i] to the row of the map that has the i-th target as an array of buckets or groups.
 * Those that no map has stay as they are. rows has an element for each target. */
struct err *table_owners_find(struct heap *heap, const struct census *census,
			      const struct pass_targets *targets, uint32_t *rows);

#endif
