/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.h - what happens, as a stream: a JSON object a line, `kind` first.
 *
 *	start		the target, and when time_ns is 0
 *	map		a growth, clear or clone; with samples also inserts, deletes, makes
 *	memory_call	mmap, munmap or madvise
 *	stopped		the target gets no CPU from here on, and why
 *	resumed		it does again
 *	gc		a cycle of the collector that has ended
 *	lost		what is missing from here on back to the last one
 *	end		why, and all that is missing
 *
 * A line is written whole or not at all. One that the reader has no room for is
 * dropped and counted: the target must not wait for us, nor its probes.
 */
#ifndef MAPTRACE_REPORT_STREAM_H
#define MAPTRACE_REPORT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "model/watch.h"

struct event_stream {
	const struct watch *w;
	int fd;
	uint64_t start_ns; /* clock_ns() */
	bool samples;
	bool stalled; /* the reader had no room for the last line */
	bool closed; /* the reader is gone */
	uint64_t lines;
	uint64_t dropped; /* lines */
	uint64_t dropped_told;
	struct trace_lost lost_told;
	uint64_t cycles_told;
	enum halt halt_told;
};

/* Each returns an error when writing fails, but for a closed pipe: see `closed`. */
struct err *events_start(struct event_stream *s);
struct err *events_map(struct event_stream *s, const struct trace_event *e,
		       enum abi_group_id group);
struct err *events_memcall(struct event_stream *s, const struct trace_memcall *call);

/* Looks at what comes without a record: halts, cycles, losses, a closed pipe. */
struct err *events_tick(struct event_stream *s, const struct gc_sample *gc);

struct err *events_end(struct event_stream *s, const char *reason);

#endif
