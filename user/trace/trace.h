/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - what happens to the maps and the memory of a live Go process.
 *
 *	struct trace_opts opts;
 *	trace_opts_init(&opts);
 *	... fill in the target ...
 *	err = trace_open(&opts, &trace);	finds and checks, touches nothing
 *	err = trace_run(trace);			attaches, watches, detaches
 *	... trace_result(trace) ...		also when trace_run() failed
 *	trace_close(trace);
 *
 * All probes are held by file descriptors of this process: when it dies, in
 * whatever way, the kernel takes them out of the target.
 *
 * What is seen. Every memory call is summed up. Map functions are in groups.
 * RARE ones (clear, clone, growth) and MAKE (a make with a size) are watched all
 * the time, up to a quota per period. HOT ones (insert, delete, small makes) are
 * watched in short windows, at a random place of each period, that end after a
 * time or a number of hits. So a hit is a sample: multiply nothing, use `estimate`
 * and rate.h, which weigh every hit with the time that its window stands for.
 *
 * What it costs. A hit has a price, measured at the start. Hits times price stay
 * below a share of one core, `max_overhead`; see governor.h. So do page faults, while
 * they are looked at; see refaults.h.
 *
 * This module reads nothing from the target and needs no symbols: the caller
 * hands it the places of functions, and gets addresses back.
 */
#ifndef MAPTRACE_TRACE_TRACE_H
#define MAPTRACE_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"
#include "trace/placement.h"

struct err;
struct trace;

/* ---- Options ---- */

/* Where a function of the target is. */
struct trace_func {
	bool present; /* false: the program has no such function, which is normal */
	uint64_t addr; /* at run time, in the target */
	uint64_t size; /* bytes of code */
	uint64_t file_off; /* of its first byte in the file `code_path` */
	uint8_t code[PLACEMENT_CODE_SZ]; /* its first bytes, from that file */
	size_t code_sz; /* how many of them are valid; never more than `size` */
};

/* Looks up a function by its name in pclntab. An error ends trace_open(). */
typedef struct err *(*trace_find_func)(void *ctx, const char *name, struct trace_func *ret);

enum trace_map_kind { TRACE_MAP_CLASSIC, TRACE_MAP_SWISS };

/* Where the words of a map header are in this version of Go; offsets in bytes. */
struct trace_header_layout {
	enum trace_map_kind kind;
	uint32_t header_sz; /* size of the header; at most ABI_HEADER_SZ */
	uint32_t live_keys_off; /* hmap.count, Map.used; 8 bytes */
	uint32_t seed_off; /* hmap.hash0, low half of Map.seed; 4 bytes */
	union {
		struct {
			uint32_t b_off; /* 1 byte */
			uint32_t noverflow_off; /* 2 bytes */
			uint32_t buckets_off; /* 8 bytes */
			uint32_t load_num; /* doubles beyond so many keys for two buckets */
		} classic;
		struct {
			uint32_t dir_ptr_off; /* 8 bytes */
			uint32_t dir_len_off; /* 8 bytes */
			/* of a table; below ABI_TABLE_SZ */
			uint32_t table_used_off; /* 2 bytes */
			uint32_t table_capacity_off; /* 2 bytes */
			uint32_t table_growth_left_off; /* 2 bytes */
		} swiss;
	};
};

/*
 * How much a group of probes may be hit, at most: the governor allows less when the
 * budget is short. 0 in any field: the default for the mechanism.
 */
struct trace_quota {
	uint64_t period_ns; /* one window a period */
	uint64_t open_ns; /* longest window; the whole period for all but HOT, always */
	uint32_t hits; /* a window ends after so many */
};

/* How uprobes are attached. */
enum trace_attach {
	TRACE_ATTACH_AUTO, /* the best that works here */
	TRACE_ATTACH_MULTI, /* one uprobe_multi link for all: detaches in about 30 ms */
	TRACE_ATTACH_PERF, /* a perf event for each: detaches in about 100 ms each */
};

