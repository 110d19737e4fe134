// SPDX-License-Identifier: GPL-2.0-only
/* The words of objects that ways go through. */
#include <string.h>

#include "base/cursor.h"
#include "graph/path_steps.h"

enum {
	OBJECT_SEARCHED_MAX = 256 << 20, /* bytes of one */
	HOLDER_SEARCHED_MAX = 64 << 10, /* larger ones are not asked whether they are a holder */
};

/* ---- words of objects ---- */

struct err *path_read_object(struct path_namer *n, uint32_t object, bool *ok)
{
	n->batch->cnt = 1;
	objects_get(n->objs, object, &n->batch->objects[0]);
	struct err *err = objects_read(n->objs->heap, n->batch);
	*ok = !err && n->batch->ok[0];
	return err;
}

static bool word_may_be_pointer(const struct fit_object *o, uint64_t off)
{
	return !o->mask_known || off / 8 >= OBJECT_MASK_WORDS ||
	       (o->ptr_mask[off / 512] >> off / 8 % 64 & 1);
}

/* The offset of the first word of some bytes that leads into a slot. */
static uint64_t find_word(const struct fit_object *o, const uint8_t *bytes, uint64_t from,
			  uint64_t len, const struct object *to)
{
	for (uint64_t at = 0; at + 8 <= len; at += 8)
		if (load_u64(bytes, at) - to->slot < to->size && word_may_be_pointer(o, from + at))
			return from + at;
	return PATH_NO_WORD;
}

struct err *path_find_word(struct path_namer *n, const struct object *to, uint64_t *off,
			   uint64_t words[2])
{
	struct mem *mem = &n->objs->heap->prog->target->mem;
	const struct fit_object *o = &n->batch->read[0];
	uint64_t from = o->bytes_len & ~7ull;

	words[0] = 0;
	*off = find_word(o, o->bytes, 0, o->bytes_len, to);
	if (*off != PATH_NO_WORD) {
		words[0] = *off >= 8 ? load_u64(o->bytes, *off - 8) : 0;
		words[1] = load_u64(o->bytes, *off);
	}
	for (; *off == PATH_NO_WORD && from < o->size && from < OBJECT_SEARCHED_MAX;
	     from += PATH_PIECE_SZ - 8) {
		uint64_t len = o->size - from < PATH_PIECE_SZ ? o->size - from : PATH_PIECE_SZ;
		struct mem_req req = { o->addr + from, len, false, n->piece };
		struct err *err = mem_gather(mem, &req, 1);

		if (err)
			return err;
		*off = req.ok ? find_word(o, n->piece, from, len, to) : PATH_NO_WORD;
		if (*off == PATH_NO_WORD)
			continue;
		words[0] = *off > from ? load_u64(n->piece, *off - from - 8) : 0;
		words[1] = load_u64(n->piece, *off - from);
	}
	return NULL;
}

/* ---- holders ---- */

static bool fit_is_of_holder(const struct path_namer *n, const struct fit *fit, uint64_t off,
			     const struct holder *h)
{
	const struct cat_type *type = fit->type;
	struct cat_leaf leaf;

	switch ((enum fit_kind)fit->kind) {
	case FIT_CLOSURE:
		return h->kind == HOLDER_CLOSURE;
	case FIT_CHAN:
	case FIT_CHAN_BUFFER:
		return h->kind == HOLDER_CHANNEL;
	case FIT_BUCKETS:
		return h->kind == HOLDER_MAP;
	case FIT_VALUE:
	case FIT_ARRAY:
		if (!h->type || !type || !type->size ||
		    !catalogue_leaf(n->s->cat, type, off % type->size, &leaf))
			return false;
		return !strcmp(cat_type_name(n->s->cat, leaf.owner ? leaf.owner : type), h->type);
	case FIT_NONE:
	case FIT_MAP_HEADER:
	case FIT_SWISS_TABLE:
	case FIT_SWISS_DIRECTORY:
		break;
	}
	return h->kind == HOLDER_MAP || h->kind == HOLDER_OBJECT;
}

struct err *path_object_is_holder(struct path_namer *n, uint32_t object, uint32_t target,
				  const struct holder *holder, bool *ret)
{
	uint64_t off, words[2];
	struct object to;
	struct fit fit;
	bool ok;
	struct err *err = path_read_object(n, object, &ok);

	objects_get(n->objs, target, &to);
	*ret = n->batch->objects[0].size > HOLDER_SEARCHED_MAX;
	if (*ret)
		return err;
	if (!err && ok)
		err = path_find_word(n, &to, &off, words);
	if (err || !ok || off == PATH_NO_WORD)
		return err;
	/* A variable that outlived its frame only passes the map on. */
	if (n->batch->read[0].size == 8) {
		*ret = true;
		return NULL;
	}
	fit_types(n->s->fitter, &n->batch->read[0], NULL, &fit);
	*ret = fit_is_of_holder(n, &fit, off, holder);
	return NULL;
}
