/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dominators.h - what only one object leads to.
 *
 * An object dominates another one if every path from the roots to the other one goes through it:
 * if it were gone, the other one would be, too. Each object that the roots lead to has one
 * immediate dominator, so they form a tree. The bytes that an object retains are those of its
 * subtree.
 *
 * Most objects of a heap are leaves, which lead to nothing. One with a single referrer is dominated
 * by that, so it takes part as a number in that referrer's place. All others, the nodes, are
 * numbered in depth-first order, and Lengauer's and Tarjan's algorithm finds the tree in O(m log n)
 * for any graph. Nothing recurses.
 *
 * Memory: 4 bytes for each vertex, 24 for each node, and 4 for each edge that leads from a node to
 * an earlier one. What remains at the end are 4 for each vertex and 8 for each node.
 */
#ifndef MAPTRACE_GRAPH_DOMINATORS_H
#define MAPTRACE_GRAPH_DOMINATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Edges as a list for each vertex: those of vertex v are to[first[v]] to to[first[v + 1] - 1]. The
 * same edge may be there several times, and so may a root. */
struct flow_graph {
	uint32_t cnt; /* vertices */
	const uint32_t *first; /* cnt + 1 */
	const uint32_t *to;
	const uint32_t *roots;
	size_t root_cnt;
};

/* More vertices are refused. */
enum { DOMINATORS_VERTICES_MAX = INT32_MAX };

enum {
	DOMINATOR_NONE = 0, /* no root leads to it */
	DOMINATOR_ROOTS = 0, /* as a node: the roots, which lead to all others */
};

struct dominators {
	uint32_t vertex_cnt;
	uint32_t cnt; /* nodes, including the roots, which are node 0 */
	/* By vertex: its node; or, for a leaf with a single referrer, DOMINATORS_LEAF and that
	 * vertex; or DOMINATOR_NONE. Use dominators_node(). */
	uint32_t *places;
	uint32_t *vertices; /* by node */
	uint32_t *idoms; /* by node: the immediate dominator's node, which is lower */
	uint64_t peak_bytes; /* of our own memory */
};

#define DOMINATORS_LEAF (UINT32_C(1) << 31)
#define DOMINATORS_SHARED UINT32_MAX /* a leaf with several referrers that no root leads to */

struct dominators_opts {
	uint64_t budget_bytes; /* of memory; 0: no limit */
	const volatile bool *stop; /* fails with ERR_STOPPED when it becomes true; NULL: never */
};

/* Finds the dominators. ERR_UNSUPPORTED: it does not fit the budget, or there are too many
 * vertices; the message says so. Release with dominators_fini(), also after an error. */
struct err *dominators_find(const struct flow_graph *g, const struct dominators_opts *opts,
			    struct dominators *ret);
void dominators_fini(struct dominators *d);

/* Whether the vertex is a leaf in its referrer's place. */
static inline bool dominators_is_leaf(const struct dominators *d, uint32_t vertex)
{
	return d->places[vertex] & DOMINATORS_LEAF;
}

/* The node of a vertex; that of its referrer for a leaf in the referrer's place; DOMINATOR_NONE: no
 * root leads to it. */
static inline uint32_t dominators_node(const struct dominators *d, uint32_t vertex)
{
	uint32_t place = d->places[vertex];

	if (place == DOMINATORS_SHARED)
		return DOMINATOR_NONE;
	return place & DOMINATORS_LEAF ? d->places[place & ~DOMINATORS_LEAF] : place;
}

/* The node that immediately dominates a vertex which the roots lead to. */
static inline uint32_t dominators_idom(const struct dominators *d, uint32_t vertex)
{
	uint32_t node = dominators_node(d, vertex);

	return dominators_is_leaf(d, vertex) ? node : d->idoms[node];
}

/* The bytes of a vertex. Called once for each one that the roots lead to, in ascending
 * order. */
typedef uint64_t (*vertex_bytes_fn)(void *ctx, uint32_t vertex);

/* Sums up the bytes of the subtree of each node, in an array by node that the caller frees. */
struct err *dominators_sum(const struct dominators *d, vertex_bytes_fn bytes, void *ctx,
			   uint64_t **ret);

#endif
