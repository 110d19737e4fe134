/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker.h - the caller's own work during a trace: ticks, and what its listener does.
 *
 * Both may take long, a census or a write to a full pipe, and whoever takes the
 * probes away must not wait for them. So they are done in a thread beside it, one
 * call at a time: the caller needs no locks between them.
 */
#ifndef MAPTRACE_TRACE_WORKER_H
#define MAPTRACE_TRACE_WORKER_H

#include <pthread.h>

#include "base/vec.h"
#include "trace/records.h"

/* Events that wait for a worker that is busy; more are dropped, and counted. */
#define WORKER_QUEUE_MAX 65536

struct worker { /* starts as all zero, but for these two */
	const struct trace_opts *opts;
	uint64_t next_tick_ns;

	uint64_t dropped;
	VEC(struct event) queue; /* not told yet */
	VEC(struct event) batch; /* the thread tells these */
	bool ticks; /* the thread calls tick, too */
	pthread_t thread;
	bool running; /* the thread has to be joined */
	bool done;
	struct err *err; /* what went wrong in it */
};

/* Puts an event into the queue. */
struct err *worker_add(struct worker *w, const struct event *event);

/* Starts what is due, ends what is done; returns what went wrong in it. Never waits. */
struct err *worker_step(struct worker *w, uint64_t now_ns);

/* Waits for all that is under way, then tells what is left. */
struct err *worker_finish(struct worker *w);

void worker_fini(struct worker *w);

#endif
