// SPDX-License-Identifier: GPL-2.0-only
#include "trace/window.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#define NEVER UINT64_MAX

/* When the rest of the run cannot pay for a window, that is looked at again after this
 * time: the target may have become less busy. */
#define LOOK_AGAIN_NS (100 * NS_PER_MS)

/* A function is hot when it has more than 1 / HOT_PART of the hits of the busiest one. */
#define HOT_PART 32

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t random_below(uint64_t limit)
{
	uint64_t value = 0;

	if (limit == 0 || getrandom(&value, sizeof(value), 0) != sizeof(value))
		return 0;
	return value % limit;
}

static bool window_is_standing(const struct window *w)
{
	return w->quota.open_ns >= w->quota.period_ns;
}

/* ---- Turns ---- */

static bool window_takes_turns(const struct window *w)
{
	return w->target.how == TRACE_ATTACH_PERF && !window_is_standing(w);
}

static size_t window_turn_cnt(const struct window *w)
{
	return window_takes_turns(w) ? w->probes.cnt : 1;
}

static void turns_shuffle(struct window *w)
{
	for (size_t i = 0; i < w->probes.cnt; i++) {
		size_t other = random_below(i + 1);
		w->order[i] = w->order[other];
		w->order[other] = (uint8_t)i;
	}
}

/* Chooses the probes of the next window. */
static void turn_take(struct window *w)
{
	if (!window_takes_turns(w)) {
		w->set = w->probes;
		return;
	}
	if (++w->turn >= w->probes.cnt) {
		w->turn = 0;
		turns_shuffle(w);
	}
	w->set.probe[0] = w->probes.probe[w->order[w->turn]];
	w->set.cnt = 1;
}

static struct governor_lesson *window_lesson(struct window *w)
{
	return &w->lesson[window_takes_turns(w) ? w->order[w->turn] : 0];
}

/* The highest price of a probe in the set; prices_ns is by function. */
static double set_dearest(const struct probe_set *set, const double *prices_ns)
{
	double price_ns = 0;

	for (size_t i = 0; i < set->cnt; i++) {
		double its = prices_ns[set->probe[i].func];
		if (its > price_ns)
			price_ns = its;
	}
	return price_ns;
}

static double set_price(const struct window *w)
{
	return set_dearest(&w->set, w->cost->price_ns);
}

static double set_late_price(const struct window *w)
{
	return set_dearest(&w->set, w->cost->late_price_ns);
}

static uint32_t set_funcs(const struct window *w)
{
	uint32_t funcs = 0;

	for (size_t i = 0; i < w->set.cnt; i++)
		funcs |= UINT32_C(1) << w->set.probe[i].func;
	return funcs;
}

/* ---- Plans ---- */

/* Standing probes go in at once. After their hits were used up, they wait for credit. */
static void window_plan_standing(struct window *w, uint64_t start_ns)
{
	w->planned.hits = governor_standing_hits(w->governor, &w->quota, set_price(w));
	w->planned.open_ns = w->quota.open_ns;
	w->open_at_ns = start_ns;
	if (w->group->saturated) {
		double cost_ns = w->planned.hits * set_price(w) + window_lesson(w)->late_ns;
		w->open_at_ns = governor_when(w->governor, cost_ns, 0, start_ns);
	}
}

/* Finds the period from start_ns on, for a window of this turn, and whether it is unpaid. */
static struct governor_period window_find_period(struct window *w, uint64_t start_ns)
{
	struct governor_period period =
		governor_period(w->governor, window_lesson(w), &w->quota, set_price(w), start_ns);

	w->unpaid = period.not_before_ns == NEVER;
	return period;
}

/* Chooses the place of the next window, in the period that begins at start_ns. */
static void window_plan_sample(struct window *w, uint64_t start_ns)
{
	struct governor_period period = window_find_period(w, start_ns);

	if (w->unpaid) {
		w->open_at_ns = start_ns + LOOK_AGAIN_NS;
		return;
	}
	w->period_ns = min_u64(period.period_ns, w->end_ns - start_ns);
	/* No window could be open before this time, so none stands for it. */
	if (!w->group->windows) {
		start_ns = w->period_start_ns = period.not_before_ns;
		w->period_ns = min_u64(w->quota.period_ns, w->end_ns - start_ns);
	}
	uint64_t wait_ns = period.not_before_ns - start_ns;
	if (w->period_ns >= wait_ns + w->quota.open_ns)
		w->open_at_ns = period.not_before_ns +
				random_below(w->period_ns - wait_ns - w->quota.open_ns);
	else if (!w->group->windows && w->period_ns > wait_ns)
		w->open_at_ns = period.not_before_ns; /* a very short trace still has one */
}

