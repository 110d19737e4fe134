// SPDX-License-Identifier: GPL-2.0-only
/* Makes a result from what was observed so far. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "model/result_fill.h"
#include "model/watch_retained.h"
#include "process/cgroup.h"

/* ---- what the trace adds to the latest census ---- */

/* Reads the hash seeds that the traced maps have now; seeds[i] stays 0 if that memory cannot be
 * read. */
static struct err *watch_read_seeds(struct watch *w, const struct trace_result *tr, uint32_t *seeds)
{
	struct trace_header_layout layout = watch_header_layout(&w->prog->layout);
	_cleanup_free_ struct mem_req *reqs = malloc((tr->map_cnt + 1) * sizeof(*reqs));

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < tr->map_cnt; i++)
		reqs[i] = (struct mem_req){ tr->maps[i].addr + layout.seed_off, sizeof(*seeds),
					    false, &seeds[i] };
	return mem_gather(&w->target->mem, reqs, tr->map_cnt);
}

/*
 * Gives maps of the census the types that traced calls named. Those are certain; a census can
 * often only guess. But another map may be at the same address by now. It is the same one if it
 * has the same seed. A clear gives a map a new seed; clears are always traced, so a map whose last
 * traced call was a clear counts as the same one, too.
 */
static struct err *watch_apply_traced_types(struct watch *w)
{
	const struct trace_result *tr = w->traced;
	_cleanup_free_ uint32_t *seeds = calloc(tr->map_cnt + 1, sizeof(*seeds));
	struct err *err = seeds ? watch_read_seeds(w, tr, seeds) : err_nomem();

	for (size_t i = 0; !err && i < tr->map_cnt; i++) {
		const struct trace_map *traced = &tr->maps[i];
		const struct map_type *type = gotypes_find(w->prog->types, traced->type);
		ssize_t row = type ? rows_find(&w->snap->census->maps, traced->addr) : ROWS_NONE;
		bool same = traced->live_reads && seeds[i] &&
			    (traced->seed == seeds[i] || traced->cleared_last);

		if (row == ROWS_NONE || !same)
			continue;
		struct map_info m = census_map(w->snap->census, row);
		if (map_counts(&m) && (!m.bucket_sz || m.bucket_sz == type->bucket_sz))
			err = snapshot_set_type(w->snap, row, type, TYPE_PROBE);
	}
	snapshot_sum(w->snap);
	if (err_is(err, ERR_GONE)) { /* the types of the census stay as they are */
		err_free(err);
		err = NULL;
	}
	return err;
}

/* Call it after watch_apply_traced_types(): to read values, one has to know the type. If the process
 * goes away meanwhile, the maps that were read until then count. */
static struct err *watch_count_zero_values(struct watch *w)
{
	struct err *gone = NULL;

	watch_begins(w, "the count of zero values");
	struct err *err = values_take(w->snap->census, &w->opts.values, &w->values, &gone);

	if (w->gone)
		err_free(gone);
	else
		w->gone = gone;
	return err;
}

static void watch_sum_reclaim(struct watch *w)
{
	struct reclaim_sources from = {
		.snap = w->snap,
		.trace = w->traced,
		.traced_ns = watch_ns(w),
		.scavenger = w->scavenger_known ? &w->scavenger : NULL,
		.gc = w->gc_err ? NULL : &w->gc_last,
	};

	reclaim_sum(&w->reclaim, &from);
}

/* ---- cost ---- */

static uint64_t timeval_ns(struct timeval tv)
{
	return tv.tv_sec * NS_PER_S + tv.tv_usec * 1000;
}

/* VmHWM in /proc/self/status; 0: cannot be read. */
static uint64_t own_peak_rss(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmHWM: %llu kB", &kib) == 1)
			break;
	return (uint64_t)kib << 10;
}

