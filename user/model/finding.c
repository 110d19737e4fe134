// SPDX-License-Identifier: GPL-2.0-only
#include "model/finding.h"

#include <stdlib.h>
#include <string.h>

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

static struct err *add(struct findings *f, struct finding finding, uint64_t min_bytes)
{
	if (!finding.bytes || finding.bytes < min_bytes)
		return NULL;
	return vec_push(&f->list, finding) ? NULL : err_nomem();
}

struct err *findings_init(struct findings *f, const struct snapshot *snap, uint64_t min_bytes)
{
	memset(f, 0, sizeof(*f));
	struct err *err = add(
		f, (struct finding){ .kind = FINDING_FREE_HEAP, .bytes = snap->memory.free_bytes },
		min_bytes);

	for (size_t i = 0; !err && i < snap->census->maps.len; i++) {
		const struct map_info *m = &snap->census->maps.data[i];

		if (!map_counts(m) || !m->bucket_sz)
			continue;
		err = add(f,
			  (struct finding){ .kind = FINDING_MAP_HOLES,
					    .bytes = map_gives_back_resident(m),
					    .map = m },
			  min_bytes);
	}
	if (err) {
		findings_fini(f);
		return err;
	}
	vec_sort(&f->list, cmp_largest);
	return NULL;
}

void findings_fini(struct findings *f)
{
	vec_fini(&f->list);
}
