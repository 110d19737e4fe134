// SPDX-License-Identifier: GPL-2.0-only
#include "trace/trace.h"

#include <bpf/libbpf.h>
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/clock.h"
#include "trace/events.h"
#include "trace/functions.h"
#include "trace/programs.h"
#include "trace/sites.h"
#include "trace/tally.h"
#include "trace/window.h"

/* The longest pause between two looks at the rings and at *stop. */
#define DRAIN_NS (100 * NS_PER_MS)

struct trace {
	struct trace_opts opts;
	struct sites sites;
	struct programs programs;
	struct window windows[ABI_GROUP_CNT];
	uint64_t heat[ABI_FUNC_MAX]; /* hits by function since a window was closed */
	struct ring_buffer *rings;
	struct err *record_err; /* what went wrong in the callback of the rings */
	struct err *group_err[ABI_GROUP_CNT]; /* why it could not be attached */
	struct tally tally;
	struct trace_memsum memsums[ABI_MEM_ROWS];
	struct trace_result result;
	uint64_t next_tick_ns;
	uint64_t next_refill_ns;
};

/* ---- Options ---- */

/*
 * A perf event takes about 100 ms to remove, and until then a busy target runs
 * slowly: so there are fewer windows, with fewer hits.
 */
static const struct trace_quota default_quota[][ABI_GROUP_CNT] = {
	[TRACE_ATTACH_MULTI] = {
		[ABI_GROUP_HOT] = { NS_PER_S, 400 * NS_PER_MS, 2000 },
		[ABI_GROUP_RARE] = { NS_PER_S, NS_PER_S, 1000 },
	},
	[TRACE_ATTACH_PERF] = {
		[ABI_GROUP_HOT] = { 5 * NS_PER_S, 2 * NS_PER_S, 500 },
		[ABI_GROUP_RARE] = { 5 * NS_PER_S, 5 * NS_PER_S, 1000 },
	},
};

void trace_opts_init(struct trace_opts *opts)
{
	*opts = (struct trace_opts){
		.pidfd = -1,
		.duration_ns = 10 * NS_PER_S,
		.tick_ns = NS_PER_S,
		.memcalls_per_s = 1000,
	};
}

/* What the caller asked for, with the defaults of the mechanism in the gaps. */
static struct trace_quota quota_of(const struct trace_opts *opts, enum trace_attach how,
				   enum abi_group_id group)
{
	const struct trace_quota *defaults = &default_quota[how][group];
	struct trace_quota quota = opts->quota[group];

	if (!quota.period_ns)
		quota.period_ns = defaults->period_ns;
	if (!quota.open_ns)
		quota.open_ns = defaults->open_ns;
	if (group == ABI_GROUP_RARE)
		quota.open_ns = quota.period_ns;
	if (!quota.hits)
		quota.hits = defaults->hits;
	return quota;
}

/* ---- Opening ---- */

static void probes_collect(const struct sites *sites, enum abi_group_id group,
			   struct probe_set *ret)
{
	*ret = (struct probe_set){ 0 };
	for (size_t i = 0; i < sites->cnt; i++) {
		const struct trace_site *site = &sites->site[i];
		if (site->missing || site->group != group)
			continue;
		ret->probe[ret->cnt++] = (struct probe){
			.file_off = site->probe_file_off,
			.func = (uint32_t)i,
		};
	}
}

static void window_prepare(struct trace *t, enum abi_group_id id)
{
	struct window *w = &t->windows[id];

	w->id = id;
	w->group = &t->result.groups[id];
	w->cost = &t->result.cost;
	w->group->missing = t->programs.maps_missing;
	if (!t->programs.map_function)
		return; /* no probes: no window ever */
	if (t->opts.rare_only && id == ABI_GROUP_HOT) {
		w->group->missing = "not asked for";
		return;
	}
	w->quota = quota_of(&t->opts, t->programs.mechanism, id);
	w->state = &t->programs.groups[id];
	w->target = (struct attach_target){
		.how = t->programs.mechanism,
		.prog = t->programs.map_function,
		.pid = t->opts.pid,
		.path = t->opts.code_path,
	};
	probes_collect(&t->sites, id, &w->probes);
	if (!w->probes.cnt)
		w->group->missing = "the program has none of these functions";
}