static uint64_t period_end(const struct window *w)
{
	return w->period_start_ns + w->period_ns;
}

/* Notes whether budget is missing, which is when the next window comes late or never. That
 * the run ends soon does not count. */
static void window_note_budget(struct window *w, uint64_t now_ns)
{
	uint64_t soon_ns = now_ns + 2 * w->quota.period_ns;

	if (soon_ns < w->end_ns)
		w->group->out_of_budget = w->unpaid || w->open_at_ns > soon_ns;
	else if (!w->unpaid)
		w->group->out_of_budget = false;
}

static void window_plan_next(struct window *w, uint64_t start_ns)
{
	w->open_at_ns = NEVER;
	if (start_ns >= w->end_ns || !w->probes.cnt)
		return;
	w->period_start_ns = start_ns;
	w->period_ns = min_u64(w->quota.period_ns, w->end_ns - start_ns);
	if (window_is_standing(w)) {
		window_plan_standing(w, start_ns);
	} else {
		turn_take(w);
		window_plan_sample(w, start_ns);
	}
	window_note_budget(w, start_ns);
}

/* The period goes on; its window waits until it can be paid for. */
static void window_put_off(struct window *w, uint64_t now_ns)
{
	uint64_t wanted_ns = w->unpaid ? now_ns : w->open_at_ns;
	struct governor_period period = window_find_period(w, now_ns);

	if (w->unpaid) {
		w->open_at_ns = now_ns + LOOK_AGAIN_NS;
		return;
	}
	w->open_at_ns = period.not_before_ns > wanted_ns ? period.not_before_ns : wanted_ns;
	if (w->open_at_ns + w->quota.open_ns > w->end_ns)
		w->open_at_ns = NEVER;
	else if (w->open_at_ns + w->quota.open_ns > period_end(w))
		w->period_ns = w->open_at_ns + w->quota.open_ns - w->period_start_ns;
}

/* The period of the very first window begins only when the budget can pay for it. */
static void window_plan_again(struct window *w, uint64_t now_ns)
{
	if (w->unpaid && !w->group->windows) {
		w->period_start_ns = now_ns;
		window_plan_sample(w, now_ns);
	} else {
		window_put_off(w, now_ns);
	}
	window_note_budget(w, now_ns);
}

void window_init(struct window *w, uint64_t start_ns)
{
	w->group->quota = w->quota;
	for (size_t i = 0; i < ABI_FUNC_MAX; i++)
		w->lesson[i].busy_cores = w->busy_cores;
	turns_shuffle(w);
	w->set = w->probes;
	window_plan_next(w, start_ns);
}

uint64_t window_deadline(const struct window *w)
{
	switch (w->state) {
	case WINDOW_OPEN:
		return min_u64(w->opened_ns + w->planned.open_ns, w->end_ns);
	case WINDOW_CLOSED:
		return w->open_at_ns;
	case WINDOW_OPENING:
	case WINDOW_CLOSING:
		break; /* there will be a wake-up */
	}
	return NEVER;
}

bool window_opens(const struct window *w, uint64_t now_ns)
{
	return w->state == WINDOW_CLOSED && now_ns >= w->open_at_ns;
}

static bool window_is_full(const struct window *w)
{
	return __atomic_load_n(&w->shared->hits, __ATOMIC_ACQUIRE) >= w->shared->quota;
}

bool window_ends(const struct window *w, uint64_t now_ns)
{
	return w->state == WINDOW_OPEN && (now_ns >= window_deadline(w) || window_is_full(w));
}

void window_notice(struct window *w, double busy_cores)
{
	if (!window_is_standing(w) && (governor_notice(window_lesson(w), busy_cores) || w->unpaid))
		window_plan_again(w, clock_ns());
}

