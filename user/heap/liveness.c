// SPDX-License-Identifier: GPL-2.0-only
#include "heap/liveness.h"

enum {
	/* Green Tea: marks inside one-page spans of these sizes (go-runtime facts 4.6). */
	INLINE_MARKS_OFF = GO_PAGE_SZ - 64,
	INLINE_ELEM_MIN = 16,
	INLINE_ELEM_MAX = 512,
};

/* The bytes with an object's bits; all bits set where nothing need be asked. */
struct bits {
	uint8_t alloc;
	uint8_t mark;
};

static uint64_t object_index(const struct object *o)
{
	return (o->slot - o->span->base) / span_elemsize(o->span);
}

static uint64_t marks_of(const struct heap *heap, const struct span *s)
{
	bool has_inline = heap->prog->layout.inline_marks && s->npages == 1 && span_sizeclass(s) &&
			  span_elemsize(s) >= INLINE_ELEM_MIN &&
			  span_elemsize(s) <= INLINE_ELEM_MAX;

	return has_inline ? s->base + INLINE_MARKS_OFF : s->mark_bits;
}

static enum liveness judge(const struct object *o, const struct bits *bits)
{
	uint8_t bit = 1 << object_index(o) % 8;

	if (!(bits->alloc & bit))
		return OBJECT_FREE;
	return bits->mark & bit ? OBJECT_LIVE : OBJECT_GARBAGE;
}

struct err *liveness_read(struct heap *heap, const struct object *objects, size_t n,
			  enum liveness *ret)
{
	_cleanup_free_ struct mem_req *reqs = malloc(2 * n * sizeof(*reqs) + 1);
	_cleanup_free_ struct bits *bits = malloc(n * sizeof(*bits) + 1);
	size_t cnt = 0;

	if (!reqs || !bits)
		return err_nomem();
	for (size_t i = 0; i < n; i++) {
		const struct span *s = objects[i].span;
		uint64_t index = object_index(&objects[i]);

		bits[i] = (struct bits){ 0xff, 0xff };
		if (index >= s->freeindex)
			reqs[cnt++] = (struct mem_req){ s->alloc_bits + index / 8, 1, false,
							&bits[i].alloc };
		if (s->unswept)
			reqs[cnt++] = (struct mem_req){ marks_of(heap, s) + index / 8, 1, false,
							&bits[i].mark };
	}
	struct err *err = mem_gather(&heap->prog->target->mem, reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++)
		if (!reqs[i].ok) /* its span went away */
			*(uint8_t *)reqs[i].dst = 0;
	for (size_t i = 0; !err && i < n; i++)
		ret[i] = judge(&objects[i], &bits[i]);
	return err;
}
