/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reclaim.h - memory that the program has no use for and that is resident all the
 * same: one row a cause, and whether waiting helps.
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
	uint64_t not_yet_bytes; /* of them: come back by themselves */
	uint64_t never_bytes; /* the rest */
	const char *not_yet; /* why they will; static, NULL without such bytes */
	const char *never; /* why not; static, NULL without such bytes */
	uint64_t age_ns; /* seen for at least so long; 0: in one census only */
	struct {
		uint64_t addr; /* of the range; CAUSE_PINNED_BY_MAP: of the map's header */
		uint64_t bytes;
		/* The last call of the trace that was to give back some of it; 0: none */
		uint64_t call_ns; /* as trace_memcall.ktime_ns */
		int call_errno;
	} ranges[RECLAIM_RANGES_MAX]; /* the largest ones, descending */
	size_t range_cnt;
	uint64_t range_total; /* all there are */
};

struct reclaim {
	struct reclaim_row rows[CAUSE_CNT];
	bool scavenger_known;
	struct scavenger scavenger;
	/* Calls that the trace saw give memory back, or fail to. */
	bool traced;
	uint64_t returned_bytes;
	double returned_per_s;
	uint64_t failed_calls;
	uint64_t failed_bytes;
	int failed_errno; /* of one of them */
	uint64_t first_seen_ns[CAUSE_CNT]; /* see reclaim_track(); 0: not seen */
};

/* Notes which causes there are at this snapshot. */
void reclaim_track(struct reclaim *rc, const struct snapshot *snap);

/* What the rows are made from. */
struct reclaim_sources {
	const struct snapshot *snap;
	const struct trace_result *trace; /* NULL: not traced */
	uint64_t traced_ns;
	const struct scavenger *scavenger; /* NULL: not known */
	const struct gc_sample *gc; /* with scavenger */
};

/* Computes the rows; call reclaim_track() for the same snapshot before. */
void reclaim_sum(struct reclaim *rc, const struct reclaim_sources *from);

#endif
