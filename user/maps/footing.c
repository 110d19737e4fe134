// SPDX-License-Identifier: GPL-2.0-only
#include "maps/footing.h"

#include "base/radix.h"

/* A classic map may chain millions of buckets, which are in few spans in comparison. */
enum { COMPACT_MIN = 1 << 16 };

struct footing *footing_new(void)
{
	struct footing *f = calloc(1, sizeof(*f));

	if (f)
		f->compact_at = COMPACT_MIN;
	return f;
}

void footing_free(struct footing *f)
{
	if (!f)
		return;
	vec_fini(&f->pairs);
	free(f);
}

/* Sorts the pairs, and leaves one of each. */
static void footing_compact(struct footing *f)
{
	size_t kept = 0;

	radix_sort(f->pairs.data, f->pairs.len, sizeof(*f->pairs.data), 0);
	for (size_t i = 0; i < f->pairs.len; i++)
		if (!kept || f->pairs.data[kept - 1] != f->pairs.data[i])
			f->pairs.data[kept++] = f->pairs.data[i];
	f->pairs.len = kept;
}

void footing_add(struct footing *f, const struct heap *heap, const struct span *s, uint32_t i)
{
	uint64_t pair = (uint64_t)(s - heap->spans.data) << 32 | i;

	if (f->pairs.len && f->pairs.data[f->pairs.len - 1] == pair)
		return;
	f->incomplete |= !vec_push(&f->pairs, pair);
	if (f->pairs.len < f->compact_at)
		return;
	footing_compact(f);
	f->compact_at = 2 * f->pairs.len > COMPACT_MIN ? 2 * f->pairs.len : COMPACT_MIN;
}

static const struct span *pair_span(const struct heap *heap, uint64_t pair)
{
	return &heap->spans.data[pair >> 32];
}

/* Reads the descriptor of each span once. */
static struct err *footing_check_spans(struct footing *f, const struct heap *heap, struct mem *mem,
				       bool *outdated)
{
	_cleanup_free_ struct span *spans = malloc(f->pairs.len * sizeof(*spans));
	size_t n = 0;

	if (!spans)
		return err_nomem();
	for (size_t i = 0; i < f->pairs.len; i++) {
		const struct span *s = pair_span(heap, f->pairs.data[i]);

		if (!n || spans[n - 1].desc != s->desc)
			spans[n++] = *s;
	}
	struct err *err = heap_reread_spans(heap, mem, spans, NULL, n);
	for (size_t i = 0, at = 0; !err && i < f->pairs.len; i++) {
		uint64_t pair = f->pairs.data[i];

		at += i && pair_span(heap, pair) != pair_span(heap, f->pairs.data[i - 1]);
		outdated[(uint32_t)pair] |= spans[at].state == SPAN_DEAD;
	}
	return err;
}

/* From the next cycle on any span may be freed. Whether that has just become so. */
static bool footing_starts_anew(struct footing *f, const struct heap *heap, uint32_t sweepgen)
{
	if (f->all || sweepgen == heap->sweepgen)
		return false;
	f->all = true;
	return true;
}

struct err *footing_check(struct footing *f, const struct heap *heap, struct mem *mem,
			  bool *outdated, bool *again)
{
	uint32_t sweepgen;
	struct err *err = f->incomplete ? err_nomem() : heap_read_sweepgen(heap, mem, &sweepgen);

	if (err)
		return err;
	*again = footing_starts_anew(f, heap, sweepgen);
	if (!*again && f->pairs.len) {
		footing_compact(f);
		err = footing_check_spans(f, heap, mem, outdated);
	}
	f->pairs.len = 0;
	return err;
}
