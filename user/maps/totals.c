// SPDX-License-Identifier: GPL-2.0-only
#include "maps/totals.h"

/* Adds (sign 1) or takes out (-1, in arithmetic modulo 2^64). */
static inline void apply(struct map_totals *t, const struct map_info *m, uint64_t sign)
{
	t->suspect_cnt += sign * (m->consistency == MAP_SUSPECT);
	t->garbage_cnt += sign * m->garbage;
	if (!map_counts(m))
		return;
	uint64_t holes = m->bucket_sz ? map_hole_bytes(m) : 0, live = m->table_bytes - holes;

	t->map_cnt += sign;
	t->exact_cnt += sign * (m->consistency == MAP_EXACT);
	t->moving_cnt += sign * (m->consistency == MAP_MOVING);
	t->on_stack_cnt += sign * (m->on_stack != MAP_ON_HEAP);
	t->live_keys += sign * m->live_keys;
	t->slots += sign * map_slots(m);
	t->table_bytes += sign * m->table_bytes;
	t->resident_bytes += sign * m->resident_bytes;
	t->live_resident_bytes += sign * (live < m->resident_bytes ? live : m->resident_bytes);
	t->old_bytes += sign * m->old_bytes;
	t->scan_bytes += sign * (m->noscan ? 0 : m->table_bytes);
	if (!m->bucket_sz) {
		t->unknown_size_cnt += sign;
		return;
	}
	t->hole_bytes += sign * holes;
	t->gives_back_bytes += sign * map_gives_back(m);
	t->gives_back_resident_bytes += sign * map_gives_back_resident(m);
}

void totals_add(struct map_totals *t, const struct map_info *m)
{
	apply(t, m, 1);
}

void totals_remove(struct map_totals *t, const struct map_info *m)
{
	apply(t, m, -1ull);
}

void totals_join(struct map_totals *t, const struct map_totals *others)
{
	uint64_t *to = (uint64_t *)t;
	const uint64_t *from = (const uint64_t *)others;

	/* All fields are sums, of one type. */
	for (size_t i = 0; i < sizeof(*t) / sizeof(*to); i++)
		to[i] += from[i];
}
