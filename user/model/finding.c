// SPDX-License-Identifier: GPL-2.0-only
#include "model/finding.h"

#include <string.h>

#include "model/finding_words.h"

static int cmp_finding(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity < y->severity ? 1 : -1;
	return x->bytes < y->bytes ? 1 : -(x->bytes > y->bytes);
}

struct err *finding_add(struct findings *f, const struct finding *finding)
{
	return vec_push(&f->list, *finding) ? NULL : err_nomem();
}

static bool finding_is_small(const struct finding *f, uint64_t min_bytes)
{
	return finding_row(f->kind)->state == STATE_WASTEFUL && (!f->bytes || f->bytes < min_bytes);
}

/* In a heap that moved while it was read, rows of the ledger may be off by what is unexplained. */
static bool finding_is_noise(const struct finding *f, const struct result_ledger *l)
{
	uint64_t off = l->unexplained_bytes < 0 ? -(uint64_t)l->unexplained_bytes
						: (uint64_t)l->unexplained_bytes;

	return l->moving && finding_row(f->kind)->state == STATE_WASTEFUL &&
	       !finding_row(f->kind)->of_maps && f->bytes < 2 * off;
}

static void findings_drop_small(struct findings *f, const struct result_ledger *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->list.len; i++)
		if (!finding_is_small(&f->list.data[i], f->min_bytes) &&
		    !finding_is_noise(&f->list.data[i], l))
			f->list.data[kept++] = f->list.data[i];
	f->list.len = kept;
}

struct err *findings_init(struct findings *f, uint64_t min_bytes, const struct finding_sources *s)
{
	/* clang-format off */
	static const finder_fn finders[] = {
		findings_add_holes,
		findings_add_swarms,
		findings_add_zero_values,
		findings_add_sync_deleted,
		findings_add_free_heap,
		findings_add_causes,
		findings_add_outside,
		findings_add_goroutines,
		findings_add_limits,
		findings_add_growing,
		findings_add_clears,
		findings_add_pinned,
	};
	/* clang-format on */
	struct err *err = NULL;

	memset(f, 0, sizeof(*f));
	f->min_bytes = min_bytes;
	for (size_t i = 0; !err && i < sizeof(finders) / sizeof(finders[0]); i++)
		err = finders[i](f, s);
	if (err) {
		findings_fini(f);
		return err;
	}
	findings_drop_small(f, s->r->memory);
	vec_sort(&f->list, cmp_finding);
	return NULL;
}

void findings_fini(struct findings *f)
{
	vec_fini(&f->list);
}
