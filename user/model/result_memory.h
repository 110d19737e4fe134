/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_memory.h - where the memory is, in a result: the ledger, why memory is not
 * returned, how full spans are, the collector and the memory calls. Bytes and
 * nanoseconds.
 */
#ifndef MAPTRACE_MODEL_RESULT_MEMORY_H
#define MAPTRACE_MODEL_RESULT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_activity.h"
#include "model/result_words.h"

/* ---- the ledger ---- */

struct result_ledger_row {
	enum ledger_row row;
	uint64_t resident_bytes;
	enum ledger_remedy remedy;
	uint64_t gives_back_bytes; /* what the remedy brings back */
};

struct result_ledger_region {
	enum ledger_region region;
	uint64_t resident_bytes;
	uint64_t swap_bytes;
	struct opt_u64 huge_page_bytes;
};

struct result_ledger {
	uint64_t rss_bytes; /* the kernel's: rows and unexplained_bytes sum to it */
	uint64_t row_bytes[ROW_CNT];
	int64_t unexplained_bytes;
	uint64_t swap_bytes;
	uint64_t huge_page_bytes;
	uint64_t hugetlb_bytes; /* in no RSS */
	uint64_t lazy_free_bytes;
	uint64_t locked_bytes;
	const char *source; /* of residency: "pagemap_scan", "pagemap" or "smaps" */
	const char *coarse_because; /* why only smaps could be read, or NULL */
	const char *missing; /* runtime memory that could not be told apart, or NULL */
	POOL_LIST(struct result_ledger_row) rows;
	POOL_LIST(struct result_ledger_region) regions;
};

/* ---- not returned ---- */

struct result_range {
	uint64_t addr; /* of the range; of the map's header for CAUSE_PINNED_BY_MAP */
	uint64_t bytes;
	/* For memory that was given back, NULL for other: the last call that did it. */
	struct result_range_call {
		struct opt_u64 ago_ns; /* before the end of the trace */
		int error; /* errno; 0: none */
	} * call;
};

/* Objects of one size that keep spans that they do not need. */
struct result_pinned_class {
	uint64_t slot_bytes;
	uint64_t pinned_bytes; /* what comes back when the objects are allocated anew */
	uint64_t objects;
	uint64_t spans;
	double map_table_share; /* part of the objects' bytes that are tables of maps */
};

struct result_cause {
	enum reclaim_cause cause;
	uint64_t bytes; /* resident */
	struct opt_u64 not_yet_bytes; /* of them: come back by themselves */
	struct opt_u64 never_bytes; /* the rest */
	const char *not_yet_because; /* NULL without such bytes */
	const char *never_because; /* NULL without such bytes */
	uint64_t age_ns; /* seen for at least this long; 0: in one census only */
	uint64_t ranges_total;
	POOL_LIST(struct result_range) ranges; /* the largest ones, descending */
	POOL_LIST(struct result_pinned_class) classes; /* CAUSE_SPAN_PINNED: the largest */
};

struct result_scavenger {
	uint64_t retained_bytes; /* spans in use and free pages, not returned */
	struct opt_u64 retained_goal_bytes;
	uint64_t mapped_bytes; /* all memory that the runtime mapped and did not return */
	struct opt_u64 mapped_goal_bytes;
	uint64_t pending_bytes; /* what it will return before it rests */
};

struct result_reclaim {
	POOL_LIST(struct result_cause) causes;
	struct result_scavenger *scavenger; /* NULL: its goals are not known */
	struct opt_u64 returned_bytes; /* while watched; these are unknown without a trace */
	double returned_bytes_per_s;
	struct opt_u64 failed_calls;
	struct opt_u64 failed_bytes;
	int failed_error; /* errno of one of them; 0: none failed */
	bool lazy_free_by_page; /* false: as many bytes as smaps counts, not page by page */
};

/* ---- spans ---- */

enum { RESULT_TENTHS = 10 };

struct result_span_class {
	struct opt_u64 slot_bytes; /* unknown: large objects, one a span */
	bool pointers;
	uint64_t spans;
	uint64_t span_bytes;
	uint64_t slots;
	uint64_t objects; /* given out: garbage that was not swept yet counts, too */
	uint64_t object_bytes;
	uint64_t map_table_bytes; /* of object_bytes */
	uint64_t resident_bytes;
	uint64_t free_resident_bytes;
	uint64_t pinned_bytes;
	uint64_t unswept_spans;
	POOL_LIST(uint64_t) spans_by_tenths; /* in use: up to a tenth, up to two tenths, ... */
};

struct result_fragmentation {
	POOL_LIST(struct result_span_class) span_classes; /* those that have spans */
	struct {
		uint64_t free_ranges;
		uint64_t largest_free_bytes;
		uint64_t busy_chunk_bytes; /* free, in chunks that the scavenger skips */
		uint64_t partial_page_bytes; /* free, but less than a physical page */
		uint64_t huge_excess_bytes;
	} pages;
};

