// SPDX-License-Identifier: GPL-2.0-only
#include "model/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "graph/goroutine_groups.h"
#include "graph/holders.h"
#include "graph/paths.h"
#include "graph/reach.h"
#include "heap/madetypes.h"
#include "model/watch_retained.h"

enum {
	/* After a census that took t, the next one during the trace starts no earlier than 10 t
	 * later, and no earlier than 500 ms later. */
	CENSUS_TIME_SHARE = 10,
	CENSUS_INTERVAL_MS = 500,
};

/* ---- census ---- */

/* A census is the only step that can take long, so reads from the target look at the signal while
 * it runs. An interrupted census may fail with any error: the caller gets ERR_STOPPED instead. */
static struct err *watch_take_snapshot(struct watch *w)
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

static struct err *watch_take_census(struct watch *w)
{
	watch_begins(w, "the census");
	struct err *err = watch_take_snapshot(w);

	/* Without a trace there is one census and no time to follow a map. */
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

/* Reads the scavenger's goals and checks them against the census, so call it right after one. If
 * they cannot be read, the report cannot tell "not yet" from "never", and says so. */
static void watch_read_scavenger(struct watch *w)
{
	_cleanup_err_ struct err *err = w->gc_err ? err_new(ERR_UNSUPPORTED, "%s", w->gc_err->msg)
						  : scavenger_read(&w->scavenger, w->snap->heap,
								   &w->snap->pages, &w->gc,
								   &w->gc_last);

	w->scavenger_known = !err;
	if (err)
		log_debug("the scavenger's goals: %s", err->msg);
}

/* Memory that Go had given back when the census began may be in use again when its pages are looked
 * at: then it counts as refilled. The counters, read right after the census, tell how much. */
static void watch_note_drift(struct watch *w)
{
	uint64_t then = w->snap->pages.released_bytes, now = w->gc_last.heap_released_bytes;
	uint64_t drift = !w->gc_err && then > now ? then - now : 0;

	if (drift > w->reclaim.refill_drift_bytes)
		w->reclaim.refill_drift_bytes = drift;
}

/* Finds the collector's counters. If they cannot be read, the rest goes on without them: gc_err
 * says why. */
static struct err *watch_open_counters(struct watch *w, const struct heap *heap)
{
	struct err *err = heap ? gcstats_open(heap, &w->gc, &w->gc_first)
			       : err_new(ERR_UNSUPPORTED, "there is no census");

	w->gc_last = w->gc_first;
	if (err_is_refusal(err)) {
		w->gc_err = err;
		err = NULL;
	}
	if (!err && w->snap) {
		watch_note_drift(w);
		watch_read_scavenger(w);
	}
	return err;
}

struct err *watch_open_gc(struct watch *w)
{
	_cleanup_heap_ struct heap *heap = NULL;
	struct err *err = heap_open(w->prog, &heap);

	if (!err) /* else a census does this */
		err = madetypes_add(heap);
	if (err_is_refusal(err)) {
		w->gc_err = err;
		return NULL;
	}
	return err ? err : watch_open_counters(w, heap);
}

/* Reads the counters once more. If that fails, gc_last stays as it is. */
static void watch_sample_gc(struct watch *w)
{
	if (!w->gc_err)
		err_free(gcstats_read(&w->gc, &w->gc_last));
}

/* If the first census is refused, there will be no others. That is a result, too: census_err says
 * why. */
static struct err *watch_take_first_census(struct watch *w)
{
	struct err *err = watch_take_census(w);

	if (err_is_refusal(err)) {
		w->census_err = err;
		return NULL;
	}
	return err;
}

/* ---- callbacks: the trace calls them in a thread of its own ---- */

/* Takes a census if it is time. If a later census is refused or interrupted, the watch keeps the
 * one before. */
static struct err *watch_tick(struct watch *w)
{
	struct err *err = target_check(w->target);

	halts_look(&w->halts);
	if (!err)
		watch_sample_gc(w);
	if (err || w->census_err || clock_ns() < w->next_census_ns)
		return err;
	err = watch_take_census(w);
	if (err_is_refusal(err) || err_is(err, ERR_STOPPED)) {
		log_debug("a census failed, ignoring: %s", err->msg);
		err_free(err);
		return NULL;
	}
	if (!err) {
		watch_sample_gc(w);
		watch_note_drift(w);
		watch_read_scavenger(w);
	}
	return err;
}

/* Hands on a result if it is time. The trace has published its own for this tick. */
static struct err *watch_tick_publish(struct watch *w)
{
	struct result *r = NULL;

	if (!w->opts.on_result || clock_ns() < w->next_result_ns)
		return NULL;
	w->next_result_ns = clock_ns() + w->opts.result_interval_ns;
	history_end(&w->history, clock_ns());
	struct err *err = watch_make_result(w, /* last= */ false, &r);
	return err ? err : w->opts.on_result(w->opts.result_ctx, r);
}

struct err *watch_on_tick(void *ctx)
{
	struct watch *w = ctx;
	struct err *err = watch_tick(w);

