/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace_result.h - what a trace has found out, as plain data.
 *
 * One hit of a probe becomes one record. Records are summed up in rows (an operation on
 * one map from one place) and maps. A window is a span of time in which the probes of a
 * group were in the target; a sample says how many hits a row had in a window.
 *
 * Times are CLOCK_MONOTONIC in nanoseconds. Addresses are of the target.
 */
#ifndef MAPTRACE_TRACE_TRACE_RESULT_H
#define MAPTRACE_TRACE_TRACE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "trace/placement.h"
#include "trace/trace_opts.h"

/* Bounds of the lists below; what does not fit is counted in trace_result.overflow. */
#define TRACE_ROWS_MAX 65536
#define TRACE_MAPS_MAX 65536
#define TRACE_STACKS_MAX 16384
#define TRACE_EVENTS_MAX 16384
#define TRACE_MEMCALLS_MAX 16384
#define TRACE_WINDOWS_MAX 65536
#define TRACE_SAMPLES_MAX 1048576

/* One function of the table in functions.c, whether the target has it or not. */
struct trace_site {
	const char *name;
	enum abi_op op;
	enum abi_group_id group;
	bool present;
	uint64_t func_addr;
	uint64_t func_size;
	uint64_t probe_addr; /* func_addr + placement.off */
	uint64_t probe_file_off;
	struct placement placement;
	const char *missing; /* why there is no probe; NULL when there is one. Static. */
};

/*
 * Operations on one map from one place. `map` is 0 when the map has no address
 * yet (make), none at all (`nil_map`), or one that means nothing (`on_stack`).
 */
struct trace_row {
	uint64_t map;
	uint64_t type; /* address of the map's type; 0 where the function does not get it */
	uint64_t caller;
	enum abi_op op;
	bool on_stack;
	bool nil_map;
	uint64_t hits; /* seen, those of a window that is still open included */
	double estimate; /* operations in the time that the function's closed windows stand for */
	uint32_t func; /* index in trace_sites() */
	/*
	 * A hit shows the length of the map before the operation. So the next hit of the
	 * same map in the same window shows what the operation did.
	 */
	uint64_t told; /* hits whose outcome was shown in this way */
	uint64_t changed; /* those of them that inserted a new key, or deleted one that existed */
	uint64_t goroutine; /* id of the goroutine that won the majority vote over the hits */
	uint64_t goroutine_votes; /* the winner's lead, see tally.c; 0: there is no winner */
	uint32_t stack; /* index + 1 in stacks of the one that won the vote; 0: none */
	uint32_t stack_votes;
};

/* A stack of calls that led to an operation. */
struct trace_stack {
	uint64_t addr[ABI_STACK_MAX]; /* return addresses, innermost first; 0 ends them */
	uint64_t caller; /* the first of them outside the map functions */
	enum abi_op op;
	uint64_t hits;
};

/* A map with an address, and its length as each hit found it. */
struct trace_map {
	uint64_t addr;
	uint64_t type; /* of the map that was last at this address; 0: no hit has told it */
	uint64_t hits[ABI_OP_CNT];
	uint64_t live_reads; /* hits that read the header; 0: the next six mean nothing */
	uint32_t seed; /* 32 random bits of the map that was last at this address */
	bool cleared_last; /* a clear came last: it gives the map another seed */
	uint64_t live_first;
	uint64_t live_last;
	uint64_t live_min;
	uint64_t live_max;
	uint64_t first_ns;
	uint64_t last_ns;
};

enum trace_growth {
	TRACE_GROWTH_NONE, /* not a growth, or the header could not be read */
	TRACE_GROWTH_DOUBLE, /* classic: twice the buckets */
	TRACE_GROWTH_SAME_SIZE, /* classic: as many buckets, without the overflow chains */
	TRACE_GROWTH_SMALL_TO_TABLE, /* swiss: from one group to the first table */
	TRACE_GROWTH_TABLE_DOUBLE, /* swiss: one table of the map */
	TRACE_GROWTH_TABLE_SPLIT, /* swiss: one full-sized table into two */
};

/*
 * A rare operation, or a make with a size hint (only those seen in a window, and they
 * fill at most half of the list). Slots are places for keys: of the whole map (classic,
 * without overflow buckets), or of the table that grows (swiss); 0 when not known.
 */
