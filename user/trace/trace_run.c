// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "trace/busy.h"
#include "trace/calibrate.h"
#include "trace/trace_state.h"

/* The longest pause between two looks at the rings and at *stop. */
#define DRAIN_NS (100 * NS_PER_MS)

/* More busy threads of the target than this make no difference to the governor. */
#define BUSY_MOST 8

void trace_priority_raise(void)
{
	struct sched_param param = { .sched_priority = sched_get_priority_min(SCHED_FIFO) };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		log_debug("cannot raise our priority, ignoring");
}

void trace_priority_drop(void)
{
	struct sched_param param = { 0 };

	/* Fails when it was never raised. */
	(void)sched_setscheduler(0, SCHED_OTHER, &param);
}

/* ---- Starting ---- */

static struct err *attach_memcalls(struct trace *t)
{
	struct err *err = programs_attach_memcalls(&t->programs);

	if (!err)
		return NULL;
	programs_detach_memcalls(&t->programs); /* those that could be attached */
	t->live.memcalls_missing = "the kernel cannot attach to its system call functions";
	t->live.refaults.missing = t->live.memcalls_missing;
	if (trace_nothing_is_left(t))
		return err;
	log_debug("%s", err->msg);
	err_free(err);
	return NULL;
}

/* Without a price there are no probes. Memory calls are free of charge. */
static struct err *prices_find(struct trace *t)
{
	if (!t->programs.map_function)
		return NULL;

	struct trace_cost *cost = &t->live.cost;
	struct err *err =
		calibrate(&t->programs, t->rings, &t->sites, cost->price_ns, cost->late_price_ns);
	if (!err || err_is(err, ERR_NOMEM))
		return err;
	log_debug("%s", err->msg);
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		window_abandon(&t->windows[i]);
		t->windows[i].group->missing =
			err_is(err, ERR_PERM) ? err->msg
					      : "the cost of a probe could not be measured";
	}
	if (trace_nothing_is_left(t))
		return err;
	t->group_err[0] = err; /* it owns the message of all */
	return NULL;
}

/* Finds the prices; and how busy the target is, by a look before and one after. */
static struct err *calibrate_all(struct trace *t)
{
	unsigned int before = busy_threads(t->opts.pid, BUSY_MOST);
	struct err *err = prices_find(t);
	if (!err)
		err = refaults_calibrate(&t->refaults);
	unsigned int after = busy_threads(t->opts.pid, BUSY_MOST);

	unsigned int busy = before > after ? before : after;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (size_t i = 0; i < ABI_GROUP_CNT; i++)
		t->windows[i].busy_cores = cpus > 0 && cpus < busy ? (double)cpus : busy;
	return err;
}

static void windows_begin(struct trace *t, uint64_t now_ns)
{
	t->governor = (struct governor){
		.share = t->opts.max_overhead,
		.start_ns = now_ns,
		.end_ns = t->live.end_ns,
	};
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		t->windows[i].end_ns = t->live.end_ns;
		t->windows[i].wake_fd = t->wake_fd;
		window_init(&t->windows[i], now_ns);
	}
}

