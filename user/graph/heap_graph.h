/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * heap_graph.h - which object of the heap points to which, and what the collector begins from.
 *
 * Objects are numbers (objects.h). The edges of object i are to[first[i]] .. to[first[i + 1] - 1]:
 * the numbers of the objects in use that its words lead to, in the order of the words. An object
 * may be there several times; edges of an object to itself are left out. The graph is a plain
 * struct, so tests make one by hand.
 *
 * The heap moves while it is read: an edge was there when its word was read.
 */
#ifndef MAPTRACE_GRAPH_HEAP_GRAPH_H
#define MAPTRACE_GRAPH_HEAP_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "graph/objects.h"
#include "heap/residency.h"

enum graph_root_kind {
	ROOT_VARIABLE, /* a word of data or bss */
	ROOT_STACK, /* a word of a goroutine's stack */
	ROOT_SPECIAL, /* a finalizer, a cleanup or a weak pointer keeps it */
	ROOT_RUNTIME, /* a word of memory that the runtime has outside of the heap */
	ROOT_NEW, /* a word of an object that is newer than the numbers */
	ROOT_KIND_CNT,
};

/* An object that is reachable by itself. Several roots may lead to one object. */
struct graph_root {
	uint32_t object;
	uint8_t kind; /* enum graph_root_kind */
	uint64_t word; /* the address of the word that leads to it; 0: there is none */
};

struct graph_roots {
	struct graph_root *data; /* a VEC() */
	size_t len;
	size_t cap;
};

struct heap_graph {
	uint32_t cnt; /* of objects: numbers are below it */
	uint32_t *first; /* cnt + 1 of them */
	uint32_t *to; /* first[cnt] of them */
	struct graph_roots roots;
	uint64_t bytes_read; /* of spans with pointers */
	uint64_t unread_bytes; /* of those that could not be read: their edges are not there */
};

struct graph_opts {
	const struct residency *residency; /* to leave out what was never written; NULL: read all */
	uint64_t memory_max; /* bytes of our own memory; 0: no limit */
	uint64_t memory_taken; /* of them: by others already */
	uint64_t deadline_ns; /* of clock_ns(); 0: none */
};

/* What the edges will take at most likely, as the sizes of the spans say. */
uint64_t heap_graph_memory(const struct objects *objs);

/*
 * Reads all edges, with up to four threads. The roots hold ROOT_NEW only; reach_roots.h has the
 * others. ERR_UNSUPPORTED says why it does not fit the memory or the time. Fails, too, when the
 * target is gone, when its mem's `stop` is set, or when memory ran out. Release with
 * heap_graph_fini().
 */
struct err *heap_graph_read(const struct objects *objs, const struct graph_opts *opts,
			    struct heap_graph *ret);
void heap_graph_fini(struct heap_graph *g);

#endif