	return err ? err : watch_tick_publish(w);
}

/* Adds to the history what a traced call found in its map. e->live_keys is the number before the
 * call. */
struct err *watch_on_event(void *ctx, const struct trace_event *e, enum abi_group_id group)
{
	struct watch *w = ctx;

	(void)group;
	if (!e->live_known || e->on_stack)
		return NULL;
	history_live_keys(&w->history, e->map, e->op == ABI_OP_CLEAR ? 0 : e->live_keys,
			  e->ktime_ns);
	if (e->op == ABI_OP_GROW && e->growth == TRACE_GROWTH_DOUBLE)
		history_buckets(&w->history, e->map, e->slots_to / BUCKET_SLOTS, e->ktime_ns);
	return NULL;
}

/* ---- from the beginning to the end ---- */

/* Finding the program can take long if it is a hostile one, so a signal ends that, too. */
static struct err *watch_open_program(struct watch *w)
{
	struct mem *mem = &w->target->mem;

	watch_begins(w, "the search for a Go program");
	mem->stop = w->opts.stop;
	struct err *err = program_open(w->target, &w->prog);
	mem->stop = NULL;
	return err_is(err, ERR_STOPPED) ? err_wrap(err, "looking for a Go program") : err;
}

struct err *watch_open(pid_t pid, const struct watch_opts *opts, struct watch **ret)
{
	_cleanup_watch_ struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return err_nomem();
	w->opts = *opts;
	struct err *err = target_open(pid, &w->target);
	if (!err)
		err = watch_open_program(w);
	if (!err)
		err = target_rss(w->target, &w->rss);
	if (err)
		return err;
	halts_init(&w->halts, pid);
	*ret = take_ptr(w);
	return NULL;
}

/* When a process ends, reads from it may fail with any message. target_check() knows the reason.
 * Takes err over. */
static struct err *watch_why_gone(const struct watch *w, struct err *err)
{
	struct err *why = target_check(w->target);

	if (!why)
		return err;
	err_free(err);
	return why;
}

/* If the target is gone, but there is a census or a trace, there is something to report: then err
 * becomes w->gone, and NULL is returned. Else returns err. */
static struct err *watch_keep_if_gone(struct watch *w, struct err *err)
{
	if (!err_is(err, ERR_GONE) || !(w->snap || w->trace))
		return err;
	if (w->gone)
		err_free(err);
	else
		w->gone = watch_why_gone(w, err);
	return NULL;
}

struct err *watch_begin(struct watch *w)
{
	struct err *err = watch_take_first_census(w);

	if (!err)
		err = watch_open_counters(w, w->snap ? w->snap->heap : NULL);
	if (!err && w->opts.duration_ns)
		err = watch_open_trace(w);
	return watch_keep_if_gone(w, err);
}

/* Starts to count the time in which the target is stopped, at 0. */
static void watch_start_clock(struct watch *w)
{
	halts_init(&w->halts, w->target->pid);
	w->start_ns = clock_ns();
}

static struct err *watch_end_clock(struct watch *w, struct err *err)
{
	halts_look(&w->halts);
	w->end_ns = clock_ns();
	history_end(&w->history, w->end_ns);
	if (!err)
		err = target_check(w->target);
	if (!err)
		watch_sample_gc(w);
	return watch_keep_if_gone(w, err);
}

bool watch_goes_on(const struct watch *w)
{
	return w->trace && !w->gone;
}

struct err *watch_start(struct watch *w)
{
	watch_start_clock(w);
	return watch_goes_on(w) ? watch_keep_if_gone(w, trace_start(w->trace)) : NULL;
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
	return watch_end_clock(w, w->trace ? trace_stop(w->trace) : NULL);
}

struct err *watch_look(struct watch *w)
{
	struct err *err = watch_begin(w);

	if (err)
		return err;
	watch_start_clock(w);
	err = watch_goes_on(w) ? trace_run(w->trace) : NULL;
	return watch_end_clock(w, err);
}

struct err *watch_run(pid_t pid, const struct watch_opts *opts, struct watch **ret)
{
	_cleanup_watch_ struct watch *w = NULL;
	struct err *err = watch_open(pid, opts, &w);

	if (!err)
		err = watch_look(w);
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
	watch_retained_free(w->retained);
	err_free(w->retained_err);
	reach_free(w->reach);
	err_free(w->reach_err);
	paths_free(w->paths);
	holders_free(w->holders);
	err_free(w->holders_err);
	goroutine_groups_free(w->goroutines);
	err_free(w->goroutines_err);
	history_fini(&w->history);
	snapshot_free(w->snap);
	err_free(w->census_err);
	err_free(w->trace_err);
	err_free(w->gone);
	err_free(w->gc_err);
	program_close(w->prog);
	target_close(w->target);
	free(w);
}
