// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "report/json_value.h"

static json_t *totals(const struct map_totals *t)
{
	json_t *o = json_object();

	set_u64(o, "maps", t->map_cnt);
	set_u64(o, "exact", t->exact_cnt);
	set_u64(o, "moving", t->moving_cnt);
	set_u64(o, "suspect", t->suspect_cnt);
	set_u64(o, "garbage", t->garbage_cnt);
	set_u64(o, "on_stack", t->on_stack_cnt);
	set_u64(o, "unknown_bucket_size", t->unknown_size_cnt);
	set_u64(o, "live_keys", t->live_keys);
	set_u64(o, "slots", t->slots);
	set_u64(o, "table_bytes", t->table_bytes);
	set_u64(o, "resident_bytes", t->resident_bytes);
	set_u64(o, "hole_bytes", t->hole_bytes);
	set_u64(o, "old_bytes", t->old_bytes);
	set_u64(o, "gives_back_bytes", t->gives_back_bytes);
	set_u64(o, "gives_back_resident_bytes", t->gives_back_resident_bytes);
	return o;
}

/* The search for maps on goroutine stacks. */
static json_t *stacks_section(const struct stacks *stacks)
{
	json_t *o = json_object();

	set_status(o, stacks_refusal(stacks) ? "refused" : "ok", stacks_refusal(stacks));
	set_u64(o, "goroutines", stacks_goroutine_cnt(stacks));
	return o;
}

/* Null where the program cannot make types. */
static json_t *made_types(const struct program *prog)
{
	if (!prog->made.searched)
		return json_null();
	json_t *o = json_object();
	set_u64(o, "count", prog->made.cnt);
	set_bool(o, "complete", prog->made.complete);
	return o;
}

json_t *json_census(const struct watch *w)
{
	json_t *o = json_object();

	if (w->census_err) {
		set_status(o, "refused", w->census_err->msg);
		return o;
	}
	set_status(o, "ok", NULL);
	set_u64(o, "duration_ns", w->snap->take_ns);
	set_u64(o, "censuses", w->census_cnt);
	set_u64(o, "lookalikes_rejected", w->snap->census->lookalike_cnt);
	set_u64(o, "headers_without_table", w->snap->census->empty_cnt);
	set(o, "stacks", stacks_section(w->snap->census->stacks));
	set(o, "made_types", made_types(w->prog));
	set(o, "totals", totals(&w->snap->census->totals));
	return o;
}

json_t *json_values(const struct watch *w)
{
	json_t *o = json_object();

	if (!w->values) {
		set_status(o, "off", w->snap ? NULL : "no census");
		return o;
	}
	set_status(o, "ok", NULL);
	set_u64(o, "duration_ns", w->values->take_ns);
	set_u64(o, "budget_bytes", w->opts.values.budget_bytes);
	set_u64(o, "bytes", w->values->bytes);
	set_u64(o, "maps_counted", w->values->counted);
	set_u64(o, "maps_sampled", w->values->sampled);
	return o;
}
