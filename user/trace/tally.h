/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tally.h - adds events up into the lists of a trace_result.
 *
 * All lists are bounded (TRACE_*_MAX); what does not fit is counted.
 */
#ifndef MAPTRACE_TRACE_TALLY_H
#define MAPTRACE_TRACE_TALLY_H

#include "base/vec.h"
#include "trace/records.h"

/* Finds the place of a key in a list. */
struct tally_index {
	uint32_t *slot; /* place + 1; 0 is free */
};

/* The last insert or delete of a map, which the next hit tells the outcome of. */
struct tally_pending {
	size_t row;
	uint64_t live_keys; /* before */
	uint64_t window; /* number of the window; 0: nothing pending */
	uint32_t seed;
};

struct tally {
	bool sees_all; /* all HOT functions have their probes at the same time */
	VEC(struct trace_row) rows;
	VEC(uint32_t) row_hits; /* per row, in the open window */
	VEC(struct trace_map) maps;
	VEC(struct tally_pending) pending; /* by map */
	VEC(struct trace_event) events;
	VEC(struct trace_memcall) memcalls;
	VEC(struct trace_window) windows;
	VEC(struct trace_sample) samples;
	VEC(uint32_t) touched[ABI_GROUP_CNT]; /* rows with hits in the open window */
	struct tally_index row_index;
	struct tally_index map_index;
	size_t makes; /* among the events */
	uint64_t hot_window; /* number of the HOT window that is open or comes next */
	struct trace_base bases[ABI_FUNC_MAX];
	struct trace_overflow overflow;
};

/* `sees_all` as in struct tally. */
struct err *tally_init(struct tally *tally, bool sees_all);
void tally_fini(struct tally *tally);

/* Counts an event, for the window of its group that is open or was closed last. */
struct err *tally_event(struct tally *tally, const struct event *event);

/* A window was closed and all its events are counted: weighs its hits. */
struct err *tally_window(struct tally *tally, const struct trace_window *window);

#endif
