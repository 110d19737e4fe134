/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reach_roots.h - the words outside of the heap that keep objects alive (go-runtime facts 4.8).
 *
 * - Variables, by the masks of data and bss of all modules.
 * - Stacks of goroutines: every word of the part in use. Where a stack changed between two reads, or
 *   its goroutine runs, every word of all of it: an old word may be what a call that has just
 *   returned still has in a register. So garbage may look held, but not the other way round.
 * - Objects with a finalizer, or that a weak pointer can bring back, and what the list of such
 *   things has itself.
 * - The memory that the runtime takes beside the heap: it has the queues of finalizers.
 */
#ifndef MAPTRACE_GRAPH_REACH_ROOTS_H
#define MAPTRACE_GRAPH_REACH_ROOTS_H

#include "base/table.h"
#include "base/vec.h"
#include "graph/heap_graph.h"
#include "graph/objects.h"
#include "heap/residency.h"
#include "process/dataroots.h"

/* A stack as it was read before. */
struct seen_stack {
	uint64_t lo;
	uint64_t sp;
	uint64_t hash; /* of all its words */
	uint32_t read_cnt; /* the last read that saw it */
	bool active; /* it changed between two reads */
};

struct reach_roots {
	const struct objects *objs;
	const struct residency *residency; /* may be NULL */
	struct data_roots variables;
	struct table by_goroutine; /* index in stacks, by address of the runtime.g */
	VEC(struct seen_stack) stacks;
	uint64_t read_cnt;
	uint64_t stack_bytes; /* of all stacks, at the last read */
};

/* ERR_UNSUPPORTED: the variables of some module are not known. Release with reach_roots_fini(). */
struct err *reach_roots_init(struct reach_roots *rr, const struct objects *objs,
			     const struct residency *residency);
void reach_roots_fini(struct reach_roots *rr);

/* Called for each word that leads to an object in use. May return an error, which ends the read. */
typedef struct err *(*reach_root_fn)(void *ctx, const struct graph_root *root);

/*
 * Reads all roots as they are now; call it again to see those that moved. ERR_UNSUPPORTED says what
 * could not be read: then nobody knows what is reachable.
 */
struct err *reach_roots_read(struct reach_roots *rr, reach_root_fn visit, void *ctx);

#endif
