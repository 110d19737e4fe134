// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "report/json_value.h"

static json_t *finding(const struct finding *f)
{
	json_t *o = json_object();

	set_text(o, "kind", finding_name(f->kind));
	set_u64(o, "bytes", f->bytes);
	set_address(o, "map", f->map.addr);
	set_type(o, f->map.type);
	if (f->kind == FINDING_MAP_HOLES || f->kind == FINDING_ZERO_VALUES) {
		set_u64(o, "maps", f->map_cnt);
		set_u64(o, "live_keys", f->live_keys);
		set_u64(o, "slots", f->slots);
		set_u64(o, "resident_bytes", f->resident_bytes);
	}
	if (f->kind == FINDING_ZERO_VALUES) {
		set_u64(o, "zero_values", f->zero_values);
		set_bool(o, "sampled", f->sampled);
		set_u64(o, "bytes_with_rebuild", f->all_bytes);
	}
	return o;
}

json_t *json_findings(const struct watch *w)
{
	json_t *a = json_array();

	for (size_t i = 0; i < w->findings.list.len; i++)
		json_array_append_new(a, finding(&w->findings.list.data[i]));
	return a;
}
