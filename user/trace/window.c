// SPDX-License-Identifier: GPL-2.0-only
#include "trace/window.h"

#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"

#define NEVER UINT64_MAX

/* A function is hot that has one in so many of the hits of the hottest. */
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

static bool is_standing(const struct window *w)
{
	return w->quota.open_ns >= w->quota.period_ns;
}

/* ---- Turns ---- */

static bool takes_turns(const struct window *w)
{
	return w->target.how == TRACE_ATTACH_PERF && !is_standing(w);
}

static size_t turn_cnt(const struct window *w)
{
	return takes_turns(w) ? w->probes.cnt : 1;
}

static void shuffle(struct window *w)
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
	if (!takes_turns(w)) {
		w->set = w->probes;
		return;
	}
	if (++w->turn >= w->probes.cnt) {
		w->turn = 0;
		shuffle(w);
	}
	w->set.probe[0] = w->probes.probe[w->order[w->turn]];
	w->set.cnt = 1;
}

static struct governor_lesson *lesson_of(struct window *w)
{
	return &w->lesson[takes_turns(w) ? w->order[w->turn] : 0];
}

/* Of the dearest probe. */
static double set_price(const struct window *w)
{
	double price_ns = 0;

	for (size_t i = 0; i < w->set.cnt; i++) {
		double its = w->cost->price_ns[w->set.probe[i].func];
		if (its > price_ns)
			price_ns = its;
	}
	return price_ns;
}

static uint32_t set_funcs(const struct window *w)
{
	uint32_t funcs = 0;

	for (size_t i = 0; i < w->set.cnt; i++)
		funcs |= UINT32_C(1) << w->set.probe[i].func;
	return funcs;
}

/* ---- Plans ---- */

/* The probes are in at once; after they had to be taken out, when there is credit. */
static void plan_standing(struct window *w, uint64_t start_ns)
{
	w->planned.hits = governor_standing_hits(w->governor, &w->quota, set_price(w));
	w->planned.open_ns = w->quota.open_ns;
	w->period_ns = min_u64(w->quota.period_ns, w->end_ns - start_ns);
	w->open_at_ns = start_ns;
	if (w->group->saturated) {
		double hits = w->planned.hits + lesson_of(w)->late_hits;
		w->open_at_ns = governor_when(w->governor, hits * set_price(w), 0, start_ns);
	}
}

