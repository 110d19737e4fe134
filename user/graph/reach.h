/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reach.h - which objects are reachable, and which are garbage that no collection has found yet.
 *
 * The edges of all objects are read once, and what the roots lead to is marked. An object that is
 * marked is held. One that is not may have been missed, since the program moves pointers while they
 * are read. So it is looked for again, in rounds. A round reads the whole heap as it is then, new
 * spans included, and all roots. What a word leads to that is not in garbage itself is held after
 * all, with all that it leads to, and so is what changed: nobody writes to garbage. Garbage stays
 * garbage, so each round can only correct an error of those before. The rounds end when several in
 * a row have found nothing.
 *
 * While no collection ends, no object is freed and no number gets another meaning. When one ends
 * meanwhile, what is not marked is unknown.
 */
#ifndef MAPTRACE_GRAPH_REACH_H
#define MAPTRACE_GRAPH_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "graph/heap_graph.h"
#include "graph/mark.h"
#include "graph/objects.h"
#include "maps/mapinfo.h"

struct reach_opts {
	const struct residency *residency; /* to leave out what was never written; NULL: read all */
	uint64_t memory_max; /* bytes of our own memory; 0: no limit */
	uint64_t budget_ns; /* what is not known by then stays unknown; 0: no limit */
};

enum reach_status {
	REACH_OK,
	REACH_PARTIAL, /* what is held is known, what is garbage is not: reason says why */
	REACH_FAILED, /* nothing is known */
};

struct reach {
	enum reach_status status;
	char reason[160]; /* "": REACH_OK */
	/* Not with REACH_FAILED. */
	struct heap *heap; /* as it was read for this, later than any census */
	struct objects objs; /* of that heap */
	struct heap_graph graph;
	struct marks marks;
	uint32_t rounds;
	uint64_t saved; /* objects that the rounds found to be held after all */
	uint64_t garbage_objects; /* not marked; what an unfinished sweep will free counts, too */
	uint64_t garbage_bytes;
	uint64_t garbage_resident_bytes; /* of them; 0 without residency */

	uint64_t duration_ns;
	uint64_t bytes_read;
	uint64_t peak_bytes; /* of our own memory, about */
};

enum reach_answer { REACH_UNKNOWN, REACH_HELD, REACH_GARBAGE };

/*
 * Finds out. Fails only if the target is gone, memory ran out, or the stop flag of its mem was set; all
 * else is a status. Free with reach_free().
 */
struct err *reach_take(struct program *prog, const struct reach_opts *opts, struct reach **ret);
void reach_free(struct reach *r);
DEFINE_CLEANUP_PTR(struct reach *, reach_free, cleanup_reach)
#define _cleanup_reach_ _cleanup_(cleanup_reach)

/* Whether an object is garbage, by its number. */
enum reach_answer reach_of_object(const struct reach *r, uint32_t nth);

/* Whether a map of the census is garbage: its header, and what that leads to. */
enum reach_answer reach_of_map(const struct reach *r, const struct map_info *m);

#endif
