// SPDX-License-Identifier: GPL-2.0-only
#include "graph/objects.h"

#include <string.h>

enum {
	OBJECTS_BATCH = 1024, /* spans; their descriptors stay in the processor's cache */
	OBJECTS_ROUNDS = 8, /* until no span of a batch is swept while we read */
	OBJECTS_TRIES = 4, /* until no collection ends while we read */
	SPAN_BITS_BYTES = GO_PAGE_SZ / 8 / 8, /* a bit for each slot that a span can have */

	/* Where spans with inline marks have them (go-runtime facts 4.6). */
	MARKS_INLINE_OFF = GO_PAGE_SZ - 64,
	MARKS_INLINE_MIN = 16,
	MARKS_INLINE_MAX = 512,
};

/* The bits of one span, as the allocator has them. */
struct slot_bits {
	uint8_t alloc[SPAN_BITS_BYTES];
	uint8_t mark[SPAN_BITS_BYTES];
};

struct objects_batch {
	struct span before[OBJECTS_BATCH];
	struct span after[OBJECTS_BATCH];
	struct span_bits places[OBJECTS_BATCH];
	struct span_bits places_after[OBJECTS_BATCH];
	struct slot_bits bits[OBJECTS_BATCH];
	struct mem_req reqs[2 * OBJECTS_BATCH];
};

/* ---- numbers ---- */

static uint64_t objects_slots(const struct heap *heap)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < heap->spans.len; i++)
		if (heap->spans.data[i].state == SPAN_IN_USE)
			sum += span_slots(&heap->spans.data[i]);
	return sum;
}

uint64_t objects_memory(const struct heap *heap)
{
	uint64_t slots = objects_slots(heap);

	return slots < UINT32_MAX ? 4 * (heap->spans.len + 1) + slots / 4 + 16 : 0;
}

static struct err *objects_number_spans(struct objects *objs)
{
	const struct heap *heap = objs->heap;
	uint64_t slots = objects_slots(heap);
	uint32_t next = 0;

	if (slots >= UINT32_MAX)
		return err_new(ERR_UNSUPPORTED,
			       "the heap has room for more than 4 billion objects");
	objs->cnt = slots;
	objs->first = malloc((heap->spans.len + 1) * sizeof(*objs->first));
	objs->used = calloc(slots / 64 + 1, sizeof(*objs->used));
	objs->dead = calloc(slots / 64 + 1, sizeof(*objs->dead));
	if (!objs->first || !objs->used || !objs->dead)
		return err_nomem();
	for (size_t i = 0; i < heap->spans.len; i++) {
		const struct span *s = &heap->spans.data[i];

		objs->first[i] = next;
		next += s->state == SPAN_IN_USE ? span_slots(s) : 0;
	}
	objs->first[heap->spans.len] = next;
	return NULL;
}

