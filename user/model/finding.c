// SPDX-License-Identifier: GPL-2.0-only
#include "model/finding.h"

#include <string.h>

#include "base/table.h"

static int cmp_finding(const void *a, const void *b)
{
	uint64_t x = ((const struct finding *)a)->bytes, y = ((const struct finding *)b)->bytes;

	return x < y ? 1 : -(x > y);
}

/* Finds or adds the finding for the type of a map. by_kind holds findings of one enum
 * finding_kind; its keys stand for types (map_kind_key()). */
static struct err *finding_for(struct findings *f, struct table *by_kind, enum finding_kind kind,
			       const struct map_info *m, struct finding **ret)
{
	size_t i = table_get(by_kind, map_kind_key(m));

	if (i == TABLE_NONE) {
		i = f->list.len;
		if (!vec_push(&f->list, ((struct finding){ .kind = kind })) ||
		    !table_put(by_kind, map_kind_key(m), i))
			return err_nomem();
	}
	*ret = &f->list.data[i];
	return NULL;
}

static void finding_add_map(struct finding *finding, const struct map_info *m, uint64_t bytes)
{
	finding->bytes += bytes;
	finding->map_cnt++;
	finding->live_keys += m->live_keys;
	finding->slots += map_slots(m);
	finding->resident_bytes += m->resident_bytes;
	if (!finding->map.addr || bytes > finding->map_bytes) {
		finding->map = *m;
		finding->map_bytes = bytes;
	}
}

static struct err *findings_add_maps(struct findings *f, const struct census *census)
{
	_cleanup_(table_fini) struct table by_kind = { 0 };
	struct err *err = NULL;

	for (size_t i = 0; !err && i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);
		struct finding *finding;

		/* Only maps that have something to give back belong to the finding. */
		if (!map_stands_alone(&m) || !m.bucket_sz || !map_gives_back_resident(&m))
			continue;
		err = finding_for(f, &by_kind, FINDING_MAP_HOLES, &m, &finding);
		if (!err)
			finding_add_map(finding, &m, map_gives_back_resident(&m));
	}
	return err;
}

static struct err *findings_add_zero_values(struct findings *f, const struct values *values)
{
	_cleanup_(table_fini) struct table by_kind = { 0 };
	struct err *err = NULL;

	for (size_t i = 0; !err && i < values->census->maps.len; i++) {
		struct map_info m = census_map(values->census, i);
		const struct value_count *v = &values->rows[i];
		uint64_t all = 0, holes = map_gives_back_resident(&m);
		struct finding *finding;

		if (map_stands_alone(&m) && v->status == VALUES_OK && v->zero &&
		    v->rebuild_bytes < m.resident_bytes)
			all = m.resident_bytes - v->rebuild_bytes;
		if (all <= holes)
			continue;
		err = finding_for(f, &by_kind, FINDING_ZERO_VALUES, &m, &finding);
		if (err)
			return err;
		finding_add_map(finding, &m, all - holes);
		finding->zero_values += v->zero;
		finding->all_bytes += all;
		finding->sampled |= v->sampled;
	}
	return err;
}

static void findings_drop_small(struct findings *f, uint64_t min_bytes)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->list.len; i++)
		if (f->list.data[i].bytes && f->list.data[i].bytes >= min_bytes)
			f->list.data[kept++] = f->list.data[i];
	f->list.len = kept;
}

struct err *findings_init(struct findings *f, const struct snapshot *snap,
			  const struct values *values, uint64_t min_bytes)
{
	struct finding free_heap = { .kind = FINDING_FREE_HEAP,
				     .bytes = snap->ledger.rows[ROW_FREE] };

	memset(f, 0, sizeof(*f));
	struct err *err = findings_add_maps(f, snap->census);
	if (!err && values)
		err = findings_add_zero_values(f, values);
	if (!err && !vec_push(&f->list, free_heap))
		err = err_nomem();
	if (err) {
		findings_fini(f);
		return err;
	}
	findings_drop_small(f, min_bytes);
	vec_sort(&f->list, cmp_finding);
	return NULL;
}

void findings_fini(struct findings *f)
{
	vec_fini(&f->list);
}
