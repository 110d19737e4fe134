// SPDX-License-Identifier: GPL-2.0-only
#include "heap/liveness.h"

#include <string.h>

enum {
	/* Rounds until no span is swept while we read. A sweep of a span takes microseconds, once
	 * in a cycle. */
	ROUNDS = 8,
	/* Green Tea has marks inside one-page spans of these sizes (go-runtime facts 4.6). */
	INLINE_MARKS_OFF = GO_PAGE_SZ - 64,
	INLINE_ELEM_MIN = 16,
	INLINE_ELEM_MAX = 512,
};

/* The bytes with an object's bits; all bits are set where there is nothing to read. */
struct bits {
	uint8_t alloc;
	uint8_t mark;
};

static uint64_t liveness_object_index(const struct object *o)
{
	return (o->slot - span_base(o->span)) / span_elemsize(o->span);
}

static uint64_t liveness_marks(const struct heap *heap, const struct span *s,
			       const struct span_bits *places)
{
	bool has_inline = heap->prog->layout.inline_marks && span_elemsize(s) >= INLINE_ELEM_MIN &&
			  span_elemsize(s) <= INLINE_ELEM_MAX;

	return has_inline ? span_base(s) + INLINE_MARKS_OFF : places->mark;
}

static enum liveness liveness_judge(const struct object *o, const struct bits *bits)
{
	uint8_t bit = 1 << liveness_object_index(o) % 8;

	if (!(bits->alloc & bit))
		return OBJECT_FREE;
	return bits->mark & bit ? OBJECT_LIVE : OBJECT_GARBAGE;
}

/* Reads the bits of the objects. descs are the descriptors of their spans, places the addresses
 * of the spans' bitmaps. */
static struct err *liveness_read_bits(struct heap *heap, const struct object *objects,
				      const struct span *descs, const struct span_bits *places,
				      size_t n, struct bits *bits)
{
	_cleanup_free_ struct mem_req *reqs = malloc(2 * n * sizeof(*reqs) + 1);
	size_t cnt = 0;

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < n; i++) {
		const struct span *s = &descs[i];
		uint64_t index = liveness_object_index(&objects[i]);

		bits[i] = (struct bits){ 0xff, 0xff };
		if (s->state == SPAN_DEAD)
			bits[i].alloc = 0;
		else if (index >= span_freeindex(s))
			reqs[cnt++] = (struct mem_req){ places[i].alloc + index / 8, 1, false,
							&bits[i].alloc };
		if (s->unswept)
			reqs[cnt++] =
				(struct mem_req){ liveness_marks(heap, s, &places[i]) + index / 8,
						  1, false, &bits[i].mark };
	}
	struct err *err = mem_gather(&heap->prog->target->mem, reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++)
		if (!reqs[i].ok) /* its span is gone */
			*(uint8_t *)reqs[i].dst = 0;
	return err;
}

/* What the descriptors of the spans say at one time. */
struct spans_read {
	struct span *spans;
	struct span_bits *places;
};

static bool spans_read_init(struct spans_read *r, size_t n)
{
	r->spans = malloc((n + 1) * sizeof(*r->spans));
	r->places = calloc(n + 1, sizeof(*r->places));
	return r->spans && r->places;
}

static void spans_read_fini(struct spans_read *r)
{
	free(r->spans);
	free(r->places);
}

static bool liveness_is_steady(const struct spans_read *before, const struct spans_read *after,
			       size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!span_is_steady(&before->spans[i], &before->places[i], &after->spans[i],
				    &after->places[i]))
			return false;
	return true;
}

static struct err *liveness_reread(struct heap *heap, struct spans_read *r, size_t n)
{
	return heap_reread_spans(heap, &heap->prog->target->mem, r->spans, r->places, n);
}

struct err *liveness_read(struct heap *heap, const struct object *objects, size_t n,
			  enum liveness *ret)
{
	_cleanup_(spans_read_fini) struct spans_read now = { 0 }, before = { 0 };
	_cleanup_free_ struct bits *bits = malloc((n + 1) * sizeof(*bits));
	bool steady = false;

	if (!spans_read_init(&now, n) || !spans_read_init(&before, n) || !bits)
		return err_nomem();
	for (size_t i = 0; i < n; i++)
		now.spans[i] = *objects[i].span;
	struct err *err = liveness_reread(heap, &now, n);
	for (int round = 0; round < ROUNDS && !steady && !err; round++) {
		memcpy(before.spans, now.spans, n * sizeof(*now.spans));
		memcpy(before.places, now.places, n * sizeof(*now.places));
		err = liveness_read_bits(heap, objects, before.spans, before.places, n, bits);
		if (!err)
			err = liveness_reread(heap, &now, n);
		steady = !err && liveness_is_steady(&before, &now, n);
	}
	for (size_t i = 0; !err && i < n; i++)
		ret[i] = liveness_judge(&objects[i], &bits[i]);
	return err;
}