size_t objects_span(const struct objects *objs, uint32_t nth)
{
	size_t lo = 0, hi = objs->heap->spans.len;

	/* The last span whose first number is not above nth. Those without numbers are before it. */
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (objs->first[mid] <= nth)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

void objects_get(const struct objects *objs, uint32_t nth, struct object *ret)
{
	size_t i = objects_span(objs, nth);
	const struct span *s = &objs->heap->spans.data[i];

	*ret = (struct object){ 0 };
	span_object(objs->heap, s, span_base(s) + (nth - objs->first[i]) * span_elemsize(s), ret);
}

/* ---- bits ---- */

static uint64_t objects_marks_at(const struct heap *heap, const struct span *s, uint64_t marks)
{
	bool has_inline = heap->prog->layout.inline_marks && span_elemsize(s) >= MARKS_INLINE_MIN &&
			  span_elemsize(s) <= MARKS_INLINE_MAX;

	return has_inline ? span_base(s) + MARKS_INLINE_OFF : marks;
}

/* Whether the span is an in-use one that kept its slots since the numbers were made. */
static bool objects_span_stands(const struct objects *objs, size_t nth, const struct span *now)
{
	return now->state == SPAN_IN_USE &&
	       objs->first[nth + 1] - objs->first[nth] == span_slots(now);
}

static struct err *objects_read_bits(const struct objects *objs, struct objects_batch *b,
				     size_t first, size_t cnt)
{
	struct mem *mem = &objs->heap->prog->target->mem;
	size_t n = 0;

	for (size_t i = 0; i < cnt; i++) {
		const struct span *s = &b->before[i];
		uint32_t len = (span_slots(s) + 7) / 8;

		memset(&b->bits[i], 0, sizeof(b->bits[i]));
		if (!objects_span_stands(objs, first + i, s) || len > SPAN_BITS_BYTES)
			continue;
		if (span_freeindex(s) < span_slots(s))
			b->reqs[n++] = (struct mem_req){ b->places[i].alloc, len, false,
							 b->bits[i].alloc };
		if (s->unswept)
			b->reqs[n++] = (struct mem_req){ objects_marks_at(objs->heap, s,
									  b->places[i].mark),
							 len, false, b->bits[i].mark };
	}
	struct err *err = mem_gather(mem, b->reqs, n);
	for (size_t i = 0; !err && i < n; i++)
		if (!b->reqs[i].ok)
			memset(b->reqs[i].dst, 0, b->reqs[i].len);
	return err;
}

static void objects_set_span(struct objects *objs, size_t nth, const struct span *s,
			     const struct slot_bits *bits)
{
	uint64_t size = span_elemsize(s);

	for (uint32_t i = 0; i < span_slots(s); i++) {
		uint32_t number = objs->first[nth] + i;
		bool given = i < span_freeindex(s) || (bits->alloc[i / 8] >> i % 8 & 1);
		bool dead = s->unswept && !(bits->mark[i / 8] >> i % 8 & 1);

		if (!given)
			continue;
		(dead ? objs->dead : objs->used)[number / 64] |= 1ull << number % 64;
		objs->used_cnt += !dead;
		objs->used_bytes += dead ? 0 : size;
		objs->dead_bytes += dead ? size : 0;
	}
}

/* Spans that were swept all the time have no objects: what is in them is not known. */
static struct err *objects_read_batch(struct objects *objs, struct objects_batch *b, size_t first,
				      size_t cnt)
{
	struct mem *mem = &objs->heap->prog->target->mem;
	bool steady[OBJECTS_BATCH], all = false;

	memcpy(b->after, &objs->heap->spans.data[first], cnt * sizeof(*b->after));
	struct err *err = heap_reread_spans(objs->heap, mem, b->after, b->places_after, cnt);
	for (int round = 0; !err && !all && round < OBJECTS_ROUNDS; round++) {
		memcpy(b->before, b->after, cnt * sizeof(*b->before));
		memcpy(b->places, b->places_after, cnt * sizeof(*b->places));
		err = objects_read_bits(objs, b, first, cnt);
		if (!err)
			err = heap_reread_spans(objs->heap, mem, b->after, b->places_after, cnt);
		all = true;
		for (size_t i = 0; !err && i < cnt; i++) {
			steady[i] = b->after[i].state == SPAN_DEAD ||
				    span_is_steady(&b->before[i], &b->places[i], &b->after[i],
						   &b->places_after[i]);
			all &= steady[i];
		}
	}
	for (size_t i = 0; !err && i < cnt; i++)
		if (steady[i] && objects_span_stands(objs, first + i, &b->before[i]) &&
		    b->after[i].state == SPAN_IN_USE)
			objects_set_span(objs, first + i, &b->before[i], &b->bits[i]);
	return err;
}

static void objects_forget(struct objects *objs)
{
	memset(objs->used, 0, (objs->cnt / 64 + 1) * sizeof(*objs->used));
	memset(objs->dead, 0, (objs->cnt / 64 + 1) * sizeof(*objs->dead));
	objs->used_cnt = objs->used_bytes = objs->dead_bytes = 0;
}

/* Reads the bits of all spans. *whole_ret: no collection ended meanwhile. */
static struct err *objects_read_all(struct objects *objs, struct objects_batch *b, bool *whole_ret)
{
	struct mem *mem = &objs->heap->prog->target->mem;
	size_t cnt = objs->heap->spans.len;
	uint32_t after = 0;
	struct err *err = heap_read_sweepgen(objs->heap, mem, &objs->sweepgen);

	objects_forget(objs);
	for (size_t i = 0; !err && i < cnt; i += OBJECTS_BATCH)
		err = objects_read_batch(objs, b, i,
					 cnt - i < OBJECTS_BATCH ? cnt - i : OBJECTS_BATCH);
	if (!err)
		err = heap_read_sweepgen(objs->heap, mem, &after);
	*whole_ret = after == objs->sweepgen;
	return err;
}

struct err *objects_init(struct objects *objs, struct heap *heap)
{
	_cleanup_free_ struct objects_batch *b = malloc(sizeof(*b));
	bool whole = false;

	*objs = (struct objects){ .heap = heap };
	struct err *err = b ? objects_number_spans(objs) : err_nomem();
	for (int i = 0; !err && !whole && i < OBJECTS_TRIES; i++)
		err = objects_read_all(objs, b, &whole);
	if (!err && !whole)
		err = err_new(ERR_UNSUPPORTED, "the collector ran all the time");
	if (err)
		objects_fini(objs);
	return err;
}

void objects_fini(struct objects *objs)
{
	free(objs->first);
	free(objs->used);
	free(objs->dead);
	*objs = (struct objects){ 0 };
}