static struct err *open_all(struct trace *t)
{
	struct err *err = header_layout_check(&t->opts.layout);

	if (err)
		return err;
	err = sites_find(&t->opts, &t->sites);
	if (err)
		return err;
	err = programs_load(&t->opts, &t->sites, &t->programs);
	if (err)
		return err;
	for (enum abi_group_id id = 0; id < ABI_GROUP_CNT; id++)
		window_prepare(t, id);
	t->result.mechanism = t->programs.mechanism;
	t->result.memcalls_by = t->programs.memcalls_by;
	t->result.memcalls_missing = t->programs.memcalls_missing;
	return tally_init(&t->tally);
}

struct err *trace_open(const struct trace_opts *opts, struct trace **ret)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem();
	t->opts = *opts;
	struct err *err = open_all(t);
	if (err) {
		trace_close(t);
		return err;
	}
	*ret = t;
	return NULL;
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	ring_buffer__free(t->rings);
	programs_fini(&t->programs);
	tally_fini(&t->tally);
	err_free(t->record_err);
	for (size_t i = 0; i < ABI_GROUP_CNT; i++)
		err_free(t->group_err[i]);
	free(t);
}

const struct trace_site *trace_sites(const struct trace *t, size_t *cnt_ret)
{
	*cnt_ret = t->sites.cnt;
	return t->sites.site;
}

/* ---- Records ---- */

/* All records but those that only wake us up. */
static struct err *listener_tell(const struct trace *t, const struct event *event)
{
	const struct trace_listener *l = t->opts.listener;

	if (!l || event->kind == ABI_REC_FULL)
		return NULL;
	if (event->kind == ABI_REC_MEMCALL)
		return l->memcall ? l->memcall(l->ctx, &event->memcall) : NULL;
	return l->event(l->ctx, &event->map,
			event->kind == ABI_REC_MAP_OP ? ABI_GROUP_HOT : ABI_GROUP_RARE);
}

static int record_add(void *ctx, void *data, size_t sz)
{
	struct trace *t = ctx;
	struct event event;

	if (!event_decode(data, sz, &t->opts.layout, &t->sites, &event)) {
		t->result.cost.bad_records++;
		return 0;
	}
	if (event.kind == ABI_REC_MAP_OP || event.kind == ABI_REC_MAP_EVENT)
		t->heat[event.func]++;
	t->record_err = tally_event(&t->tally, &event);
	if (!t->record_err)
		t->record_err = listener_tell(t, &event);
	return t->record_err ? -1 : 0;
}

static struct err *rings_drain(struct trace *t)
{
	int got = ring_buffer__consume(t->rings);

	if (t->record_err)
		return take_ptr(t->record_err);
	return got < 0 ? err_os(-got, "reading the ring buffers") : NULL;
}

/* ---- Windows ---- */

static bool target_is_gone(const struct trace *t)
{
	struct pollfd target = { .fd = t->opts.pidfd, .events = POLLIN };

	return poll(&target, 1, 0) > 0;
}

/* Nested functions have few hits of their own, but are as busy as the outer ones. */
static void heat_nested(uint64_t heat[ABI_FUNC_MAX])
{
	uint64_t by_op[ABI_OP_CNT] = { 0 };

	for (size_t i = 0; i < map_function_cnt; i++) {
		if (!map_functions[i].nested)
			by_op[map_functions[i].op] += heat[i];
	}
	for (size_t i = 0; i < map_function_cnt; i++) {
		if (map_functions[i].nested && heat[i] < by_op[map_functions[i].op])
			heat[i] = by_op[map_functions[i].op];
	}
}

static struct err *close_window(struct trace *t, struct window *w, bool last)
{
	struct trace_window closed;
	struct err *err = NULL;

	/* Slow detaching starts with the busiest function: see which that is. */
	if (w->target.how == TRACE_ATTACH_PERF)
		err = rings_drain(t);
	heat_nested(t->heat);
	window_close(w, t->heat, last, &closed);
	memset(t->heat, 0, sizeof(t->heat));
	if (!err)
		err = rings_drain(t);
	return err ? err : tally_window(&t->tally, &closed);
}

