/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_memory.h - the part of a result about memory: the ledger, why memory is not returned, how
 * full spans are, the garbage collector, and memory calls. Units are bytes and nanoseconds.
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
	uint64_t gives_back_bytes; /* part of resident_bytes that the remedy brings back */
};

/* A region is a set of whole pages with one owner; see ledger.h. */
struct result_ledger_region {
	enum ledger_region region;
	uint64_t resident_bytes;
	uint64_t swap_bytes;
	struct opt_u64 huge_page_bytes; /* known only with source "pagemap_scan" */
};

/* Memory that is neither Go's nor the program's own file; see outside.h. */
struct result_outside {
	bool has_libc; /* a C library is loaded */
	uint64_t c_heap_bytes; /* in [heap] */
	uint64_t c_arenas; /* of glibc's malloc, beside [heap] */
	uint64_t c_arena_bytes;
	uint64_t other_bytes; /* of other anonymous memory */
	uint64_t data_file_bytes; /* of mapped files without code, and of shared memory */
	uint64_t largest_file_bytes; /* part of them, of one mapping */
	const char *largest_file; /* its path; NULL: not known, or there is none */
};

struct result_ledger {
	uint64_t rss_bytes; /* the kernel's sum: all rows and unexplained_bytes add up to it */
	uint64_t row_bytes[ROW_CNT]; /* the same numbers as in `rows`, by enum ledger_row */
	int64_t unexplained_bytes; /* may be negative */
	bool moving; /* more than 5 % are unexplained: the heap swung while it was read */
	/* Of slots of objects that nothing reaches, resident or not; unknown: not looked for. */
	struct opt_u64 garbage_bytes;
	uint64_t swap_bytes;
	struct opt_u64 huge_page_bytes; /* unknown with source "pagemap" */
	uint64_t hugetlb_bytes; /* not part of RSS */
	/* Of Go's heap, given back with MADV_FREE, and still resident. Unknown: we may not see the
	 * flags of pages. */
	struct opt_u64 lazy_free_bytes;
	uint64_t locked_bytes; /* of locked mappings, resident or not */
	/* How the resident pages were found: "pagemap_scan", "pagemap" or "smaps". */
	const char *source;
	const char *coarse_because; /* why only smaps could be read; NULL: more could be */
	/* Why the runtime's own memory could not be told from other; NULL: it was. */
	const char *missing;
	POOL_LIST(struct result_ledger_row) rows;
	POOL_LIST(struct result_ledger_region) regions;
	struct result_outside outside;
};

/* ---- not returned ---- */

struct result_range {
	uint64_t addr; /* of the range; for CAUSE_PINNED_BY_MAP of the map's header */
	uint64_t bytes;
	/* The last traced call that was to give back some of the range. NULL: the cause is about
	 * memory that no call gave back. */
	struct result_range_call {
		struct opt_u64 ago_ns; /* before the end of the trace; unknown: none seen */
		int error; /* errno of the call; 0: it succeeded */
	} * call;
};

/* A pinned class: objects of one size that take more spans than they would if they were packed
 * tightly. */
struct result_pinned_class {
	uint64_t slot_bytes;
	uint64_t pinned_bytes; /* what comes back if the objects are allocated anew */
	uint64_t objects;
	uint64_t spans;
	double map_table_share; /* part of the objects' bytes that are tables of maps, 0 to 1 */
};

/* A cause is a reason why unused memory is resident; see reclaim.h. */
struct result_cause {
	enum reclaim_cause cause;
	uint64_t bytes; /* resident */
	/* Both are unknown if nobody can say what the scavenger will do. */
	struct opt_u64 not_yet_bytes; /* part of them that comes back by itself */
	struct opt_u64 never_bytes; /* the rest */
	const char *not_yet_because; /* NULL: there are no such bytes */
	const char *never_because; /* NULL: there are no such bytes */
	uint64_t least_bytes; /* the least that a census found */
	uint64_t age_ns; /* the cause has existed for at least this long; 0: seen once only */
	uint64_t ranges_total; /* how many ranges there are in all */
	POOL_LIST(struct result_range) ranges; /* the largest ones, descending */
	POOL_LIST(struct result_pinned_class) classes; /* CAUSE_SPAN_PINNED: the largest */
};

/* What Go's background scavenger, which returns free pages, has and aims at. */
struct result_scavenger {
	uint64_t retained_bytes; /* spans in use and free pages that were not returned */
	struct opt_u64 retained_goal_bytes; /* unknown: this goal is not in force */
	uint64_t mapped_bytes; /* all memory that the runtime mapped and did not return */
	struct opt_u64 mapped_goal_bytes; /* unknown: this goal is not in force */
	uint64_t pending_bytes; /* what it will return until it has reached its goals */
};