static void timer_set(const struct trace *t, uint64_t at_ns)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = (time_t)(at_ns / NS_PER_S),
			      .tv_nsec = (long)(at_ns % NS_PER_S) },
	};

	timerfd_settime(t->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Sets the end of a trace that has failed. When the target is going away, calls fail in
 * many ways which all mean the same: no error then. */
static struct err *trace_fail(struct trace *t, struct err *err)
{
	bool gone = trace_target_is_gone(t);

	t->live.end = gone || err_is(err, ERR_GONE) ? TRACE_END_TARGET_GONE : TRACE_END_ERROR;
	if (!gone)
		return err;
	err_free(err);
	return NULL;
}

struct err *trace_start(struct trace *t)
{
	struct err *err = calibrate_all(t);

	if (!err)
		err = attach_memcalls(t);
	t->live.start_ns = clock_ns();
	if (err) {
		t->live.end_ns = t->live.start_ns;
		t->phase = TRACE_PHASE_ENDED;
		return trace_fail(t, err);
	}
	t->live.end_ns = t->live.start_ns + t->opts.duration_ns;
	t->callbacks.next_tick_ns = t->live.start_ns + t->opts.tick_ns;
	(void)trace_target_cores(t, t->live.start_ns); /* the first look: others count from it */
	windows_begin(t, t->live.start_ns);
	t->phase = TRACE_PHASE_RUNNING;
	timer_set(t, t->live.start_ns);
	return NULL;
}

/* ---- Steps ---- */

/* Why the trace is to end now, if that is not an error. */
static enum trace_end trace_end_due(const struct trace *t)
{
	if (trace_target_is_gone(t))
		return TRACE_END_TARGET_GONE;
	if (t->opts.stop && *t->opts.stop)
		return TRACE_END_STOPPED;
	return clock_ns() >= t->live.end_ns ? TRACE_END_DURATION : TRACE_END_NOT_YET;
}

/* No more windows. */
static void trace_begin_end(struct trace *t, enum trace_end end)
{
	t->phase = TRACE_PHASE_ENDING;
	t->live.end = end;
	/* A target that is gone would keep us awake. Fails if it is not there. */
	(void)epoll_ctl(t->poll_fd, EPOLL_CTL_DEL, t->opts.pidfd, NULL);
}

/* It may wait for the kernel, some 10 ms: not while a short window is open. */
static struct err *step_refaults(struct trace *t, uint64_t now_ns)
{
	if (t->windows[ABI_GROUP_HOT].state != WINDOW_CLOSED)
		return NULL;
	return refaults_step(&t->refaults, now_ns);
}

static struct err *step_callbacks(struct trace *t, uint64_t now_ns)
{
	struct err *err = NULL;

	if (t->opts.tick_publishes && callbacks_tick_is_due(&t->callbacks, now_ns))
		err = trace_publish(t);
	return err ? err : callbacks_step(&t->callbacks, now_ns);
}

static struct err *step_timers(struct trace *t, uint64_t now_ns)
{
	if (t->programs.mem_state && now_ns >= t->next_refill_ns) {
		__atomic_store_n(&t->programs.mem_state->budget, t->opts.memcalls_per_s,
				 __ATOMIC_RELAXED);
		t->next_refill_ns = now_ns + NS_PER_S;
	}
	struct err *err = step_refaults(t, now_ns);
	return err ? err : step_callbacks(t, now_ns);
}

static void step_running(struct trace *t)
{
	enum trace_end end = trace_end_due(t);

	if (end != TRACE_END_NOT_YET) {
		trace_begin_end(t, end);
		return;
	}
	struct err *err = trace_windows_step(t, clock_ns());
	if (!err)
		err = trace_drain(t);
	if (!err)
		err = step_timers(t, clock_ns());
	if (err) {
		trace_begin_end(t, TRACE_END_ERROR);
		t->err = err;
	}
}

/* All windows are closed: takes the rest out of the target. */
static struct err *memcalls_end(struct trace *t)
{
	programs_detach_memcalls(&t->programs);
	t->live.end_ns = clock_ns();
	refaults_stop(&t->refaults, t->live.end_ns);
	t->memcalls_out = true;

	struct err *err = trace_drain(t);
	return err ? err : trace_charge(t);
}

static void step_ending(struct trace *t)
{
	bool closed, told = false;
	struct err *err = trace_windows_end(t, &closed);

	err = trace_first_err(err, trace_drain(t));
	if (closed && !t->memcalls_out)
		err = trace_first_err(err, memcalls_end(t));
	if (closed)
		err = trace_first_err(err, callbacks_end(&t->callbacks, &told));
	t->err = trace_first_err(t->err, err);
	if (!told)
		return;
	t->phase = TRACE_PHASE_ENDED;
	if (t->err)
		t->err = trace_fail(t, t->err);
}

static uint64_t next_deadline(const struct trace *t, uint64_t now_ns)
{
	uint64_t next_ns = now_ns + DRAIN_NS;

	if (t->phase == TRACE_PHASE_ENDING)
		return next_ns; /* there will be a wake-up */
	if (t->live.end_ns < next_ns)
		next_ns = t->live.end_ns;
	if (t->opts.tick && t->callbacks.next_tick_ns > now_ns &&
	    t->callbacks.next_tick_ns < next_ns)
		next_ns = t->callbacks.next_tick_ns;
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		uint64_t window_ns = window_deadline(&t->windows[i]);
		if (window_ns < next_ns)
			next_ns = window_ns;
	}
	return next_ns;
}

/* For trace_lost(), which other threads call meanwhile. */
static void lost_note(struct trace *t)
{
	uint64_t records = t->meter.count[ABI_COUNT_RING_FULL] + t->live.cost.bad_records;
	uint64_t rare_hits =
		t->live.groups[ABI_GROUP_RARE].late + t->live.groups[ABI_GROUP_MAKE].late;

	__atomic_store_n(&t->lost.records, records, __ATOMIC_RELAXED);
	__atomic_store_n(&t->lost.rare_hits, rare_hits, __ATOMIC_RELAXED);
}

bool trace_step(struct trace *t)
{
	uint64_t wakes;

	/* Fails when there was none. */
	(void)!read(t->wake_fd, &wakes, sizeof(wakes));
	if (t->phase == TRACE_PHASE_RUNNING)
		step_running(t);
	if (t->phase == TRACE_PHASE_ENDING)
		step_ending(t);
	lost_note(t);
	if (t->phase != TRACE_PHASE_RUNNING && t->phase != TRACE_PHASE_ENDING)
		return false;
	timer_set(t, next_deadline(t, clock_ns()));
	return true;
}

/* Sleeps until a step has something to do. An interrupted sleep is as good as a full one. */
static void step_wait(const struct trace *t)
{
	struct pollfd fd = { .fd = t->poll_fd, .events = POLLIN };

	poll(&fd, 1, /* timeout */ -1);
}

/* ---- To the end ---- */

struct err *trace_stop(struct trace *t)
{
	if (t->phase == TRACE_PHASE_RUNNING)
		trace_begin_end(t, TRACE_END_STOPPED);
	while (trace_step(t))
		step_wait(t);
	return take_ptr(t->err);
}

struct err *trace_run(struct trace *t)
{
	struct err *err = trace_start(t);

	if (!err) {
		trace_priority_raise();
		while (trace_step(t))
			step_wait(t);
		trace_priority_drop();
		err = trace_stop(t);
	}
	return trace_first_err(err, trace_publish(t));
}
