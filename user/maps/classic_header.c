// SPDX-License-Identifier: GPL-2.0-only
#include "maps/classic_header.h"

#include "base/cursor.h"
#include "maps/sizing.h"

enum { B_MAX = 40 };

struct classic_header classic_parse_header(const struct classic_layout *l, const uint8_t *p)
{
	return (struct classic_header){
		.count = load_u64(p, HMAP_COUNT),
		.flags = load_u8(p, HMAP_FLAGS),
		.b = load_u8(p, HMAP_B),
		.noverflow = load_u16(p, HMAP_NOVERFLOW),
		.hash0 = load_u32(p, HMAP_HASH0),
		.buckets = load_u64(p, l->buckets),
		.oldbuckets = load_u64(p, l->oldbuckets),
		.extra = load_u64(p, l->extra),
	};
}

/* Sets field by field, like classic_work_init(): a short memset() is a slow one. */
static void classic_array_init(struct classic_array *a)
{
	a->o.span = NULL;
	a->cnt = a->first = a->end = 0;
	a->ahead = NULL;
	a->tally = (struct classic_tally){ 0 };
}

void classic_work_init(struct classic_work *w, size_t at, const struct classic_layout *l,
		       const uint8_t *header)
{
	w->at = at;
	w->h = classic_parse_header(l, header);
	w->bucket_sz = 0;
	w->grows = w->h.oldbuckets;
	w->sane = w->adds_up = w->unread = w->failed = false;
	w->found = 0;
	w->after = NULL;
	classic_array_init(&w->now);
	if (w->grows)
		classic_array_init(&w->old);
}

/* Finds the memory that a header's pointer leads to; false when it is newer than the heap. */
static bool classic_find_array(const struct heap *heap, uint64_t addr, struct classic_array *a)
{
	a->addr = addr;
	return heap_object(heap, addr, &a->o) || !heap_is_unread(heap, addr);
}

/* Whether an array of 1 << b buckets fits the memory that was found. */
static bool classic_array_fits(struct classic_array *a, unsigned int b)
{
	a->cnt = a->end = 1ull << b;
	return a->o.span && a->o.start == a->addr &&
	       a->o.slot + a->o.size - a->addr >= sizing_classic_array(b) * CLASSIC_BUCKET_SZ_MIN;
}

static bool classic_extra_fits(const struct heap *heap, uint64_t addr)
{
	struct object o;

	return !addr || (heap_object(heap, addr, &o) && o.start == addr && o.size == HMAP_EXTRA_SZ);
}

/* Whether the memory that was found can be that of the arrays. */
static enum verdict classic_check_arrays(struct classic_work *w, struct candidate *c)
{
	const struct classic_header *h = &w->h;
	bool same_size = h->flags & HMAP_FLAG_SAME_SIZE_GROW;

	c->doubt = h->buckets; /* the newer one of two arrays */
	if (!h->buckets)
		return h->count || h->oldbuckets ? VERDICT_MISFIT : VERDICT_EMPTY;
	if (!classic_array_fits(&w->now, h->b))
		return VERDICT_MISFIT;
	if (!h->oldbuckets)
		return VERDICT_MAP;
	if (!same_size && h->b == 0)
		return VERDICT_MISFIT;
	if (classic_array_fits(&w->old, same_size ? h->b : h->b - 1))
		return VERDICT_MAP;
	c->doubt = h->oldbuckets;
	return VERDICT_MISFIT;
}

/* Whether the map is in the middle of doubling. It doubles by several stores to its header, B
 * first and buckets last, and between two of them the writer may be off its processor for as
 * long as we look. */
static bool classic_is_doubling(const struct classic_work *w)
{
	struct classic_array now = w->now;
	bool before = !w->h.oldbuckets || w->h.oldbuckets == w->h.buckets;

	return w->h.flags & HMAP_FLAG_WRITING && w->h.b && before &&
	       classic_array_fits(&now, w->h.b - 1);
}

enum verdict classic_check_header(const struct heap *heap, struct classic_work *w,
				  struct candidate *c)
{
	const struct classic_header *h = &w->h;

	/* hash0 is 32 random bits, and set before the first bucket is. Only what depends on
	 * nothing but the header is final: the heap may have changed since it was read. */
	if (h->b > B_MAX || h->flags > HMAP_FLAGS_MAX || (h->buckets && !h->hash0))
		return VERDICT_LOOKALIKE;
	bool now = classic_find_array(heap, h->buckets, &w->now);
	if (!now || (w->grows && !classic_find_array(heap, h->oldbuckets, &w->old))) {
		c->moved = true; /* the heap has, while we read */
		c->doubt = now ? h->oldbuckets : h->buckets;
		return VERDICT_CHANGED;
	}
	c->doubt = h->extra;
	if (!classic_extra_fits(heap, h->extra))
		return VERDICT_MISFIT;
	enum verdict v = classic_check_arrays(w, c);
	if (v != VERDICT_MISFIT || !classic_is_doubling(w))
		return v;
	c->moved = true;
	return VERDICT_CHANGED;
}

/* ---- headers that nothing else vouches for ---- */

static bool may_be_pointer(const struct heap *heap, uint64_t word)
{
	return word % 8 == 0 && heap_may_hold(heap, word);
}

bool classic_may_be_map(const struct heap *heap, const uint8_t *bytes)
{
	const struct classic_layout *l = &heap->prog->layout.classic;
	struct classic_header h = classic_parse_header(l, bytes);

	/* B is not 0: a frame that has the header has the only bucket, too. */
	return h.b && h.b <= B_MAX && h.flags <= HMAP_FLAGS_MAX && h.hash0 &&
	       h.count <= (uint64_t)BUCKET_SLOTS << h.b &&
	       load_u64(bytes, l->nevacuate) <= 1ull << h.b && may_be_pointer(heap, h.buckets) &&
	       (!h.oldbuckets || may_be_pointer(heap, h.oldbuckets)) &&
	       (!h.extra || may_be_pointer(heap, h.extra));
}

bool classic_may_be_table(const struct heap *heap, const struct object *o, uint64_t cnt)
{
	size_t type_cnt;
	const struct map_type *types = gotypes_maps(heap->prog->types, &type_cnt);

	for (size_t i = 0; i < type_cnt; i++)
		if (shape_type_fits(heap, o, &types[i], cnt))
			return true;
	return false;
}

struct header_tables classic_tables_of(const struct go_layout *layout, const uint8_t *header)
{
	uint8_t b = load_u8(header, HMAP_B);

	return (struct header_tables){
		.addrs = { load_u64(header, layout->classic.buckets),
			   load_u64(header, layout->classic.oldbuckets) },
		.cnt = b <= B_MAX ? sizing_classic_array(b) : 0,
	};
}

bool classic_is_writing(const uint8_t *header)
{
	return load_u8(header, HMAP_FLAGS) & HMAP_FLAG_WRITING;
}

uint32_t classic_table_off(const struct go_layout *layout)
{
	return layout->classic.buckets;
}
