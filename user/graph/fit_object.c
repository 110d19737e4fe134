// SPDX-License-Identifier: GPL-2.0-only
/* fit_object.c - the words of an object that is being typed, and the answer. */
#include "base/cursor.h"
#include "graph/fit_priv.h"
#include "heap/sizeclass.h"

bool fit_word(const struct fit_object *o, uint64_t off, uint64_t *ret)
{
	if (off + 8 > o->bytes_len)
		return false;
	*ret = load_u64(o->bytes, off);
	return true;
}

bool fit_mask_bit(const struct fit_object *o, uint64_t word)
{
	return o->ptr_mask[word / 64] >> word % 64 & 1;
}

/* Bits of up to 64 words from one on; 0 after the object. */
uint64_t fit_mask_words(const struct fit_object *o, uint64_t from, uint64_t n)
{
	uint64_t words = o->size / 8, shift = from % 64, bits;

	if (from >= words || !n)
		return 0;
	if (n > words - from)
		n = words - from;
	bits = o->ptr_mask[from / 64] >> shift;
	if (shift && n > 64 - shift)
		bits |= o->ptr_mask[from / 64 + 1] << (64 - shift);
	return n < 64 ? bits & ((1ull << n) - 1) : bits;
}

/* The number of words up to the last pointer. */
uint64_t fit_ptr_words(const struct fit_object *o)
{
	for (uint64_t i = (o->size / 8 + 63) / 64; i-- > 0;)
		if (o->ptr_mask[i])
			return i * 64 + 64 - __builtin_clzll(o->ptr_mask[i]);
	return 0;
}

bool fit_is_exact(const struct fit_job *j, uint64_t size, uint64_t n)
{
	bool headers = heap_malloc_headers(j->f->world.heap);

	return size && n && n <= j->slot / size && alloc_size(n * size, false, headers) == j->slot;
}

/* Whether the object's pointers are those of n values of the type, and no others. */
bool fit_mask_is(const struct fit_job *j, const struct cat_type *t, uint64_t n)
{
	uint64_t words = t->size / 8;
	uint64_t one[2 * FIT_MASK_WORDS];

	if (!j->o->mask_known)
		return true;
	if (n * t->ptr_bytes / 8 == 0 || t->size % 8)
		return !fit_ptr_words(j->o);
	if (fit_ptr_words(j->o) != ((n - 1) * t->size + t->ptr_bytes) / 8)
		return false;
	if (words > 2 * FIT_MASK_WORDS)
		words = 2 * FIT_MASK_WORDS;
	if (!cat_type_mask(t, one, words))
		return false;
	for (uint64_t e = 0; e < n; e++)
		for (uint64_t w = 0; w < words; w += 64) {
			uint64_t some = words - w < 64 ? words - w : 64;

			if (fit_mask_words(j->o, e * (t->size / 8) + w, some) != one[w / 64])
				return false;
		}
	return true;
}

/* The number of values whose pointers the object has; 0: it is no array of them. */
uint64_t fit_elems_by_mask(const struct fit_job *j, const struct cat_type *t)
{
	uint64_t words = fit_ptr_words(j->o);

	if (t->size % 8 || !t->ptr_bytes || !words)
		return 0;
	return (words * 8 + t->size - t->ptr_bytes) / t->size;
}

bool fit_set(const struct fit_job *j, enum fit_kind kind, enum fit_source source,
	     const struct cat_type *type)
{
	*j->ret = (struct fit){
		.type = type,
		.candidates = 1,
		.certain = true,
		.kind = kind,
		.source = source,
	};
	return true;
}

bool fit_set_closure(const struct fit_job *j, enum fit_source source, const struct cat_type *t,
		     uint64_t func)
{
	fit_set(j, FIT_CLOSURE, source, t);
	j->ret->func = func;
	return true;
}
