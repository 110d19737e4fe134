// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/libbpf.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "trace/kernel_faults.h"
#include "trace/trace_state.h"

/* ---- Options ---- */

/*
 * Many short windows rather than few long ones: they tell more about a target that
 * works in bursts, and window.h has another reason. A perf event takes about 100 ms to
 * remove, so with perf events each function has a window of its own, in turn, and a
 * longer one.
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

/* What the caller asked for; the defaults of the mechanism for the rest. */
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
	w->group = &t->live.groups[id];
	w->cost = &t->live.cost;
	w->governor = &t->governor;
	w->group->missing = t->programs.maps_missing;
	if (!t->programs.map_function)
		return; /* no probes, so never a window */
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

/* Rings have room for the most that any mechanism records. */
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
		.result = &t->live.refaults,
	};
	return refaults_init(&t->refaults);
}

static struct err *poll_add(int poll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event))
		return err_os(errno, "making an epoll");
	return NULL;
}

/* Puts all that a step may wait for into one file descriptor. */
static struct err *poll_open(struct trace *t)
{
	t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	t->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->wake_fd < 0 || t->timer_fd < 0 || t->poll_fd < 0)
		return err_os(errno, "making an eventfd, a timerfd and an epoll");

	struct err *err = poll_add(t->poll_fd, ring_buffer__epoll_fd(t->rings));
	if (!err)
		err = poll_add(t->poll_fd, t->wake_fd);
	if (!err)
		err = poll_add(t->poll_fd, t->timer_fd);
	if (!err && t->opts.pidfd >= 0)
		err = poll_add(t->poll_fd, t->opts.pidfd);
	return err;
}

static struct err *target_prepare(struct trace *t)
{
	struct trace_opts opts = t->opts;
	struct err *err = header_layout_check(&t->opts.layout);

	if (!err && !opts.force)
		err = kernel_fault_check_host();
	if (err)
		return err;
	ring_quotas_fill(&opts);
	err = sites_find(&t->opts, &t->sites);
	return err ? err : programs_load(&opts, &t->sites, &t->programs);
}

static void result_prepare(struct trace *t)
{
	for (enum abi_group_id id = 0; id < ABI_GROUP_CNT; id++)
		window_prepare(t, id);
	t->live.end = TRACE_END_NOT_YET;
	t->live.mechanism = t->programs.mechanism;
	t->live.memcalls_by = t->programs.memcalls_by;
	t->live.memcalls_missing = t->programs.memcalls_missing;
	t->live.cost.max_overhead = t->opts.max_overhead;
}

static struct err *trace_prepare(struct trace *t)
{
	struct err *err = target_prepare(t);

	if (err)
		return err;
	result_prepare(t);
	err = refaults_prepare(t);
	if (!err)
		err = tally_init(&t->tally, t->programs.mechanism == TRACE_ATTACH_MULTI);
	if (!err)
		err = programs_open_rings(&t->programs, trace_record_add, t, &t->rings);
	if (!err)
		err = poll_open(t);
	t->callbacks.wake_fd = t->wake_fd;
	t->published = t->live;
	return err;
}

struct err *trace_open(const struct trace_opts *opts, struct trace **ret)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem();
	t->opts = *opts;
	t->wake_fd = t->timer_fd = t->poll_fd = -1;
	t->callbacks.opts = &t->opts;
	struct err *err = trace_prepare(t);
	if (err) {
		trace_close(t);
		return err;
	}
	*ret = t;
	return NULL;
}

/* A negative one is none. */
static void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	err_free(trace_stop(t));
	fd_close(t->poll_fd);
	ring_buffer__free(t->rings);
	fd_close(t->wake_fd);
	fd_close(t->timer_fd);
	refaults_fini(&t->refaults);
	programs_fini(&t->programs);
	tally_fini(&t->tally);
	tally_lists_fini(&t->copies);
	callbacks_fini(&t->callbacks);
	err_free(t->record_err);
	for (size_t i = 0; i < ABI_GROUP_CNT; i++)
		err_free(t->group_err[i]);
	free(t);
}

const struct trace_site *trace_sites(const struct trace *trace, size_t *cnt_ret)
{
	*cnt_ret = trace->sites.cnt;
	return trace->sites.site;
}

int trace_fd(const struct trace *trace)
{
	return trace->poll_fd;
}
