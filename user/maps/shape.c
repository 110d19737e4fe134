// SPDX-License-Identifier: GPL-2.0-only
#include "maps/shape.h"

#include <string.h>

#include "base/cursor.h"
#include "heap/sizeclass.h"

void evidence_place(const struct heap *heap, struct evidence *ev)
{
	const struct mspan_layout *mspan = &heap->prog->layout.mspan;
	const struct object *o = &ev->o;

	ev->type_word = ev->type_at = 0;
	ev->type_read = ev->has_bits = false;
	ev->bit_bytes = NULL;
	if (evidence_is_bare(ev))
		return;
	/* In other spans the word is left over from the descriptor's former use. */
	if (!span_sizeclass(o->span) && mspan->large_type != OFF_NONE)
		ev->type_at = span_desc(o->span) + mspan->large_type;
	if (o->has_header)
		ev->type_at = o->slot;

	uint64_t words = (o->slot + o->size - o->start) / 8;

	ev->has_bits = ptrbits_place(heap, o->span, o->start,
				     words < SHAPE_WORDS ? words : SHAPE_WORDS, &ev->bits);
}

size_t evidence_ask(struct evidence *ev, struct mem_req reqs[SHAPE_READS])
{
	size_t n = 0;

	if (ev->type_at && !ev->type_read)
		reqs[n++] = (struct mem_req){ ev->type_at, 8, false, &ev->type_word };
	if (ev->has_bits && !ev->bit_bytes) {
		ev->bit_bytes = ev->own_bytes;
		reqs[n++] = (struct mem_req){ ev->bits.addr, ev->bits.len, false, ev->own_bytes };
	}
	return n;
}

struct err *evidence_read(struct heap *heap, uint64_t addr, struct evidence *ev, bool *ok_ret)
{
	struct mem *mem = &heap->prog->target->mem;
	struct mem_req reqs[SHAPE_READS];

	*ok_ret = heap_object(heap, addr, &ev->o);
	if (!*ok_ret)
		return NULL;
	evidence_place(heap, ev);
	size_t cnt = evidence_ask(ev, reqs);
	struct err *err = mem->read_reqs(mem, reqs, cnt); /* too few to gather */
	for (size_t i = 0; !err && i < cnt; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0xff, reqs[i].len);
	return err;
}

/* Whether the words of the first bucket are pointers where the type has them. */
static bool evidence_bits_fit(const struct evidence *ev, const struct map_type *t)
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

static bool elem_is_zero(const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8)
		if (load_u64(p, 0))
			return false;
	for (; len; p++, len--)
		if (*p)
			return false;
	return true;
}

/* The first of the slots in a word that has a bit for each. */
static uint32_t group_slot_of(uint64_t slots)
{
	return __builtin_ctzll(slots) / 8;
}

/* A quick test for keys of 8 bytes, as most are: a full group has 28 pairs of keys to compare, but
 * when each key sets a different one of 64 bits, no two are the same. */
static bool sure_to_differ(const uint8_t *keys, uint32_t stride, uint64_t slots)
{
	uint64_t seen = 0;

	for (; slots; slots &= slots - 1) {
		uint64_t key = load_u64(keys, group_slot_of(slots) * stride);
		uint64_t bit = 1ull << (key * 0x9e3779b97f4a7c15 >> 58);

		if (seen & bit)
			return false;
		seen |= bit;
	}
	return true;
}

/* Whether two of the slots have the same key. */
static bool group_has_twins(const struct slots *s, const uint8_t *keys, uint64_t slots)
{
	if (s->key_sz == 8 && sure_to_differ(keys, s->key_stride, slots))
		return false;
	for (; slots; slots &= slots - 1) {
		const uint8_t *key = keys + group_slot_of(slots) * s->key_stride;

		for (uint64_t others = slots & (slots - 1); others; others &= others - 1)
			if (!memcmp(key, keys + group_slot_of(others) * s->key_stride, s->key_sz))
				return true;
	}
	return false;
}

/*
 * Whether the bytes have what every group of a type has: elems of empty slots are zero (delete
 * always clears them), and no key is there twice (except NaN).
 */
static bool group_fits_type(const struct map_type *t, const uint8_t *g)
{
	const struct slots *s = &t->slots;
	const uint8_t *keys = g + s->keys_off, *elems = g + s->elems_off;
	uint64_t vacant = load_u64(g, 0) >> 7 & EACH_BYTE, full = vacant ^ EACH_BYTE;

	for (; vacant; vacant &= vacant - 1)
		if (!elem_is_zero(elems + group_slot_of(vacant) * s->elem_stride, s->elem_sz))
			return false;
	return t->need_key_update || !group_has_twins(s, keys, full);
}

