/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * window.h - when the probes of a group are in the target.
 *
 * One window a period, ended by its time or its hits. A HOT window is short and
 * lies at a random place of its period, so that it cannot fall into step with
 * the target. A RARE window takes the whole period: the next one follows without
 * a gap and the probes stay, except when the hits ran out; then they are taken
 * away until the next period.
 *
 *	window_init(&w, ...);
 *	if (window_opens(&w, now)) err = window_open(&w);
 *	if (window_ends(&w, now)) window_close(&w, ...);
 *	... until window_deadline(&w), or a record says that the quota is used up
 */
#ifndef MAPTRACE_TRACE_WINDOW_H
#define MAPTRACE_TRACE_WINDOW_H

#include "trace/attach.h"

struct window {
	enum abi_group_id id;
	struct trace_quota quota;
	struct attach_target target;
	struct probe_set probes;
	struct abi_group *state; /* shared with BPF */
	struct trace_group *group;
	struct trace_cost *cost;
	uint64_t end_ns; /* of the trace */

	uint64_t period_start_ns;
	uint64_t period_ns; /* of this period: the last one may be short */
	uint64_t open_at_ns; /* UINT64_MAX: never again */
	uint64_t opened_ns; /* 0: closed */
	uint64_t attached_ns;
	struct attachment attachment;
};

/*
 * The caller has filled in everything above the empty line. Without probes no
 * window ever opens.
 */
void window_init(struct window *w, uint64_t start_ns);

/* When the window has to be looked at again; UINT64_MAX for never. */
uint64_t window_deadline(const struct window *w);

static inline bool window_is_open(const struct window *w)
{
	return w->opened_ns != 0;
}

/* Time to open it. */
bool window_opens(const struct window *w, uint64_t now_ns);

/* Attaches, and starts to count. */
struct err *window_open(struct window *w);

/* There will be no more windows. */
void window_abandon(struct window *w);

/* Its time is over, or its hits are used up. */
bool window_ends(const struct window *w, uint64_t now_ns);

/*
 * Stops to count, detaches (unless the next window follows at once), plans the
 * next one, and says what the window was. `last`: there is no next one. `heat`
 * as for attachment_remove(). All records of the window are in the ring by now.
 */
void window_close(struct window *w, const uint64_t *heat, bool last, struct trace_window *ret);

#endif