/* Chooses the place of the next window, in the period that begins at start_ns. */
static void plan_sample(struct window *w, uint64_t start_ns)
{
	turn_take(w);

	struct governor_period period =
		governor_period(w->governor, lesson_of(w), &w->quota, set_price(w), start_ns);
	if (period.not_before_ns == NEVER)
		return;
	w->period_ns = min_u64(period.period_ns, w->end_ns - start_ns);
	/* What no window could see in the beginning, none stands for. */
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

/*
 * Is the next window late, or never, for want of budget? That the run ends is no
 * such reason.
 */
static void note_budget(struct window *w, uint64_t now_ns)
{
	uint64_t soon_ns = now_ns + 2 * w->quota.period_ns;

	w->group->out_of_budget = soon_ns < w->end_ns && w->open_at_ns > soon_ns;
}

static void plan(struct window *w, uint64_t start_ns)
{
	w->open_at_ns = NEVER;
	if (start_ns >= w->end_ns || !w->probes.cnt)
		return;
	w->period_start_ns = start_ns;
	if (is_standing(w))
		plan_standing(w, start_ns);
	else
		plan_sample(w, start_ns);
	note_budget(w, start_ns);
}

/* The period goes on, with a window that waits until it can be paid for. */
static void plan_again(struct window *w, uint64_t now_ns)
{
	struct governor_period period =
		governor_period(w->governor, lesson_of(w), &w->quota, set_price(w), now_ns);
	uint64_t wanted_ns = w->open_at_ns;

	w->open_at_ns = period.not_before_ns > wanted_ns ? period.not_before_ns : wanted_ns;
	if (w->open_at_ns != NEVER && w->open_at_ns + w->quota.open_ns > w->end_ns)
		w->open_at_ns = NEVER;
	note_budget(w, now_ns);
	if (w->open_at_ns != NEVER && w->open_at_ns + w->quota.open_ns > period_end(w))
		w->period_ns = w->open_at_ns + w->quota.open_ns - w->period_start_ns;
}

void window_init(struct window *w, uint64_t start_ns)
{
	w->group->quota = w->quota;
	for (size_t i = 0; i < ABI_FUNC_MAX; i++)
		w->lesson[i].busy_cores = w->busy_cores;
	shuffle(w);
	w->set = w->probes;
	plan(w, start_ns);
}

uint64_t window_deadline(const struct window *w)
{
	return window_is_open(w) ? min_u64(w->opened_ns + w->planned.open_ns, w->end_ns)
				 : w->open_at_ns;
}

bool window_opens(const struct window *w, uint64_t now_ns)
{
	return !window_is_open(w) && now_ns >= w->open_at_ns;
}

static bool is_full(const struct window *w)
{
	return __atomic_load_n(&w->state->hits, __ATOMIC_ACQUIRE) >= w->state->quota;
}

bool window_ends(const struct window *w, uint64_t now_ns)
{
	return window_is_open(w) && (now_ns >= window_deadline(w) || is_full(w));
}

void window_notice(struct window *w, double busy_cores)
{
	if (!is_standing(w) && governor_notice(lesson_of(w), busy_cores))
		plan_again(w, clock_ns());
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
 * What is hit comes last and goes first, on its own: attaching each of 20 probes may
 * wait for somebody, and meanwhile the target hits those that are in.
 */
static struct err *attach_multi(struct window *w)
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
		attachment_remove(&w->ahead, /* heat */ NULL);
	return err;
}

/* In PERF each would take long to remove, and there is but one probe to attach. */
static struct err *attach(struct window *w)
{
	return w->target.how == TRACE_ATTACH_MULTI
		       ? attach_multi(w)
		       : attach_probes(&w->target, &w->set, &w->attachment);
}

struct err *window_open(struct window *w)
{
	uint64_t start_ns = clock_ns();
	struct err *err = attach(w);

	if (err)
		return err;
	if (!is_standing(w))
		w->planned = governor_window(w->governor, lesson_of(w), &w->quota, set_price(w),
					     start_ns);
	w->state->hits = 0;
	w->state->full_ns = 0;
	w->state->quota = w->planned.hits;
	w->attached_ns = start_ns;
	w->opened_ns = clock_ns();
	__atomic_store_n(&w->state->open, 1, __ATOMIC_RELEASE);
	w->cost->attach_calls++;
	w->cost->attach_ns += w->opened_ns - start_ns;
	return NULL;
}

void window_abandon(struct window *w)
{
	w->probes.cnt = 0;
	w->open_at_ns = NEVER;
}

static void detach(struct window *w, const uint64_t *heat)
{
	uint64_t start_ns = clock_ns();

	attachment_remove(&w->attachment, heat);
	attachment_remove(&w->ahead, /* heat */ NULL);

	uint64_t now_ns = clock_ns();
	w->cost->detach_calls++;
	w->cost->detach_ns += now_ns - start_ns;
	w->group->attached_ns += now_ns - w->attached_ns;
}

/* Goes on with the next period without touching the probes. */
static void roll(struct window *w, struct trace_window *ret)
{
	ret->hits = __atomic_exchange_n(&w->state->hits, 0, __ATOMIC_ACQ_REL);
	ret->span_ns = ret->open_ns;
}

static void stop(struct window *w, const uint64_t *heat, struct trace_window *ret)
{
	detach(w, heat); /* waits for hits under way */
	ret->hits = min_u64(w->state->hits, w->state->quota);
	ret->saturated = ret->hits == w->state->quota;
	if (ret->saturated && w->state->full_ns > w->opened_ns)
		ret->open_ns = w->state->full_ns - w->opened_ns;
	ret->span_ns = w->period_ns * turn_cnt(w);
	if (is_standing(w) && (!ret->saturated || ret->open_ns > ret->span_ns))
		ret->span_ns = ret->open_ns;
	w->opened_ns = 0;
}

/* The probes had slowed the target down: a quarter of the time went into hits. */
static bool is_disturbed(const struct window *w, const struct trace_window *closed)
{
	return 4 * (double)closed->hits * set_price(w) > (double)closed->open_ns;
}

void window_close(struct window *w, const uint64_t *heat, bool last, struct trace_window *ret)
{
	uint64_t now_ns = clock_ns();
	bool rolls = is_standing(w) && !last && now_ns < w->end_ns && !is_full(w);

	if (!rolls) {
		__atomic_store_n(&w->state->open, 0, __ATOMIC_RELEASE);
		now_ns = clock_ns();
	}
	*ret = (struct trace_window){
		.group = w->id,
		.funcs = set_funcs(w),
		.start_ns = w->opened_ns,
		.open_ns = now_ns - w->opened_ns,
	};
	if (rolls)
		roll(w, ret);
	else
		stop(w, heat, ret);
	ret->planned_ns = ret->saturated ? w->planned.open_ns : ret->open_ns;
	ret->disturbed = is_disturbed(w, ret);
	if (rolls)
		w->opened_ns = now_ns;
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

/* Remembers the functions with a good part of the hits. */
static void heat_learn(struct window *w, const uint64_t *heat)
{
	uint64_t most = 0;
	uint32_t funcs = 0;

	for (size_t i = 0; i < w->probes.cnt; i++) {
		uint64_t hits = heat[w->probes.probe[i].func];
		if (hits > most)
			most = hits;
	}
	for (size_t i = 0; i < w->probes.cnt; i++) {
		uint32_t func = w->probes.probe[i].func;
		if (heat[func] > most / HOT_PART)
			funcs |= UINT32_C(1) << func;
	}
	if (funcs)
		w->hot_funcs = funcs;
}

void window_plan(struct window *w, const struct trace_window *closed, const uint64_t *heat)
{
	uint64_t now_ns = clock_ns();
	uint64_t next_ns = period_end(w);

	heat_learn(w, heat);
	group_add(w->group, closed);
	governor_learn(lesson_of(w), closed->open_ns, closed->hits, closed->late);
	if (window_is_open(w)) { /* rolled */
		plan(w, w->opened_ns);
		w->state->quota = w->planned.hits;
	} else {
		/* Slow detaching may have eaten the beginning of the period. */
		plan(w, next_ns > now_ns ? next_ns : now_ns);
	}
}
