// SPDX-License-Identifier: GPL-2.0-only
#include "model/watch.h"

#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "heap/madetypes.h"
#include "process/cgroup.h"

enum {
	/* Censuses during the trace take at most this share of our time, and come at
	 * least this far apart. */
	CENSUS_TIME_SHARE = 10,
	CENSUS_INTERVAL_MS = 500,
};

/* ---- census ---- */

/* Only this can take long without anybody looking at the signal. What is cut off may fail in
 * many ways. */
static struct err *take_snapshot(struct watch *w)
{
	struct mem *mem = &w->target->mem;

	mem->stop = w->opts.stop;
	struct err *err = snapshot_take(w->prog, &w->snap);
	mem->stop = NULL;
	if (!err || !w->opts.stop || !*w->opts.stop)
		return err;
	err_free(err);
	return err_new(ERR_STOPPED, "stopped by a signal before the census was done");
}

static struct err *take_census(struct watch *w)
{
	struct err *err = take_snapshot(w);

	/* A size is weighed by the time it lasts: none passes here without a trace. */
	if (!err && w->opts.duration_ns)
		err = history_add(&w->history, w->snap->census, clock_ns());
	if (err)
		return err;
	w->census_cnt++;
	reclaim_track(&w->reclaim, w->snap);

	uint64_t interval = CENSUS_INTERVAL_MS * NS_PER_MS;
	if (interval < CENSUS_TIME_SHARE * w->snap->take_ns)
		interval = CENSUS_TIME_SHARE * w->snap->take_ns;
	w->next_census_ns = clock_ns() + interval;
	return NULL;
}

/* ---- garbage collector ---- */

/* Right behind a census, which it is held against. Without it the report cannot tell
 * "not yet" from "never", and says so. */
static void read_scavenger(struct watch *w)
{
	_cleanup_err_ struct err *err = w->gc_err ? err_new(ERR_UNSUPPORTED, "%s", w->gc_err->msg)
						  : scavenger_read(&w->scavenger, w->snap->heap,
								   &w->snap->pages, &w->gc,
								   &w->gc_last);

	w->scavenger_known = !err;
	if (err)
		log_debug("the scavenger's goals: %s", err->msg);
}

/* The counters are no more than a row of the report: it can do without them. */
static struct err *gc_open(struct watch *w, const struct heap *heap)
{
	struct err *err = heap ? gcstats_open(heap, &w->gc, &w->gc_first)
			       : err_new(ERR_UNSUPPORTED, "there is no census");

	w->gc_last = w->gc_first;
	if (err_is_refusal(err)) {
		w->gc_err = err;
		err = NULL;
	}
	if (!err && w->snap)
		read_scavenger(w);
	return err;
}

struct err *watch_open_gc(struct watch *w)
{
	_cleanup_heap_ struct heap *heap = NULL;
	struct err *err = heap_open(w->prog, &heap);

	if (!err) /* there is no census that does it */
		err = madetypes_add(heap);
	if (err_is_refusal(err)) {
		w->gc_err = err;
		return NULL;
	}
	return err ? err : gc_open(w, heap);
}

/* A sample that fails is one less. */
static void gc_sample(struct watch *w)
{
	if (!w->gc_err)
		err_free(gcstats_read(&w->gc, &w->gc_last));
}

/* The first census decides whether there are any; its failure is a result too. */
static struct err *take_first_census(struct watch *w)
{
	struct err *err = take_census(w);

	if (err_is_refusal(err)) {
		w->census_err = err;
		return NULL;
	}
	return err;
}

/* ---- while it is watched: called by the trace, in a thread of its own ---- */

/* A census that fails in between is one sample less. */
static struct err *watch_tick(struct watch *w)
{
	struct err *err = target_check(w->target);

	halts_look(&w->halts);
	if (!err)
		gc_sample(w);
	if (err || w->census_err || clock_ns() < w->next_census_ns)
		return err;
	err = take_census(w);
	if (err_is_refusal(err) || err_is(err, ERR_STOPPED)) {
		log_debug("a census failed, ignoring: %s", err->msg);
		err_free(err);
		return NULL;
	}
	if (!err)
		read_scavenger(w);
	return err;
}

struct err *watch_on_tick(void *ctx)
{
	struct watch *w = ctx;

	pthread_mutex_lock(&w->lock);
	struct err *err = watch_tick(w);
	pthread_mutex_unlock(&w->lock);
	return err;
}

