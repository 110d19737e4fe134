/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * window.h - decides when the probes of a group are in the target, and moves them.
 *
 * A period has one window, which is ended by its time or by its hits. A sampling window
 * (HOT) is short and lies at a random place of its period, so that it cannot fall into
 * step with the target. It stays below some 20 ms for another reason, too: soon after
 * breakpoints were put in, the kernel takes them out within 100 us. Later it waits for
 * an RCU grace period first, and a busy target hits them all that time.
 *
 * A standing window (RARE, MAKE) takes the whole period. The next one follows without a
 * gap, and the probes stay in: the window rolls on. Only when the hits are used up the
 * probes are taken away, until the budget pays for them again.
 *
 * Where each probe takes long to remove (PERF), a sampling window has one function
 * only; all functions get their turn, in random order.
 *
 * Attaching and removing may take 100 ms, and another group may use up its hits
 * meanwhile. So each is done in a thread of its own, which writes to wake_fd when it is
 * done. The window settles when that is noted.
 *
 *	window_init(&w, ...);
 *	if (window_opens(&w, now)) window_open(&w);
 *	if (window_ends(&w, now)) rolls = window_close(&w, ...);
 *	if (window_settles(&w)) err = window_settle(&w);
 *	if (rolls, or it was closed and has settled)
 *		{ window_result(&w, ...); window_plan(&w, ...); }
 *	... until window_deadline(&w), or a record says that the quota is used up, or a
 *	wake-up
 */
#ifndef MAPTRACE_TRACE_WINDOW_H
#define MAPTRACE_TRACE_WINDOW_H

#include <pthread.h>

#include "trace/attach.h"
#include "trace/governor.h"
#include "trace/trace_result.h"

enum window_state { WINDOW_CLOSED, WINDOW_OPENING, WINDOW_OPEN, WINDOW_CLOSING };

/* Puts probes in or takes them out. Until it is done the thread owns the attachments. */
struct window_job {
	pthread_t thread;
	bool threaded;
	bool done;
	struct err *err;
	uint64_t start_ns;
	uint64_t end_ns;
};

struct window {
	enum abi_group_id id;
	struct trace_quota quota; /* the most that a window may have */
	struct attach_target target;
	struct probe_set probes;
	struct abi_group *shared; /* with BPF */
	struct trace_group *group;
	struct trace_cost *cost;
	const struct governor *governor;
	double busy_cores; /* how many CPUs the target kept busy when the trace began */
	uint64_t end_ns; /* of the trace */
	int wake_fd; /* an eventfd */

	uint8_t order[ABI_FUNC_MAX]; /* of the turns: indices in probes */
	size_t turn; /* index in order; 0 when all probes come together */
	struct governor_lesson lesson[ABI_FUNC_MAX]; /* by index in probes; 0: for all */
	struct probe_set set; /* the probes of the window that is open or comes next */
	struct governor_window planned; /* as it was opened */
	uint64_t period_start_ns;
	uint64_t period_ns; /* of this period: the last one may be short */
	uint64_t open_at_ns; /* UINT64_MAX: never again */
	bool unpaid; /* the rest of the run cannot pay for it, as things are now */
	enum window_state state;
	struct window_job job; /* while OPENING or CLOSING */
	uint64_t hits[ABI_FUNC_MAX]; /* by function, of the window that closes */
	uint64_t attached_ns; /* when attaching began */
	uint64_t opened_ns;
	uint64_t ended_ns;
	uint32_t hot_funcs; /* bit i: function i had a good part of the hits last time */
	struct attachment ahead; /* see attach_ahead(); or the probes that are not hot */
	struct attachment attachment;
};

/*
 * Plans the first window. The caller has filled in everything above the empty line.
 * Without probes no window ever opens. Cannot fail, nor can any call below except
 * window_settle().
 */
void window_init(struct window *w, uint64_t start_ns);

/* When the window has to be looked at again; UINT64_MAX for never. */
uint64_t window_deadline(const struct window *w);

/* It is time to open the window. */
bool window_opens(const struct window *w, uint64_t now_ns);

/* Tells how many CPUs the target keeps busy now: a window that is due may have to wait. */
void window_notice(struct window *w, double busy_cores);

/* Begins to attach. Hits count as soon as all probes are in. */
void window_open(struct window *w);

/* There will be no more windows. */
void window_abandon(struct window *w);

/* The time of the window is over, or its hits are used up. */
bool window_ends(const struct window *w, uint64_t now_ns);

/*
 * Ends the window. True when it rolls on: the next one follows at once, with the probes
 * left in. Otherwise hits no longer count, and detaching begins. `last`: there is no next
 * window. `hits` by function, as for attachment_remove().
 */
bool window_close(struct window *w, const uint64_t *hits, bool last);

/* Attaching or detaching is done: window_settle() does not wait. */
bool window_settles(const struct window *w);

/*
 * Waits until attaching or detaching is done. The window is open or closed then. Fails
 * like attach_probes(); the window is closed then.
 */
struct err *window_settle(struct window *w);

/*
 * Describes the window that rolls on or has been removed. All its records are in the ring
 * by now. The caller fills in `late`; `slowed` is as if one thread had had all hits.
 */
void window_result(struct window *w, struct trace_window *ret);

/*
 * Learns from the window that was closed and from its hits by function, adds it to the
 * group, and plans the next one.
 */
void window_plan(struct window *w, const struct trace_window *closed, const uint64_t *hits);

#endif
