// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "trace/trace_state.h"

static enum trace_cover op_cover(const struct trace *t, enum abi_op op)
{
	enum trace_cover cover = TRACE_COVER_ALL; /* also when the program has no such function */

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

/* Once nothing changes the lists any more they need no copies. Without memory for those
 * there are no lists. */
static struct err *lists_settle(struct trace *t, const struct tally_lists **ret)
{
	static const struct tally_lists none;

	if (t->phase == TRACE_PHASE_ENDED) {
		tally_lists_fini(&t->copies);
		*ret = &t->tally.lists;
		return NULL;
	}
	struct err *err = tally_lists_copy(&t->copies, &t->tally.lists, t->copies_are_old);
	t->copies_are_old = err != NULL; /* a copy that failed is made anew */
	*ret = err ? &none : &t->copies;
	return err;
}

static struct err *lists_publish(struct trace *t)
{
	struct trace_result *r = &t->published;
	const struct tally_lists *lists;
	struct err *err = lists_settle(t, &lists);

	r->rows = lists->rows.data;
	r->row_cnt = lists->rows.len;
	r->maps = lists->maps.data;
	r->map_cnt = lists->maps.len;
	r->stacks = lists->stacks.data;
	r->stack_cnt = lists->stacks.len;
	r->events = lists->events.data;
	r->event_cnt = lists->events.len;
	r->memcalls = lists->memcalls.data;
	r->memcall_cnt = lists->memcalls.len;
	r->windows = lists->windows.data;
	r->window_cnt = lists->windows.len;
	r->samples = lists->samples.data;
	r->sample_cnt = lists->samples.len;
	memcpy(r->bases, t->tally.bases, sizeof(r->bases));
	for (enum abi_op op = 0; op < ABI_OP_CNT; op++)
		r->covers[op] = op_cover(t, op);
	r->overflow = t->tally.overflow;
	r->overflow.untold = t->callbacks.dropped;
	return err;
}

/* The time that probes are in counts when they are out; those that are in now lack it. */
static void groups_publish(struct trace *t, uint64_t now_ns)
{
	for (size_t i = 0; i < ABI_GROUP_CNT; i++) {
		if (t->windows[i].state != WINDOW_CLOSED)
			t->published.groups[i].attached_ns += now_ns - t->windows[i].attached_ns;
	}
}

static void cost_publish(struct trace *t)
{
	struct trace_cost *cost = &t->published.cost;

	memcpy(cost->counts, t->meter.count, sizeof(cost->counts));
	for (size_t i = 0; i < t->sites.cnt; i++) {
		cost->func_hits[i] = t->meter.hits[i];
		cost->func_late[i] = t->meter.late[i];
		cost->hits += t->meter.hits[i];
	}
	cost->spent_ns = trace_spent(t);
	cost->budget_ns = governor_budget(&t->governor, t->published.end_ns);
	if (t->programs.mem_state)
		cost->memcalls = *t->programs.mem_state;
}

static bool trace_goes_on(const struct trace *t)
{
	return t->phase == TRACE_PHASE_RUNNING || t->phase == TRACE_PHASE_ENDING;
}

struct err *trace_publish(struct trace *t)
{
	struct trace_result *r = &t->published;
	uint64_t now_ns = clock_ns();
	struct err *err = trace_goes_on(t) ? trace_drain(t) : NULL;

	err = trace_first_err(err, trace_charge(t));
	*r = t->live;
	if (trace_goes_on(t))
		r->end_ns = now_ns;
	r->memsums = t->memsums;
	err = trace_first_err(err, programs_read_memsums(&t->programs, t->memsums, &r->memsum_cnt));
	err = trace_first_err(err, refaults_publish(&t->refaults, now_ns, &r->refaults, &r->cost));
	groups_publish(t, now_ns);
	cost_publish(t);
	return trace_first_err(err, lists_publish(t));
}

const struct trace_result *trace_result(const struct trace *trace)
{
	return &trace->published;
}

struct err *trace_forget(struct trace *t)
{
	struct err *err = t->phase == TRACE_PHASE_ENDED ? NULL : tally_forget(&t->tally);

	if (!err && t->phase != TRACE_PHASE_ENDED) {
		t->callbacks.dropped = 0;
		t->copies_are_old = true;
	}
	return err;
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
		.records = __atomic_load_n(&t->lost.records, __ATOMIC_RELAXED),
		.rare_hits = __atomic_load_n(&t->lost.rare_hits, __ATOMIC_RELAXED),
		.memcalls = mem ? mem->over_budget + mem->ring_full : 0,
	};
}