/*
 * How memory calls are seen. Some kernels refuse to attach to functions, even to
 * root. The tracepoints slow every system call of every process down a little
 * while they are in use, so they have to be asked for.
 */
enum trace_memcalls {
	TRACE_MEMCALLS_FUNCTIONS, /* fentry and fexit on the system call functions */
	TRACE_MEMCALLS_TRACEPOINTS, /* raw_syscalls: sys_enter and sys_exit */
	TRACE_MEMCALLS_AUTO, /* functions, else tracepoints */
};

/*
 * Called about every tick_ns while trace_run() runs, in another thread: the one that
 * takes the probes away must not wait for it. One call at a time, and none while the
 * listener is called. An error ends the run and is returned.
 */
typedef struct err *(*trace_tick)(void *ctx);

struct trace_event;
struct trace_memcall;

/* Is told of all records, as they arrive: some 100 ms late or after a tick, in the order
 * of their times but for neighbours, in the thread of the ticks. An error ends the run
 * and is returned. */
struct trace_listener {
	struct err *(*event)(void *ctx, const struct trace_event *event, enum abi_group_id group);
	struct err *(*memcall)(void *ctx, const struct trace_memcall *memcall);
	void *ctx;
};

struct trace_opts {
	pid_t pid;
	int pidfd; /* of the target, to see that it exited; -1: not watched */
	uint16_t machine; /* e_machine of the file with the code */
	const char *code_path; /* that file, usable from here; must outlive the trace */
	struct trace_header_layout layout;
	uint32_t goid_off; /* in a g; UINT32_MAX: not known */
	trace_find_func find_func;
	void *find_ctx;

	uint64_t duration_ns;
	uint64_t tick_ns;
	trace_tick tick; /* may be NULL */
	void *tick_ctx;
	const volatile bool *stop; /* the run ends soon after this is true; may be NULL */

	enum trace_attach attach;
	enum trace_memcalls memcalls;
	struct trace_quota quota[ABI_GROUP_CNT];
	uint32_t memcalls_per_s; /* single memory calls to keep; sums are always complete */
	bool refaults; /* watch for page faults on what memory calls give back */
	double max_overhead; /* share of one core for hits; 0: no windows on HOT functions */

	const struct trace_listener *listener; /* may be NULL; must outlive the trace */
	bool rare_only; /* no windows on inserts, deletes and makes */
	uint32_t ring_sz; /* bytes of each ring, a power of two; 0: what the quotas need */
};

/* Fills in all defaults: 10 s, a tick a second, 1 % of a core, no target. */
void trace_opts_init(struct trace_opts *opts);

/* ---- The result ---- */

/* Bounds of the lists below; what does not fit is counted in trace_result.overflow. */
#define TRACE_ROWS_MAX 65536
#define TRACE_MAPS_MAX 65536
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
	uint64_t hits; /* seen */
	double estimate; /* operations in the time that the function's windows stand for */
	uint32_t func; /* index in trace_sites() */
	/*
	 * Of the hits, those after which the next hit of the map, in the same window,
	 * told what they had done to its length; and those that changed it: an insert of
	 * a new key, a delete of one that was there.
	 */
	uint64_t told;
	uint64_t changed;
	uint64_t goroutine; /* id, of the last of a run of hits: a busy one */
	uint64_t goroutine_votes; /* see tally.c; 0: none is busier than the others */
};

