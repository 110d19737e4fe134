// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include <math.h>

#include "report/json_value.h"
#include "report/names.h"

/* A rate, its 95 % interval, and what is known of who did it. */
static json_t *activity_op(const struct watch *w, const struct activity_op *op)
{
	double all = w->activities.per_s;
	json_t *row = json_object();

	set_u64(row, "hits", op->hits);
	set_known_real(row, "per_s", !op->missing, op->per_s);
	set_text(row, "per_s_reason", op->missing);
	set_bool(row, "per_s_is_rough", op->rough);
	set_real(row, "per_s_low", op->per_s_low);
	set_known_real(row, "per_s_high", !isnan(op->per_s_high), op->per_s_high);
	if (!op->hits)
		return row;
	set_real(row, "share_of_operations", all > 0 ? op->per_s / all : 0);
	set_nonzero(row, "goroutine", op->goroutine);
	return row;
}

/* Of inserts and deletes: how many of those that could be told did change the length. */
static void set_changes(json_t *row, enum abi_op what, const struct activity_op *op)
{
	if (what != ABI_OP_INSERT && what != ABI_OP_DELETE)
		return;
	set_u64(row, "hits_told", op->told);
	set_u64(row, "hits_that_changed_length", op->changed);
}

json_t *json_activity(const struct watch *w, const struct activity *a)
{
	json_t *o = json_object();

	for (enum abi_op i = 0; i < ABI_OP_CNT; i++) {
		const struct activity_op *op = &a->ops[i];
		json_t *row = activity_op(w, op);

		set_changes(row, i, op);
		if (op->hits)
			set_caller(row, w, op->caller);
		set(o, name_op(i), row);
	}
	return o;
}

json_t *json_call_sites(const struct watch *w)
{
	json_t *a = json_array();

	for (size_t i = 0; i < w->activities.sites.len; i++) {
		const struct call_site *site = &w->activities.sites.data[i];
		json_t *o = activity_op(w, &site->did);

		set_text(o, "operation", name_op(site->op));
		set_type(o, site->type);
		set_changes(o, site->op, &site->did);
		set_caller(o, w, site->caller);
		json_array_append_new(a, o);
	}
	return a;
}

/* What maps without an address of their own did. */
json_t *json_unplaced(const struct watch *w)
{
	json_t *a = json_array();

	for (size_t i = 0; i < w->activities.maps.len; i++) {
		const struct activity *act = &w->activities.maps.data[i];
		json_t *o;

		if (w->snap && act->addr && rows_find(&w->snap->census->maps, act->addr) >= 0)
			continue;
		o = json_object();
		set_address(o, "address", act->addr);
		set_type(o, act->type);
		set_bool(o, "on_stack", act->on_stack);
		set_bool(o, "nil_map", act->nil_map);
		set(o, "activity", json_activity(w, act));
		json_array_append_new(a, o);
	}
	return a;
}
