// SPDX-License-Identifier: GPL-2.0-only
#include "maps/totals.h"

/* Adds n maps that have all these facts in common. */
static void totals_add(struct map_totals *t, const struct map_info *m, uint64_t n)
{
	if (m->consistency == MAP_SUSPECT)
		t->suspect_cnt += n;
	if (m->garbage)
		t->garbage_cnt += n;
	if (!map_counts(m))
		return;
	uint64_t holes = m->bucket_sz ? map_hole_bytes(m) : 0, live = m->table_bytes - holes;

	t->map_cnt += n;
	if (m->consistency == MAP_EXACT)
		t->exact_cnt += n;
	if (m->consistency == MAP_MOVING)
		t->moving_cnt += n;
	if (m->on_stack != MAP_ON_HEAP)
		t->on_stack_cnt += n;
	t->live_keys += n * m->live_keys;
	t->slots += n * map_slots(m);
	t->table_bytes += n * m->table_bytes;
	t->resident_bytes += n * m->resident_bytes;
	t->live_resident_bytes += n * (live < m->resident_bytes ? live : m->resident_bytes);
	t->old_bytes += n * m->old_bytes;
	if (!m->noscan)
		t->scan_bytes += n * m->table_bytes;
	if (!m->bucket_sz) {
		t->unknown_size_cnt += n;
		return;
	}
	t->hole_bytes += n * holes;
	if (m->of_sync_map)
		return;
	t->gives_back_bytes += n * map_gives_back(m);
	t->gives_back_resident_bytes += n * map_gives_back_resident(m);
}

struct map_totals totals_of(const struct map_rows *rows)
{
	struct map_totals t = { 0 };

	for (size_t i = 0; i < rows->kinds.len; i++) {
		struct map_info m = rows_kind_info(rows, i, 0);

		totals_add(&t, &m, rows->kinds.data[i].cnt);
	}
	return t;
}
