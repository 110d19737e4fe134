/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reclaim.h - memory that the program does not use, but that is still resident.
 *
 * There is one row for each cause (enum reclaim_cause). It says how many bytes come back by
 * themselves ("not yet") and how many do not ("never").
 */
#ifndef MAPTRACE_MODEL_RECLAIM_H
#define MAPTRACE_MODEL_RECLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/scavenger.h"
#include "model/result_words.h"
#include "model/snapshot.h"
#include "trace/trace.h"

enum { RECLAIM_RANGES_MAX = 64 };

struct reclaim_row {
	uint64_t bytes; /* resident */
	uint64_t not_yet_bytes; /* part of them that comes back by itself */
	uint64_t never_bytes; /* the rest */
	const char *not_yet; /* why they come back; static; NULL: there are no such bytes */
	const char *never; /* why they don't; static; NULL: there are no such bytes */
	uint64_t age_ns; /* the cause has existed for at least this long; 0: seen once only */
	struct {
		uint64_t addr; /* of the range; for CAUSE_PINNED_BY_MAP of the map's header */
		uint64_t bytes;
		/* The last traced call that was to give back some of the range. */
		uint64_t call_ns; /* as trace_memcall.ktime_ns; 0: there was none */
		int call_errno; /* 0: it succeeded */
	} ranges[RECLAIM_RANGES_MAX]; /* the largest ones, descending */
	size_t range_cnt; /* of ranges[] */
	uint64_t range_total; /* how many ranges there are in all */
};

struct reclaim {
	struct reclaim_row rows[CAUSE_CNT];
	bool scavenger_known;
	struct scavenger scavenger;
	bool traced; /* memory calls were traced: the next five are valid */
	uint64_t returned_bytes; /* given back by calls of the target while it was traced */
	double returned_per_s; /* bytes per second */
	uint64_t failed_calls; /* calls that failed to give memory back */
	uint64_t failed_bytes;
	int failed_errno; /* of one of them; 0: none failed */
	uint64_t least_bytes[CAUSE_CNT]; /* the least that a census had; set by reclaim_track() */
	bool tracked; /* reclaim_track() was called */
	/* The most that a census may have too many as given back, since they were in use again
	 * before it was done; set by the caller after reclaim_track(). */
	uint64_t refill_drift_bytes;
	uint64_t first_seen_ns[CAUSE_CNT]; /* set by reclaim_track(); 0: no bytes at present */
};

/* Call this once for each snapshot: it notes since when each cause has had bytes. */
void reclaim_track(struct reclaim *rc, const struct snapshot *snap);

/* What the rows are made from. */
struct reclaim_sources {
	const struct snapshot *snap;
	const struct trace_result *trace; /* NULL: not traced */
	uint64_t traced_ns; /* how long the trace has taken */
	const struct scavenger *scavenger; /* NULL: not known */
	const struct gc_sample *gc; /* NULL: not known; then scavenger is NULL, too */
};

/* Computes the rows. Call reclaim_track() for the same snapshot before. May be called again.
 * Cannot fail, and leaves nothing to free. */
void reclaim_sum(struct reclaim *rc, const struct reclaim_sources *from);

#endif
