// SPDX-License-Identifier: GPL-2.0-only
#include "heap/liveness.h"

#include <string.h>

enum {
	/* Until no span is swept meanwhile; that takes microseconds, once in a cycle. */
	ROUNDS = 8,
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

/* Reads the bits of the objects, whose spans are descs. */
static struct err *read_bits(struct heap *heap, const struct object *objects,
			     const struct span *descs, size_t n, struct bits *bits)
{
	_cleanup_free_ struct mem_req *reqs = malloc(2 * n * sizeof(*reqs) + 1);
	size_t cnt = 0;

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < n; i++) {
		const struct span *s = &descs[i];
		uint64_t index = object_index(&objects[i]);

		bits[i] = (struct bits){ 0xff, 0xff };
		if (s->state == SPAN_DEAD)
			bits[i].alloc = 0;
		else if (index >= s->freeindex)
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
	return err;
}

static bool are_steady(const struct span *before, const struct span *after, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!span_is_steady(&before[i], &after[i]))
			return false;
	return true;
}

struct err *liveness_read(struct heap *heap, const struct object *objects, size_t n,
			  enum liveness *ret)
{
	_cleanup_free_ struct span *descs = malloc((n + 1) * sizeof(*descs));
	_cleanup_free_ struct span *before = malloc((n + 1) * sizeof(*before));
	_cleanup_free_ struct bits *bits = malloc((n + 1) * sizeof(*bits));
	bool steady = false;

	if (!descs || !before || !bits)
		return err_nomem();
	for (size_t i = 0; i < n; i++)
		descs[i] = *objects[i].span;
	struct err *err = heap_reread_spans(heap, &heap->prog->target->mem, descs, n);
	for (int round = 0; round < ROUNDS && !steady && !err; round++) {
		memcpy(before, descs, n * sizeof(*descs));
		err = read_bits(heap, objects, before, n, bits);
		if (!err)
			err = heap_reread_spans(heap, &heap->prog->target->mem, descs, n);
		steady = !err && are_steady(before, descs, n);
	}
	for (size_t i = 0; !err && i < n; i++)
		ret[i] = judge(&objects[i], &bits[i]);
	return err;
}
