// SPDX-License-Identifier: GPL-2.0-only
#include "maps/entry_weight.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "maps/buckets.h"
#include "maps/kinds.h"

enum {
	WEIGH_ENTRIES = 512,
	WEIGH_BUCKETS = 256, /* so many are enough, unless the map is nearly empty */
	WEIGH_UNKNOWN_PART = 10, /* at most 1/10 of the pointers lead to what is not known */
};

struct weighed_object {
	uint64_t start;
	uint64_t size;
};

struct weighing {
	struct heap *heap;
	const struct map_kind_ops *ops;
	const struct map_type *type;
	uint64_t entries;
	uint64_t pointers;
	uint64_t unknown; /* pointers to memory that was not in use when the heap was read */
	bool leads_on;
	bool failed; /* out of memory */
	VEC(struct weighed_object) objects;
};

static void weigh_pointer(struct weighing *w, uint64_t addr)
{
	struct object o;

	if (!addr || !heap_may_hold(w->heap, addr))
		return;
	w->pointers++;
	if (!heap_object(w->heap, addr, &o)) {
		w->unknown++;
		return;
	}
	w->leads_on |= !span_noscan(o.span);
	w->failed |= !vec_push(&w->objects, ((struct weighed_object){ o.slot, o.size }));
}

/* Weighs what the words in [off, off + sz) of a bucket lead to. */
static void weigh_words(struct weighing *w, const uint8_t *bucket, uint32_t off, uint32_t sz)
{
	const struct map_type *t = w->type;

	for (uint32_t at = off & ~7u; at < off + sz && at + 8 <= t->bucket_ptr_bytes; at += 8) {
		uint64_t addr;

		if (!(t->ptr_mask[at / 64] >> (at / 8 % 8) & 1))
			continue;
		memcpy(&addr, bucket + at, sizeof(addr));
		weigh_pointer(w, addr);
	}
}

static void weigh_bucket(struct weighing *w, const uint8_t *bucket)
{
	const struct slots *s = &w->type->slots;

	for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
		if (!slot_is_full(w->ops, bucket[i]))
			continue;
		w->entries++;
		weigh_words(w, bucket, s->keys_off + i * s->key_stride, s->key_sz);
		weigh_words(w, bucket, s->elems_off + i * s->elem_stride, s->elem_sz);
	}
}

/* A buckets_visit_fn. */
static bool weigh_buckets(void *ctx, const uint8_t *buckets, size_t n)
{
	struct weighing *w = ctx;

	for (; n && w->entries < WEIGH_ENTRIES; n--, buckets += w->type->bucket_sz)
		weigh_bucket(w, buckets);
	return !w->failed && w->entries < WEIGH_ENTRIES;
}

static int cmp_weighed(const void *a, const void *b)
{
	uint64_t x = ((const struct weighed_object *)a)->start;
	uint64_t y = ((const struct weighed_object *)b)->start;

	return x < y ? -1 : x > y;
}

static void weighing_sum(struct weighing *w, struct entry_weight *ret, bool *known_ret)
{
	vec_sort(&w->objects, cmp_weighed);
	*ret = (struct entry_weight){ .entries = w->entries, .leads_on = w->leads_on };
	for (size_t i = 0; i < w->objects.len; i++)
		if (!i || w->objects.data[i].start != w->objects.data[i - 1].start)
			ret->bytes += w->objects.data[i].size;
	/* Objects that are newer than what we know of the heap weigh as much as the others. */
	uint64_t seen = w->pointers - w->unknown;
	if (seen)
		ret->bytes = ret->bytes * w->pointers / seen;
	*known_ret = w->entries && WEIGH_UNKNOWN_PART * w->unknown <= w->pointers;
}

/* Whether the type tells which words of its buckets are pointers. */
static bool pointers_are_known(const struct map_info *m)
{
	return m->type && m->bucket_sz == m->type->bucket_sz &&
	       (m->type->has_ptr_mask || !m->type->bucket_ptr_bytes) &&
	       m->type->bucket_ptr_bytes <= 8 * 8 * PTR_MASK_SZ;
}

static struct err *weighing_visit(struct weighing *w, const struct buckets *b)
{
	_cleanup_free_ uint8_t *buf = malloc(BUCKETS_READ_SZ);
	struct bucket_visitor visitor = { weigh_buckets, w, buf };
	uint64_t n = b->cnt < WEIGH_BUCKETS ? b->cnt : WEIGH_BUCKETS;
	bool whole; /* does not matter: what was seen counts */

	return buf ? buckets_visit(b, 0, n, &visitor, &whole) : err_nomem();
}

struct err *entry_weight_take(struct heap *heap, const struct residency *residency,
			      const struct map_info *m, struct entry_weight *ret, bool *known_ret)
{
	struct weighing w = { .heap = heap, .ops = kinds_ops_of(heap), .type = m->type };
	struct buckets b = { 0 };
	bool found = false;

	*known_ret = false;
	if (!pointers_are_known(m))
		return NULL;
	struct err *err = buckets_init(&b, heap, residency, m, &found);
	if (!err && found)
		err = weighing_visit(&w, &b);
	if (!err && w.failed)
		err = err_nomem();
	if (!err)
		weighing_sum(&w, ret, known_ret);
	vec_fini(&w.objects);
	buckets_fini(&b);
	return err;
}