/* Sorts the probes by whether the target has been seen to hit them. */
static void set_split(const struct window *w, struct probe_set *cold, struct probe_set *hot)
{
	*cold = *hot = (struct probe_set){ 0 };
	for (size_t i = 0; i < w->set.cnt; i++) {
		struct probe_set *its = w->hot_funcs >> w->set.probe[i].func & 1 ? hot : cold;
		its->probe[its->cnt++] = w->set.probe[i];
	}
}

/*
 * Probes that are hit go in last and come out first, on their own: attaching each of 20
 * probes may have to wait, and meanwhile the target hits those that are in.
 */
static struct err *window_attach_multi(struct window *w)
{
	struct probe_set cold, hot;
	struct err *err;

	set_split(w, &cold, &hot);
	if (!hot.cnt || !cold.cnt)
		err = attach_ahead(&w->target, &w->ahead);
	else
		err = attach_probes(&w->target, &cold, &w->ahead);
	if (!err)
		err = attach_probes(&w->target, hot.cnt ? &hot : &cold, &w->attachment);
	if (err)
		attachment_remove(&w->ahead, /* hits */ NULL);
	return err;
}

/* With PERF there is only one probe to attach, and one put in ahead would take long to
 * remove. */
static struct err *window_attach(struct window *w)
{
	return w->target.how == TRACE_ATTACH_MULTI
		       ? window_attach_multi(w)
		       : attach_probes(&w->target, &w->set, &w->attachment);
}

/* ---- Probes in and out ---- */

static void *ahead_remove(void *arg)
{
	attachment_remove(arg, /* hits */ NULL);
	return NULL;
}

/*
 * Both at the same time: with breakpoints already out, the kernel waits for tens of
 * milliseconds, and a cold function may have become hot.
 */
static void window_detach(struct window *w)
{
	pthread_t thread;
	bool threaded = w->ahead.active && !pthread_create(&thread, NULL, ahead_remove, &w->ahead);

	attachment_remove(&w->attachment, w->hits);
	if (threaded)
		pthread_join(thread, NULL);
	else
		attachment_remove(&w->ahead, /* hits */ NULL);
}

static void window_job_do(struct window *w)
{
	if (w->state == WINDOW_OPENING) {
		w->job.err = window_attach(w);
		w->opened_ns = clock_ns();
		if (!w->job.err)
			__atomic_store_n(&w->shared->open, 1, __ATOMIC_RELEASE);
	} else {
		window_detach(w);
	}
	w->job.end_ns = clock_ns();
}

static void *window_job_run(void *arg)
{
	struct window *w = arg;
	uint64_t one = 1;

	window_job_do(w);
	__atomic_store_n(&w->job.done, true, __ATOMIC_RELEASE);
	/* Fails when the counter is at its limit: then somebody is awake. */
	(void)!write(w->wake_fd, &one, sizeof(one));
	return NULL;
}

/* Without a thread it is done here and now. */
static void window_job_start(struct window *w, enum window_state state)
{
	w->state = state;
	w->job = (struct window_job){ .start_ns = clock_ns() };
	w->job.threaded = !pthread_create(&w->job.thread, NULL, window_job_run, w);
	if (!w->job.threaded)
		window_job_run(w);
}

bool window_settles(const struct window *w)
{
	return (w->state == WINDOW_OPENING || w->state == WINDOW_CLOSING) &&
	       __atomic_load_n(&w->job.done, __ATOMIC_ACQUIRE);
}

struct err *window_settle(struct window *w)
{
	uint64_t took_ns;

	if (w->state != WINDOW_OPENING && w->state != WINDOW_CLOSING)
		return NULL;
	if (w->job.threaded)
		pthread_join(w->job.thread, NULL);
	took_ns = w->job.end_ns - w->job.start_ns;
	if (w->state == WINDOW_CLOSING) {
		w->cost->detach_calls++;
		w->cost->detach_ns += took_ns;
		w->group->attached_ns += w->job.end_ns - w->attached_ns;
		w->state = WINDOW_CLOSED;
		return NULL;
	}
	w->cost->attach_calls++;
	w->cost->attach_ns += took_ns;
	w->state = w->job.err ? WINDOW_CLOSED : WINDOW_OPEN;
	return take_ptr(w->job.err);
}

