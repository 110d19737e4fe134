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
	TICK_MS = 100,
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

/* Called by the trace. A census that fails in between is one sample less. */
static struct err *on_tick(void *ctx)
{
	struct watch *w = ctx;
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

/* ---- trace ---- */

static struct err *find_func(void *ctx, const char *name, struct trace_func *ret)
{
	const struct program *prog = ctx;
	struct gofunc f;

	*ret = (struct trace_func){ 0 };
	if (!pclntab_find(prog->funcs, name, &f) ||
	    !program_file_offset(prog, f.addr, &ret->file_off))
		return NULL;
	ret->present = true;
	ret->addr = f.addr;
	ret->size = f.size;
	size_t want = f.size < sizeof(ret->code) ? f.size : sizeof(ret->code);
	ret->code_sz = program_read_code(prog, f.addr, ret->code, want);
	return NULL;
}

struct trace_header_layout watch_header_layout(const struct go_layout *l)
{
	struct trace_header_layout h = { 0 };

	if (l->kind == MAP_CLASSIC) {
		h.kind = TRACE_MAP_CLASSIC;
		h.live_keys_off = HMAP_COUNT;
		h.header_sz = l->classic.header_sz;
		h.seed_off = HMAP_HASH0;
		h.classic.b_off = HMAP_B;
		h.classic.noverflow_off = HMAP_NOVERFLOW;
		h.classic.buckets_off = l->classic.buckets;
		h.classic.load_num = l->classic.load_num;
		return h;
	}
	h.kind = TRACE_MAP_SWISS;
	h.live_keys_off = SWISS_MAP_USED;
	h.header_sz = l->swiss.header_sz;
	h.seed_off = SWISS_MAP_SEED;
	h.swiss.dir_ptr_off = SWISS_MAP_DIR_PTR;
	h.swiss.dir_len_off = SWISS_MAP_DIR_LEN;
	h.swiss.table_used_off = SWISS_TABLE_USED;
	h.swiss.table_capacity_off = SWISS_TABLE_CAPACITY;
	h.swiss.table_growth_left_off = SWISS_TABLE_GROWTH_LEFT;
	return h;
}

/* What a call found in its map, before it. */
static struct err *on_event(void *ctx, const struct trace_event *e, enum abi_group_id group)
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

struct err *watch_open_trace(struct watch *w)
{
	struct trace_opts opts;

	trace_opts_init(&opts);
	opts.pid = w->target->pid;
	opts.pidfd = w->target->pidfd;
	opts.machine = elf_file_machine(w->prog->elf);
	opts.code_path = w->prog->image.mapped->path;
	opts.layout = watch_header_layout(&w->prog->layout);
	opts.goid_off = w->prog->layout.g.goid;
	opts.find_func = find_func;
	opts.find_ctx = w->prog;
	opts.duration_ns = w->opts.duration_ns;
	opts.tick_ns = TICK_MS * NS_PER_MS;
	opts.tick = on_tick;
	opts.tick_ctx = w;
	opts.stop = w->opts.stop;
	opts.attach = w->opts.attach;
	opts.ring_sz = w->opts.ring_sz;
	opts.memcalls = TRACE_MEMCALLS_AUTO;
	opts.refaults = !w->opts.listener; /* a stream has no place for them */
	w->listener = (struct trace_listener){ .event = on_event, .ctx = w };
	opts.listener = w->opts.listener ? w->opts.listener : &w->listener;
	opts.rare_only = w->opts.rare_only;
	if (w->opts.tick) {
		opts.tick = w->opts.tick;
		opts.tick_ctx = w->opts.tick_ctx;
	}
	opts.max_overhead = w->opts.max_overhead;

	struct err *err = trace_open(&opts, &w->trace);
	if (err_is(err, ERR_UNSUPPORTED)) { /* this architecture: the census still works */
		w->trace_err = err;
		return NULL;
	}
	if (!err_is(err, ERR_KERNEL))
		return err;
	struct err *advice =
		err_new(ERR_KERNEL, "%s; --duration 0 takes a census without a trace", err->msg);
	err_free(err);
	return advice;
}

static struct err *run_trace(struct watch *w)
{
	uint64_t start = clock_ns();

	halts_init(&w->halts, w->target->pid); /* stopped since before is no news of the trace */
	struct err *err = w->trace ? trace_run(w->trace) : NULL;
	halts_look(&w->halts);
	w->watched_ns = clock_ns() - start;
	history_end(&w->history, clock_ns());
	if (w->trace && trace_result(w->trace)->end == TRACE_END_TARGET_GONE && !err)
		err = target_check(w->target);
	return err;
}

struct err *watch_open(pid_t pid, const struct watch_opts *opts, struct watch **ret)
{
	_cleanup_watch_ struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return err_nomem();
	w->opts = *opts;
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

struct err *watch_run(pid_t pid, const struct watch_opts *opts, struct watch **ret)
{
	_cleanup_watch_ struct watch *w = NULL;
	struct err *err = watch_open(pid, opts, &w);

	if (!err)
		err = take_first_census(w);
	if (!err)
		err = gc_open(w, w->snap ? w->snap->heap : NULL);
	if (!err && opts->duration_ns)
		err = watch_open_trace(w);
	if (!err)
		err = run_trace(w);
	if (!err)
		err = target_check(w->target);
	if (!err)
		gc_sample(w);
	if (err_is(err, ERR_GONE) && w && (w->snap || w->trace)) {
		w->gone = why_gone(w, err); /* what was learnt until then still counts */
		err = NULL;
	}
	if (err)
		return err;
	*ret = take_ptr(w);
	return NULL;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	values_free(w->values);
	trace_close(w->trace);
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
