/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gcstats.h - what the runtime counts about its garbage collector: cycles, pauses, CPU time, live
 * heap and goal.
 *
 * The counters are in runtime.memstats, runtime.gcController and runtime.work, where
 * runtime.ReadMemStats and runtime/metrics take their figures from. The address of each is proved
 * on the live process before we use anything in it: the cycles must agree with the heap's sweep
 * generation, the heap in use with the spans, and the CPU times with the share that the runtime
 * computed from them.
 */
#ifndef MAPTRACE_HEAP_GCSTATS_H
#define MAPTRACE_HEAP_GCSTATS_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"

/* The number of cycles whose pauses the runtime keeps. */
enum { GC_RING = 256 };

struct gc_sample {
	/* runtime.memstats, as of the end of the latest cycle */
	uint64_t cycles;
	uint64_t forced_cycles; /* those of them that runtime.GC() and the like started */
	uint64_t pause_total_ns;
	uint64_t pause_ns[GC_RING]; /* all pauses of a cycle; cycle n is at n % GC_RING */
	uint64_t pause_end_unix_ns[GC_RING];
	uint64_t last_gc_unix_ns; /* 0: no cycle yet */
	double cpu_fraction; /* share of all CPU time since the start that the collector used */

	/* runtime.gcController, now */
	int32_t percent; /* GOGC; -1: off */
	uint64_t memory_limit_bytes; /* GOMEMLIMIT; INT64_MAX: none */
	uint64_t heap_live_bytes; /* found alive in the last cycle, or allocated since */
	uint64_t heap_marked_bytes; /* found alive in the last cycle */
	uint64_t heap_goal_bytes; /* the next cycle should end before the heap is larger */
	bool limit_binds; /* the goal follows from the memory limit, not from GOGC */
	uint64_t scannable_bytes; /* the part of heap_live_bytes that may hold pointers */
	uint64_t last_scannable_bytes; /* bytes that the last cycle scanned */
	uint64_t heap_in_use_bytes; /* in spans */
	uint64_t heap_free_bytes;
	uint64_t heap_released_bytes;

	/* runtime.work, as of the end of the latest cycle */
	bool cpu_known;
	uint64_t cpu_gc_ns; /* of assists, workers and pauses, but not of workers on idle CPUs */
	uint64_t cpu_all_ns; /* GOMAXPROCS times the time since the start */
};

struct gcstats {
	const struct program *prog;
	uint64_t memstats;
	uint64_t controller;
	uint64_t work; /* its address; 0: not found, as before the end of the first cycle */
	uint64_t sought_at; /* cycles when it was looked for last */
};

/* Finds and proves the counters, and reads them. ERR_UNSUPPORTED says what failed. */
struct err *gcstats_open(const struct heap *heap, struct gcstats *ret, struct gc_sample *first_ret);

/* Reads the counters again, and looks for what could not be proved before. ERR_FORMAT when they contradict each other. */
struct err *gcstats_read(struct gcstats *g, struct gc_sample *ret);

/* What happened from one sample to a later one. */
struct gc_window {
	uint64_t cycles; /* those that ended in it */
	uint64_t forced_cycles;
	uint64_t pause_total_ns;
	uint64_t pause_max_ns; /* of all pauses of one cycle, the longest */
	uint64_t pause_last_ns;
	bool pause_max_known; /* false: there were more cycles than the ring keeps */
	/* Share of all CPU time, from the end of the last cycle before the window to the end of
	 * the last cycle in it. */
	bool cpu_share_known;
	double cpu_share;
};

/* False when `to` is not a later sample of the same process than `from`. */
bool gc_window(const struct gc_sample *from, const struct gc_sample *to, struct gc_window *ret);

#endif
