// SPDX-License-Identifier: GPL-2.0-only
/* Finds what is wrong with maps: all maps of one type make one finding of a kind. */
#include "base/table.h"
#include "model/finding.h"
#include "model/result_fill.h"

/* Finds or adds the finding for the type of a map. by_type holds findings of one kind; its keys
 * stand for types (map_kind_key()). */
static struct err *finding_for(struct findings *f, struct table *by_type, enum finding_kind kind,
			       const struct map_info *m, struct finding **ret)
{
	size_t i = table_get(by_type, map_kind_key(m));

	if (i == TABLE_NONE) {
		i = f->list.len;
		if (!vec_push(&f->list,
			      ((struct finding){ .kind = kind, .severity = SEVERITY_WARN })) ||
		    !table_put(by_type, map_kind_key(m), i))
			return err_nomem();
	}
	*ret = &f->list.data[i];
	return NULL;
}

static void finding_add_map(struct finding *finding, const struct map_info *m, uint64_t bytes)
{
	bool exact = m->consistency == MAP_EXACT;

	finding->certainty = exact && finding->certainty != SURE_LIKELY ? SURE_CERTAIN
									: SURE_LIKELY;
	finding->bytes += bytes;
	finding->gives_back = opt_if(true, finding->bytes);
	finding->map_cnt++;
	finding->live_keys += m->live_keys;
	finding->slots += map_slots(m);
	finding->resident_bytes += m->resident_bytes;
	if (!finding->map.addr || bytes > finding->map_bytes) {
		finding->map = *m;
		finding->map_bytes = bytes;
	}
}

struct err *findings_add_holes(struct findings *f, const struct finding_sources *s)
{
	const struct census *census = s->from->w->snap->census;
	_cleanup_(table_fini) struct table by_type = { 0 };
	struct err *err = NULL;

	for (size_t i = 0; !err && i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);
		struct finding *finding;

		/* Only maps that have something to give back belong to the finding. */
		if (!map_stands_alone(&m) || !m.bucket_sz || !map_gives_back_resident(&m))
			continue;
		err = finding_for(f, &by_type, FINDING_MAP_HOLES, &m, &finding);
		if (!err)
			finding_add_map(finding, &m, map_gives_back_resident(&m));
	}
	return err;
}

struct err *findings_add_zero_values(struct findings *f, const struct finding_sources *s)
{
	const struct values *values = s->from->w->values;
	_cleanup_(table_fini) struct table by_type = { 0 };
	struct err *err = NULL;

	for (size_t i = 0; values && i < values->census->maps.len; i++) {
		struct map_info m = census_map(values->census, i);
		const struct value_count *v = &values->rows[i];
		uint64_t all = 0, holes = map_gives_back_resident(&m);
		struct finding *finding;

		if (map_stands_alone(&m) && v->status == VALUES_OK && v->zero &&
		    v->rebuild_bytes < m.resident_bytes)
			all = m.resident_bytes - v->rebuild_bytes;
		if (all <= holes)
			continue;
		err = finding_for(f, &by_type, FINDING_ZERO_VALUES, &m, &finding);
		if (err)
			return err;
		finding_add_map(finding, &m, all - holes);
		finding->zero_values += v->zero;
		finding->all_bytes += all;
		finding->sampled |= v->sampled;
		if (finding->sampled)
			finding->certainty = SURE_ESTIMATE;
	}
	return NULL;
}
