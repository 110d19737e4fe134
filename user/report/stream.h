/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.h - what happens, as a stream: a JSON object a line, `kind` first.
 *
 *	start		the target, and when time_ns is 0
 *	map		a growth, clear or clone; with samples also inserts, deletes, makes
 *	memory_call	mmap, munmap or madvise
 *	watched		a window is over: some operations were watched in it, and not before
 *	stopped		the target gets no CPU from here on, and why
 *	resumed		it does again
 *	gc		a cycle of the collector that has ended
 *	lost		what is missing since the last such line
 *	end		why, and all that is missing
 *
 * A line is written whole or not at all. A line that the reader has no room for is
 * dropped and counted: the target must not wait for us, nor its probes.
 */
#ifndef MAPTRACE_REPORT_STREAM_H
#define MAPTRACE_REPORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/result.h"
#include "model/result_watched.h"

#define STREAM_SCHEMA "maptrace.events/2"

/* What is missing, since the start of the trace. */
struct stream_losses {
	uint64_t map_records; /* no room in the ring, or no sense */
	uint64_t map_hits; /* of rare functions, beyond the quota */
	uint64_t memory_calls; /* beyond the budget, or no room in the ring */
};

/* All zero but for fd: not started. */
struct event_stream {
	int fd;
	uint64_t start_ns; /* clock_ns() of events_start(): time_ns of all lines counts from it */
	bool stalled; /* the reader had no room for the last line */
	bool closed; /* the reader is gone */
	uint64_t lines;
	uint64_t dropped; /* lines */
	uint64_t dropped_told;
	struct stream_losses lost_told;
	uint64_t cycles_told;
	const char *halt_told; /* NULL: that it runs */
};

struct stream_start {
	const char *maptrace; /* version; as the next ones those of a result */
	struct result_host host;
	const struct result_target *target;
	uint64_t gc_cycles; /* that ended before the start: they get no line */
	const char *maps_missing; /* why there are no map events, or not all; NULL: there are */
	const char *memory_calls_missing; /* the same */
	const char *gc_missing;
};

/* The collector's cycles, of which the latest ring_cnt are known: cycle n, the first is 1,
 * at [(n - 1) % ring_cnt]. */
struct stream_gc {
	uint64_t cycles; /* that have ended, since the start of the program */
	size_t ring_cnt; /* 0: nothing is known of the collector */
	const uint64_t *pause_ns;
	const uint64_t *pause_end_unix_ns;
	uint64_t heap_marked_bytes; /* of the last cycle, as the next ones */
	uint64_t heap_goal_bytes;
	uint64_t scannable_bytes;
};

/* What comes without a record. */
struct stream_state {
	const char *stopped_by; /* "signal", "tracer" or "cgroup"; NULL: the target runs */
	struct stream_gc gc;
	struct stream_losses lost;
};

/* Each returns an error when writing fails, but for a closed pipe: see `closed`. */

struct err *events_start(struct event_stream *s, const struct stream_start *start);

/* sampled: it was seen in a window, others like it may not have been. */
struct err *events_map(struct event_stream *s, const struct result_map_event *event, bool sampled);
struct err *events_watched(struct event_stream *s, const struct watched_window *window);
struct err *events_memcall(struct event_stream *s, const struct result_memcall *call);

/* Writes what has changed since the last call, and looks for a closed pipe. */
struct err *events_tick(struct event_stream *s, const struct stream_state *now);

/* What is known at the end. */
struct stream_end {
	const char *reason; /* "duration", "interrupted" or "target_gone" */
	struct stream_losses lost;
	const struct watched_sum *watched;
	size_t watched_cnt;
};

struct err *events_end(struct event_stream *s, const struct stream_end *end);

#endif
