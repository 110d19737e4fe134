// SPDX-License-Identifier: GPL-2.0-only
#include "trace/trace.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/clock.h"
#include "trace/busy.h"
#include "trace/calibrate.h"
#include "trace/records.h"
#include "trace/functions.h"
#include "trace/programs.h"
#include "trace/refaults.h"
#include "trace/sites.h"
#include "trace/tally.h"
#include "trace/window.h"
#include "trace/worker.h"

/* The longest pause between two looks at the rings and at *stop. */
#define DRAIN_NS (100 * NS_PER_MS)

/* The time between two looks at the CPU time of the target, at least. */
#define CPU_LOOK_NS (20 * NS_PER_MS)

/* More busy threads of the target than this make no difference to the governor. */
#define BUSY_MOST 8

struct trace {
	struct trace_opts opts;
	struct sites sites;
	struct programs programs;
	struct window windows[ABI_GROUP_CNT];
	struct governor governor;
	struct abi_meter meter; /* as last read */
	uint64_t late[ABI_GROUP_CNT]; /* of the meter, when a window of the group was closed last */
	uint64_t heat[ABI_FUNC_MAX]; /* hits by function since a window was closed */
	struct ring_buffer *rings;
	int wake_fd; /* an eventfd: a window has settled */
	struct err *record_err; /* what went wrong in the callback of the rings */
	struct err *group_err[ABI_GROUP_CNT]; /* why it could not be attached */
	struct tally tally;
	struct refaults refaults;
	struct trace_memsum memsums[ABI_MEM_ROWS];
	struct trace_result result;
	uint64_t next_refill_ns;
	struct {
		uint64_t at_ns;
		uint64_t cpu_ns; /* of the target */
		double cores;
	} cpu_look;
	struct worker worker;
};

/* ---- Options ---- */

/*
 * Many short windows, rather than few long ones: they tell more about a target that
 * works in bursts, and see window.h. A perf event takes about 100 ms to remove:
 * there each function has a window of its own, in turn, and a longer one.
 */
static const struct trace_quota default_quota[][ABI_GROUP_CNT] = {
	[TRACE_ATTACH_MULTI] = {
		[ABI_GROUP_HOT] = { 125 * NS_PER_MS, 20 * NS_PER_MS, 2000 },
		[ABI_GROUP_RARE] = { NS_PER_S, NS_PER_S, 1000 },
		[ABI_GROUP_MAKE] = { NS_PER_S, NS_PER_S, 1000 },
	},
	[TRACE_ATTACH_PERF] = {
		[ABI_GROUP_HOT] = { 250 * NS_PER_MS, 60 * NS_PER_MS, 1000 },
		[ABI_GROUP_RARE] = { 5 * NS_PER_S, 5 * NS_PER_S, 1000 },
		[ABI_GROUP_MAKE] = { 5 * NS_PER_S, 5 * NS_PER_S, 1000 },
	},
};

