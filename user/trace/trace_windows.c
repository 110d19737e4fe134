// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/libbpf.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "trace/functions.h"
#include "trace/trace_state.h"

/* The least time between two looks at the CPU time of the target. */
#define CPU_LOOK_NS (20 * NS_PER_MS)

struct err *trace_first_err(struct err *first, struct err *second)
{
	if (!first)
		return second;
	err_free(second);
	return first;
}

/* ---- Records ---- */

int trace_record_add(void *ctx, void *data, size_t sz)
{
	struct trace *t = ctx;
	struct trace_record record;

	if (!record_decode(data, sz, &t->opts.layout, &t->sites, &record)) {
		t->live.cost.bad_records++;
		return 0;
	}
	if (record.kind == ABI_REC_MAP_OP || record.kind == ABI_REC_MAP_EVENT)
		t->window_hits[record.func]++;
	t->record_err = tally_record(&t->tally, &record);
	if (!t->record_err)
		t->record_err = callbacks_add(&t->callbacks, &record);
	return t->record_err ? -1 : 0;
}

struct err *trace_drain(struct trace *t)
{
	int got = ring_buffer__consume(t->rings);

	if (t->record_err)
		return take_ptr(t->record_err);
	return got < 0 ? err_os(-got, "reading the ring buffers") : NULL;
}

/* ---- The target, and what it pays ---- */

bool trace_target_is_gone(const struct trace *t)
{
	struct pollfd target = { .fd = t->opts.pidfd, .events = POLLIN };

	return poll(&target, 1, 0) > 0;
}

/* CPU time of the target so far; 0 when it cannot be read. */
static uint64_t target_cpu_ns(const struct trace *t)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(t->opts.pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

double trace_target_cores(struct trace *t, uint64_t now_ns)
{
	uint64_t cpu_ns, wall_ns = now_ns - t->cpu_look.at_ns;

	if (wall_ns < CPU_LOOK_NS)
		return t->cpu_look.cores;
	cpu_ns = target_cpu_ns(t);
	if (t->cpu_look.at_ns && cpu_ns >= t->cpu_look.cpu_ns)
		t->cpu_look.cores = (double)(cpu_ns - t->cpu_look.cpu_ns) / (double)wall_ns;
	t->cpu_look.cpu_ns = cpu_ns;
	t->cpu_look.at_ns = now_ns;
	return t->cpu_look.cores;
}

double trace_spent(const struct trace *t)
{
	const struct trace_cost *cost = &t->live.cost;
	const struct abi_meter *meter = &t->meter;
	double ns = 0;

	for (size_t i = 0; i < t->sites.cnt; i++)
		ns += (double)(meter->hits[i] - meter->late[i]) * cost->price_ns[i] +
		      (double)meter->late[i] * cost->late_price_ns[i];
	return ns;
}

struct err *trace_charge(struct trace *t)
{
	struct err *err = programs_read_meter(&t->programs, &t->meter);

	if (!err)
		t->governor.spent_ns = trace_spent(t) + refaults_spent(&t->refaults);
	return err;
}

static uint64_t late_hits(const struct trace *t, enum abi_group_id group)
{
	uint64_t late = 0;

	for (size_t i = 0; i < t->sites.cnt; i++) {
		if (t->sites.site[i].group == group)
			late += t->meter.late[i];
	}
	return late;
}

/* ---- Windows ---- */

/* Nested functions have few hits of their own, but are as busy as the outer ones. */
static void hits_spread(uint64_t hits[ABI_FUNC_MAX])
{
	uint64_t by_op[ABI_OP_CNT] = { 0 };

	for (size_t i = 0; i < map_function_cnt; i++) {
		if (!map_functions[i].nested)
			by_op[map_functions[i].op] += hits[i];
	}
	for (size_t i = 0; i < map_function_cnt; i++) {
		if (map_functions[i].nested && hits[i] < by_op[map_functions[i].op])
			hits[i] = by_op[map_functions[i].op];
	}
}

/* Hits by function count from one window of the group to the next. */
static void hits_forget(uint64_t hits[ABI_FUNC_MAX], enum abi_group_id group)
{
	for (size_t i = 0; i < map_function_cnt; i++) {
		if (map_functions[i].group == group)
			hits[i] = 0;
	}
}

/* Notes a window that is over: charges and counts its hits, learns from it, plans the next
 * one. */
static struct err *trace_window_book(struct trace *t, struct window *w)
{
	struct trace_window closed;

	window_result(w, &closed);
	struct err *err = trace_drain(t);
	if (!err)
		err = trace_charge(t);
	if (err)
		return err;
	if (w->id == ABI_GROUP_HOT)
		closed.slowed *= tally_busiest_thread(&t->tally);
	uint64_t late = late_hits(t, w->id);
	closed.late = late - t->late[w->id];
	t->late[w->id] = late;
	hits_spread(t->window_hits);
	window_plan(w, &closed, t->window_hits);
	hits_forget(t->window_hits, w->id);
	err = tally_window(&t->tally, &closed);
	return err ? err : callbacks_add_window(&t->callbacks, &closed);
}

static struct err *trace_window_close(struct trace *t, struct window *w, bool last)
{
	struct err *err = NULL;

	/* Slow detaching starts with the busiest function: find out which one that is. */
	if (w->target.how == TRACE_ATTACH_PERF)
		err = trace_drain(t);
	hits_spread(t->window_hits);
	bool rolls = window_close(w, t->window_hits, last);
	return !err && rolls ? trace_window_book(t, w) : err;
}

bool trace_nothing_is_left(const struct trace *t)
{
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		if (!t->live.groups[i].missing)
			return false;
	}
	return t->live.memcalls_missing;
}

