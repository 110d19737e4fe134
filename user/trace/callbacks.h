/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * callbacks.h - calls the tick and the listener of a trace.
 *
 * Both may take long (a census, a write to a full pipe), and the thread that takes the
 * probes away must not wait for them. So they run in a thread beside it, one call at a
 * time: the caller needs no locks between them.
 */
#ifndef MAPTRACE_TRACE_CALLBACKS_H
#define MAPTRACE_TRACE_CALLBACKS_H

#include <pthread.h>

#include "base/vec.h"
#include "trace/records.h"

/* Records that wait for callbacks that are busy; more are dropped, and counted. */
#define CALLBACKS_QUEUE_MAX 65536

struct callbacks { /* starts as all zero, except these three */
	const struct trace_opts *opts;
	int wake_fd; /* an eventfd, written when the thread is done after callbacks_end() */
	uint64_t next_tick_ns;

	uint64_t dropped;
	VEC(struct trace_record) queue; /* not told yet */
	VEC(struct trace_record) batch; /* the thread tells these */
	bool ticks; /* the thread calls tick, too */
	pthread_t thread;
	bool running; /* the thread has to be joined */
	bool done; /* set by the thread: atomic */
	bool ends; /* somebody waits for the thread: atomic */
	struct err *err; /* what went wrong in it */
};

/* Put a record, or a window that is over, into the queue. They fail only for want of memory. */
struct err *callbacks_add(struct callbacks *c, const struct trace_record *record);
struct err *callbacks_add_window(struct callbacks *c, const struct trace_window *window);

/* The next callbacks_step() starts a tick. */
bool callbacks_tick_is_due(const struct callbacks *c, uint64_t now_ns);

/* Starts what is due, ends what is done; returns what went wrong in it. Never waits. */
struct err *callbacks_step(struct callbacks *c, uint64_t now_ns);

/*
 * The end: lets the thread finish, then tells what is left. Never waits: to be called
 * until *done_ret is true. Returns what went wrong; what is left is dropped then.
 */
struct err *callbacks_end(struct callbacks *c, bool *done_ret);

/* Frees the queue. No thread may be running. */
void callbacks_fini(struct callbacks *c);

#endif
