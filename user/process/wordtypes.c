// SPDX-License-Identifier: GPL-2.0-only
#include "process/wordtypes.h"

#include "process/typesection.h"

enum {
	DEPTH_MAX = 16,
	VISITS_MAX = 1024,
	IMETHODS_LEN = 64, /* in an interface type: the number of its methods */
};

/* Where a part of a key or elem is. */
struct word_place {
	uint32_t off; /* in the first slot of the bucket */
	uint32_t end; /* the end of the key or elem */
	uint32_t stride;
};

/* Finds which of a type's first words are pointers. Returns the number of words; 0 when the mask
 * is not in the section. */
static uint8_t pointer_mask(const struct section *s, const uint8_t *t, uint64_t *ret)
{
	uint64_t words = load_u64(t, TYPE_SIZE) / 8, ptr_words = load_u64(t, TYPE_PTR_BYTES) / 8;
	uint64_t gcdata = load_u64(t, TYPE_GCDATA);

	*ret = 0;
	if (words > POINTEE_WORDS_MAX)
		words = POINTEE_WORDS_MAX;
	if (ptr_words > words)
		ptr_words = words;
	if (!ptr_words)
		return words;
	const uint8_t *bits = type_bytes(s, gcdata, (ptr_words + 7) / 8);
	if (!bits || (load_u8(t, TYPE_KIND) & KIND_GC_PROG) ||
	    (load_u8(t, TYPE_TFLAG) & TFLAG_GC_MASK_ON_DEMAND))
		return 0;
	for (uint64_t w = 0; w < ptr_words; w++)
		*ret |= (uint64_t)(bits[w / 8] >> w % 8 & 1) << w;
	return words;
}

static struct word_type *word_types_add_word(struct word_types *w, const struct word_place *at,
					     enum word_kind kind, uint32_t sz)
{
	if (w->cnt == WORD_TYPES_MAX || at->off > at->end || sz > at->end - at->off)
		return NULL;
	w->words[w->cnt] = (struct word_type){ .off = at->off, .stride = at->stride, .kind = kind };
	return &w->words[w->cnt++];
}

/* Adds a word that points to what a type describes. Without a type it may point to anything, so
 * nothing is added. */
static void word_types_add_pointer(const struct section *s, uint64_t pointee,
				   const struct word_place *at, enum word_kind kind, bool not_nil,
				   struct word_types *w)
{
	const uint8_t *t = is_type(s, pointee) ? type_at(s, pointee, TYPE_SZ) : NULL;
	uint8_t align = t ? load_u8(t, TYPE_ALIGN) : 0;

	if (!t || !align || align > 8 || (align & (align - 1)))
		return;
	struct word_type *word = word_types_add_word(w, at, kind, kind == WORD_SLICE ? 24 : 8);
	if (!word)
		return;
	word->not_nil = not_nil;
	word->size = load_u64(t, TYPE_SIZE);
	word->has_ptrs = load_u64(t, TYPE_PTR_BYTES) != 0;
	word->align = align;
	word->mask_words = pointer_mask(s, t, &word->mask);
}

/* A map is a pointer to its header. */
static void word_types_add_map(const struct section *s, const struct word_place *at,
			       struct word_types *w)
{
	struct word_type *word = word_types_add_word(w, at, WORD_POINTER, 8);

	if (!word)
		return;
	word->size = layout_map_header_sz(s->layout);
	word->has_ptrs = true;
	word->align = 8;
	word->mask_words = word->size / 8;
	word->mask = layout_map_header_ptrs(s->layout);
}

static void word_types_add_type(const struct section *s, uint64_t type, const struct word_place *at,
				int depth, struct word_types *w);

static void word_types_add_fields(const struct section *s, const uint8_t *type,
				  const struct word_place *at, int depth, struct word_types *w)
{
	uint64_t cnt = load_u64(type, STRUCT_FIELD_CNT);
	const uint8_t *fields = type_fields(s, type);

	for (uint64_t i = 0; fields && i < cnt && w->cnt < WORD_TYPES_MAX; i++) {
		uint64_t off = load_u64(fields + i * FIELD_SZ, FIELD_OFFSET);
		struct word_place field = *at;

		if (off > at->end - at->off)
			return;
		field.off += off;
		word_types_add_type(s, load_u64(fields + i * FIELD_SZ, FIELD_TYPE), &field, depth,
				    w);
	}
}

static void word_types_add_elems(const struct section *s, const uint8_t *type,
				 const struct word_place *at, int depth, struct word_types *w)
{
	uint64_t elem = load_u64(type, ARRAY_ELEM), len = load_u64(type, ARRAY_LEN);
	uint64_t sz = is_type(s, elem) ? load_u64(type_at(s, elem, TYPE_SZ), TYPE_SIZE) : 0;
	struct word_place one = *at;

	for (uint64_t i = 0; sz && i < len && w->cnt < WORD_TYPES_MAX; i++) {
		size_t before = w->visits;

		if (sz > at->end - one.off)
			return;
		word_types_add_type(s, elem, &one, depth, w);
		one.off += sz;
		if (w->visits == before)
			return; /* the limit of visits is reached */
	}
}

static void word_types_add_type(const struct section *s, uint64_t type, const struct word_place *at,
				int depth, struct word_types *w)
{
	const uint8_t *t = type_at(s, type, STRUCT_TYPE_SZ);

	if (depth == DEPTH_MAX || w->visits == VISITS_MAX)
		return;
	w->visits++;
	if (!is_type(s, type)) /* a type that is not a struct may be the last of the section */
		return;
	uint8_t kind = type_kind(type_at(s, type, TYPE_SZ));
	switch (kind) {
	case KIND_BOOL:
		word_types_add_word(w, at, WORD_BOOL, 1);
		return;
	case KIND_STRING:
		word_types_add_word(w, at, WORD_STRING, 16);
		return;
	case KIND_MAP:
		word_types_add_map(s, at, w);
		return;
	}
	if (!t)
		return;
	if (kind == KIND_INTERFACE && load_u64(t, IMETHODS_LEN))
		word_types_add_word(w, at, WORD_INTERFACE, 16);
	else if (kind == KIND_POINTER)
		word_types_add_pointer(s, load_u64(t, ARRAY_ELEM), at, WORD_POINTER, false, w);
	else if (kind == KIND_SLICE)
		word_types_add_pointer(s, load_u64(t, ARRAY_ELEM), at, WORD_SLICE, false, w);
	else if (kind == KIND_STRUCT)
		word_types_add_fields(s, t, at, depth + 1, w);
	else if (kind == KIND_ARRAY)
		word_types_add_elems(s, t, at, depth + 1, w);
}

void word_types_add(const struct section *s, const struct stored *stored, struct word_types *w)
{
	struct word_place at = {
		.off = stored->off,
		.end = stored->off + stored->size,
		.stride = stored->stride,
	};

	if (stored->indirect)
		word_types_add_pointer(s, stored->type, &at, WORD_POINTER, true, w);
	else
		word_types_add_type(s, stored->type, &at, 0, w);
}