void window_open(struct window *w)
{
	uint64_t now_ns = clock_ns();

	if (!window_is_standing(w))
		w->planned = governor_window(w->governor, window_lesson(w), &w->quota, set_price(w),
					     now_ns);
	w->shared->hits = 0;
	w->shared->full_ns = 0;
	w->shared->quota = w->planned.hits;
	w->attached_ns = now_ns;
	window_job_start(w, WINDOW_OPENING);
}

void window_abandon(struct window *w)
{
	w->probes.cnt = 0;
	w->open_at_ns = NEVER;
}

/* ---- The end of a window ---- */

bool window_close(struct window *w, const uint64_t *hits, bool last)
{
	uint64_t now_ns = clock_ns();

	if (window_is_standing(w) && !last && now_ns < w->end_ns && !window_is_full(w)) {
		w->ended_ns = now_ns;
		return true;
	}
	__atomic_store_n(&w->shared->open, 0, __ATOMIC_RELEASE);
	w->ended_ns = clock_ns();
	memcpy(w->hits, hits, sizeof(w->hits));
	window_job_start(w, WINDOW_CLOSING);
	return false;
}

/* The window goes on into the next period, without touching the probes. */
static void window_result_roll(struct window *w, struct trace_window *ret)
{
	ret->hits = __atomic_exchange_n(&w->shared->hits, 0, __ATOMIC_ACQ_REL);
	ret->span_ns = ret->open_ns;
	w->opened_ns = w->ended_ns;
}

static void window_result_count(const struct window *w, struct trace_window *ret)
{
	ret->hits = min_u64(w->shared->hits, w->shared->quota);
	ret->saturated = ret->hits == w->shared->quota;
	if (ret->saturated && w->shared->full_ns > w->opened_ns)
		ret->open_ns = w->shared->full_ns - w->opened_ns;
	ret->span_ns = w->period_ns * window_turn_cnt(w);
	if (window_is_standing(w) && (!ret->saturated || ret->open_ns > ret->span_ns))
		ret->span_ns = ret->open_ns;
}

/* The probes have slowed the target down: more than a quarter of the time went into hits. */
static bool window_is_disturbed(const struct trace_window *closed)
{
	return closed->slowed > 0.25;
}

void window_result(struct window *w, struct trace_window *ret)
{
	*ret = (struct trace_window){
		.group = w->id,
		.funcs = set_funcs(w),
		.start_ns = w->opened_ns,
		.open_ns = w->ended_ns - w->opened_ns,
	};
	if (w->state == WINDOW_OPEN)
		window_result_roll(w, ret);
	else
		window_result_count(w, ret);
	ret->planned_ns = ret->saturated ? w->planned.open_ns : ret->open_ns;
	ret->slowed = ret->open_ns ? (double)ret->hits * set_price(w) / (double)ret->open_ns : 0;
	ret->disturbed = window_is_disturbed(ret);
}

static void group_add(struct trace_group *group, const struct trace_window *window)
{
	group->windows++;
	group->saturated += window->saturated;
	group->disturbed += window->disturbed;
	group->hits += window->hits;
	group->late += window->late;
	group->open_ns += window->open_ns;
}

/* Remembers which functions had a good part of the hits. */
static void hot_funcs_learn(struct window *w, const uint64_t *hits)
{
	uint64_t most = 0;
	uint32_t funcs = 0;

	for (size_t i = 0; i < w->probes.cnt; i++) {
		uint64_t its = hits[w->probes.probe[i].func];
		if (its > most)
			most = its;
	}
	for (size_t i = 0; i < w->probes.cnt; i++) {
		uint32_t func = w->probes.probe[i].func;
		if (hits[func] > most / HOT_PART)
			funcs |= UINT32_C(1) << func;
	}
	if (funcs)
		w->hot_funcs = funcs;
}

void window_plan(struct window *w, const struct trace_window *closed, const uint64_t *hits)
{
	uint64_t now_ns = clock_ns();
	uint64_t next_ns = period_end(w);

	hot_funcs_learn(w, hits);
	group_add(w->group, closed);
	governor_learn(window_lesson(w), closed->open_ns, closed->hits,
		       (double)closed->late * set_late_price(w));
	if (w->state == WINDOW_OPEN) { /* rolled */
		window_plan_next(w, w->opened_ns);
		w->shared->quota = w->planned.hits;
	} else {
		/* Slow detaching may have eaten the beginning of the period. */
		window_plan_next(w, next_ns > now_ns ? next_ns : now_ns);
	}
}
