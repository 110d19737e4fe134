/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_trace.h - what the trace saw of the maps, and how, in a result.
 */
#ifndef MAPTRACE_MODEL_RESULT_TRACE_H
#define MAPTRACE_MODEL_RESULT_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_activity.h"
#include "model/result_words.h"

/* Probes that share one quota. */
struct result_probe_group {
	const char *status; /* "ok" or "refused" */
	const char *reason;
	uint64_t windows;
	uint64_t windows_ended_by_hits;
	uint64_t hits;
	uint64_t late_hits; /* after the window was full, or while probes came and went */
	uint64_t open_ns;
	uint64_t attached_ns;
	uint64_t windows_that_slowed_target;
	uint64_t quota_hits;
	uint64_t period_ns;
	bool out_of_budget; /* at the end it waited for a window that it could not pay for */
};

struct result_probe_site {
	const char *function;
	enum map_op op;
	uint64_t probe; /* address; 0: no probe */
	uint64_t hits;
	uint64_t late_hits;
	double price_ns; /* of a hit */
	double late_price_ns;
	const char *instruction; /* NULL: no probe */
	const char *reason; /* why there, or why not at all */
	/* For a list of sites before anything is attached. */
	uint64_t offset; /* of the probe in the function */
};

/* A growth, clear, clone or make of one map. */
struct result_map_event {
	uint64_t time_ns; /* since the start of the trace, or of the stream */
	enum map_op op;
	uint64_t map; /* address of the header; 0: none, or one that means nothing */
	bool on_stack;
	const char *type;
	struct opt_u64 live_keys; /* before */
	uint64_t slots_from; /* 0: not known */
	uint64_t slots_to; /* 0: not known */
	struct result_event_growth {
		const char *growth; /* "double", "same_size", "table_split", ... */
		struct opt_u64 bytes_from;
		struct opt_u64 bytes_to;
		struct opt_u64 tables;
		struct opt_u64 tombstones;
		struct opt_u64 overflow_buckets;
		const char *because; /* "keys" or "churn"; NULL: not known */
	} * growth; /* of a growth; NULL for others */
	struct opt_u64 hint; /* of a make */
	uint64_t thread;
	uint64_t goroutine; /* 0: not known */
	struct result_caller caller;
};

/* What it means that no hit of an operation was seen: "none": nothing; "windows": there
 * was none in the windows; "all": there was none; "all_but_plugins": none but by plugins. */
struct result_coverage {
	const char *ops[MAP_OP_CNT];
};

struct result_left_out {
	uint64_t rows;
	uint64_t maps;
	uint64_t events;
	uint64_t memory_calls;
	uint64_t windows;
	uint64_t samples;
	uint64_t untold; /* records that the listener was too slow for */
};

struct result_traced {
	uint64_t duration_ns;
	uint64_t target_stopped_ns; /* of it: the target got no CPU */
	const char *target_stopped_by; /* by whom at any time of the trace; NULL: nobody */
	const char *mechanism; /* "uprobe_multi" or "perf_event" */
	bool plugins_not_traced; /* plugins have map functions of their own, without probes */
	struct result_probe_group hot; /* inserts, deletes, small makes: in windows */
	struct result_probe_group rare; /* clears, clones, growths: all the time */
	struct result_probe_group make; /* makes with a size: all the time */
	uint64_t lost_hits; /* looked at, but in no row */
	struct {
		uint64_t seen;
		uint64_t for_churn; /* of them: for tombstones or overflow chains, not for keys */
	} growths;
	struct result_coverage coverage;
	POOL_LIST(struct result_probe_site) sites;
	POOL_LIST(struct result_call_site) call_sites;
	POOL_LIST(struct result_map_event) events;
	POOL_LIST(struct result_unplaced) not_in_census;
	struct result_left_out left_out;
	POOL_LIST(struct result_busy) busiest; /* the first rows, busiest first */
	uint64_t busiest_total; /* rows there are */
};

struct result_trace {
	const char *status; /* "ok", "refused" or "off" */
	const char *reason;
	struct result_traced *traced; /* NULL without status "ok" */
};

#endif
