// SPDX-License-Identifier: GPL-2.0-only
#include "heap/occupancy.h"

#include <string.h>

enum { BATCH = 512, BITS_SZ = GO_PAGE_SZ / 8 / 8 /* a span has at most this many slots */ };

/* A span that is partly resident: its bits are needed to tell which of its slots are resident. */
struct partial_span {
	struct span span;
	uint64_t resident;
	uint8_t bits[BITS_SZ];
};

struct occupancy_counter {
	struct occupancy *o;
	const struct heap *heap;
	struct residency *r;
	struct partial_span *partials;
	size_t partial_cnt;
};

static bool occupancy_bit(const uint8_t *bits, size_t i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

static uint64_t occupancy_object_bytes(const struct span *s)
{
	return s->alloc_count * span_elemsize(s);
}

static void occupancy_add_resident(struct occupancy_counter *c, const struct span *s,
				   uint64_t objects, uint64_t free)
{
	struct class_use *use = &c->o->classes[s->spanclass];

	use->object_resident_bytes += objects;
	use->free_resident_bytes += free;
}

static uint64_t occupancy_resident_objects(const struct occupancy_counter *c,
					   const struct partial_span *p)
{
	uint64_t size = span_elemsize(&p->span), sum = 0;

	for (uint32_t i = 0; i < span_slots(&p->span); i++)
		if (i < span_freeindex(&p->span) || occupancy_bit(p->bits, i))
			sum += residency_bytes(c->r, span_base(&p->span) + i * size, size);
	/* An object that was given out after the span was read counts as free. */
	return sum < p->resident ? sum : p->resident;
}

static struct err *occupancy_count_partials(struct occupancy_counter *c)
{
	struct mem *mem = &c->heap->prog->target->mem;
	struct span now[BATCH];
	struct span_bits places[BATCH];
	struct mem_req reqs[BATCH];
	size_t cnt = c->partial_cnt, n = 0;

	for (size_t i = 0; i < cnt; i++)
		now[i] = c->partials[i].span;
	struct err *err = heap_reread_spans(c->heap, mem, now, places, cnt);
	for (size_t i = 0; !err && i < cnt; i++) {
		struct partial_span *p = &c->partials[i];

		memset(p->bits, 0, BITS_SZ);
		if (now[i].state == SPAN_DEAD || span_slots(&now[i]) != span_slots(&p->span))
			continue;
		p->span = now[i]; /* whose freeindex goes with the bits */
		reqs[n++] = (struct mem_req){ places[i].alloc, (span_slots(&now[i]) + 7) / 8, false,
					      p->bits };
	}
	c->partial_cnt = 0;
	if (!err)
		err = mem_gather(mem, reqs, n);
	for (size_t i = 0; !err && i < cnt; i++) {
		struct partial_span *p = &c->partials[i];
		uint64_t objects = occupancy_resident_objects(c, p);

		occupancy_add_resident(c, &p->span, objects, p->resident - objects);
	}
	return err;
}

static void occupancy_count_span(struct occupancy_counter *c, const struct span *s,
				 const struct resident *res)
{
	struct class_use *use = &c->o->classes[s->spanclass];
	unsigned int tenth = s->alloc_count * OCCUPANCY_BINS / span_slots(s);

	use->span_cnt++;
	use->span_bytes += span_bytes(s);
	use->object_cnt += s->alloc_count;
	use->slot_cnt += span_slots(s);
	use->object_bytes += occupancy_object_bytes(s);
	use->unswept_cnt += s->unswept;
	resident_add(&use->resident, res);
	use->bins[tenth < OCCUPANCY_BINS ? tenth : OCCUPANCY_BINS - 1]++;
}

static struct err *occupancy_add_span(struct occupancy_counter *c, const struct span *s)
{
	struct resident res = residency_claim(c->r, span_base(s), span_bytes(s));
	bool bits_needed = res.bytes < span_bytes(s) && s->alloc_count &&
			   s->alloc_count < span_slots(s);

	occupancy_count_span(c, s, &res);
	if (!bits_needed) {
		uint64_t objects = occupancy_object_bytes(s) < res.bytes ? occupancy_object_bytes(s)
									 : res.bytes;

		occupancy_add_resident(c, s, objects, res.bytes - objects);
		return NULL;
	}
	if (!res.bytes)
		return NULL;
	c->partials[c->partial_cnt].span = *s;
	c->partials[c->partial_cnt++].resident = res.bytes;
	return c->partial_cnt == BATCH ? occupancy_count_partials(c) : NULL;
}

static void class_use_add(struct class_use *sum, const struct class_use *c)
{
	sum->span_cnt += c->span_cnt;
	sum->span_bytes += c->span_bytes;
	sum->object_cnt += c->object_cnt;
	sum->slot_cnt += c->slot_cnt;
	sum->object_bytes += c->object_bytes;
	resident_add(&sum->resident, &c->resident);
	sum->object_resident_bytes += c->object_resident_bytes;
	sum->free_resident_bytes += c->free_resident_bytes;
	sum->unswept_cnt += c->unswept_cnt;
	for (int i = 0; i < OCCUPANCY_BINS; i++)
		sum->bins[i] += c->bins[i];
}

struct err *occupancy_init(struct occupancy *o, const struct heap *heap, struct residency *r)
{
	_cleanup_free_ struct partial_span *partials = malloc(BATCH * sizeof(*partials));
	struct occupancy_counter c = { .o = o, .heap = heap, .r = r, .partials = partials };
	struct err *err = partials ? NULL : err_nomem();

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; !err && i < heap->spans.len; i++)
		if (heap->spans.data[i].state == SPAN_IN_USE)
			err = occupancy_add_span(&c, &heap->spans.data[i]);
	if (!err)
		err = occupancy_count_partials(&c);
	for (size_t i = 0; !err && i < SPANCLASS_CNT; i++)
		class_use_add(&o->total, &o->classes[i]);
	return err;
}

uint64_t class_pinned_bytes(const struct class_use *c)
{
	if (!c->span_cnt || c->slot_cnt == c->span_cnt)
		return 0; /* large objects: one in each span */
	uint64_t a_span = c->slot_cnt / c->span_cnt;
	uint64_t needed = (c->object_cnt + a_span - 1) / a_span * (c->span_bytes / c->span_cnt);

	return c->resident.bytes > needed ? c->resident.bytes - needed : 0;
}
