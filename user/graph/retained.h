/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * retained.h - what maps keep alive: the objects that would be out of reach without them.
 *
 * A map is its header and its tables. What it retains is what only its header leads to: tables,
 * keys, values, and all that these lead to if nothing else does. Sizes are those of slots, as the
 * program's own HeapAlloc counts them.
 *
 * What several maps retain together is more than the sum of what each does, if they share things.
 *
 * Words on stacks count as references, though not all of them are used any more: so some objects
 * may be taken for shared. Words that lead right to a map's table, as those of an iteration or an
 * insert do, count as references to the map.
 */
#ifndef MAPTRACE_GRAPH_RETAINED_H
#define MAPTRACE_GRAPH_RETAINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/table.h"
#include "graph/dominators.h"
#include "graph/heap_graph.h"
#include "maps/census.h"

#define RETAINED_UNKNOWN UINT64_MAX

/* Everything before and after must outlive it. */
struct retained {
	const struct objects *objs;
	const struct heap_graph *graph;
	const struct census *census;
	uint32_t *roots; /* objects; tables of maps are replaced by the maps' headers */
	struct dominators doms;
	uint64_t *sums; /* by node: bytes of its subtree */
	uint64_t duration_ns;
	uint64_t peak_bytes; /* of our own memory, without the graph */
};

/* Finds the dominators. ERR_UNSUPPORTED: it does not fit the budget; the message says why. Release
 * with retained_fini(), also after an error. */
struct err *retained_init(struct retained *r, const struct objects *objs,
			  const struct heap_graph *graph, const struct census *census,
			  const struct dominators_opts *opts);
void retained_fini(struct retained *r);

/* What the map of a row retains, with its header. RETAINED_UNKNOWN: the header is not on the heap,
 * it is newer than the graph, or nothing leads to it. */
uint64_t retained_of(const struct retained *r, size_t row);

/* The number of the object that is the header of a row's map; OBJECT_NO_NUMBER: it is not on the
 * heap. */
uint32_t retained_header(const struct retained *r, size_t row);

/* Visits the objects that are tables, directories or buckets of a map, at most max of them: those
 * to which its header leads in the graph, without the chained buckets of a classic map. The same
 * one may come several times. Returns how many came. */
typedef void (*retained_table_fn)(void *ctx, uint32_t object);
uint64_t retained_visit_tables(const struct retained *r, size_t row, uint64_t max,
			       retained_table_fn visit, void *ctx);

/* ---- sets of maps ---- */

enum { RETAINED_SETS_MAX = 32 };

/* What each set of maps retains together. set_of has for each row the number of its set, or
 * RETAINED_NO_SET; sums_ret has an element for each of set_cnt sets. */
#define RETAINED_NO_SET UINT8_MAX
struct err *retained_sum_sets(const struct retained *r, const uint8_t *set_of, size_t set_cnt,
			      uint64_t *sums_ret);

/* The bytes of the slot of an object; quick if the objects are asked for in ascending order. */
struct object_sizes {
	const struct objects *objs;
	size_t span; /* of the latest one */
};
uint64_t object_sizes_get(struct object_sizes *sizes, uint32_t object);

#endif
