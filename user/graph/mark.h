/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mark.h - what can be reached from some objects of a heap graph.
 *
 *	struct marks m;
 *	err = marks_init(&m, graph->cnt);
 *	err = err ? err : marks_add(&m, graph, object);	for each root
 *	marks_has(&m, i)
 */
#ifndef MAPTRACE_GRAPH_MARK_H
#define MAPTRACE_GRAPH_MARK_H

#include "base/err.h"
#include "base/vec.h"
#include "graph/heap_graph.h"

struct marks {
	uint64_t *bits; /* by number of the object */
	uint32_t cnt; /* of objects */
	uint64_t marked; /* how many bits are set */
	VEC(uint32_t) todo; /* marked, but its edges were not followed yet */
};

/* No object is marked. Release with marks_fini(). The only error is that memory ran out, here and
 * below. */
struct err *marks_init(struct marks *m, uint32_t cnt);
void marks_fini(struct marks *m);

static inline bool marks_has(const struct marks *m, uint32_t object)
{
	return m->bits[object / 64] >> object % 64 & 1;
}

/* Marks an object, and all that it leads to. Edges to numbers that the graph does not have are not
 * followed. */
struct err *marks_add(struct marks *m, const struct heap_graph *g, uint32_t object);

/* Marks from all roots of the graph. */
struct err *marks_add_roots(struct marks *m, const struct heap_graph *g);

#endif
