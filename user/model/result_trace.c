// SPDX-License-Identifier: GPL-2.0-only
/* What the trace saw, and how. */
#include "model/growth.h"
#include "model/names.h"
#include "model/result_fill.h"

static struct result_probe_group probe_group(struct pool *pool, const struct trace_group *g)
{
	return (struct result_probe_group){
		.status = g->missing ? "refused" : "ok",
		.reason = pool_text(pool, g->missing),
		.windows = g->windows,
		.windows_ended_by_hits = g->saturated,
		.hits = g->hits,
		.late_hits = g->late,
		.open_ns = g->open_ns,
		.attached_ns = g->attached_ns,
		.windows_that_slowed_target = g->disturbed,
		.quota_hits = g->quota.hits,
		.period_ns = g->quota.period_ns,
		.out_of_budget = g->out_of_budget,
	};
}

/* ---- sites ---- */

static struct result_probe_site probe_site(struct pool *pool, const struct trace_site *site)
{
	bool probed = !site->missing;

	return (struct result_probe_site){
		.function = pool_text(pool, site->name),
		.op = (enum map_op)site->op,
		.probe = probed ? site->probe_addr : 0,
		.instruction = probed ? pool_text(pool, site->placement.insn) : NULL,
		.reason = probed ? site->placement.reason : site->missing,
		.offset = site->placement.off,
	};
}

static void fill_sites(struct result *r, const struct watch *w)
{
	size_t cnt, present = 0;
	const struct trace_site *list = trace_sites(w->trace, &cnt);
	const struct trace_cost *cost = &w->traced->cost;
	struct result_traced *to = r->trace.traced;

	for (size_t i = 0; i < cnt; i++)
		present += list[i].present;
	pool_list(&r->pool, &to->sites, present);
	for (size_t i = 0, at = 0; i < cnt && at < to->sites.len; i++) {
		struct result_probe_site *site = &to->sites.data[at];

		if (!list[i].present)
			continue;
		*site = probe_site(&r->pool, &list[i]);
		site->hits = cost->func_hits[i];
		site->late_hits = cost->func_late[i];
		site->price_ns = cost->price_ns[i];
		site->late_price_ns = cost->late_price_ns[i];
		at++;
	}
}

/* ---- events ---- */

static struct result_event_growth *growth_result(struct pool *pool, const struct program *prog,
						 const struct trace_event *e)
{
	struct growth g = growth_of(prog, e);
	bool classic = prog->layout.kind == MAP_CLASSIC;
	struct result_event_growth *to = pool_alloc(pool, sizeof(*to));

	if (to)
		*to = (struct result_event_growth){
			.growth = name_growth(e->growth),
			.bytes_from = opt_if(g.bytes_known, g.bytes_from),
			.bytes_to = opt_if(g.bytes_known, g.bytes_to),
			.tables = opt_if(e->live_known && !classic, e->tables),
			.tombstones = opt_if(!classic, e->tombstones),
			.overflow_buckets = opt_if(e->live_known && classic, e->overflow_buckets),
			.because = !e->growth ? NULL
				   : g.churn  ? "churn"
					      : "keys",
		};
	return to;
}

struct result_map_event result_event_of(struct pool *pool, const struct program *prog,
					const struct trace_event *e, uint64_t start_ns)
{
	const struct map_type *type = gotypes_find(prog->types, e->type);
	const struct result_caller *caller = result_caller_of(pool, prog->lines, e->caller);

	return (struct result_map_event){
		.time_ns = e->ktime_ns > start_ns ? e->ktime_ns - start_ns : 0,
		.op = (enum map_op)e->op,
		.map = e->map,
		.on_stack = e->on_stack,
		.type = pool_text(pool, type ? type->name : NULL),
		.live_keys = opt_if(e->live_known, e->live_keys),
		.slots_from = e->slots_from,
		.slots_to = e->slots_to,
		.growth = e->op == ABI_OP_GROW ? growth_result(pool, prog, e) : NULL,
		.hint = opt_if(e->op == ABI_OP_MAKE, e->hint),
		.thread = e->tid,
		.goroutine = e->goroutine,
		.caller = caller ? *caller : (struct result_caller){ .pc = e->caller },
	};
}