struct trace_event {
	uint64_t ktime_ns;
	enum abi_op op;
	enum trace_growth growth;
	uint32_t tid;
	uint64_t goroutine; /* id; 0: not known, or the runtime itself on a system stack */
	uint64_t map;
	uint64_t type;
	uint64_t caller; /* first return address outside the map functions */
	uint64_t stack[ABI_STACK_MAX]; /* return addresses, innermost first; 0 ends them */
	bool on_stack;
	bool live_known; /* the header was read: seed and live_keys have a meaning */
	uint32_t seed;
	uint64_t live_keys; /* before the operation */
	uint64_t slots_from;
	uint64_t slots_to;
	uint64_t tables; /* swiss: directory entries; 0 for a small map */
	uint64_t tombstones; /* swiss: in the table that grows */
	uint64_t overflow_buckets; /* classic, approximate from 32,768 buckets on */
	uint64_t hint; /* make: the size asked for */
};

/* Memory calls of one kind; see struct abi_mem_key. */
struct trace_memsum {
	enum abi_memcall call;
	uint32_t detail;
	uint32_t error;
	uint64_t calls;
	uint64_t bytes;
	uint64_t ns;
};

struct trace_memcall {
	uint64_t ktime_ns; /* of the return */
	enum abi_memcall call;
	uint32_t tid;
	uint32_t detail;
	uint32_t flags;
	uint64_t addr;
	uint64_t length;
	int64_t result;
	uint64_t ns;
	uint64_t stack[ABI_MEM_STACK_MAX]; /* return addresses, innermost first; 0 ends it */
};

/*
 * A giver is a call stack of the target that gave memory back to the kernel (madvise).
 * This one has the pages it gave back, and the faults on them since.
 */
struct trace_giver {
	uint64_t stack[ABI_MEM_STACK_MAX]; /* as in trace_memcall; all 0: all other stacks */
	uint64_t pages;
	uint64_t faults;
};

/*
 * Refaults: page faults in user mode on pages that a madvise (MADV_DONTNEED, MADV_FREE)
 * has given back during this trace. Only the first fault on each page counts. One fault
 * may bring in a huge page, so faults times page size is not the number of bytes.
 */
struct trace_refaults {
	const char *missing; /* why they are not watched; NULL when they are */
	uint64_t page_sz;
	uint64_t watched_ns; /* less than the trace when the budget did not pay for all of it */
	uint64_t pauses; /* times in which the budget was used up */
	uint64_t faults;
	uint64_t ages[ABI_AGE_BINS]; /* faults by time since the page was given back: bin i
				      * begins at 2^i ns */
	uint64_t pages; /* given back and watched; counted each time it was given back */
	uint64_t unwatched_pages[ABI_UNWATCHED_CNT]; /* given back and not watched */
	uint64_t voids; /* times that all pages were forgotten (their stamps became void),
			 * since too much was mapped or unmapped in one call */
	const struct trace_giver *givers; /* in no order */
	size_t giver_cnt;
};

struct trace_window {
	enum abi_group_id group;
	uint64_t start_ns;
	uint64_t open_ns; /* the time that it counted hits */
	uint64_t span_ns; /* the time that it stands for: usually its period */
	uint64_t hits;
	uint64_t late; /* hits that were turned back: after the window was full, or while its
			* probes were being attached or removed */
	bool saturated; /* ended by its quota of hits: rates in it are rough */
	bool disturbed; /* more than a quarter of the time went into hits: the true rate is higher */
	uint64_t planned_ns; /* what open_ns would be, had it not ended by its hits */
	uint32_t funcs; /* functions with probes: bit i for index i in trace_sites() */
	double slowed; /* the part of open_ns that the thread with most hits spent in probes */
};

/* The hits of a row in a window: what the interval of a rate is made of. */
struct trace_sample {
	uint32_t window; /* index in windows */
	uint32_t row; /* index in rows */
	uint32_t hits;
};

struct trace_group {
	const char *missing; /* why it is not traced; NULL when it is */
	struct trace_quota quota; /* as used */
	uint64_t windows; /* closed ones; all below but attached_ns is of them */
	uint64_t saturated;
	uint64_t hits;
	uint64_t late;
	uint64_t open_ns;
	uint64_t attached_ns; /* probes in the target, attaching and detaching included */
	uint64_t disturbed;
	bool out_of_budget; /* it waits, or waited at the end, for a window it cannot pay for */
};