/* A map with an identity, and its length as each hit found it. */
struct trace_map {
	uint64_t addr;
	uint64_t type; /* of the map that was last at this address; 0 while no hit told */
	uint64_t hits[ABI_OP_CNT];
	uint64_t live_reads; /* 0: the next seven mean nothing */
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
 * A rare operation, or a make with a size hint (those seen in a window, and at
 * most half of the list). Slots are key places: of the whole map (classic,
 * overflow buckets left out), or of the table that grows (swiss); 0 when not
 * known.
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
	uint64_t stack[ABI_STACK_MAX]; /* of a rare one: return addresses, innermost first */
	bool on_stack;
	bool live_known;
	uint32_t seed; /* with live_known */
	uint64_t live_keys; /* before */
	uint64_t slots_from;
	uint64_t slots_to;
	uint64_t tables; /* swiss: directory entries; 0 for a small map */
	uint64_t tombstones; /* swiss: in the table that grows */
	uint64_t overflow_buckets; /* classic, approximate from 32,768 buckets on */
	uint64_t hint; /* make */
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

/* Calls that gave back, with one stack; see struct trace_refaults. */
struct trace_giver {
	uint64_t stack[ABI_MEM_STACK_MAX]; /* as in trace_memcall; all 0: too many stacks */
	uint64_t pages;
	uint64_t faults;
};

/*
 * Page faults in user mode on pages that a madvise (MADV_DONTNEED, MADV_FREE) of this
 * trace has given back: the first one on each page. One fault may bring in a huge page,
 * so faults are no bytes.
 */
struct trace_refaults {
	const char *missing; /* why they are not watched; NULL when they are */
	uint64_t page_sz;
	uint64_t watched_ns; /* less than the trace when there were more than it could pay for */
	uint64_t pauses; /* because of that */
	uint64_t faults;
	uint64_t ages[ABI_AGE_BINS]; /* since they were given back: from 2^i ns on */
	uint64_t pages; /* given back and watched, each as often as it was given back */
	uint64_t unwatched_pages[ABI_UNWATCHED_CNT]; /* given back and not watched */
	uint64_t voids; /* how often all pages were forgotten, because much was mapped anew */
	const struct trace_giver *givers; /* in no order */
	size_t giver_cnt;
};

struct trace_window {
	enum abi_group_id group;
	uint64_t start_ns;
	uint64_t open_ns; /* counting */
	uint64_t span_ns; /* the time that it stands for */
	uint64_t hits;
	uint64_t late; /* hits after it was full, or while attaching and detaching */
	bool saturated; /* ended by its hits: rates in it are rough */
	bool disturbed; /* a quarter of the time went into hits: the true rate is higher */
	uint64_t planned_ns; /* open_ns, had it not ended by its hits */
	uint32_t funcs; /* those with probes: a bit for each index in trace_sites() */
};

/* Hits of a row in a window, for an interval of the rate. */
struct trace_sample {
	uint32_t window; /* index in windows */
	uint32_t row; /* index in rows */
	uint32_t hits;
};

struct trace_group {
	const char *missing; /* why it is not traced; NULL when it is */
	struct trace_quota quota; /* as used */
	uint64_t windows;
	uint64_t saturated;
	uint64_t hits;
	uint64_t late;
	uint64_t open_ns;
	uint64_t attached_ns; /* probes in the target, attaching and detaching included */
	uint64_t disturbed;
	bool out_of_budget; /* at the end it waited for a window that it could not pay for */
};

/* The windows that had a function: the base of its rates. */
struct trace_base {
	uint64_t windows;
	double open_ns;
	double span_ns;
	double span_ns_squared; /* sum of the squares */
};

/* What it means when no hit of an operation was seen. */
enum trace_cover {
	TRACE_COVER_NONE, /* nothing: a function that does it was never watched */
	TRACE_COVER_WINDOWS, /* that there was none in the windows */
	TRACE_COVER_ALL, /* that there was none, but for lost ones */
};

struct trace_overflow {
	uint64_t rows;
	uint64_t maps;
	uint64_t events;
	uint64_t memcalls;
	uint64_t windows;
	uint64_t samples;
	uint64_t untold; /* records that the listener was not told of: it was too slow */
};

struct trace_cost {
	uint64_t attach_calls;
	uint64_t attach_ns;
	uint64_t detach_calls;
	uint64_t detach_ns;
	uint64_t counts[ABI_COUNT_CNT]; /* map programs, by enum abi_count */
	uint64_t hits; /* all, whatever came of them */
	uint64_t func_hits[ABI_FUNC_MAX]; /* by index in trace_sites() */
	uint64_t func_late[ABI_FUNC_MAX]; /* of them, those that were turned back at once */
	double price_ns[ABI_FUNC_MAX]; /* of a hit; 0: not probed */
	double late_price_ns[ABI_FUNC_MAX]; /* of a late one */
	double spent_ns; /* hits times their prices */
	uint64_t page_faults; /* of the target, watched since it gave something back */
	double fault_price_ns; /* of one of them; 0: there were none */
	double faults_ns; /* faults times their price */
	double any_fault_ns; /* how much longer those of other processes took meanwhile */
	double budget_ns; /* what hits and faults could have cost, in all */
	double max_overhead; /* the budget: a share of one core */
	struct abi_mem_state memcalls; /* memory call programs */
	uint64_t bad_records; /* records that did not make sense */
};

enum trace_end { TRACE_END_DURATION, TRACE_END_STOPPED, TRACE_END_TARGET_GONE, TRACE_END_ERROR };

struct trace_result {
	enum trace_end end;
	enum trace_attach mechanism; /* in use; never AUTO */
	enum trace_memcalls memcalls_by; /* in use; never AUTO */
	const char *memcalls_missing; /* why memory calls are not traced; NULL when they are */
	uint64_t start_ns;
	uint64_t end_ns;

