// SPDX-License-Identifier: GPL-2.0-only
#include "trace/window.h"

#include <sys/random.h>

#include "base/err.h"
#include "base/clock.h"

#define NEVER UINT64_MAX

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

static bool is_continuous(const struct window *w)
{
	return w->quota.open_ns >= w->quota.period_ns;
}

/* Chooses the place of the next window, in the period that begins at start_ns. */
static void plan(struct window *w, uint64_t start_ns)
{
	w->open_at_ns = NEVER;
	if (start_ns >= w->end_ns || !w->probes.cnt)
		return;
	w->period_start_ns = start_ns;
	w->period_ns = min_u64(w->quota.period_ns, w->end_ns - start_ns);
	if (is_continuous(w))
		w->open_at_ns = start_ns;
	else if (w->period_ns >= w->quota.open_ns)
		w->open_at_ns = start_ns + random_below(w->period_ns - w->quota.open_ns);
	else if (!w->group->windows)
		w->open_at_ns = start_ns; /* a very short trace still has one */
}

static void plan_next(struct window *w, uint64_t now_ns)
{
	uint64_t start_ns = w->period_start_ns + w->quota.period_ns;

	/* Slow detaching may have eaten whole periods. */
	if (start_ns < now_ns)
		start_ns += (now_ns - start_ns) / w->quota.period_ns * w->quota.period_ns;
	plan(w, start_ns);
}

void window_init(struct window *w, uint64_t start_ns)
{
	w->group->quota = w->quota;
	plan(w, start_ns);
}

uint64_t window_deadline(const struct window *w)
{
	return window_is_open(w) ? min_u64(w->opened_ns + w->quota.open_ns, w->end_ns)
				 : w->open_at_ns;
}

bool window_opens(const struct window *w, uint64_t now_ns)
{
	return !window_is_open(w) && now_ns >= w->open_at_ns;
}

static bool is_full(const struct window *w)
{
	return __atomic_load_n(&w->state->hits, __ATOMIC_ACQUIRE) >= w->quota.hits;
}

bool window_ends(const struct window *w, uint64_t now_ns)
{
	return window_is_open(w) && (now_ns >= window_deadline(w) || is_full(w));
}

struct err *window_open(struct window *w)
{
	uint64_t start_ns = clock_ns();
	struct err *err = attach_probes(&w->target, &w->probes, &w->attachment);

	if (err)
		return err;
	w->state->hits = 0;
	w->state->full_ns = 0;
	w->state->quota = w->quota.hits;
	__atomic_store_n(&w->state->open, 1, __ATOMIC_RELEASE);
	w->attached_ns = start_ns;
	w->opened_ns = clock_ns();
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

	uint64_t now_ns = clock_ns();
	w->cost->detach_calls++;
	w->cost->detach_ns += now_ns - start_ns;
	w->group->attached_ns += now_ns - w->attached_ns;
}

/* Goes on with the next period without touching the probes. */
static void roll(struct window *w, uint64_t now_ns, struct trace_window *ret)
{
	ret->hits = __atomic_exchange_n(&w->state->hits, 0, __ATOMIC_ACQ_REL);
	ret->span_ns = ret->open_ns;
	w->opened_ns = now_ns;
	plan(w, now_ns);
}

static void stop(struct window *w, const uint64_t *heat, struct trace_window *ret)
{
	__atomic_store_n(&w->state->open, 0, __ATOMIC_RELEASE);
	detach(w, heat); /* waits for hits under way */
	ret->hits = min_u64(w->state->hits, w->quota.hits);
	ret->saturated = ret->hits == w->quota.hits;
	if (ret->saturated)
		ret->open_ns = w->state->full_ns - w->opened_ns;
	ret->span_ns = w->period_ns;
	if (is_continuous(w) && (!ret->saturated || ret->open_ns > ret->span_ns))
		ret->span_ns = ret->open_ns;
	w->opened_ns = 0;
	plan_next(w, clock_ns());
}

static void group_add(struct trace_group *group, const struct trace_window *window)
{
	group->windows++;
	group->saturated += window->saturated;
	group->hits += window->hits;
	group->late += window->late;
	group->open_ns += window->open_ns;
	group->span_ns += window->span_ns;
}

void window_close(struct window *w, const uint64_t *heat, bool last, struct trace_window *ret)
{
	uint64_t now_ns = clock_ns();

	*ret = (struct trace_window){
		.group = w->id,
		.start_ns = w->opened_ns,
		.open_ns = now_ns - w->opened_ns,
	};
	if (is_continuous(w) && !last && now_ns < w->end_ns && !is_full(w))
		roll(w, now_ns, ret);
	else
		stop(w, heat, ret);
	ret->late = __atomic_exchange_n(&w->state->late, 0, __ATOMIC_ACQ_REL);
	group_add(w->group, ret);
}
