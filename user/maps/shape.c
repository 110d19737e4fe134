// SPDX-License-Identifier: GPL-2.0-only
#include "maps/shape.h"

#include <string.h>

#include "heap/sizeclass.h"

size_t evidence_start(const struct heap *heap, const struct object *o, struct evidence *ev,
		      struct mem_req reqs[SHAPE_READS])
{
	uint64_t words = (o->slot + o->size - o->start) / 8;
	size_t n = 0;

	*ev = (struct evidence){ .o = *o };
	if (!span_sizeclass(o->span)) /* else a leftover of the descriptor's former use */
		ev->type_word = o->span->large_type;
	if (o->has_header)
		reqs[n++] = (struct mem_req){ o->slot, 8, false, &ev->type_word };
	ev->has_bits = ptrbits_place(heap, o->span, o->start,
				     words < SHAPE_WORDS ? words : SHAPE_WORDS, &ev->bits);
	if (ev->has_bits)
		reqs[n++] = (struct mem_req){ ev->bits.addr, ev->bits.len, false, ev->bit_bytes };
	return n;
}

/* Whether the words of the first bucket are pointers where the type has them. */
static bool bits_fit(const struct evidence *ev, const struct map_type *t)
{
	if (!ev->has_bits || !t->has_ptr_mask)
		return true;
	for (uint32_t w = 0; w < t->bucket_sz / 8u; w++) {
		bool ptr = w < t->bucket_ptr_bytes / 8 && (t->ptr_mask[w / 8] >> (w % 8) & 1);

		if (ptrbits_get(&ev->bits, ev->bit_bytes, w) != ptr)
			return false;
	}
	return true;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/*
 * What every group of a type has in common: elems of empty slots are zero (delete
 * clears them always), and no key is there twice.
 */
static bool group_fits(const struct evidence *ev, const struct map_type *t)
{
	const struct slots *s = &t->slots;
	const uint8_t *g = ev->group;

	if (!g)
		return true;
	for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
		bool full = g[i] < 0x80;

		if (!full && !is_zero(g + s->elems_off + i * s->elem_stride, s->elem_sz))
			return false;
		for (uint32_t j = 0; full && j < i; j++)
			if (g[j] < 0x80 && !memcmp(g + s->keys_off + i * s->key_stride,
						   g + s->keys_off + j * s->key_stride, s->key_sz))
				return false;
	}
	return true;
}

static bool fits(const struct heap *heap, const struct object *o, const struct map_type *t,
		 uint64_t n)
{
	bool noscan = t->bucket_ptr_bytes == 0;

	return noscan == span_noscan(o->span) && n <= UINT64_MAX / t->bucket_sz &&
	       alloc_size(n * t->bucket_sz, noscan, heap_malloc_headers(heap)) == o->size;
}

static void add_size(struct shape *s, uint16_t size)
{
	for (uint8_t i = 0; i < s->size_cnt; i++)
		if (s->sizes[i] == size)
			return;
	if (s->size_cnt < SHAPE_SIZES_MAX)
		s->sizes[s->size_cnt++] = size;
}

/* Several map types may have one bucket type (type M map[K]V): they are one answer,
 * shown by the unnamed type. */
static bool is_repeated(const struct heap *heap, const struct map_type *t)
{
	return gotypes_by_bucket(heap->prog->types, t->bucket) != t;
}

static struct shape by_look(const struct heap *heap, const struct evidence *ev, uint64_t n,
			    uint16_t only_sz)
{
	size_t cnt;
	const struct map_type *types = gotypes_maps(heap->prog->types, &cnt);
	struct shape s = { .source = TYPE_UNKNOWN };
	size_t distinct = 0; /* bucket types */

	for (size_t i = 0; i < cnt; i++) {
		const struct map_type *t = &types[i];

		if ((only_sz && t->bucket_sz != only_sz) || !fits(heap, &ev->o, t, n) ||
		    !bits_fit(ev, t) || !group_fits(ev, t))
			continue;
		s.candidates += s.candidates < UINT16_MAX;
		if (is_repeated(heap, t))
			continue;
		distinct++;
		s.type = t;
		add_size(&s, t->bucket_sz);
	}
	if (distinct == 1)
		s.source = TYPE_UNIQUE_SHAPE;
	if (distinct > 1) {
		s.source = TYPE_AMBIGUOUS;
		s.type = NULL;
	}
	return s;
}

static uint16_t count_by_bucket(const struct heap *heap, uint64_t bucket)
{
	size_t cnt;
	const struct map_type *types = gotypes_maps(heap->prog->types, &cnt);
	uint16_t n = 0;

	for (size_t i = 0; i < cnt; i++)
		n += types[i].bucket == bucket && n < UINT16_MAX;
	return n;
}

struct shape shape_of(const struct heap *heap, const struct evidence *ev, uint64_t n,
		      uint16_t only_sz)
{
	const struct map_type *t =
		ev->type_word ? gotypes_by_bucket(heap->prog->types, ev->type_word) : NULL;

	if (t && fits(heap, &ev->o, t, n))
		return (struct shape){
			.type = t,
			.candidates = count_by_bucket(heap, t->bucket),
			.source = TYPE_HEADER,
			.size_cnt = 1,
			.sizes = { t->bucket_sz },
		};
	return by_look(heap, ev, n, only_sz);
}

void shape_apply(const struct shape *shape, struct map_info *m)
{
	m->type = shape->type;
	m->type_source = shape->source;
	m->type_candidates = shape->candidates;
	m->bucket_sz = shape->size_cnt == 1 ? shape->sizes[0] : 0;
}
