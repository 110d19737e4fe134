/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * barrier_buffers.h - drops edges of a heap graph that come from the collector's own notes.
 *
 * Each P of the runtime has a buffer of pointers that were overwritten while the collector marked.
 * It is never cleared. Its words are not pointers to the collector, but a graph that was read
 * without the types of large objects has them as edges, to hundreds of objects at random
 * (go-runtime facts 12).
 */
#ifndef MAPTRACE_GRAPH_BARRIER_BUFFERS_H
#define MAPTRACE_GRAPH_BARRIER_BUFFERS_H

#include "graph/heap_graph.h"

/* Makes each edge of a P that only its buffer accounts for an edge to the P itself. Where the Ps
 * or their buffers are not found, nothing changes. The only errors are those of reading when the
 * target is gone, and that memory ran out. */
struct err *barrier_buffers_drop(const struct objects *objs, struct heap_graph *g);

/* Finds the buffer in the words of a P at addr: *first_ret is its first word, *end_ret the one
 * after its last. False: there is none. */
bool barrier_buffer_find(const uint64_t *words, uint32_t cnt, uint64_t addr, uint32_t *first_ret,
			 uint32_t *end_ret);

#endif