struct result_reclaim {
	POOL_LIST(struct result_cause) causes;
	struct result_scavenger *scavenger; /* NULL: its goals are not known */
	/* The next ones count calls of the target while it was traced; unknown without a trace. */
	struct opt_u64 returned_bytes;
	double returned_bytes_per_s; /* NAN: unknown */
	struct opt_u64 failed_calls; /* calls that failed to give memory back */
	struct opt_u64 failed_bytes;
	int failed_error; /* errno of one of them; 0: none failed */
	/* Whether each page of CAUSE_LAZY_FREE is known to be one. False: as many pages as smaps
	 * counts were taken. */
	bool lazy_free_by_page;
};

/* ---- spans ---- */

enum { RESULT_TENTHS = 10 };

/* Sums over all spans of a span class, which all have slots of the same size. */
struct result_span_class {
	struct opt_u64 slot_bytes; /* unknown: large objects, each in a span of its own */
	bool pointers; /* the objects may have pointers */
	uint64_t spans;
	uint64_t span_bytes;
	uint64_t slots;
	uint64_t objects; /* slots in use, also by garbage that was not swept yet */
	uint64_t object_bytes;
	uint64_t map_table_bytes; /* part of object_bytes */
	uint64_t resident_bytes;
	uint64_t free_resident_bytes; /* resident, but no object is there */
	uint64_t pinned_bytes; /* what comes back if the objects are packed tightly */
	uint64_t unswept_spans;
	/* How many spans have up to a tenth of their slots in use, up to two tenths, ... */
	POOL_LIST(uint64_t) spans_by_tenths;
};

struct result_fragmentation {
	POOL_LIST(struct result_span_class) span_classes; /* only those that have spans */
	struct {
		uint64_t free_ranges;
		uint64_t largest_free_bytes; /* size of the largest free range */
		uint64_t busy_chunk_bytes; /* free, but in chunks that the scavenger skips */
		uint64_t partial_page_bytes; /* free, but less than a physical page */
		uint64_t huge_excess_bytes; /* resident only because of a huge page around it */
	} pages;
};

/* The heap in the runtime's own terms (MemStats); bytes count whether resident or not. */
struct result_heap {
	uint64_t in_use_bytes;
	uint64_t manual_bytes; /* stacks and other spans without objects */
	uint64_t free_bytes;
	uint64_t released_bytes;
	uint64_t spans_in_use;
	uint64_t object_bytes;
	uint64_t unused_bytes; /* in_use_bytes - object_bytes */
	uint64_t dropped_descriptors; /* of spans; they contradicted themselves */
	uint64_t dropped_bytes; /* of those spans, as far as they say */
};

/* ---- the collector ---- */

/* What the collector did while the target was watched. */
struct result_gc_watched {
	uint64_t cycles; /* that ended */
	uint64_t forced_cycles; /* part of them that runtime.GC() started */
	uint64_t pause_total_ns;
	struct opt_u64 pause_max_ns; /* longest pause of a cycle; unknown: too many cycles */
	struct opt_u64 pause_last_ns; /* of the last cycle; unknown: none ended */
	double cpu_share; /* of the program's CPU time, 0 to 1; NAN: not known */
};

/* The collector's counters at the end. Those of cycles, pauses and CPU time count from the start
 * of the program. */
struct result_gc_read {
	uint64_t cycles;
	uint64_t forced_cycles;
	uint64_t pause_total_ns;
	struct opt_u64 pause_last_ns; /* of the last cycle; unknown: there was none */
	uint64_t last_gc_unix_ns; /* 0: no cycle yet */
	double cpu_share; /* 0 to 1 */
	struct opt_u64 cpu_gc_ns;
	struct opt_u64 cpu_all_ns;
	struct opt_u64 gogc_percent; /* unknown: GOGC is off */
	struct opt_u64 memory_limit_bytes; /* unknown: there is no limit */
	uint64_t heap_live_bytes;
	uint64_t heap_marked_bytes;
	uint64_t heap_goal_bytes;
	bool limit_binds; /* heap_goal_bytes follows from the memory limit, not from GOGC */
	struct opt_u64 last_gc_ago_ns; /* unknown: no cycle yet */
	struct opt_u64 allocated_since_bytes; /* by the heap, since the last cycle */
	struct opt_u64 next_gc_in_ns; /* an estimate; unknown: nothing starts one */
	bool next_gc_forced; /* next_gc_in_ns is two minutes after the last, not at the goal */
	uint64_t heap_in_use_bytes;
	uint64_t heap_free_bytes;
	uint64_t heap_released_bytes;
	uint64_t scannable_bytes;
	uint64_t last_scannable_bytes;
	struct opt_u64 map_scannable_bytes; /* part of map tables; unknown: no census */
	struct result_gc_watched *watched; /* NULL: the counters were not read twice */
};

