/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tally.h - sums records up in the lists of a trace_result.
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

/* The last insert or delete of a map. The next hit of the map tells what it did. */
struct tally_pending {
	size_t row;
	uint64_t live_keys; /* before the operation */
	uint64_t window; /* number of the window; 0: nothing pending */
	uint32_t seed;
};

enum { TALLY_THREADS_MAX = 64 };

/* Hits by thread in the HOT window that is open. Threads without room count in `all` alone. */
struct tally_threads {
	uint32_t tid[TALLY_THREADS_MAX];
	uint32_t hits[TALLY_THREADS_MAX];
	size_t len;
	uint64_t all;
};

/* The lists of a trace_result. */
struct tally_lists {
	VEC(struct trace_row) rows; /* these three change, the others only grow */
	VEC(struct trace_map) maps;
	VEC(struct trace_stack) stacks;
	VEC(struct trace_event) events;
	VEC(struct trace_memcall) memcalls;
	VEC(struct trace_window) windows;
	VEC(struct trace_sample) samples;
};

struct trace_tally {
	bool sees_all; /* all HOT functions have their probes at the same time */
	struct tally_lists lists;
	VEC(uint32_t) row_hits; /* by row, in the open window */
	VEC(struct tally_pending) pending; /* by map */
	VEC(uint32_t) touched[ABI_GROUP_CNT]; /* rows with hits in the open window */
	struct tally_index row_index;
	struct tally_index map_index;
	struct tally_index stack_index;
	size_t makes; /* among the events */
	uint64_t hot_window; /* number of the HOT window that is open or comes next */
	struct tally_threads threads;
	struct trace_base bases[ABI_FUNC_MAX];
	struct trace_overflow overflow; /* except `untold` */
};

/* `sees_all` as in struct trace_tally. */
struct err *tally_init(struct trace_tally *t, bool sees_all);
void tally_fini(struct trace_tally *t);

/*
 * Counts a record, for the window of its group that is open or was closed last. Like the
 * others below it fails only for want of memory.
 */
struct err *tally_record(struct trace_tally *t, const struct trace_record *record);

/* The share of the hits of the HOT window that one thread had, that with most; 1 if there were
 * none. Valid until tally_window() is called for it. */
double tally_busiest_thread(const struct trace_tally *t);

/* A window was closed and all its records are counted: weighs its hits. */
struct err *tally_window(struct trace_tally *t, const struct trace_window *window);

/* Begins all lists, bases and overflow anew; keeps the hits of windows that are open. */
struct err *tally_forget(struct trace_tally *t);

/*
 * Makes `to` a copy of `from`: all zero, or a former copy. Without `anew` that one was
 * made after the latest tally_forget(), so lists that only grow are just extended.
 */
struct err *tally_lists_copy(struct tally_lists *to, const struct tally_lists *from, bool anew);
void tally_lists_fini(struct tally_lists *lists);

#endif