void trace_opts_init(struct trace_opts *opts)
{
	*opts = (struct trace_opts){
		.pidfd = -1,
		.goid_off = UINT32_MAX,
		.duration_ns = 10 * NS_PER_S,
		.tick_ns = NS_PER_S,
		.memcalls_per_s = 1000,
		.refaults = true,
		.max_overhead = 0.01,
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
	if (group != ABI_GROUP_HOT)
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
	w->governor = &t->governor;
	w->group->missing = t->programs.maps_missing;
	if (!t->programs.map_function)
		return; /* no probes: no window ever */
	if (t->opts.rare_only && id == ABI_GROUP_HOT) {
		w->group->missing = "not asked for";
		return;
	}
	w->quota = quota_of(&t->opts, t->programs.mechanism, id);
	w->shared = &t->programs.groups[id];
	w->target = (struct attach_target){
		.how = t->programs.mechanism,
		.prog = t->programs.map_function,
		.pid = t->opts.pid,
		.path = t->opts.code_path,
	};
	probes_collect(&t->sites, id, &w->probes);
	if (!w->probes.cnt)
		w->group->missing = "the program has none of these functions";
	if (id == ABI_GROUP_HOT && t->opts.max_overhead <= 0) {
		w->probes.cnt = 0;
		w->group->missing = "--max-overhead 0";
	}
}

/* Room for the most that any mechanism records. */
static void ring_quotas_fill(struct trace_opts *opts)
{
	for (enum abi_group_id id = 0; id < ABI_GROUP_CNT; id++)
		opts->quota[id] = quota_of(opts, TRACE_ATTACH_MULTI, id);
}

static struct err *refaults_prepare(struct trace *t)
{
	t->refaults = (struct refaults){
		.programs = &t->programs,
		.governor = &t->governor,
		.result = &t->result.refaults,
	};
	return refaults_init(&t->refaults);
}

static struct err *open_all(struct trace *t)
{
	struct trace_opts opts = t->opts;
	struct err *err = header_layout_check(&t->opts.layout);

	if (err)
		return err;
	ring_quotas_fill(&opts);
	err = sites_find(&t->opts, &t->sites);
	if (err)
		return err;
	err = programs_load(&opts, &t->sites, &t->programs);
	if (err)
		return err;
	for (enum abi_group_id id = 0; id < ABI_GROUP_CNT; id++)
		window_prepare(t, id);
	t->result.mechanism = t->programs.mechanism;
	t->result.memcalls_by = t->programs.memcalls_by;
	t->result.memcalls_missing = t->programs.memcalls_missing;
	t->result.cost.max_overhead = t->opts.max_overhead;
	err = refaults_prepare(t);
	if (err)
		return err;
	return tally_init(&t->tally, t->programs.mechanism == TRACE_ATTACH_MULTI);
}

struct err *trace_open(const struct trace_opts *opts, struct trace **ret)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem();
	t->opts = *opts;
	t->wake_fd = -1;
	t->worker.opts = &t->opts;
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
	if (t->wake_fd >= 0)
		close(t->wake_fd);
	refaults_fini(&t->refaults);
	programs_fini(&t->programs);
	tally_fini(&t->tally);
	worker_fini(&t->worker);
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
		t->record_err = worker_add(&t->worker, &event);
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

/* They count from one window of the group to the next. */
static void heat_forget(uint64_t heat[ABI_FUNC_MAX], enum abi_group_id group)
{
	for (size_t i = 0; i < map_function_cnt; i++) {
		if (map_functions[i].group == group)
			heat[i] = 0;
	}
}

static double spent(const struct trace *t)
{
	const struct trace_cost *cost = &t->result.cost;
	const struct abi_meter *meter = &t->meter;
	double ns = 0;

	for (size_t i = 0; i < t->sites.cnt; i++)
		ns += (double)(meter->hits[i] - meter->late[i]) * cost->price_ns[i] +
		      (double)meter->late[i] * cost->late_price_ns[i];
	return ns;
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

/* Charges the governor with every hit and every page fault there was. */
static struct err *charge(struct trace *t)
{
	struct err *err = programs_read_meter(&t->programs, &t->meter);

	if (!err)
		t->governor.spent_ns = spent(t) + refaults_spent(&t->refaults);
	return err;
}

/* Books a window that is over. */
static struct err *book_window(struct trace *t, struct window *w)
{
	struct trace_window closed;

	window_result(w, &closed);
	struct err *err = rings_drain(t);
	if (!err)
		err = charge(t);
	if (err)
		return err;
	uint64_t late = late_hits(t, w->id);
	closed.late = late - t->late[w->id];
	t->late[w->id] = late;
	heat_nested(t->heat);
	window_plan(w, &closed, t->heat);
	heat_forget(t->heat, w->id);
	return tally_window(&t->tally, &closed);
}

static struct err *close_window(struct trace *t, struct window *w, bool last)
{
	struct err *err = NULL;

	/* Slow detaching starts with the busiest function: see which that is. */
	if (w->target.how == TRACE_ATTACH_PERF)
		err = rings_drain(t);
	heat_nested(t->heat);
	bool rolls = window_close(w, t->heat, last);
	return !err && rolls ? book_window(t, w) : err;
}

static bool nothing_is_left(const struct trace *t)
{
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		if (!t->result.groups[i].missing)
			return false;
	}
	return t->result.memcalls_missing;
}

/* A group that cannot be attached is left out of the trace. */
static struct err *settle_window(struct trace *t, struct window *w)
{
	bool closes = w->state == WINDOW_CLOSING;
	struct err *err = window_settle(w);

	if (closes)
		return book_window(t, w);
	if (!err || err_is(err, ERR_GONE) || target_is_gone(t))
		return err;
	t->group_err[w->id] = err;
	w->group->missing = err->msg;
	window_abandon(w);
	log_debug("%s", err->msg);
	return nothing_is_left(t) ? err_new(err->kind, "%s", err->msg) : NULL;
}

/* CPU time of the target so far; 0 when it can't be told. */
static uint64_t target_cpu_ns(const struct trace *t)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(t->opts.pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* CPUs that the target has kept busy since the last look, if that is not just now. */
static double target_cores(struct trace *t, uint64_t now_ns)
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

/* Opens a window that is due, unless the target has become too busy for its price. */
static struct err *open_when_paid(struct trace *t, struct window *w, uint64_t now_ns)
{
	struct err *err = charge(t);

	if (err)
		return err;
	window_notice(w, target_cores(t, now_ns));
	if (window_opens(w, now_ns))
		window_open(w);
	return NULL;
}

static struct err *windows_step(struct trace *t, uint64_t now_ns)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < ABI_GROUP_CNT; i++) {
		struct window *w = &t->windows[i];
		if (window_settles(w))
			err = settle_window(t, w);
		else if (window_ends(w, now_ns))
			err = close_window(t, w, /* last */ false);
		else if (window_opens(w, now_ns))
			err = open_when_paid(t, w, now_ns);
	}
	return err;
}

