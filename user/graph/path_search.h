/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * path_search.h - ways from what the collector begins at to some objects.
 *
 * The shortest way says least: it goes through a timer of the runtime or the metrics of a library.
 * So each root and each object has a price, and the cheapest way is taken. The search goes
 * backward, level by level, from all targets at once: one walk over all edges of the graph for each
 * level. It ends when no way that is still to be found can be cheaper.
 */
#ifndef MAPTRACE_GRAPH_PATH_SEARCH_H
#define MAPTRACE_GRAPH_PATH_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "graph/heap_graph.h"

enum {
	PATH_TARGETS_MAX = 64,
	PATH_LEVELS_MAX = 20, /* objects on a way, at most */
	PATH_STEP_PRICE = 3, /* of an object as most are: what a way gets dearer by a level */
	PATH_NO_WAY = UINT16_MAX, /* the price of what no way goes through */
};

struct path_prices {
	void *ctx;
	/* A root. Asked once for each root that a way may begin at. */
	uint16_t (*of_root)(void *ctx, const struct graph_root *root);
	/* An object that is passed. */
	uint16_t (*of_object)(void *ctx, uint32_t object);
	/* What is to be paid besides for the last step: from an object to the target with that
	 * index. */
	uint16_t (*of_last_step)(void *ctx, uint32_t object, uint32_t target);
};

struct path_search_opts {
	const volatile bool *stop; /* end early when it becomes true; NULL: never */
	uint64_t deadline_ns; /* of clock_ns(); 0: none */
};

/* A way to one target. */
struct found_path {
	bool found;
	uint32_t root; /* an index in graph->roots */
	uint32_t len; /* objects, with the target */
	uint32_t objects[PATH_LEVELS_MAX + 1]; /* that which the root leads to first */
};

struct found_paths {
	struct found_path by_target[PATH_TARGETS_MAX];
	uint32_t levels; /* that were searched */
	bool late; /* the deadline or `stop` ended the search: there may be cheaper ways */
	bool cut; /* the same, since too many objects were on the way */
};

/* Finds a way to each of cnt objects, at most PATH_TARGETS_MAX. The only error is that memory ran
 * out. */
struct err *paths_search(const struct heap_graph *g, const uint32_t *targets, uint32_t cnt,
			 const struct path_prices *prices, const struct path_search_opts *opts,
			 struct found_paths *ret);

#endif
