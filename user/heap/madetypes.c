// SPDX-License-Identifier: GPL-2.0-only
#include "heap/madetypes.h"

#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/table.h"
#include "heap/ptrbits.h"
#include "process/typesection.h"

enum {
	SEARCH_MAX = 64 << 20, /* bytes of spans that are searched */
	SPANS_A_READ = 32,
	MAPS_MAX = 1 << 14,
	PIECES_MAX = 1 << 16,
	PIECES_SZ_MAX = 16 << 20,
	PIECE_MAX = 64 << 10,

	/* Words of a map type that are pointers, the same in all versions: Equal, GCData, Key,
	 * Elem, Bucket, Hasher (go-runtime facts 1.2, 1.3, 6). */
	MAPTYPE_PTRS = 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9,
};

struct made {
	struct heap *heap;
	struct mem *mem;
	VEC(uint64_t) maps; /* addresses where a map type may be */
	VEC(struct type_range) pieces;
	struct table by_start; /* index of the pieces by their address */
	VEC(uint64_t) todo; /* types in the pieces whose references are not followed yet */
	uint64_t piece_bytes;
	bool complete;
};

/* ---- objects that may be map types ---- */

static bool has_maptype_pointers(const struct made *m, const struct span *span, uint64_t addr,
				 struct err **err)
{
	uint32_t words = m->heap->prog->layout.maptype.size / 8;
	uint8_t bytes[PTRBITS_PAD * 2 + 8] = { 0 };
	struct ptrbits bits;

	if (!ptrbits_place(m->heap, span, addr, words, &bits) ||
	    bits.len > sizeof(bytes) - PTRBITS_PAD)
		return false;
	struct mem_req req = { bits.addr, bits.len, false, bytes };
	*err = m->mem->read_reqs(m->mem, &req, 1);
	return !*err && req.ok && ptrbits_object_mask(&bits, bytes, words) == MAPTYPE_PTRS;
}

static struct err *made_look_at_span(struct made *m, const struct span *span, const uint8_t *data)
{
	uint64_t size = span_elemsize(span);
	struct err *err = NULL;

	for (uint32_t i = 0; !err && i < span_slots(span); i++) {
		uint64_t addr = span_base(span) + i * size;

		if (!type_is_map(data + i * size) || !has_maptype_pointers(m, span, addr, &err))
			continue;
		if (m->maps.len == MAPS_MAX)
			m->complete = false;
		else if (!vec_push(&m->maps, addr))
			return err_nomem();
	}
	return err;
}

static struct err *made_look_at_spans(struct made *m, const struct span *const *spans, size_t cnt,
				      uint8_t *buf)
{
	struct mem_req reqs[SPANS_A_READ];

	for (size_t i = 0; i < cnt; i++)
		reqs[i] = (struct mem_req){ span_base(spans[i]), GO_PAGE_SZ, false,
					    buf + i * GO_PAGE_SZ };
	struct err *err = m->mem->read_reqs(m->mem, reqs, cnt);
	for (size_t i = 0; !err && i < cnt; i++)
		if (reqs[i].ok)
			err = made_look_at_span(m, spans[i], reqs[i].dst);
	return err;
}

/* Spans of objects of that size have one page. */
static struct err *made_find_maps(struct made *m)
{
	const struct heap *heap = m->heap;
	uint8_t spanclass = sizeclass_for(heap->prog->layout.maptype.size) << 1;
	_cleanup_free_ uint8_t *buf = malloc(SPANS_A_READ * GO_PAGE_SZ);
	const struct span *spans[SPANS_A_READ];
	uint64_t left = SEARCH_MAX / GO_PAGE_SZ;
	struct err *err = buf ? NULL : err_nomem();
	size_t cnt = 0;

	for (size_t i = 0; !err && i < heap->spans.len; i++) {
		const struct span *span = &heap->spans.data[i];

		if (span->state != SPAN_IN_USE || span->spanclass != spanclass ||
		    span_slots(span) * span_elemsize(span) > GO_PAGE_SZ)
			continue;
		if (!left--) {
			m->complete = false;
			break;
		}
		spans[cnt++] = span;
		if (cnt == SPANS_A_READ) {
			err = made_look_at_spans(m, spans, cnt, buf);
			cnt = 0;
		}
	}
	return err || !cnt ? err : made_look_at_spans(m, spans, cnt, buf);
}

/* ---- what they refer to ---- */

static const struct type_range *made_piece_at(const struct made *m, uint64_t addr)
{
	struct object o;
	size_t i = TABLE_NONE;

	if (heap_object(m->heap, addr, &o))
		i = table_get(&m->by_start, o.slot);
	return i == TABLE_NONE ? NULL : &m->pieces.data[i];
}

static struct err *made_read_piece(struct made *m, const struct object *o)
{
	struct type_range r = { .addr = o->slot, .len = o->size, .mem = m->mem, .made = true };
	uint8_t *data = malloc(r.len);
	struct mem_req req = { r.addr, r.len, false, data };

	if (!data)
		return err_nomem();
	struct err *err = m->mem->read_reqs(m->mem, &req, 1);
	r.data = data;
	if (!err && req.ok && vec_push(&m->pieces, r)) {
		m->piece_bytes += r.len;
		return table_put(&m->by_start, r.addr, m->pieces.len - 1) ? NULL : err_nomem();
	}
	free(data);
	return err;
}