static void result_fill_own_cost(struct result_cost *cost, const struct watch *w)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	cost->cpu_ns = timeval_ns(self.ru_utime) + timeval_ns(self.ru_stime) +
		       timeval_ns(children.ru_utime) + timeval_ns(children.ru_stime);
	/* ru_maxrss would be that of the program that started us: it survives execve(2). */
	cost->peak_rss_bytes = own_peak_rss();
	cost->bytes_read = w->target->mem.bytes_read;
	cost->read_calls = w->target->mem.call_cnt;

	struct hold_meter holds = hold_meter_read(&w->target->holds);

	cost->mmap_lock_calls = holds.cnt;
	cost->mmap_lock_ns_max = holds.max_ns;
	cost->mmap_lock_ns_total = holds.total_ns;
}

static void result_fill_receipt(struct result_receipt *to, const struct trace_result *tr)
{
	const struct trace_cost *cost = &tr->cost;
	double spent_ns = cost->spent_ns + cost->faults_ns;

	to->hits_ns = cost->spent_ns;
	to->price_ns = cost->hits ? cost->spent_ns / (double)cost->hits : 0;
	to->page_faults = cost->page_faults;
	to->page_faults_ns = cost->faults_ns;
	to->page_fault_price_ns = cost->fault_price_ns;
	to->other_page_fault_price_ns = cost->any_fault_ns;
	to->run_ns = tr->end_ns - tr->start_ns;
	to->share_of_core = to->run_ns ? spent_ns / (double)to->run_ns : 0;
	to->max_overhead = cost->max_overhead;
	to->budget_ns = cost->budget_ns;
	to->budget_held = spent_ns <= cost->budget_ns;
	to->attach_calls = cost->attach_calls;
	to->attach_ns = cost->attach_ns;
	to->detach_calls = cost->detach_calls;
	to->detach_ns = cost->detach_ns;
	to->lost.ring_full = cost->counts[ABI_COUNT_RING_FULL];
	to->lost.bad_record = cost->bad_records;
	to->lost.header_unreadable = cost->counts[ABI_COUNT_HEADER_FAULT];
	to->lost.caller_unreadable = cost->counts[ABI_COUNT_STACK_FAULT];
}

/* Fill this part last, so that it includes what the other parts cost. */
static void result_fill_cost(struct result *r, const struct watch *w)
{
	const struct trace_result *tr = w->traced;
	struct result_cost *to = &r->cost;

	result_fill_own_cost(to, w);
	to->receipt = tr ? pool_alloc(&r->pool, sizeof(*to->receipt)) : NULL;
	if (!to->receipt)
		return;
	result_fill_receipt(to->receipt, tr);
	to->probe_hits = tr->cost.hits;
	to->records_lost = to->receipt->lost.ring_full + to->receipt->lost.bad_record;
	for (int g = 0; g < ABI_GROUP_CNT; g++)
		if (tr->groups[g].attached_ns > to->attached_ns)
			to->attached_ns = tr->groups[g].attached_ns;
}

/* ---- the result ---- */

/* If the target goes away while its entries are weighed, what they weigh is not known. */
static struct err *watch_find_growing(struct watch *w, bool last, struct growing_maps *ret)
{
	struct err *err = growing_find(&w->history, w->snap->census, ret);

	if (!err && last && !w->gone)
		err = growing_weigh(ret, w->snap->census);
	if (!err_is(err, ERR_GONE))
		return err;
	err_free(err);
	return NULL;
}

static struct err *watch_sum_up(struct watch *w, bool last, struct result_source *from)
{
	struct err *err = NULL;

	if (w->traced)
		err = activities_init(&from->activities, w->traced, w->prog->types);
	if (!err && w->traced && w->snap)
		err = watch_apply_traced_types(w);
	if (!err && last && w->snap && w->opts.full_graph && !w->gone)
		err = watch_find_garbage(w);
	if (!err && last && w->snap && w->opts.holders && !w->gone)
		err = watch_find_holders(w);
	if (!err && last && w->snap && !w->gone)
		err = watch_group_goroutines(w);
	if (!err && w->snap && w->opts.duration_ns)
		err = watch_find_growing(w, last, &from->growing);
	if (!err && last && w->snap && w->opts.values.budget_bytes)
		err = watch_count_zero_values(w);
	if (!err && w->snap)
		watch_sum_reclaim(w);
	if (!err && w->snap)
		err = ranking_init(&from->ranking, w->snap->census);
	if (!err && last && w->snap && w->opts.full_graph && !w->gone)
		err = watch_find_retained(w, &from->ranking);
	w->cgroup_limited = cgroup_memory_left(w->target->pid, &w->cgroup_left_bytes);
	return err;
}

