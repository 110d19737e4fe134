// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "model/growth.h"
#include "report/json_value.h"
#include "report/names.h"

static json_t *group(const struct trace_group *g)
{
	json_t *o = json_object();

	set_status(o, g->missing ? "refused" : "ok", g->missing);
	set_u64(o, "windows", g->windows);
	set_u64(o, "windows_ended_by_hits", g->saturated);
	set_u64(o, "hits", g->hits);
	set_u64(o, "late_hits", g->late);
	set_u64(o, "open_ns", g->open_ns);
	set_u64(o, "attached_ns", g->attached_ns);
	set_u64(o, "windows_that_slowed_target", g->disturbed);
	set_u64(o, "quota_hits", g->quota.hits);
	set_u64(o, "period_ns", g->quota.period_ns);
	set_bool(o, "out_of_budget", g->out_of_budget);
	return o;
}

static json_t *probe_site(const struct trace_site *site, const struct trace_cost *cost, size_t i)
{
	json_t *o = json_object();

	set_text(o, "function", site->name);
	set_text(o, "operation", name_op(site->op));
	set_address(o, "probe", site->missing ? 0 : site->probe_addr);
	set_u64(o, "hits", cost->func_hits[i]);
	set_u64(o, "late_hits", cost->func_late[i]);
	set_real(o, "price_ns", cost->price_ns[i]);
	set_real(o, "late_price_ns", cost->late_price_ns[i]);
	set_text(o, "instruction", site->missing ? NULL : site->placement.insn);
	set_text(o, "reason", site->missing ? site->missing : site->placement.reason);
	return o;
}

static json_t *probe_sites(const struct watch *w)
{
	size_t cnt;
	const struct trace_site *list = trace_sites(w->trace, &cnt);
	const struct trace_cost *cost = &trace_result(w->trace)->cost;
	json_t *a = json_array();

	for (size_t i = 0; i < cnt; i++)
		if (list[i].present)
			json_array_append_new(a, probe_site(&list[i], cost, i));
	return a;
}

static json_t *overflow(const struct trace_overflow *v)
{
	json_t *o = json_object();

	set_u64(o, "rows", v->rows);
	set_u64(o, "maps", v->maps);
	set_u64(o, "events", v->events);
	set_u64(o, "memory_calls", v->memcalls);
	set_u64(o, "windows", v->windows);
	set_u64(o, "samples", v->samples);
	set_u64(o, "untold", v->untold);
	return o;
}

/* What it means that a map has no activity, or none of an operation. */
static json_t *coverage(const struct watch *w, const struct trace_result *tr)
{
	const char *const names[] = {
		[TRACE_COVER_NONE] = "none",
		[TRACE_COVER_WINDOWS] = "windows",
		[TRACE_COVER_ALL] = program_has_unprobed_plugin(w->prog) ? "all_but_plugins"
									 : "all",
	};
	json_t *o = json_object();

	for (enum abi_op op = 0; op < ABI_OP_CNT; op++)
		set_text(o, name_op(op), names[tr->covers[op]]);
	return o;
}

static void set_growth(json_t *o, const struct watch *w, const struct trace_event *e)
{
	struct growth g = growth_of(w->prog, e);
	bool classic = w->prog->layout.kind == MAP_CLASSIC;

	set_known(o, "bytes_from", g.bytes_known, g.bytes_from);
	set_known(o, "bytes_to", g.bytes_known, g.bytes_to);
	set_known(o, "tables", e->live_known && !classic, e->tables);
	set_known(o, "tombstones", !classic, e->tombstones);
	set_known(o, "overflow_buckets", e->live_known && classic, e->overflow_buckets);
	set_text(o, "because", !e->growth ? NULL : g.churn ? "churn" : "keys");
}

json_t *json_event(const struct watch *w, const struct trace_event *e, uint64_t start_ns)
{
	const struct map_type *type = gotypes_find(w->prog->types, e->type);
	json_t *o = json_object();

	set_u64(o, "time_ns", e->ktime_ns > start_ns ? e->ktime_ns - start_ns : 0);
	set_text(o, "operation", name_op(e->op));
	if (e->op == ABI_OP_GROW)
		set_text(o, "growth", name_growth(e->growth));
	set_address(o, "map", e->map);
	set_bool(o, "on_stack", e->on_stack);
	set_type(o, type);
	set_known(o, "live_keys", e->live_known, e->live_keys);
	set_nonzero(o, "slots_from", e->slots_from);
	set_nonzero(o, "slots_to", e->slots_to);
	if (e->op == ABI_OP_GROW)
		set_growth(o, w, e);
	if (e->op == ABI_OP_MAKE)
		set_u64(o, "hint", e->hint);
	set_u64(o, "thread", e->tid);
	set_nonzero(o, "goroutine", e->goroutine);
	set_caller(o, w, e->caller);
	return o;
}

static json_t *events(const struct watch *w, const struct trace_result *tr)
{
	json_t *a = json_array();

	for (size_t i = 0; i < tr->event_cnt; i++)
		json_array_append_new(a, json_event(w, &tr->events[i], tr->start_ns));
	return a;
}

json_t *json_trace(const struct watch *w)
{
	json_t *o = json_object();

	if (!w->trace) {
		set_status(o, w->trace_err ? "refused" : "off",
			   w->trace_err ? w->trace_err->msg : "--duration 0");
		return o;
	}
	const struct trace_result *tr = trace_result(w->trace);
	set_status(o, "ok", NULL);
	set_u64(o, "duration_ns", w->watched_ns);
	set_u64(o, "target_stopped_ns", w->halts.halted_ns);
	set_text(o, "target_stopped_by", name_halt(w->halts.last));
	set_text(o, "mechanism", name_mechanism(tr->mechanism));
	set(o, "hot", group(&tr->groups[ABI_GROUP_HOT]));
	set(o, "rare", group(&tr->groups[ABI_GROUP_RARE]));
	set(o, "make", group(&tr->groups[ABI_GROUP_MAKE]));
	set(o, "coverage", coverage(w, tr));
	set(o, "sites", probe_sites(w));
	set(o, "call_sites", json_call_sites(w));
	set(o, "events", events(w, tr));
	set(o, "not_in_census", json_unplaced(w));
	set(o, "left_out", overflow(&tr->overflow));
	return o;
}