/* The windows in which a function had a probe: the base of its rates. */
struct trace_base {
	uint64_t windows;
	double open_ns;
	double span_ns;
	double span_ns_squared; /* sum of the squares */
};

/* What is known about an operation that was never hit. */
enum trace_cover {
	TRACE_COVER_NONE, /* nothing: some function that does it was never watched */
	TRACE_COVER_WINDOWS, /* it did not happen in the windows */
	TRACE_COVER_ALL, /* it did not happen, unless its record was lost */
};

/* What did not fit into the lists. */
struct trace_overflow {
	uint64_t rows; /* hits that are in no row */
	uint64_t maps; /* hits that are in no map */
	uint64_t stacks; /* hits whose stack is not listed */
	uint64_t events;
	uint64_t memcalls;
	uint64_t windows;
	uint64_t samples;
	uint64_t untold; /* records that the listener was not told of: it was too slow */
};

/* What the trace has cost. Prices are in nanoseconds of CPU time for each hit. */
struct trace_cost {
	uint64_t attach_calls;
	uint64_t attach_ns;
	uint64_t detach_calls;
	uint64_t detach_ns;
	uint64_t counts[ABI_COUNT_CNT]; /* of the map programs, by enum abi_count */
	uint64_t hits; /* all, whatever came of them */
	uint64_t func_hits[ABI_FUNC_MAX]; /* by index in trace_sites() */
	uint64_t func_late[ABI_FUNC_MAX]; /* those of func_hits that were turned back at once */
	double price_ns[ABI_FUNC_MAX]; /* of a hit; 0: not probed */
	double late_price_ns[ABI_FUNC_MAX]; /* of a hit that is turned back */
	double spent_ns; /* hits times their prices */
	uint64_t page_faults; /* of the target, looked at since it gave something back */
	double fault_price_ns; /* of one of them; 0: there were none */
	double faults_ns; /* faults times their price */
	double any_fault_ns; /* how much longer a fault of any other process took meanwhile */
	double budget_ns; /* what hits and faults were allowed to cost, in all */
	double max_overhead; /* the budget as a share of one core */
	struct abi_mem_state memcalls; /* memory call programs */
	uint64_t bad_records; /* records that did not make sense */
};

/* Why the trace ended. */
enum trace_end {
	TRACE_END_DURATION,
	TRACE_END_STOPPED, /* *stop was true, or trace_stop() was called */
	TRACE_END_TARGET_GONE,
	TRACE_END_ERROR,
	TRACE_END_NOT_YET, /* it goes on, or has not begun */
};

struct trace_result {
	enum trace_end end;
	enum trace_attach mechanism; /* in use; never AUTO */
	enum trace_memcalls memcalls_by; /* in use; never AUTO */
	const char *memcalls_missing; /* why memory calls are not traced; NULL when they are */
	uint64_t start_ns;
	uint64_t end_ns; /* of the trace; while it goes on: when this was published */

	const struct trace_row *rows;
	size_t row_cnt;
	const struct trace_map *maps;
	size_t map_cnt;
	const struct trace_stack *stacks; /* in no order */
	size_t stack_cnt;
	const struct trace_event *events; /* in the order of arrival */
	size_t event_cnt;
	const struct trace_memsum *memsums;
	size_t memsum_cnt;
	const struct trace_memcall *memcalls; /* in the order of arrival */
	size_t memcall_cnt;
	struct trace_refaults refaults;
	const struct trace_window *windows; /* closed ones, in that order */
	size_t window_cnt;
	const struct trace_sample *samples; /* in the order of their windows */
	size_t sample_cnt;

	struct trace_group groups[ABI_GROUP_CNT];
	struct trace_base bases[ABI_FUNC_MAX]; /* by index in trace_sites() */
	enum trace_cover covers[ABI_OP_CNT];
	struct trace_overflow overflow;
	struct trace_cost cost;
};

/*
 * Hits that were looked at but are in no row: their records were lost, or there were too
 * many rows. The counts of operations are too low by this many in all; nobody knows
 * which ones.
 */
uint64_t trace_lost_hits(const struct trace_result *result);

/* What is missing among the records so far, as numbers of records. */
struct trace_lost {
	uint64_t records; /* of maps: the ring had no room, or they made no sense */
	uint64_t rare_hits; /* RARE and MAKE beyond the quota, up to the latest closed window */
	uint64_t memcalls; /* beyond the budget, or the ring had no room */
};

#endif