	const struct trace_row *rows;
	size_t row_cnt;
	const struct trace_map *maps;
	size_t map_cnt;
	const struct trace_event *events; /* in the order of arrival */
	size_t event_cnt;
	const struct trace_memsum *memsums;
	size_t memsum_cnt;
	const struct trace_memcall *memcalls;
	size_t memcall_cnt;
	struct trace_refaults refaults;
	const struct trace_window *windows;
	size_t window_cnt;
	const struct trace_sample *samples;
	size_t sample_cnt;

	struct trace_group groups[ABI_GROUP_CNT];
	struct trace_base bases[ABI_FUNC_MAX]; /* by index in trace_sites() */
	enum trace_cover covers[ABI_OP_CNT];
	struct trace_overflow overflow;
	struct trace_cost cost;
};

/* ---- Calls ---- */

/*
 * Finds the functions, places the probes, loads the programs. Attaches nothing
 * to the target. What this kernel lacks is left out and named in the result;
 * fails with ERR_KERNEL when nothing is left, with ERR_PERM when a capability is
 * missing, with ERR_UNSUPPORTED for an architecture that we cannot trace.
 */
struct err *trace_open(const struct trace_opts *opts, struct trace **ret);

/*
 * Watches until the duration is over, *stop is true, the target exits, or tick
 * fails. Returns NULL for the first three (see trace_result.end). What turns out
 * not to work is left out and named in the result, unless nothing is left. May
 * be called once. The probes are gone when it returns.
 */
struct err *trace_run(struct trace *trace);

/* All functions that were looked for, in the order of functions.c. */
const struct trace_site *trace_sites(const struct trace *trace, size_t *cnt_ret);

/* What was learnt; owned by the trace, complete after trace_run(). */
const struct trace_result *trace_result(const struct trace *trace);

/* Hits that were looked at, but are in no row: their records were lost, or there were too
 * many rows. Counts of operations are too low by as many in all, nobody knows whose. */
uint64_t trace_lost_hits(const struct trace_result *result);

/* What is missing among the records so far; trace_result() has it at the end. */
struct trace_lost {
	uint64_t records; /* of maps: no room in the ring, or no sense */
	uint64_t rare_hits; /* RARE and MAKE beyond the quota, up to the latest closed window */
	uint64_t memcalls; /* beyond the budget, or no room in the ring */
};

struct trace_lost trace_lost(const struct trace *trace);

/* Frees everything; NULL is fine. */
void trace_close(struct trace *trace);

#endif
