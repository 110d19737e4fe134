// SPDX-License-Identifier: GPL-2.0-only
#include "graph/held_objects.h"

#include <string.h>

#include "heap/ptrbits.h"

enum {
	MASK_LEN = OBJECT_MASK_WORDS / 64,
	/* Two bits for each word is the widest form. */
	BITS_SZ = OBJECT_MASK_WORDS / 4 + 1 + PTRBITS_PAD,
};

struct object_batch *object_batch_new(void)
{
	struct object_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->bytes = calloc(OBJECTS_A_READ, OBJECT_BYTES_MAX);
	b->masks = calloc(OBJECTS_A_READ, MASK_LEN * sizeof(*b->masks));
	b->bits = calloc(OBJECTS_A_READ, BITS_SZ);
	if (b->bytes && b->masks && b->bits)
		return b;
	object_batch_free(b);
	return NULL;
}

void object_batch_free(struct object_batch *b)
{
	if (!b)
		return;
	free(b->bytes);
	free(b->masks);
	free(b->bits);
	free(b);
}

static uint64_t object_words(const struct object *o)
{
	return (o->slot + o->size - o->start) / 8;
}

/* Where the bits of an object are; false when it has none, or too many. */
static bool object_bits(const struct heap *heap, const struct object *o, struct ptrbits *ret)
{
	uint64_t words = object_words(o);

	return words && words <= OBJECT_MASK_WORDS && !o->has_header &&
	       ptrbits_place(heap, o->span, o->start, words, ret);
}

/* The bits of a word in the widest form: one says that it is a pointer, the other that pointers
 * follow, or that it is one of the first words of an object. */
static bool bits_end_at(const struct ptrbits *p, const uint8_t *bits, uint64_t word)
{
	uint64_t at = p->first + word;

	return p->shift == 2 && !(bits[at / 4] >> (4 + at % 4) & 1);
}

static void object_make_mask(const struct ptrbits *p, const uint8_t *bits, uint64_t words,
			     uint64_t *mask)
{
	memset(mask, 0, (words + 63) / 64 * sizeof(*mask));
	for (uint64_t w = 0; w < words; w++) {
		uint64_t at = p->first + w;

		if (bits_end_at(p, bits, w))
			return;
		if (bits[at >> p->shift] >> (at & ((1u << p->shift) - 1)) & 1)
			mask[w / 64] |= 1ull << w % 64;
	}
}

struct err *objects_read(struct heap *heap, struct object_batch *b)
{
	struct mem_req reqs[2 * OBJECTS_A_READ];
	struct ptrbits places[OBJECTS_A_READ];
	size_t n = 0;

	for (size_t i = 0; i < b->cnt; i++) {
		const struct object *o = &b->objects[i];
		uint64_t size = o->slot + o->size - o->start;
		size_t len = size < OBJECT_BYTES_MAX ? size : OBJECT_BYTES_MAX;
		uint8_t *bytes = b->bytes + i * OBJECT_BYTES_MAX;

		b->ok[i] = true;
		b->read[i] = (struct fit_object){
			.addr = o->start,
			.size = size,
			.spanclass = o->span->spanclass,
			.bytes = bytes,
			.bytes_len = len,
			.ptr_mask = b->masks + i * MASK_LEN,
			.mask_known = object_bits(heap, o, &places[i]),
		};
		reqs[n++] = (struct mem_req){ o->start, len, false, bytes };
		if (b->read[i].mask_known)
			reqs[n++] = (struct mem_req){ places[i].addr, places[i].len, false,
						      b->bits + i * BITS_SZ };
	}
	struct err *err = mem_gather(&heap->prog->target->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++) {
		uint8_t *dst = reqs[i].dst;
		bool is_bits = dst >= b->bits && dst < b->bits + OBJECTS_A_READ * BITS_SZ;

		if (!reqs[i].ok)
			b->ok[is_bits ? (dst - b->bits) / BITS_SZ
				      : (dst - b->bytes) / OBJECT_BYTES_MAX] = false;
	}
	for (size_t i = 0; !err && i < b->cnt; i++)
		if (b->ok[i] && b->read[i].mask_known)
			object_make_mask(&places[i], b->bits + i * BITS_SZ,
					 object_words(&b->objects[i]), b->masks + i * MASK_LEN);
	return err;
}