static bool nothing_is_left(const struct trace *t)
{
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		if (!t->result.groups[i].missing)
			return false;
	}
	return t->result.memcalls_missing;
}

/* Opens a window; a group that cannot be attached is left out of the trace. */
static struct err *open_window(struct trace *t, struct window *w)
{
	struct err *err = window_open(w);

	if (!err || err_is(err, ERR_GONE) || target_is_gone(t))
		return err;
	t->group_err[w->id] = err;
	w->group->missing = err->msg;
	window_abandon(w);
	log_debug("%s", err->msg);
	return nothing_is_left(t) ? err_new(err->kind, "%s", err->msg) : NULL;
}

static struct err *windows_step(struct trace *t, uint64_t now_ns)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < ABI_GROUP_CNT; i++) {
		struct window *w = &t->windows[i];
		if (window_ends(w, now_ns))
			err = close_window(t, w, /* last */ false);
		else if (window_opens(w, now_ns))
			err = open_window(t, w);
	}
	return err;
}

static struct err *windows_stop(struct trace *t)
{
	struct err *first = NULL;

	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		struct err *err = NULL;
		if (window_is_open(&t->windows[i]))
			err = close_window(t, &t->windows[i], /* last */ true);
		if (first)
			err_free(err);
		else
			first = err;
	}
	return first;
}

/* ---- Running ---- */

static struct err *attach_memcalls(struct trace *t)
{
	struct err *err = programs_attach_memcalls(&t->programs);

	if (!err)
		return NULL;
	t->result.memcalls_missing = "the kernel cannot attach to its system call functions";
	if (nothing_is_left(t))
		return err;
	log_debug("%s", err->msg);
	err_free(err);
	return NULL;
}

static struct err *run_begin(struct trace *t)
{
	struct err *err = programs_open_rings(&t->programs, record_add, t, &t->rings);

	if (!err)
		err = attach_memcalls(t);
	t->result.start_ns = clock_ns();
	t->result.end_ns = t->result.start_ns + t->opts.duration_ns;
	t->next_tick_ns = t->result.start_ns + t->opts.tick_ns;
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		t->windows[i].end_ns = t->result.end_ns;
		window_init(&t->windows[i], t->result.start_ns);
	}
	return err;
}

/* A tick may take long, so it has to wait for a window that is about to end. */
static bool tick_is_due(const struct trace *t, uint64_t now_ns)
{
	const struct window *hot = &t->windows[ABI_GROUP_HOT];

	if (!t->opts.tick || now_ns < t->next_tick_ns)
		return false;
	return !window_is_open(hot) || window_deadline(hot) > now_ns + DRAIN_NS;
}

static struct err *timers_step(struct trace *t, uint64_t now_ns)
{
	if (t->programs.mem_state && now_ns >= t->next_refill_ns) {
		__atomic_store_n(&t->programs.mem_state->budget, t->opts.memcalls_per_s,
				 __ATOMIC_RELAXED);
		t->next_refill_ns = now_ns + NS_PER_S;
	}
	if (!tick_is_due(t, now_ns))
		return NULL;
	t->next_tick_ns = now_ns + t->opts.tick_ns;
	return t->opts.tick(t->opts.tick_ctx);
}

/* True when the run is over, for a reason that is no error. */
static bool run_is_over(struct trace *t)
{
	if (target_is_gone(t))
		t->result.end = TRACE_END_TARGET_GONE;
	else if (t->opts.stop && *t->opts.stop)
		t->result.end = TRACE_END_STOPPED;
	else if (clock_ns() >= t->result.end_ns)
		t->result.end = TRACE_END_DURATION;
	else
		return false;
	return true;
}

static uint64_t next_deadline(const struct trace *t, uint64_t now_ns)
{
	uint64_t next_ns = now_ns + DRAIN_NS;

	if (t->result.end_ns < next_ns)
		next_ns = t->result.end_ns;
	if (t->opts.tick && t->next_tick_ns > now_ns && t->next_tick_ns < next_ns)
		next_ns = t->next_tick_ns;
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		uint64_t window_ns = window_deadline(&t->windows[i]);
		if (window_ns < next_ns)
			next_ns = window_ns;
	}
	return next_ns;
}