/* Notes that probes are in or out. A group that cannot be attached is left out of the trace. */
static struct err *trace_window_settle(struct trace *t, struct window *w)
{
	bool closes = w->state == WINDOW_CLOSING;
	struct err *err = window_settle(w);

	if (closes)
		return trace_window_book(t, w);
	if (!err || err_is(err, ERR_GONE) || trace_target_is_gone(t))
		return err;
	t->group_err[w->id] = err;
	w->group->missing = err->msg;
	window_abandon(w);
	log_debug("%s", err->msg);
	return trace_nothing_is_left(t) ? err_new(err->kind, "%s", err->msg) : NULL;
}

/* Opens a window that is due, unless the target has become too busy for its price. */
static struct err *trace_window_open_when_paid(struct trace *t, struct window *w, uint64_t now_ns)
{
	struct err *err = trace_charge(t);

	if (err)
		return err;
	window_notice(w, trace_target_cores(t, now_ns));
	if (window_opens(w, now_ns))
		window_open(w);
	return NULL;
}

struct err *trace_windows_step(struct trace *t, uint64_t now_ns)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < ABI_GROUP_CNT; i++) {
		struct window *w = &t->windows[i];
		if (window_settles(w))
			err = trace_window_settle(t, w);
		else if (window_ends(w, now_ns))
			err = trace_window_close(t, w, /* last */ false);
		else if (window_opens(w, now_ns))
			err = trace_window_open_when_paid(t, w, now_ns);
	}
	return err;
}

static struct err *trace_window_end(struct trace *t, struct window *w)
{
	struct err *err = window_settles(w) ? trace_window_settle(t, w) : NULL;

	if (w->state == WINDOW_OPEN)
		err = trace_first_err(err, trace_window_close(t, w, /* last */ true));
	return err;
}

struct err *trace_windows_end(struct trace *t, bool *closed_ret)
{
	struct err *err = NULL;

	*closed_ret = true;
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		err = trace_first_err(err, trace_window_end(t, &t->windows[i]));
		if (t->windows[i].state != WINDOW_CLOSED)
			*closed_ret = false;
	}
	return err;
}
