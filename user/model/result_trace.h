/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_trace.h - the part of a result that says what the trace saw of the maps, and how.
 */
#ifndef MAPTRACE_MODEL_RESULT_TRACE_H
#define MAPTRACE_MODEL_RESULT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_activity.h"
#include "model/result_words.h"

/* A group of probes that share one quota of hits. A window is a time in which their hits count. */
struct result_probe_group {
	const char *status; /* "ok" or "refused" */
	const char *reason;
	uint64_t windows; /* how many there were */
	uint64_t windows_ended_by_hits; /* the quota was used up before the time was over */
	uint64_t hits;
	uint64_t late_hits; /* after the window was full, or while probes came and went */
	uint64_t open_ns; /* of all windows together */
	uint64_t attached_ns; /* how long probes were attached, in windows or not */
	uint64_t windows_that_slowed_target;
	uint64_t quota_hits; /* for one window */
	uint64_t period_ns; /* from one window to the next */
	bool out_of_budget; /* at the end the budget did not suffice for another window */
};

/* A probe site is a function of the runtime that has a probe, or should have one. */
struct result_probe_site {
	const char *function;
	enum map_op op;
	uint64_t probe; /* address; 0: no probe */
	uint64_t hits;
	uint64_t late_hits;
	double price_ns; /* what a hit costs the target */
	double late_price_ns; /* what a late hit costs it */
	const char *instruction; /* at the probe; NULL: no probe */
	const char *reason; /* why the probe is there; without a probe, why there is none */
	uint64_t offset; /* of the probe from the start of the function, in bytes */
};

/* A growth, clear, clone or make of one map. */
struct result_map_event {
	uint64_t time_ns; /* since the start of the trace, or of the stream */
	enum map_op op;
	uint64_t map; /* address of the header; 0: none, or one that means nothing */
	bool on_stack;
	const char *type;
	struct opt_u64 live_keys; /* before the operation */
	uint64_t slots_from; /* before the growth; 0: not known */
	uint64_t slots_to; /* after it; 0: not known */
	struct result_event_growth {
		const char *growth; /* "double", "same_size", "table_split", ... */
		struct opt_u64 bytes_from;
		struct opt_u64 bytes_to;
		struct opt_u64 tables;
		struct opt_u64 tombstones;
		struct opt_u64 overflow_buckets;
		const char *because; /* "keys" or "churn" (see growth.h); NULL: not known */
	} * growth; /* NULL: the event is not a growth */
	struct opt_u64 hint; /* size that was passed to make(); unknown for others */
	uint64_t thread; /* id */
	uint64_t goroutine; /* id; 0: not known */
	struct result_caller caller;
};

/*
 * What follows if no hit of an operation was seen.
 *	"none"			nothing: it was not traced
 *	"windows"		it did not happen in the windows
 *	"all"			it did not happen
 *	"all_but_plugins"	it did not happen, except perhaps in plugins
 */
struct result_coverage {
	const char *ops[MAP_OP_CNT];
};

/* How much was not kept because a list was full. */
struct result_left_out {
	uint64_t rows; /* hits that are in no row of activity */
	uint64_t maps; /* hits that are in no map */
	uint64_t events;
	uint64_t memory_calls;
	uint64_t windows;
	uint64_t samples;
	uint64_t untold; /* records that the listener did not get, since it was too slow */
};

struct result_traced {
	uint64_t duration_ns;
	uint64_t target_stopped_ns; /* part of duration_ns in which the target got no CPU */
	/* What stopped it last: "signal", "tracer" or "cgroup"; NULL: nothing did. */
	const char *target_stopped_by;
	const char *mechanism; /* "uprobe_multi" or "perf_event" */
	bool plugins_not_traced; /* plugins have map functions of their own, without probes */
	struct result_probe_group hot; /* inserts, deletes, small makes: in windows */
	struct result_probe_group rare; /* clears, clones, growths: all the time */
	struct result_probe_group make; /* makes with a size: all the time */
	uint64_t lost_hits; /* hits that were recorded, but are in no sum */
	struct {
		uint64_t seen;
		uint64_t for_churn; /* part of them: not caused by a larger number of keys */
	} growths;
	struct result_coverage coverage;
	POOL_LIST(struct result_probe_site) sites;
	POOL_LIST(struct result_call_site) call_sites;
	POOL_LIST(struct result_map_event) events;
	POOL_LIST(struct result_unplaced) not_in_census;
	struct result_left_out left_out;
	POOL_LIST(struct result_busy) busiest; /* the first rows, busiest first */
	uint64_t busiest_total; /* how many rows there are in all */
};

struct result_trace {
	const char *status; /* "ok", "refused" or "off" */
	const char *reason;
	struct result_traced *traced; /* NULL without status "ok" */
};

#endif
