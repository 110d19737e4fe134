/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gcstats.h - what the runtime counts about its garbage collector: cycles, pauses,
 * CPU time, live heap and goal.
 *
 * Read from runtime.memstats, runtime.gcController and runtime.work, where
 * runtime.ReadMemStats and runtime/metrics take their figures from. Each place is
 * proved on the live process before anything in it is believed: the cycles against
 * the heap's sweep generation, the heap in use against the spans, the CPU times
 * against the share that the runtime itself made from them.
 */
#ifndef MAPTRACE_HEAP_GCSTATS_H
#define MAPTRACE_HEAP_GCSTATS_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap.h"

/* The ring of the latest pauses, by cycle. */
enum { GC_RING = 256 };

struct gc_sample {
	/* runtime.memstats, as of the end of the latest cycle */
	uint64_t cycles;
	uint64_t forced_cycles; /* of them: by runtime.GC() and the like */
	uint64_t pause_total_ns;
	uint64_t pause_ns[GC_RING]; /* all pauses of a cycle; cycle n is at n % GC_RING */
	uint64_t pause_end_unix_ns[GC_RING];
	uint64_t last_gc_unix_ns; /* 0: no cycle yet */
	double cpu_fraction; /* of all CPU time since the start, used by the collector */

	/* runtime.gcController, now */
	int32_t percent; /* GOGC; -1: off */
	uint64_t memory_limit_bytes; /* GOMEMLIMIT; INT64_MAX: none */
	uint64_t heap_live_bytes; /* found alive in the last cycle, and allocated since */
	uint64_t heap_marked_bytes; /* found alive in the last cycle */
	uint64_t heap_goal_bytes; /* the next cycle is to end before the heap is larger */
	uint64_t scannable_bytes; /* of heap_live_bytes: what may hold pointers */
	uint64_t last_scannable_bytes; /* scanned in the last cycle */
	uint64_t heap_in_use_bytes; /* in spans */
	uint64_t heap_free_bytes;
	uint64_t heap_released_bytes;

	/* runtime.work, as of the end of the latest cycle */
	bool cpu_known;
	uint64_t cpu_gc_ns; /* assists, workers and pauses; workers on idle CPUs left out */
	uint64_t cpu_all_ns; /* GOMAXPROCS times the time since the start */
};

struct gcstats {
	const struct program *prog;
	uint64_t memstats;
	uint64_t controller;
	uint64_t work; /* 0: not found */
};

/* Finds and proves the counters, and reads them. ERR_UNSUPPORTED says what failed. */
struct err *gcstats_open(const struct heap *heap, struct gcstats *ret, struct gc_sample *first_ret);

/* Reads the counters anew. ERR_FORMAT when they contradict each other. */
struct err *gcstats_read(const struct gcstats *g, struct gc_sample *ret);

/* What happened from one sample to a later one. */
struct gc_window {
	uint64_t cycles; /* that ended in it */
	uint64_t forced_cycles;
	uint64_t pause_total_ns;
	uint64_t pause_max_ns; /* of one cycle */
	uint64_t pause_last_ns;
	bool pause_max_known; /* false: more cycles than the ring keeps */
	/* Share of all CPU time, from the end of the last cycle before the window to
	 * the end of the last one in it. */
	bool cpu_share_known;
	double cpu_share;
};

/* False when the later sample is not a later one of the same process. */
bool gc_window(const struct gc_sample *from, const struct gc_sample *to, struct gc_window *ret);

#endif