/* Reads the object that holds addr, unless it was read before. What is not an object of the heap
 * is in the image. *new_ret says whether it was read now. */
static struct err *made_want_piece(struct made *m, uint64_t addr, bool *new_ret)
{
	size_t before = m->pieces.len;
	struct object o;

	*new_ret = false;
	if (!heap_object(m->heap, addr, &o) || made_piece_at(m, addr))
		return NULL;
	if (o.size > PIECE_MAX || m->pieces.len == PIECES_MAX ||
	    m->piece_bytes + o.size > PIECES_SZ_MAX) {
		m->complete = false;
		return NULL;
	}
	struct err *err = made_read_piece(m, &o);
	*new_ret = m->pieces.len > before;
	return err;
}

static struct err *made_want_type(struct made *m, uint64_t addr)
{
	bool is_new;
	struct err *err = made_want_piece(m, addr, &is_new);

	if (!err && is_new && !vec_push(&m->todo, addr))
		err = err_nomem();
	return err;
}

/* The bytes at addr, from a piece; NULL when there are too few. */
static const uint8_t *made_bytes_at(const struct made *m, uint64_t addr, uint64_t len)
{
	const struct type_range *r = made_piece_at(m, addr);

	return r && len <= r->len - (addr - r->addr) ? r->data + (addr - r->addr) : NULL;
}

static struct err *made_want_word(struct made *m, uint64_t addr)
{
	const uint8_t *word = made_bytes_at(m, addr, 8);

	return word ? made_want_type(m, load_u64(word, 0)) : NULL;
}

static struct err *made_want_fields(struct made *m, uint64_t type)
{
	const uint8_t *t = made_bytes_at(m, type, STRUCT_TYPE_SZ);
	uint64_t fields = t ? load_u64(t, STRUCT_FIELDS) : 0;
	uint64_t cnt = t ? load_u64(t, STRUCT_FIELD_CNT) : 0;
	bool is_new;
	struct err *err = cnt ? made_want_piece(m, fields, &is_new) : NULL;

	if (cnt > PIECE_MAX / FIELD_SZ || !made_bytes_at(m, fields, cnt * FIELD_SZ))
		return err;
	for (uint64_t i = 0; !err && i < cnt; i++) {
		const uint8_t *f = made_bytes_at(m, fields + i * FIELD_SZ, FIELD_SZ);
		uint64_t name = load_u64(f, FIELD_NAME), of = load_u64(f, FIELD_TYPE);

		err = made_want_piece(m, name, &is_new);
		if (!err)
			err = made_want_type(m, of);
	}
	return err;
}

/* Reads what the descriptor of a type refers to, as far as that is in the heap. */
static struct err *made_follow(struct made *m, uint64_t type)
{
	const uint8_t *t = made_bytes_at(m, type, TYPE_SZ);
	struct err *err = NULL;

	switch (t ? type_kind(t) : 0) {
	case KIND_POINTER:
	case KIND_SLICE:
	case KIND_ARRAY:
	case KIND_CHAN:
		return made_want_word(m, type + ARRAY_ELEM);
	case KIND_STRUCT:
		return made_want_fields(m, type);
	case KIND_MAP:
		err = made_want_word(m, type + MAPTYPE_KEY);
		if (!err)
			err = made_want_word(m, type + MAPTYPE_ELEM);
		return err ? err : made_want_word(m, type + MAPTYPE_BUCKET);
	}
	return NULL;
}

static struct err *made_read_pieces(struct made *m)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < m->maps.len; i++)
		err = made_want_type(m, m->maps.data[i]);
	while (!err && m->todo.len) /* each piece comes here once */
		err = made_follow(m, m->todo.data[--m->todo.len]);
	return err;
}

/* ---- the search ---- */

static void made_fini(struct made *m)
{
	for (size_t i = 0; i < m->pieces.len; i++)
		free((void *)m->pieces.data[i].data);
	vec_fini(&m->pieces);
	vec_fini(&m->maps);
	vec_fini(&m->todo);
	table_fini(&m->by_start);
}

static struct err *made_search(struct made *m)
{
	struct program *prog = m->heap->prog;
	struct err *err = made_find_maps(m);

	if (err || !m->maps.len)
		return err;
	err = made_read_pieces(m);
	if (err)
		return err;
	const struct made_types types = {
		.pieces = m->pieces.data,
		.piece_cnt = m->pieces.len,
		.maps = m->maps.data,
		.map_cnt = m->maps.len,
	};
	return program_add_made_types(prog, &types);
}

struct err *madetypes_add(struct heap *heap)
{
	struct program *prog = heap->prog;
	_cleanup_(made_fini) struct made m = { .heap = heap,
					       .mem = &prog->target->mem,
					       .complete = true };

	if (prog->made.searched || !program_makes_types(prog))
		return NULL;
	size_t before, after;
	gotypes_maps(prog->types, &before);
	struct err *err = made_search(&m);
	if (err && err->kind != ERR_FORMAT && err->kind != ERR_FAULT)
		return err;
	if (err) { /* the types of the image are still there */
		log_debug("%s", err->msg);
		err_free(err);
		m.complete = false;
	}
	gotypes_maps(prog->types, &after);
	prog->made.searched = true;
	prog->made.complete = m.complete;
	prog->made.cnt = after - before;
	return NULL;
}