static struct err *window_stop(struct trace *t, struct window *w)
{
	struct err *err = NULL;

	if (w->state == WINDOW_OPENING)
		err = settle_window(t, w);
	if (!err && w->state == WINDOW_OPEN)
		err = close_window(t, w, /* last */ true);
	return err;
}

/* Keeps the first of two errors. */
static struct err *err_first(struct err *first, struct err *second)
{
	if (!first)
		return second;
	err_free(second);
	return first;
}

/* All at the same time: each takes a while. */
static struct err *windows_stop(struct trace *t)
{
	struct err *err = NULL;

	for (size_t i = 0; i < ABI_GROUP_CNT; i++)
		err = err_first(err, window_stop(t, &t->windows[i]));
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		if (t->windows[i].state == WINDOW_CLOSING)
			err = err_first(err, settle_window(t, &t->windows[i]));
	}
	return err;
}

/* ---- Running ---- */

static struct err *attach_memcalls(struct trace *t)
{
	struct err *err = programs_attach_memcalls(&t->programs);

	if (!err)
		return NULL;
	t->result.memcalls_missing = "the kernel cannot attach to its system call functions";
	t->result.refaults.missing = t->result.memcalls_missing;
	if (nothing_is_left(t))
		return err;
	log_debug("%s", err->msg);
	err_free(err);
	return NULL;
}

/*
 * On a busy machine it takes many milliseconds until somebody who wakes up gets a CPU
 * from those who have one, and all that time the target hits probes that should be
 * gone. What this thread does is short, and so do those that it starts for probes;
 * ticks have one that is as slow as it likes. Without the right to it we go on as we
 * are, and the governor has more to pay.
 */
static void priority_raise(void)
{
	struct sched_param param = { .sched_priority = sched_get_priority_min(SCHED_FIFO) };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		log_debug("cannot raise our priority, ignoring");
}

static void priority_drop(void)
{
	struct sched_param param = { 0 };

	/* Fails when it was never raised. */
	(void)sched_setscheduler(0, SCHED_OTHER, &param);
}

/* Without a price there are no probes; memory calls are free of them. */
static struct err *prices_find(struct trace *t)
{
	if (!t->programs.map_function)
		return NULL;

	struct trace_cost *cost = &t->result.cost;
	struct err *err =
		calibrate(&t->programs, t->rings, &t->sites, cost->price_ns, cost->late_price_ns);
	if (!err || err_is(err, ERR_NOMEM))
		return err;
	log_debug("%s", err->msg);
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		window_abandon(&t->windows[i]);
		t->windows[i].group->missing = "the cost of a probe could not be measured";
	}
	if (nothing_is_left(t))
		return err;
	err_free(err);
	return NULL;
}

/* Finds the prices; and how busy the target is, looking now and then while that lasts. */
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

static struct err *run_begin(struct trace *t)
{
	struct err *err = programs_open_rings(&t->programs, record_add, t, &t->rings);

	if (!err)
		err = calibrate_all(t);
	t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!err && t->wake_fd < 0)
		err = err_os(errno, "making an eventfd");
	if (!err)
		err = attach_memcalls(t);
	if (err)
		return err;
	priority_raise();
	t->result.start_ns = clock_ns();
	t->result.end_ns = t->result.start_ns + t->opts.duration_ns;
	t->worker.next_tick_ns = t->result.start_ns + t->opts.tick_ns;
	(void)target_cores(t, t->result.start_ns); /* the first look: others count from it */
	t->governor = (struct governor){
		.share = t->opts.max_overhead,
		.start_ns = t->result.start_ns,
		.end_ns = t->result.end_ns,
	};
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		t->windows[i].end_ns = t->result.end_ns;
		t->windows[i].wake_fd = t->wake_fd;
		window_init(&t->windows[i], t->result.start_ns);
	}
	return NULL;
}

