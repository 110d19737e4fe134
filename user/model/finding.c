// SPDX-License-Identifier: GPL-2.0-only
#include "model/finding.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

const char *finding_name(enum finding_kind kind)
{
	switch (kind) {
	case FINDING_MAP_HOLES:
		return "map_holes";
	case FINDING_FREE_HEAP:
		return "free_heap";
	}
	return "?";
}

static int cmp_largest(const void *a, const void *b)
{
	uint64_t x = ((const struct finding *)a)->bytes, y = ((const struct finding *)b)->bytes;

	return x < y ? 1 : -(x > y);
}

static struct err *add_map(struct findings *f, struct table *by_kind, const struct map_info *m)
{
	size_t i = table_get(by_kind, map_kind_key(m));

	if (i == TABLE_NONE) {
		struct finding empty = { .kind = FINDING_MAP_HOLES, .map = m };

		i = f->list.len;
		if (!vec_push(&f->list, empty) || !table_put(by_kind, map_kind_key(m), i))
			return err_nomem();
	}
	struct finding *finding = &f->list.data[i];
	finding->bytes += map_gives_back_resident(m);
	finding->map_cnt++;
	finding->live_keys += m->live_keys;
	finding->slots += map_slots(m);
	finding->resident_bytes += m->resident_bytes;
	if (map_gives_back_resident(m) > map_gives_back_resident(finding->map))
		finding->map = m;
	return NULL;
}

static struct err *add_maps(struct findings *f, const struct census *census)
{
	_cleanup_(table_fini) struct table by_kind = { 0 };
	struct err *err = NULL;

	for (size_t i = 0; !err && i < census->maps.len; i++) {
		const struct map_info *m = &census->maps.data[i];

		/* Maps that need what they have would only dilute the finding. */
		if (map_counts(m) && m->bucket_sz && map_gives_back_resident(m))
			err = add_map(f, &by_kind, m);
	}
	return err;
}

static void drop_small(struct findings *f, uint64_t min_bytes)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->list.len; i++)
		if (f->list.data[i].bytes && f->list.data[i].bytes >= min_bytes)
			f->list.data[kept++] = f->list.data[i];
	f->list.len = kept;
}

struct err *findings_init(struct findings *f, const struct snapshot *snap, uint64_t min_bytes)
{
	struct finding free_heap = { .kind = FINDING_FREE_HEAP, .bytes = snap->memory.free_bytes };

	memset(f, 0, sizeof(*f));
	struct err *err = add_maps(f, snap->census);
	if (!err && !vec_push(&f->list, free_heap))
		err = err_nomem();
	if (err) {
		findings_fini(f);
		return err;
	}
	drop_small(f, min_bytes);
	vec_sort(&f->list, cmp_largest);
	return NULL;
}

void findings_fini(struct findings *f)
{
	vec_fini(&f->list);
}
