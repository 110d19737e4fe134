// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "model/growth.h"
#include "report/json_value.h"
#include "report/names.h"

static json_t *bins(const struct histogram *h)
{
	json_t *o = json_object(), *list = json_array();

	for (unsigned int b = 0; b < HISTORY_BINS; b++) {
		json_t *bin;

		if (!h->ns[b])
			continue;
		bin = json_object();
		set_u64(bin, "ge", histogram_bin_low(b));
		set_u64(bin, "lt", histogram_bin_high(b));
		set_u64(bin, "ns", h->ns[b]);
		json_array_append_new(list, bin);
	}
	set_u64(o, "min", h->min);
	set_u64(o, "max", h->max);
	set(o, "bins", list);
	return o;
}

static json_t *histograms(const struct map_history *h)
{
	json_t *o = json_object();

	set_u64(o, "censuses", h->samples);
	set_u64(o, "observed_ns", histogram_total_ns(&h->live_keys));
	set(o, "live_keys", bins(&h->live_keys));
	set(o, "buckets", bins(&h->buckets));
	set(o, "resident_bytes", bins(&h->resident_bytes));
	return o;
}

/* Declared types (type M map[K]V) with the memory of the map's type: it may be one. */
static json_t *declared_types(const struct watch *w, const struct map_type *type)
{
	size_t cnt;
	const struct map_type *types = gotypes_maps(w->prog->types, &cnt);
	json_t *a = json_array();

	for (size_t i = 0; i < cnt; i++)
		if (types[i].bucket == type->bucket && &types[i] != type)
			json_array_append_new(a, json_text(types[i].name));
	return a;
}

/* What was seen of the map, and not of another that had its address before. */
static const struct activity *activity_of(const struct watch *w, const struct map_info *m)
{
	const struct activity *a = activities_find(&w->activities, m->addr);

	return a && (!a->type || !m->type || a->type == m->type) ? a : NULL;
}

static void set_zero_values(json_t *o, const struct value_count *v)
{
	json_t *zero = v->status == VALUES_OK ? json_object() : json_null();

	if (v->status == VALUES_OK) {
		set_u64(zero, "count", v->zero);
		set_bool(zero, "sampled", v->sampled);
		set_u64(zero, "low", v->low);
		set_u64(zero, "high", v->high);
		set_u64(zero, "slots_read", v->read);
		set_text(zero, "consistency", name_consistency(v->consistency));
		set_u64(zero, "rebuild_bytes", v->rebuild_bytes);
	}
	set(o, "zero_values", zero);
	set_text(o, "zero_values_reason", value_status_text(v->status));
}

static json_t *next_growth(const struct watch *w, const struct map_info *m,
			   const struct map_history *h)
{
	struct forecast f;

	if (!forecast_of(w->prog, m, h, &f))
		return json_null();
	json_t *o = json_object();
	set_text(o, "event", f.event == FORECAST_DOUBLE ? "double" : "split");
	set_u64(o, "at_live_keys", f.at_live_keys);
	set_u64(o, "allocates_bytes", f.allocates_bytes);
	set_known_real(o, "keys_per_s", f.rate_known, f.keys_per_s);
	set_known(o, "in_ns", f.rate_known, f.in_ns);
	set(o, "fits_cgroup",
	    w->cgroup_limited ? json_boolean(f.allocates_bytes <= w->cgroup_left_bytes)
			      : json_null());
	return o;
}

static void set_map_type(json_t *o, const struct watch *w, const struct map_info *m)
{
	set_type(o, m->type);
	set_text(o, "type_source", name_type_source(m->type_source));
	set_u64(o, "type_candidates", m->type_candidates);
	if (m->type && m->type_candidates > 1)
		set(o, "declared_types", declared_types(w, m->type));
}

/* How large it is, and what of that is used. */
static void set_shape(json_t *o, const struct map_info *m)
{
	bool sized = m->bucket_sz != 0;

	set_u64(o, "live_keys", m->live_keys);
	set_u64(o, "slots", map_slots(m));
	set_u64(o, "buckets", m->buckets);
	set_u64(o, "tables", m->table_cnt);
	set_real(o, "load", map_load(m));
	set_u64(o, "tombstones", m->tombstones);
	set_u64(o, "overflow_buckets", m->overflow_buckets);
	set_u64(o, "old_bytes", m->old_bytes);
	set_u64(o, "table_bytes", m->table_bytes);
	set_u64(o, "resident_bytes", m->resident_bytes);
	set_known(o, "bucket_bytes", sized, m->bucket_sz);
	set_known(o, "hole_bytes", sized, sized ? map_hole_bytes(m) : 0);
	set_known(o, "rebuild_bytes", sized, m->rebuild_bytes);
	set_known(o, "gives_back_bytes", sized, sized ? map_gives_back(m) : 0);
	set_known(o, "gives_back_resident_bytes", sized, sized ? map_gives_back_resident(m) : 0);
}

bool json_map_is_special(const struct watch *w, size_t i)
{
	uint64_t addr = row_addr(&w->snap->census->maps.data[i]);

	return history_find(&w->history, addr) || activities_find(&w->activities, addr);
}

json_t *json_map(const struct watch *w, size_t i)
{
	const struct map_info row = census_map(w->snap->census, i), *m = &row;
	const struct map_history *h = history_find(&w->history, m->addr);
	const struct activity *a = activity_of(w, m);
	json_t *o = json_object();

	set_map_type(o, w, m);
	set_text(o, "consistency", name_consistency(m->consistency));
	set_bool(o, "garbage", m->garbage);
	set_bool(o, "on_stack", m->on_stack);
	if (m->on_stack)
		set_bool(o, "goroutine_runs", m->on_stack == MAP_ON_RUNNING_STACK);
	set_shape(o, m);
	if (w->values)
		set_zero_values(o, &w->values->rows[i]);
	if (a)
		set(o, "activity", json_activity(w, a));
	if (h && h->samples)
		set(o, "histograms", histograms(h));
	set(o, "next_growth", next_growth(w, m, h));
	return o;
}