bool shape_fits_group(const struct shape *shape, const uint8_t *group)
{
	for (uint8_t i = 0; i < shape->form_cnt; i++)
		if (group_fits_type(shape->forms[i], group))
			return true;
	/* There may be more forms than are kept, and one of those may fit. */
	return shape->form_cnt == SHAPE_FORMS_MAX;
}

bool shape_alloc_fits(const struct heap *heap, const struct object *o, uint64_t sz)
{
	return o->size == alloc_size(sz, span_noscan(o->span), heap_malloc_headers(heap));
}

bool shape_type_fits(const struct heap *heap, const struct object *o, const struct map_type *t,
		     uint64_t n)
{
	bool noscan = t->bucket_ptr_bytes == 0;

	return noscan == span_noscan(o->span) && n <= UINT64_MAX / t->bucket_sz &&
	       shape_alloc_fits(heap, o, n * t->bucket_sz);
}

static void shape_add_size(struct shape *s, uint16_t size)
{
	for (uint8_t i = 0; i < s->size_cnt; i++)
		if (s->sizes[i] == size)
			return;
	if (s->size_cnt < SHAPE_SIZES_MAX)
		s->sizes[s->size_cnt++] = size;
}

static void shape_add_form(struct shape *s, const struct map_type *t)
{
	for (uint8_t i = 0; i < s->form_cnt; i++)
		if (!memcmp(&s->forms[i]->slots, &t->slots, sizeof(t->slots)) &&
		    s->forms[i]->need_key_update == t->need_key_update &&
		    s->forms[i]->pointee_sz == t->pointee_sz &&
		    s->forms[i]->data_run_cnt == t->data_run_cnt)
			return;
	if (s->form_cnt < SHAPE_FORMS_MAX)
		s->forms[s->form_cnt++] = t;
}

/* Several map types may have the same bucket type (type M map[K]V and map[K]V). They count as one
 * answer, for which the unnamed type stands. */
static bool type_is_repeated(const struct heap *heap, const struct map_type *t)
{
	return gotypes_by_bucket(heap->prog->types, t->bucket) != t;
}

struct shape shape_narrow(const struct heap *heap, const struct evidence *ev, uint64_t n,
			  uint16_t only_sz, shape_may_be_fn may_be, void *ctx)
{
	size_t cnt;
	const struct map_type *types = gotypes_maps(heap->prog->types, &cnt);
	struct shape s = { .source = TYPE_UNKNOWN };
	size_t distinct = 0; /* bucket types */

	for (size_t i = 0; i < cnt; i++) {
		const struct map_type *t = &types[i];

		if ((only_sz && t->bucket_sz != only_sz) || !shape_type_fits(heap, &ev->o, t, n) ||
		    !evidence_bits_fit(ev, t) || (may_be && !may_be(ctx, t)))
			continue;
		s.candidates += s.candidates < UINT16_MAX;
		if (type_is_repeated(heap, t))
			continue;
		distinct++;
		s.type = t;
		shape_add_size(&s, t->bucket_sz);
		shape_add_form(&s, t);
	}
	if (distinct == 1)
		s.source = TYPE_UNIQUE_SHAPE;
	if (distinct > 1) {
		s.source = TYPE_AMBIGUOUS;
		s.type = NULL;
	}
	return s;
}

/* How many map types have that bucket type. */
static uint16_t types_with_bucket(const struct heap *heap, uint64_t bucket)
{
	size_t cnt;
	const struct map_type *types = gotypes_maps(heap->prog->types, &cnt);
	uint16_t n = 0;

	for (size_t i = 0; i < cnt; i++)
		n += types[i].bucket == bucket && n < UINT16_MAX;
	return n;
}

static struct shape shape_by_header(const struct heap *heap, const struct map_type *t)
{
	return (struct shape){
		.type = t,
		.candidates = types_with_bucket(heap, t->bucket),
		.source = TYPE_HEADER,
		.size_cnt = 1,
		.sizes = { t->bucket_sz },
		.form_cnt = 1,
		.forms = { t },
	};
}

enum { MASK_WORDS = (SHAPE_WORDS + 63) / 64 };

/* All evidence for a type: the key of the cache. */
struct look {
	uint64_t size; /* of the object */
	uint64_t n;
	uint64_t type_word;
	uint64_t traits; /* the bucket size if known, and two bits */
	uint32_t mask_words; /* in use; small maps have one */
	uint64_t mask[MASK_WORDS]; /* bit i: word i is a pointer */
};

struct shape_cache {
	struct {
		struct look look; /* size 0: none */
		struct shape shape;
	} slots[SHAPE_CACHE_SLOTS];
	struct small_shape small[SHAPE_CACHE_SLOTS];
};