/* Sleeps until something is due, a quota is used up, or the target is gone. */
static void run_wait(struct trace *t)
{
	uint64_t now_ns = clock_ns();
	uint64_t until_ns = next_deadline(t, now_ns);
	uint64_t pause_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(pause_ns / NS_PER_S),
		.tv_nsec = (long)(pause_ns % NS_PER_S),
	};
	struct pollfd fds[] = {
		{ .fd = ring_buffer__epoll_fd(t->rings), .events = POLLIN },
		{ .fd = t->opts.pidfd, .events = POLLIN },
	};

	/* An interrupted sleep is as good as a full one. */
	ppoll(fds, sizeof(fds) / sizeof(fds[0]), &timeout, NULL);
}

static struct err *run_loop(struct trace *t)
{
	while (!run_is_over(t)) {
		struct err *err = windows_step(t, clock_ns());

		if (!err)
			err = rings_drain(t);
		if (!err)
			err = timers_step(t, clock_ns());
		if (err)
			return err;
		run_wait(t);
	}
	return NULL;
}

static void result_publish(struct trace *t)
{
	struct trace_result *r = &t->result;
	const struct tally *tally = &t->tally;

	r->rows = tally->rows.data;
	r->row_cnt = tally->rows.len;
	r->maps = tally->maps.data;
	r->map_cnt = tally->maps.len;
	r->events = tally->events.data;
	r->event_cnt = tally->events.len;
	r->memsums = t->memsums;
	r->memcalls = tally->memcalls.data;
	r->memcall_cnt = tally->memcalls.len;
	r->windows = tally->windows.data;
	r->window_cnt = tally->windows.len;
	r->samples = tally->samples.data;
	r->sample_cnt = tally->samples.len;
	r->overflow = tally->overflow;
}

/* Takes everything out of the target, then reads what there is to read. */
static struct err *run_end(struct trace *t)
{
	struct err *err = windows_stop(t);

	programs_detach_memcalls(&t->programs);
	t->result.end_ns = clock_ns();
	if (!err)
		err = rings_drain(t);
	if (!err)
		err = programs_read_counts(&t->programs, t->result.cost.counts);
	if (!err)
		err = programs_read_memsums(&t->programs, t->memsums, &t->result.memsum_cnt);
	if (t->programs.mem_state)
		t->result.cost.memcalls = *t->programs.mem_state;
	result_publish(t);
	return err;
}

struct err *trace_run(struct trace *t)
{
	struct err *err = run_begin(t);

	if (!err)
		err = run_loop(t);
	/* A target that is going away fails in many ways; they all mean the same. */
	if (err && target_is_gone(t)) {
		err_free(err);
		err = NULL;
		t->result.end = TRACE_END_TARGET_GONE;
	}

	struct err *end_err = t->rings ? run_end(t) : NULL;
	if (err)
		err_free(end_err);
	else
		err = end_err;
	if (err)
		t->result.end = err_is(err, ERR_GONE) ? TRACE_END_TARGET_GONE : TRACE_END_ERROR;
	return err;
}

/* ---- The result ---- */

const struct trace_result *trace_result(const struct trace *trace)
{
	return &trace->result;
}

double trace_rate(const struct trace_result *result, enum abi_group_id group, double estimate,
		  bool *rough_ret)
{
	const struct trace_group *g = &result->groups[group];

	*rough_ret = g->saturated > 0;
	return g->span_ns ? estimate * (double)NS_PER_S / (double)g->span_ns : 0;
}

struct err *trace_lost(const struct trace *t, struct trace_lost *ret)
{
	uint64_t counts[ABI_COUNT_CNT] = { 0 };
	const struct abi_mem_state *mem = t->programs.mem_state;
	struct err *err = programs_read_counts(&t->programs, counts);

	if (err)
		return err;
	*ret = (struct trace_lost){
		.records = counts[ABI_COUNT_RING_FULL] + t->result.cost.bad_records,
		.rare_hits = t->result.groups[ABI_GROUP_RARE].late,
		.memcalls = mem ? mem->over_budget + mem->ring_full : 0,
	};
	return NULL;
}