/* In the runtime's own terms (MemStats), resident or not. */
struct result_heap {
	uint64_t in_use_bytes;
	uint64_t manual_bytes; /* stacks and other spans without objects */
	uint64_t free_bytes;
	uint64_t released_bytes;
	uint64_t spans_in_use;
	uint64_t object_bytes;
	uint64_t unused_bytes; /* in_use_bytes - object_bytes */
};

/* ---- the collector ---- */

struct result_gc_watched {
	uint64_t cycles; /* that ended while watched */
	uint64_t forced_cycles;
	uint64_t pause_total_ns;
	struct opt_u64 pause_max_ns; /* of one cycle */
	struct opt_u64 pause_last_ns;
	double cpu_share; /* of all CPU time; NAN: not known */
};

struct result_gc_read {
	uint64_t cycles; /* since the start of the program, as are the next ones */
	uint64_t forced_cycles;
	uint64_t pause_total_ns;
	struct opt_u64 pause_last_ns;
	uint64_t last_gc_unix_ns; /* 0: no cycle yet */
	double cpu_share;
	struct opt_u64 cpu_gc_ns;
	struct opt_u64 cpu_all_ns;
	struct opt_u64 gogc_percent; /* unknown: off */
	struct opt_u64 memory_limit_bytes; /* unknown: none */
	uint64_t heap_live_bytes;
	uint64_t heap_marked_bytes;
	uint64_t heap_goal_bytes;
	uint64_t heap_in_use_bytes;
	uint64_t heap_free_bytes;
	uint64_t heap_released_bytes;
	uint64_t scannable_bytes;
	uint64_t last_scannable_bytes;
	struct opt_u64 map_scannable_bytes;
	struct result_gc_watched *watched; /* NULL: no two samples */
};

struct result_gc {
	const char *status; /* "ok" or "refused" */
	const char *reason;
	struct result_gc_read *read; /* NULL: refused */
};

/* ---- memory calls ---- */

/* Calls of one kind, summed up. */
struct result_memsum {
	const char *call; /* mmap, munmap, madvise */
	struct result_advice {
		const char *name; /* "MADV_DONTNEED"; NULL: without a name here */
		uint64_t number;
	} * advice; /* madvise; NULL for others */
	struct opt_u64 protection; /* mmap */
	int error; /* errno; 0: none */
	uint64_t calls;
	uint64_t bytes;
	uint64_t duration_ns;
	double calls_per_s;
	double bytes_per_s;
};

struct result_memcall {
	uint64_t time_ns; /* since the start of the trace, or of the stream */
	const char *call;
	uint64_t addr;
	uint64_t bytes;
	struct result_memcall_advice {
		const char *name;
	} * advice; /* madvise; NULL for others */
	int error;
	uint64_t result; /* mmap: the address; else 0 */
	uint64_t thread;
	uint64_t duration_ns;
	enum mem_reason reason;
	const char *caller; /* first function that is not of the runtime or syscall; or NULL */
	uint64_t caller_pc;
	struct result_frame *at; /* of caller, NULL without one: file and line */
};

struct result_given_back {
	enum mem_reason reason;
	uint64_t bytes;
	double share; /* of all that was given back by calls that are listed */
};

struct result_refault_age {
	uint64_t ge_ns;
	uint64_t lt_ns;
	uint64_t faults;
};

struct result_refault_reason {
	enum mem_reason reason;
	uint64_t watched_bytes;
	uint64_t faults;
};

/* The first page fault on each page that was given back while watched. */
struct result_refaults_watched {
	uint64_t watched_ns;
	uint64_t pauses; /* because faults were too many for the budget */
	uint64_t faults;
	double faults_per_s;
	uint64_t page_bytes;
	uint64_t watched_bytes; /* given back, as often as it was */
	struct {
		uint64_t table_full;
		uint64_t call_too_long;
	} not_watched_bytes;
	uint64_t times_all_forgotten;
	POOL_LIST(struct result_refault_age) ages;
	POOL_LIST(struct result_refault_reason) by_reason;
	uint64_t half_within_ns; /* the age that half of the faults are below; 0: no faults */
	/* Go gives back what it needs again soon: a quarter of what it gave back by itself,
	 * at least 16 MiB, was touched again. */
	bool heap_swings;
};

struct result_refaults {
	const char *status; /* "ok" or "unavailable" */
	const char *reason;
	struct result_refaults_watched *watched; /* NULL: unavailable */
};

struct result_memcalls_traced {
	const char *mechanism; /* "fentry" or "tracepoint" */
	uint64_t not_listed; /* calls that are in totals, but not in calls */
	struct result_refaults refaults;
};

struct result_memcalls {
	const char *status; /* "ok", "refused" or "off" */
	const char *reason;
	struct result_memcalls_traced *traced; /* NULL without status "ok" */
	POOL_LIST(struct result_memsum) totals;
	POOL_LIST(struct result_memcall) calls;
	POOL_LIST(struct result_given_back) given_back_by; /* of the calls */
};

#endif