/* What a call found in its map, before it. */
static void note_event(struct watch *w, const struct trace_event *e)
{
	if (!e->live_known || e->on_stack)
		return;
	history_live_keys(&w->history, e->map, e->op == ABI_OP_CLEAR ? 0 : e->live_keys,
			  e->ktime_ns);
	if (e->op == ABI_OP_GROW && e->growth == TRACE_GROWTH_DOUBLE)
		history_buckets(&w->history, e->map, e->slots_to / BUCKET_SLOTS, e->ktime_ns);
}

struct err *watch_on_event(void *ctx, const struct trace_event *e, enum abi_group_id group)
{
	struct watch *w = ctx;

	(void)group;
	pthread_mutex_lock(&w->lock);
	note_event(w, e);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- from the beginning to the end ---- */

struct err *watch_open(pid_t pid, const struct watch_opts *opts, struct watch **ret)
{
	_cleanup_watch_ struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return err_nomem();
	w->opts = *opts;
	pthread_mutex_init(&w->lock, NULL);
	struct err *err = target_open(pid, &w->target);
	if (!err)
		err = program_open(w->target, &w->prog);
	if (!err)
		err = target_rss(w->target, &w->rss);
	if (err)
		return err;
	halts_init(&w->halts, pid);
	*ret = take_ptr(w);
	return NULL;
}

/* A process that is gone fails us in many ways; the process itself knows best. */
static struct err *why_gone(const struct watch *w, struct err *err)
{
	struct err *why = target_check(w->target);

	if (!why)
		return err;
	err_free(err);
	return why;
}

/* What was learnt until the target left still counts. */
static struct err *keep_if_gone(struct watch *w, struct err *err)
{
	if (!err_is(err, ERR_GONE) || !(w->snap || w->trace))
		return err;
	if (w->gone)
		err_free(err);
	else
		w->gone = why_gone(w, err);
	return NULL;
}

struct err *watch_begin(struct watch *w)
{
	struct err *err = take_first_census(w);

	if (!err)
		err = gc_open(w, w->snap ? w->snap->heap : NULL);
	if (!err && w->opts.duration_ns)
		err = watch_open_trace(w);
	return keep_if_gone(w, err);
}

/* Stopped since before is no news of the trace. */
static void start_clock(struct watch *w)
{
	halts_init(&w->halts, w->target->pid);
	w->start_ns = clock_ns();
}

static struct err *end_clock(struct watch *w, struct err *err)
{
	halts_look(&w->halts);
	w->end_ns = clock_ns();
	history_end(&w->history, w->end_ns);
	if (!err)
		err = target_check(w->target);
	if (!err)
		gc_sample(w);
	return keep_if_gone(w, err);
}

bool watch_goes_on(const struct watch *w)
{
	return w->trace && !w->gone;
}

struct err *watch_start(struct watch *w)
{
	start_clock(w);
	return watch_goes_on(w) ? keep_if_gone(w, trace_start(w->trace)) : NULL;
}

int watch_fd(const struct watch *w)
{
	return w->trace ? trace_fd(w->trace) : -1;
}

bool watch_step(struct watch *w)
{
	return watch_goes_on(w) && trace_step(w->trace);
}

uint64_t watch_ns(const struct watch *w)
{
	return w->start_ns ? (w->end_ns ? w->end_ns : clock_ns()) - w->start_ns : 0;
}

struct err *watch_stop(struct watch *w)
{
	return end_clock(w, w->trace ? trace_stop(w->trace) : NULL);
}

struct err *watch_run(pid_t pid, const struct watch_opts *opts, struct watch **ret)
{
	_cleanup_watch_ struct watch *w = NULL;
	struct err *err = watch_open(pid, opts, &w);

	if (!err)
		err = watch_begin(w);
	if (err)
		return err;
	start_clock(w);
	err = watch_goes_on(w) ? trace_run(w->trace) : NULL;
	err = end_clock(w, err);
	if (err)
		return err;
	*ret = take_ptr(w);
	return NULL;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	trace_close(w->trace); /* first: its callbacks use the rest */
	values_free(w->values);
	history_fini(&w->history);
	snapshot_free(w->snap);
	err_free(w->census_err);
	err_free(w->trace_err);
	err_free(w->gone);
	err_free(w->gc_err);
	program_close(w->prog);
	target_close(w->target);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