struct shape_cache *shape_cache_new(void)
{
	return calloc(1, sizeof(struct shape_cache));
}

void shape_cache_free(struct shape_cache *cache)
{
	free(cache);
}

static void look_init(struct look *look, const struct evidence *ev, uint64_t n, uint16_t only_sz)
{
	uint64_t words = (ev->o.slot + ev->o.size - ev->o.start) / 8;

	look->size = ev->o.size;
	look->n = n;
	look->type_word = ev->type_word;
	look->traits = only_sz | span_noscan(ev->o.span) << 16 | ev->has_bits << 17;
	look->mask_words = 0;
	if (words > SHAPE_WORDS)
		words = SHAPE_WORDS;
	for (uint32_t w = 0; ev->has_bits && w < words; w += 64)
		look->mask[look->mask_words++] =
			ptrbits_mask(&ev->bits, ev->bit_bytes, w, words - w < 64 ? words - w : 64);
}

static bool look_same(const struct look *a, const struct look *b)
{
	bool same = a->size == b->size && a->n == b->n && a->type_word == b->type_word &&
		    a->traits == b->traits && a->mask_words == b->mask_words;

	for (uint32_t i = 0; same && i < a->mask_words; i++)
		same = a->mask[i] == b->mask[i];
	return same;
}

/* Multiplies each part by a different odd number: no product has to wait for another one. */
static size_t look_hash(const struct look *look)
{
	uint64_t h = look->size * 0x9e3779b97f4a7c15 + look->n * 0xbf58476d1ce4e5b9 +
		     look->type_word * 0x94d049bb133111eb + look->traits * 0xd6e8feb86659fd93;

	for (uint32_t i = 0; i < look->mask_words; i++)
		h += (look->mask[i] ^ look->mask[i] >> 32) * (0xff51afd7ed558ccd + 2 * i);
	return (h >> 40) % SHAPE_CACHE_SLOTS;
}

static struct shape shape_find(const struct heap *heap, const struct evidence *ev, uint64_t n,
			       uint16_t only_sz)
{
	const struct map_type *t =
		ev->type_word ? gotypes_by_bucket(heap->prog->types, ev->type_word) : NULL;

	if (t && shape_type_fits(heap, &ev->o, t, n))
		return shape_by_header(heap, t);
	return shape_narrow(heap, ev, n, only_sz, /* may_be= */ NULL, NULL);
}

struct small_shape *shape_of_small(const struct heap *heap, struct shape_cache *cache,
				   const struct evidence *ev)
{
	bool told = ev->has_bits || evidence_is_bare(ev);

	if (ev->o.size > 64 * 8 || ev->type_at || !told)
		return NULL;
	uint8_t spanclass = ev->o.span->spanclass;
	uint32_t words = (ev->o.slot + ev->o.size - ev->o.start) / 8;
	uint64_t mask = ev->has_bits ? ptrbits_mask(&ev->bits, ev->bit_bytes, 0, words) : 0;
	size_t i = ((mask ^ spanclass) * 0x9e3779b97f4a7c15 >> 40) % SHAPE_CACHE_SLOTS;
	struct small_shape *small = &cache->small[i];

	if (small->mask != mask || small->spanclass != spanclass)
		*small = (struct small_shape){
			.shape = shape_find(heap, ev, 1, /* only_sz= */ 0),
			.mask = mask,
			.spanclass = spanclass,
		};
	return small;
}

void shape_forget_kinds(struct shape_cache *cache)
{
	for (size_t i = 0; i < SHAPE_CACHE_SLOTS; i++)
		memset(cache->small[i].kinds, 0, sizeof(cache->small[i].kinds));
}

const struct shape *shape_of(const struct heap *heap, struct shape_cache *cache,
			     const struct evidence *ev, uint64_t n, uint16_t only_sz)
{
	struct small_shape *small = n == 1 && !only_sz ? shape_of_small(heap, cache, ev) : NULL;
	struct look look;

	if (small)
		return &small->shape;
	look_init(&look, ev, n, only_sz);
	size_t i = look_hash(&look);
	if (!look_same(&cache->slots[i].look, &look)) {
		cache->slots[i].look = look;
		cache->slots[i].shape = shape_find(heap, ev, n, only_sz);
	}
	return &cache->slots[i].shape;
}

void shape_apply(const struct shape *shape, struct map_info *m)
{
	m->type = shape->type;
	m->type_source = shape->source;
	m->type_candidates = m->shape_candidates = shape->candidates;
	m->bucket_sz = shape->size_cnt == 1 ? shape->sizes[0] : 0;
}