static struct err *result_fill_all(struct result *r, struct result_source *from, bool last)
{
	const struct watch *w = from->w;

	watch_begins(w, "the report");
	result_fill_target(r, w);
	result_fill_doubts(r, w);
	result_fill_census(r, w);
	result_fill_memory(r, w);
	result_fill_reclaim(r, w);
	result_fill_gc(r, w);
	result_fill_graph(r, w);
	result_fill_sync_maps(r, from);
	result_fill_objects(r, w);
	result_fill_goroutines(r, w);
	result_fill_groups(r, from);
	result_fill_retained(r, w);
	result_fill_growing(r, from);
	struct err *err = result_fill_trace(r, from);
	if (err)
		return err;
	result_fill_memcalls(r, w);
	err = result_fill_findings(r, from);
	if (err)
		return err;
	err = last ? watch_find_paths(from->w, from) : NULL;
	if (err)
		return err;
	result_fill_paths(r, w);
	/* With `last` this moves the maps out of the census, so nothing after it may use them. */
	err = result_fill_maps(r, from, last);
	if (err)
		return err;
	result_fill_cost(r, w);
	return r->pool.failed ? err_nomem() : NULL;
}

static void result_source_fini(struct result_source *from)
{
	activities_fini(&from->activities);
	findings_fini(&from->findings);
	ranking_fini(&from->ranking);
	growing_fini(&from->growing);
}

static struct err *watch_fill(struct watch *w, bool last, struct result *r)
{
	_cleanup_(result_source_fini) struct result_source from = { .w = w };
	struct err *err = watch_sum_up(w, last, &from);

	result_fill_held(&r->pool, w, &from.held);
	if (!err)
		result_fill_ids(&r->pool, w, &from.ids);
	if (!err)
		result_fill_retained_rows(&r->pool, w, &from.retained);
	return err ? err : result_fill_all(r, &from, last);
}

struct err *watch_make_result(struct watch *w, bool last, struct result **ret)
{
	_cleanup_result_ struct result *r = result_new();

	if (!r)
		return err_nomem();
	w->traced = w->trace ? trace_result(w->trace) : NULL;
	struct err *err = watch_fill(w, last, r);
	if (err)
		return err;
	*ret = take_ptr(r);
	return NULL;
}

struct err *watch_publish(struct watch *w, struct result **ret)
{
	struct err *err = w->trace ? trace_publish(w->trace) : NULL;

	return err ? err : watch_make_result(w, /* last= */ true, ret);
}

struct err *watch_salvage(struct watch *w, struct result **ret)
{
	static const volatile bool stop = true;

	if (!w->snap)
		return err_new(ERR_STOPPED, "a system call for the process does not return, and "
					    "the census was not done");
	w->stuck = true;
	w->target->mem.stop = &stop;
	w->trace = NULL;
	if (w->opts.duration_ns && !w->trace_err)
		w->trace_err = err_new(ERR_STOPPED, "a system call for the process did not return");
	return watch_make_result(w, /* last= */ false, ret);
}

struct err *watch_plan(pid_t pid, const struct watch_opts *opts, struct result **ret)
{
	_cleanup_watch_ struct watch *w = NULL;
	_cleanup_result_ struct result *r = NULL;
	struct err *err = watch_open(pid, opts, &w);

	if (!err)
		err = watch_open_trace(w);
	if (err)
		return err;
	if (w->trace_err)
		return take_ptr(w->trace_err);
	r = result_new();
	if (!r)
		return err_nomem();
	result_fill_target(r, w);
	result_fill_plan(r, w->trace);
	r->maps = result_maps_new();
	if (!r->maps || r->pool.failed)
		return err_nomem();
	*ret = take_ptr(r);
	return NULL;
}