/* It may wait for the kernel, some 10 ms: no short window shall be open meanwhile. */
static struct err *step_refaults(struct trace *t, uint64_t now_ns)
{
	if (t->windows[ABI_GROUP_HOT].state != WINDOW_CLOSED)
		return NULL;
	return refaults_step(&t->refaults, now_ns);
}

static struct err *timers_step(struct trace *t, uint64_t now_ns)
{
	if (t->programs.mem_state && now_ns >= t->next_refill_ns) {
		__atomic_store_n(&t->programs.mem_state->budget, t->opts.memcalls_per_s,
				 __ATOMIC_RELAXED);
		t->next_refill_ns = now_ns + NS_PER_S;
	}
	struct err *err = step_refaults(t, now_ns);
	return err ? err : worker_step(&t->worker, now_ns);
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
	if (t->opts.tick && t->worker.next_tick_ns > now_ns && t->worker.next_tick_ns < next_ns)
		next_ns = t->worker.next_tick_ns;
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
		{ .fd = t->wake_fd, .events = POLLIN },
	};
	uint64_t wakes;

	/* An interrupted sleep is as good as a full one. */
	ppoll(fds, sizeof(fds) / sizeof(fds[0]), &timeout, NULL);
	/* Fails when there was none. */
	(void)!read(t->wake_fd, &wakes, sizeof(wakes));
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

static enum trace_cover cover_of(const struct trace *t, enum abi_op op)
{
	enum trace_cover cover = TRACE_COVER_ALL; /* of a program without such a function, too */

	for (size_t i = 0; i < t->sites.cnt; i++) {
		const struct trace_site *site = &t->sites.site[i];
		const struct trace_base *base = &t->tally.bases[i];

		if (!site->present || site->op != op)
			continue;
		if (!base->windows)
			return TRACE_COVER_NONE;
		if (base->open_ns < base->span_ns)
			cover = TRACE_COVER_WINDOWS;
	}
	return cover;
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
	memcpy(r->bases, tally->bases, sizeof(r->bases));
	for (enum abi_op op = 0; op < ABI_OP_CNT; op++)
		r->covers[op] = cover_of(t, op);
	r->overflow = tally->overflow;
	r->overflow.untold = t->worker.dropped;
}

static void cost_publish(struct trace *t)
{
	struct trace_cost *cost = &t->result.cost;

	memcpy(cost->counts, t->meter.count, sizeof(cost->counts));
	for (size_t i = 0; i < t->sites.cnt; i++) {
		cost->func_hits[i] = t->meter.hits[i];
		cost->func_late[i] = t->meter.late[i];
		cost->hits += t->meter.hits[i];
	}
	cost->spent_ns = spent(t);
	cost->budget_ns = governor_budget(&t->governor, t->result.end_ns);
	if (t->programs.mem_state)
		cost->memcalls = *t->programs.mem_state;
}

/* Takes everything out of the target, then reads what there is to read. */
static struct err *run_end(struct trace *t)
{
	struct err *err = windows_stop(t);

	programs_detach_memcalls(&t->programs);
	t->result.end_ns = clock_ns();
	refaults_stop(&t->refaults, t->result.end_ns);
	priority_drop();
	if (!err)
		err = rings_drain(t);
	if (!err)
		err = charge(t);
	if (!err)
		err = programs_read_memsums(&t->programs, t->memsums, &t->result.memsum_cnt);
	if (!err)
		err = refaults_publish(&t->refaults, &t->result.cost);
	cost_publish(t);
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
	struct err *work_err = t->rings ? worker_finish(&t->worker) : NULL;
	if (!err)
		err = take_ptr(end_err);
	if (!err)
		err = take_ptr(work_err);
	err_free(end_err);
	err_free(work_err);
	if (err)
		t->result.end = err_is(err, ERR_GONE) ? TRACE_END_TARGET_GONE : TRACE_END_ERROR;
	return err;
}

/* ---- The result ---- */

const struct trace_result *trace_result(const struct trace *trace)
{
	return &trace->result;
}

uint64_t trace_lost_hits(const struct trace_result *result)
{
	return result->cost.counts[ABI_COUNT_RING_FULL] + result->cost.bad_records +
	       result->overflow.rows;
}

struct trace_lost trace_lost(const struct trace *t)
{
	const struct abi_mem_state *mem = t->programs.mem_state;

	return (struct trace_lost){
		.records = t->meter.count[ABI_COUNT_RING_FULL] + t->result.cost.bad_records,
		.rare_hits = t->result.groups[ABI_GROUP_RARE].late +
			     t->result.groups[ABI_GROUP_MAKE].late,
		.memcalls = mem ? mem->over_budget + mem->ring_full : 0,
	};
}