static void fill_events(struct result *r, const struct watch *w)
{
	struct result_traced *to = r->trace.traced;
	const struct trace_result *tr = w->traced;

	pool_list(&r->pool, &to->events, tr->event_cnt);
	for (size_t i = 0; i < to->events.len; i++) {
		const struct trace_event *e = &tr->events[i];

		to->events.data[i] = result_event_of(&r->pool, w->prog, e, tr->start_ns);
		if (e->op != ABI_OP_GROW)
			continue;
		to->growths.seen++;
		to->growths.for_churn += growth_of(w->prog, e).churn;
	}
}

/* ---- all of it ---- */

static const char *coverage_name(enum trace_cover cover, bool plugins)
{
	switch (cover) {
	case TRACE_COVER_NONE:
		return "none";
	case TRACE_COVER_WINDOWS:
		return "windows";
	case TRACE_COVER_ALL:
		return plugins ? "all_but_plugins" : "all";
	}
	return "?";
}

static void fill_traced(struct result *r, const struct watch *w)
{
	const struct trace_result *tr = w->traced;
	const struct trace_overflow *o = &tr->overflow;
	struct result_traced *to = r->trace.traced;

	to->duration_ns = watch_ns(w);
	to->target_stopped_ns = w->halts.halted_ns;
	to->target_stopped_by = name_halt(w->halts.last);
	to->mechanism = name_mechanism(tr->mechanism);
	to->plugins_not_traced = program_has_unprobed_plugin(w->prog);
	to->hot = probe_group(&r->pool, &tr->groups[ABI_GROUP_HOT]);
	to->rare = probe_group(&r->pool, &tr->groups[ABI_GROUP_RARE]);
	to->make = probe_group(&r->pool, &tr->groups[ABI_GROUP_MAKE]);
	to->lost_hits = trace_lost_hits(tr);
	for (int op = 0; op < MAP_OP_CNT; op++)
		to->coverage.ops[op] = coverage_name(tr->covers[op], to->plugins_not_traced);
	to->left_out = (struct result_left_out){
		.rows = o->rows,
		.maps = o->maps,
		.events = o->events,
		.memory_calls = o->memcalls,
		.windows = o->windows,
		.samples = o->samples,
		.untold = o->untold,
	};
	fill_sites(r, w);
	fill_events(r, w);
}

struct err *result_fill_trace(struct result *r, const struct result_source *from)
{
	const struct watch *w = from->w;

	if (!w->traced) {
		r->trace.status = w->trace_err ? "refused" : "off";
		r->trace.reason = w->trace_err ? pool_text(&r->pool, w->trace_err->msg)
					       : "--duration 0";
		return NULL;
	}
	r->trace.status = "ok";
	r->trace.traced = pool_alloc(&r->pool, sizeof(*r->trace.traced));
	if (!r->trace.traced)
		return err_nomem();
	fill_traced(r, w);
	result_fill_call_sites(r, from);
	result_fill_unplaced(r, from);
	return result_fill_busiest(r, from);
}

void result_fill_plan(struct result *r, const struct trace *trace)
{
	size_t cnt, present = 0;
	const struct trace_site *list = trace_sites(trace, &cnt);

	r->trace.status = "off";
	r->trace.traced = pool_alloc(&r->pool, sizeof(*r->trace.traced));
	if (!r->trace.traced)
		return;
	for (size_t i = 0; i < cnt; i++)
		present += list[i].present;
	pool_list(&r->pool, &r->trace.traced->sites, present);
	for (size_t i = 0, at = 0; i < cnt && at < r->trace.traced->sites.len; i++)
		if (list[i].present)
			r->trace.traced->sites.data[at++] = probe_site(&r->pool, &list[i]);
}
