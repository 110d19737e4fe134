/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * paths.h - a way from a root to some maps: through which variable or frame the program gets to
 * them.
 *
 *	main.srv.(*main.server).stores[*].sessions
 *	goroutine 1 main.main: (*main.server).stores[*].sessions
 *
 * It is one way of several, neither the shortest nor the same one each time. Roots in the user's
 * own code are better than those in libraries, and these better than the runtime's. Words on stacks
 * may be left over, so a way that begins in a frame is a guess.
 */
#ifndef MAPTRACE_GRAPH_PATHS_H
#define MAPTRACE_GRAPH_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph/heap_graph.h"
#include "graph/holders.h"

struct path_step {
	enum holder_kind kind; /* the first one is a variable, a frame, or something else outside of
				* the heap (HOLDER_OBJECT); the others are in objects */
	const char *text; /* as that of a holder: "*main.server.stores" */
	const char *type; /* what has the field, elements or values; NULL: not known, or none */
	const char *field; /* from the start of that type; NULL: none */
	bool certain; /* false: a guess */
};

struct map_path {
	uint32_t row; /* of the census */
	const char *text; /* all of it in one line */
	struct path_step *steps;
	size_t step_cnt;
	bool certain; /* all steps are */
};

struct paths_opts {
	uint64_t budget_ns; /* what is not found by then stays unknown; 0: no limit */
};

struct paths;

/*
 * Finds ways to the maps of some rows. h was taken with `keep` from the census of these rows; graph
 * and objs are of the same process. Fails if the target is gone, memory ran out, or the stop flag of
 * h's options was set. Free with paths_free().
 */
struct err *paths_take(struct holders *h, const struct objects *objs,
		       const struct heap_graph *graph, const uint32_t *rows, size_t cnt,
		       const struct paths_opts *opts, struct paths **ret);
void paths_free(struct paths *paths);
DEFINE_CLEANUP_PTR(struct paths *, paths_free, cleanup_paths)
#define _cleanup_paths_ _cleanup_(cleanup_paths)

/* The ways that were found. */
size_t paths_cnt(const struct paths *paths);
const struct map_path *paths_get(const struct paths *paths, size_t i);

/* Why there may be others, or better ones; NULL: there is no reason. */
const char *paths_reason(const struct paths *paths);

#endif
