/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_fill.h - makes the parts of a result from the subsystems that looked at the
 * target. For watch_publish(); renderers see none of this.
 *
 * Each function fills its part and takes all memory from the result's pool, whose
 * `failed` says at the end whether there was enough.
 */
#ifndef MAPTRACE_MODEL_RESULT_FILL_H
#define MAPTRACE_MODEL_RESULT_FILL_H

#include "model/finding.h"
#include "model/ranking.h"
#include "model/result.h"
#include "model/watch.h"

/* What all of the parts are made from. */
struct result_source {
	struct watch *w;
	struct activities activities; /* empty: not traced */
	struct findings findings;
	struct ranking ranking;
};

void result_fill_target(struct result *r, const struct watch *w);
void result_fill_doubts(struct result *r, const struct watch *w);
void result_fill_census(struct result *r, const struct watch *w);
void result_fill_memory(struct result *r, const struct watch *w);
void result_fill_reclaim(struct result *r, const struct watch *w);
void result_fill_gc(struct result *r, const struct watch *w);
void result_fill_groups(struct result *r, const struct result_source *from);
void result_fill_findings(struct result *r, const struct result_source *from);
struct err *result_fill_trace(struct result *r, const struct result_source *from);
void result_fill_call_sites(struct result *r, const struct result_source *from);
void result_fill_unplaced(struct result *r, const struct result_source *from);
struct err *result_fill_busiest(struct result *r, const struct result_source *from);

/* The probe sites of a trace that was only prepared. */
void result_fill_plan(struct result *r, const struct trace *trace);
void result_fill_memcalls(struct result *r, const struct watch *w);
void result_fill_cost(struct result *r, const struct watch *w);

/*
 * Makes r->maps. With `last` the rows of the census are taken out of the snapshot, which
 * is of no use then; else they are copied. --top: only the maps with the largest tables
 * and those in findings.
 */
struct err *result_fill_maps(struct result *r, const struct result_source *from, bool last);

/* A call in the source, from its return address. NULL: memory ran out. */
const struct result_caller *result_caller_of(struct pool *pool, struct lines *lines,
					     uint64_t return_addr);

/* NULL: memory ran out. */
const struct result_activity *result_activity_of(struct pool *pool,
						 const struct result_source *from,
						 const struct activity *a);

/* Single events, also for the stream. Times count from start_ns. */
struct result_map_event result_event_of(struct pool *pool, const struct program *prog,
					const struct trace_event *e, uint64_t start_ns);
struct result_memcall result_memcall_of(struct pool *pool, struct lines *lines,
					const struct trace_memcall *c, uint64_t start_ns);

/* The growth of a map that comes next; false when none can be told. */
bool result_growth_of(const struct go_layout *layout, const struct map_info *m,
		      const struct map_history *history, struct opt_u64 cgroup_left,
		      struct result_growth *ret);

/* The type of a map for people, or what is known instead. */
const char *result_label(struct pool *pool, const struct go_layout *layout,
			 const struct map_info *m);

#endif