struct result_gc {
	const char *status; /* "ok" or "refused" */
	const char *reason;
	struct result_gc_read *read; /* NULL: refused */
};

/* ---- memory calls ---- */

/* Sums over memory calls that are equal in call, advice or protection, and error. */
struct result_memsum {
	const char *call; /* "mmap", "munmap" or "madvise" */
	struct result_advice {
		const char *name; /* "MADV_DONTNEED"; NULL: it is not in our table */
		uint64_t number;
	} * advice; /* of a madvise; NULL for other calls */
	struct opt_u64 protection; /* of an mmap: the bits of its argument */
	int error; /* errno; 0: they succeeded */
	uint64_t calls;
	uint64_t bytes;
	uint64_t duration_ns; /* of all calls together */
	double calls_per_s;
	double bytes_per_s;
};

struct result_memcall {
	uint64_t time_ns; /* since the start of the trace, or of the stream */
	const char *call;
	uint64_t addr;
	uint64_t bytes;
	struct result_memcall_advice {
		const char *name; /* NULL: it is not in our table */
	} * advice; /* of a madvise; NULL for other calls */
	int error; /* errno; 0: it succeeded */
	uint64_t result; /* the address that mmap returned; else 0 */
	uint64_t thread; /* id */
	uint64_t duration_ns;
	enum mem_reason reason;
	/* The innermost function on the stack that is not of the runtime or of package syscall;
	 * NULL: there is none. */
	const char *caller;
	uint64_t caller_pc; /* return address; 0: there is none */
	struct result_frame *at; /* file and line of caller; NULL without one */
};

/* How much the listed calls with one reason gave back. */
struct result_given_back {
	enum mem_reason reason;
	uint64_t bytes;
	double share; /* of what all listed calls gave back, 0 to 1 */
};

/* How many refaults came at least ge_ns, but less than lt_ns, after the page was given back. */
struct result_refault_age {
	uint64_t ge_ns;
	uint64_t lt_ns; /* UINT64_MAX: without a limit */
	uint64_t faults;
};

/* Refaults on pages that calls with one reason gave back. */
struct result_refault_reason {
	enum mem_reason reason;
	uint64_t watched_bytes;
	uint64_t faults;
};

/* A refault is the first page fault on a page after the page was given back. */
struct result_refaults_watched {
	uint64_t watched_ns; /* without pauses */
	uint64_t pauses; /* how often watching stopped, since faults would exceed the budget */
	uint64_t faults;
	double faults_per_s;
	uint64_t page_bytes; /* size of a page */
	/* Pages that were given back and watched. A page counts once for each time. */
	uint64_t watched_bytes;
	struct {
		uint64_t table_full; /* no room to note more pages */
		uint64_t call_too_long; /* one call gave back too much */
	} not_watched_bytes;
	uint64_t times_all_forgotten; /* how often all notes were dropped */
	POOL_LIST(struct result_refault_age) ages;
	POOL_LIST(struct result_refault_reason) by_reason;
	/* At least half of the refaults came within this time after the page was given back. 0:
	 * there were no faults. */
	uint64_t half_within_ns;
	/* Go gives back what it needs again soon. True if it gave back at least 16 MiB by itself,
	 * and a quarter of that or more was touched again. */
	bool heap_swings;
};

struct result_refaults {
	const char *status; /* "ok" or "unavailable" */
	const char *reason;
	struct result_refaults_watched *watched; /* NULL: unavailable */
};

struct result_memcalls_traced {
	const char *mechanism; /* "fentry" or "tracepoint" */
	uint64_t not_listed; /* calls that are in `totals`, but not in `calls` */
	struct result_refaults refaults;
};

struct result_memcalls {
	const char *status; /* "ok", "refused" or "off" */
	const char *reason;
	struct result_memcalls_traced *traced; /* NULL without status "ok" */
	POOL_LIST(struct result_memsum) totals;
	POOL_LIST(struct result_memcall) calls;
	POOL_LIST(struct result_given_back) given_back_by; /* sums over `calls` */
};

#endif
