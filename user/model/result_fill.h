/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_fill.h - makes the parts of a result from the subsystems that looked at the target.
 *
 * For watch_publish() and for the stream of events; renderers don't need it. Each result_fill_*()
 * fills its part of r and takes all memory from r->pool. A function that returns nothing cannot
 * fail otherwise: check r->pool.failed once, at the end. The only error that the others
 * return is that memory ran out.
 */
#ifndef MAPTRACE_MODEL_RESULT_FILL_H
#define MAPTRACE_MODEL_RESULT_FILL_H

#include "graph/holders.h"
#include "model/activity.h"
#include "model/finding.h"
#include "model/growing.h"
#include "model/map_ids.h"
#include "model/ranking.h"
#include "model/result.h"
#include "model/watch.h"

/* What the parts are made from. */
struct result_source {
	const uint64_t *retained; /* by row of the census; NULL: not known. In the same pool */
	struct watch *w;
	struct activities activities; /* empty: not traced */
	struct findings findings;
	struct ranking ranking;
	struct growing_maps growing; /* empty: not watched */
	struct held_maps held; /* by row of the census; its memory is in the pool of the result */
	struct map_ids ids; /* the same */
};

void result_fill_target(struct result *r, const struct watch *w);
void result_fill_doubts(struct result *r, const struct watch *w);
void result_fill_census(struct result *r, const struct watch *w);
void result_fill_memory(struct result *r, const struct watch *w);
void result_fill_reclaim(struct result *r, const struct watch *w);
void result_fill_gc(struct result *r, const struct watch *w);
/* Finds what is reachable, and says so of the maps of w->snap. Why it failed is in w->reach_err; the
 * only error is that memory ran out. */
struct err *watch_find_garbage(struct watch *w);
/* Finds who holds the maps of w->snap, and gives them the types that this tells. Why it failed is
 * in w->holders_err; the only error is that memory ran out. */
struct err *watch_find_holders(struct watch *w);

/* Fills in who holds the maps of w->snap; the memory is in the pool. */
void result_fill_held(struct pool *pool, const struct watch *w, struct held_maps *held);
void result_fill_objects(struct result *r, const struct watch *w);
/* Fills in the sync.Maps; their holders are those of `from`. */
void result_fill_sync_maps(struct result *r, const struct result_source *from);
/* Looks what the goroutines wait for. Why it failed is in w->goroutines_err; the only error is that
 * memory ran out. */
struct err *watch_group_goroutines(struct watch *w);
void result_fill_goroutines(struct result *r, const struct watch *w);
/* What a holder is called in a result. */
enum result_holder_kind held_by_kind(enum holder_kind kind);
/* The same for the ids of the maps. */
void result_fill_ids(struct pool *pool, const struct watch *w, struct map_ids *ids);
/* What is garbage; unknown: not looked for, or not settled. */
struct opt_u64 watch_garbage_bytes(const struct watch *w);
void result_fill_graph(struct result *r, const struct watch *w);

/* Copies what each map retains, by row; NULL: not known, or memory ran out. */
void result_fill_retained_rows(struct pool *pool, const struct watch *w, const uint64_t **ret);

/* Fills in what groups retain, and r->graph.retained. */
void result_fill_retained(struct result *r, const struct watch *w);
void result_fill_groups(struct result *r, const struct result_source *from);
void result_fill_group_holders(struct result *r, const struct result_source *from);
void result_fill_growing(struct result *r, const struct result_source *from);
/* Needs the parts named before the findings, the trace and memory calls. The only error is that
 * memory ran out. */
struct err *result_fill_findings(struct result *r, struct result_source *from);
struct err *result_fill_trace(struct result *r, const struct result_source *from);
void result_fill_call_sites(struct result *r, const struct result_source *from);
void result_fill_unplaced(struct result *r, const struct result_source *from);
struct err *result_fill_busiest(struct result *r, const struct result_source *from);

/* Fills in only the probe sites of a trace, which need not have been started. */
void result_fill_plan(struct result *r, const struct trace *trace);
void result_fill_memcalls(struct result *r, const struct watch *w);

/* Finds ways to the maps in findings, and to those of the ranking's first rows. The only error is
 * that memory ran out. */
struct err *watch_find_paths(struct watch *w, const struct result_source *from);
void result_fill_paths(struct result *r, const struct watch *w);

/*
 * Makes r->maps. With `last` the rows of the census are moved out of the snapshot, which must not
 * be used any more; without it they are copied. With opts.only_top only the maps with the largest
 * tables and those in findings are listed. After an error r->maps is NULL.
 */
struct err *result_fill_maps(struct result *r, const struct result_source *from, bool last);

/* Copies a function with its file and line; the strings are in the pool. */
struct result_frame result_frame_of(struct pool *pool, const struct frame *f);

/* Resolves a return address to the call in the source. NULL: memory ran out. An address in no
 * known function gives a caller without a function. */
const struct result_caller *result_caller_of(struct pool *pool, struct lines *lines,
					     uint64_t return_addr);

/* The same, with a stack of calls that led there: index + 1 in the trace's stacks; 0: none. */
const struct result_caller *result_caller_with_stack(struct pool *pool,
						     const struct result_source *from,
						     uint64_t return_addr, uint32_t stack);

/* What was done to one map, with the callers. NULL: memory ran out. */
const struct result_activity *result_activity_of(struct pool *pool,
						 const struct result_source *from,
						 const struct activity *a);

/* A single event or memory call. Its time counts from start_ns (of CLOCK_MONOTONIC, as the times
 * of trace.h). If memory ran out, pool->failed is set and texts may be NULL. */
struct result_map_event result_event_of(struct pool *pool, const struct program *prog,
					const struct trace_event *e, uint64_t start_ns);
struct result_memcall result_memcall_of(struct pool *pool, struct lines *lines,
					const struct trace_memcall *c, uint64_t start_ns);

/* The next growth of a map. `history` may be NULL: then its time is unknown. False: no forecast is
 * possible (see forecast_of()). */
bool result_growth_of(const struct go_layout *layout, const struct map_info *m,
		      const struct map_history *history, struct opt_u64 cgroup_left,
		      struct result_growth *ret);

/* A short name for the type of a map; if the type is unknown, the size of its slots and how many
 * types fit. NULL: memory ran out. */
const char *result_label(struct pool *pool, const struct go_layout *layout,
			 const struct map_info *m);

#endif
