// SPDX-License-Identifier: GPL-2.0-only
#include "process/maptype.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "process/mem.h"
#include "process/typenames.h"
#include "process/typesection.h"

enum {
	CLASSIC_KEY_SZ = 80, /* one byte each */
	CLASSIC_ELEM_SZ = 81,

	/* Flags of the two kinds of maps. */
	CLASSIC_INDIRECT_KEY = 1,
	CLASSIC_INDIRECT_ELEM = 2,
	CLASSIC_NEED_KEY_UPDATE = 8,
	SWISS_NEED_KEY_UPDATE = 1,
	SWISS_INDIRECT_KEY = 4,
	SWISS_INDIRECT_ELEM = 8,

	DATA_RUNS_MAX = 64,
	DATA_DEPTH_MAX = 16,

	/* A bucket holds 8 keys and elems of at most 128 bytes each, 8 control
	 * bytes and perhaps an overflow pointer. */
	BUCKET_SZ_MAX = 8 + 8 * 256 + 8,
};

/* Size of a key or elem as it is stored: a large one is behind a pointer, which has 8 bytes. */
static uint32_t stored_size(const struct section *s, uint64_t type, bool indirect)
{
	uint64_t sz = load_u64(type_at(s, type, TYPE_SZ), TYPE_SIZE);

	return indirect ? 8 : sz < UINT32_MAX ? sz : UINT32_MAX;
}

static struct slots swiss_type_slots(const struct maptype_layout *l, const uint8_t *t)
{
	if (l->slot_sz != OFF_NONE) {
		uint32_t slot = load_u64(t, l->slot_sz);

		return (struct slots){
			.keys_off = 8,
			.key_stride = slot,
			.elems_off = 8 + load_u64(t, l->elem_off),
			.elem_stride = slot,
		};
	}
	return (struct slots){
		.keys_off = load_u64(t, l->keys_off),
		.key_stride = load_u64(t, l->keys_off + 8),
		.elems_off = load_u64(t, l->keys_off + 16),
		.elem_stride = load_u64(t, l->keys_off + 24),
	};
}

static struct slots classic_type_slots(const uint8_t *t)
{
	uint32_t key_sz = load_u8(t, CLASSIC_KEY_SZ), elem_sz = load_u8(t, CLASSIC_ELEM_SZ);

	return (struct slots){
		.keys_off = 8,
		.key_stride = key_sz,
		.elems_off = 8 + 8 * key_sz,
		.elem_stride = elem_sz,
	};
}

static bool has_indirect_elem(const struct section *s, const uint8_t *t)
{
	return load_u32(t, s->layout->maptype.flags) &
	       (s->layout->kind == MAP_CLASSIC ? CLASSIC_INDIRECT_ELEM : SWISS_INDIRECT_ELEM);
}

/* Finds where a bucket keeps its keys and elems; false when they do not fit into it. */
static bool map_type_read_slots(const struct section *s, const uint8_t *t, uint64_t bucket_sz,
				struct slots *ret)
{
	const struct maptype_layout *l = &s->layout->maptype;
	bool classic = s->layout->kind == MAP_CLASSIC;
	uint32_t flags = load_u32(t, l->flags);
	struct slots slots = classic ? classic_type_slots(t) : swiss_type_slots(l, t);

	slots.key_sz = stored_size(s, load_u64(t, MAPTYPE_KEY),
				   flags & (classic ? CLASSIC_INDIRECT_KEY : SWISS_INDIRECT_KEY));
	slots.elem_sz = stored_size(s, load_u64(t, MAPTYPE_ELEM), has_indirect_elem(s, t));
	if (classic && load_u16(t, l->bucket_sz) != bucket_sz)
		return false;
	*ret = slots;
	return slots.key_sz <= slots.key_stride && slots.elem_sz <= slots.elem_stride &&
	       slots.keys_off + 7ull * slots.key_stride + slots.key_sz <= bucket_sz &&
	       slots.elems_off + 7ull * slots.elem_stride + slots.elem_sz <= bucket_sz;
}

struct data_runs {
	struct data_run runs[DATA_RUNS_MAX];
	size_t cnt;
	size_t visits; /* number of types seen; hostile ones may nest in each other */
	bool bad; /* there were too many runs, or some could not be read */
};

static void data_runs_add(struct data_runs *d, uint64_t off, uint64_t len)
{
	struct data_run *last = d->cnt ? &d->runs[d->cnt - 1] : NULL;

	if (!len)
		return;
	if (last && (uint64_t)last->off + last->len == off)
		last->len += len;
	else if (d->cnt < DATA_RUNS_MAX)
		d->runs[d->cnt++] = (struct data_run){ off, len };
	else
		d->bad = true;
}

static bool is_blank(const struct section *s, uint64_t name)
{
	const uint8_t *text = type_bytes(s, name, 3); /* flags, length, the first letter */

	return text && text[1] == 1 && text[2] == '_';
}

static void data_runs_add_type(const struct section *s, uint64_t type, uint64_t off, uint64_t end,
			       int depth, struct data_runs *d);

static void data_runs_add_fields(const struct section *s, const uint8_t *type, uint64_t off,
				 uint64_t end, int depth, struct data_runs *d)
{
	uint64_t cnt = load_u64(type, STRUCT_FIELD_CNT);
	const uint8_t *fields = type_fields(s, type);

	d->bad |= cnt && !fields;
	for (uint64_t i = 0; i < cnt && !d->bad; i++) {
		const uint8_t *f = fields + i * FIELD_SZ;
		uint64_t at = load_u64(f, FIELD_OFFSET);

		d->bad |= at > end - off;
		if (!d->bad && !is_blank(s, load_u64(f, FIELD_NAME)))
			data_runs_add_type(s, load_u64(f, FIELD_TYPE), off + at, end, depth, d);
	}
}

/* Elems of an array are alike. They are added one by one only when the first one has holes. */
static void data_runs_add_array(const struct section *s, const uint8_t *type, uint64_t off,
				int depth, struct data_runs *d)
{
	uint64_t elem = load_u64(type, ARRAY_ELEM), len = load_u64(type, ARRAY_LEN);
	uint64_t sz = is_type(s, elem) ? load_u64(type_at(s, elem, TYPE_SZ), TYPE_SIZE) : 0;
	uint64_t whole = load_u64(type, TYPE_SIZE);
	struct data_runs one = { .visits = d->visits };

	d->bad |= !is_type(s, elem) || (sz && len != whole / sz);
	if (d->bad || !sz)
		return;
	data_runs_add_type(s, elem, 0, sz, depth, &one);
	d->visits = one.visits;
	d->bad |= one.bad;
	if (one.cnt == 1 && one.runs[0].len == sz) {
		data_runs_add(d, off, whole);
		return;
	}
	for (uint64_t i = 0; one.cnt && i < len && !d->bad; i++)
		for (size_t r = 0; r < one.cnt; r++)
			data_runs_add(d, off + i * sz + one.runs[r].off, one.runs[r].len);
}

/* Adds the runs of a type that is at off and must end before end. */
static void data_runs_add_type(const struct section *s, uint64_t type, uint64_t off, uint64_t end,
			       int depth, struct data_runs *d)
{
	const uint8_t *t = is_type(s, type) ? type_at(s, type, TYPE_SZ) : NULL;
	uint64_t sz = t ? load_u64(t, TYPE_SIZE) : 0;

	d->bad |= !t || sz > end - off || depth == DATA_DEPTH_MAX ||
		  d->visits++ > DATA_RUNS_MAX * DATA_DEPTH_MAX;
	if (d->bad)
		return;
	bool nests = type_kind(t) == KIND_STRUCT || type_kind(t) == KIND_ARRAY;
	if (nests && !type_at(s, type, STRUCT_TYPE_SZ))
		d->bad = true;
	else if (type_kind(t) == KIND_STRUCT)
		data_runs_add_fields(s, t, off, off + sz, depth + 1, d);
	else if (type_kind(t) == KIND_ARRAY)
		data_runs_add_array(s, t, off, depth + 1, d);
	else
		data_runs_add(d, off, sz);
}

/* Notes where an elem of the map keeps its value, unless it does so in all of its bytes. */
static struct err *map_type_read_runs(const struct section *s, struct map_type *m)
{
	uint64_t elem = load_u64(type_at(s, m->addr, TYPE_SZ + 16), MAPTYPE_ELEM);
	uint32_t sz = m->pointee_sz ? m->pointee_sz : m->slots.elem_sz;
	struct data_runs d = { 0 };

	data_runs_add_type(s, elem, 0, sz, 0, &d);
	if (d.bad || !d.cnt || (d.cnt == 1 && d.runs[0].len == sz))
		return NULL;
	m->data_runs = malloc(d.cnt * sizeof(*d.runs));
	if (!m->data_runs)
		return err_nomem();
	memcpy(m->data_runs, d.runs, d.cnt * sizeof(*d.runs));
	m->data_run_cnt = d.cnt;
	return NULL;
}

/* Notes what the words of keys and elems must look like. */
static struct err *map_type_read_words(const struct section *s, struct map_type *m)
{
	const uint8_t *t = type_at(s, m->addr, s->layout->maptype.size);
	bool classic = s->layout->kind == MAP_CLASSIC;
	uint32_t indirect = classic ? CLASSIC_INDIRECT_KEY : SWISS_INDIRECT_KEY;
	struct stored key = { load_u64(t, MAPTYPE_KEY), m->slots.keys_off, m->slots.key_stride,
			      m->slots.key_sz, load_u32(t, s->layout->maptype.flags) & indirect };
	struct stored elem = { load_u64(t, MAPTYPE_ELEM), m->slots.elems_off, m->slots.elem_stride,
			       m->slots.elem_sz, has_indirect_elem(s, t) };
	struct word_types w;

	w.cnt = w.visits = 0; /* everything else in w is large, and not read yet */
	word_types_add(s, &key, &w);
	word_types_add(s, &elem, &w);
	if (!w.cnt)
		return NULL;
	m->words = malloc(w.cnt * sizeof(*w.words));
	if (!m->words)
		return err_nomem();
	memcpy(m->words, w.words, w.cnt * sizeof(*w.words));
	m->word_cnt = w.cnt;
	return NULL;
}

/* True when the bytes at addr are a map type. Fills in *ret, without the name. */
static bool map_type_parse(const struct section *s, uint64_t addr, struct map_type *ret)
{
	const uint8_t *t = type_at(s, addr, s->layout->maptype.size);

	if (!t || !type_is_map(t) || !is_type(s, load_u64(t, MAPTYPE_KEY)) ||
	    !is_type(s, load_u64(t, MAPTYPE_ELEM)) || !is_type(s, load_u64(t, MAPTYPE_BUCKET)))
		return false;

	uint64_t bucket_addr = load_u64(t, MAPTYPE_BUCKET);
	const uint8_t *bucket = type_at(s, bucket_addr, TYPE_SZ);
	uint64_t bucket_sz = load_u64(bucket, TYPE_SIZE);
	if (type_kind(bucket) != KIND_STRUCT || bucket_sz < 8 || bucket_sz > BUCKET_SZ_MAX)
		return false;

	struct slots slots;
	if (!map_type_read_slots(s, t, bucket_sz, &slots))
		return false;
	*ret = (struct map_type){
		.addr = addr,
		.bucket = bucket_addr,
		.bucket_sz = bucket_sz,
		.bucket_ptr_bytes = load_u64(bucket, TYPE_PTR_BYTES),
		.slots = slots,
		.hash = load_u32(t, TYPE_HASH),
		.named = load_u8(t, TYPE_TFLAG) & TFLAG_NAMED,
		.need_key_update = load_u32(t, s->layout->maptype.flags) &
				   (s->layout->kind == MAP_CLASSIC ? CLASSIC_NEED_KEY_UPDATE
								   : SWISS_NEED_KEY_UPDATE),
		.pointee_sz = has_indirect_elem(s, t)
				      ? stored_size(s, load_u64(t, MAPTYPE_ELEM), false)
				      : 0,
	};
	return true;
}

/* Reads the pointer mask of a bucket type. A type without one leaves it unknown. */
static struct err *map_type_read_mask(struct mem *mem, const struct section *s, struct map_type *m)
{
	const uint8_t *bucket = type_at(s, m->bucket, TYPE_SZ);
	uint32_t len = (m->bucket_ptr_bytes / 8 + 7) / 8;

	if (!len || len > PTR_MASK_SZ || (load_u8(bucket, TYPE_KIND) & KIND_GC_PROG) ||
	    (s->layout->kind == MAP_SWISS &&
	     (load_u8(bucket, TYPE_TFLAG) & TFLAG_GC_MASK_ON_DEMAND)))
		return NULL;

	struct mem_req req = { load_u64(bucket, TYPE_GCDATA), len, false, m->ptr_mask };
	struct err *err = mem->read_reqs(mem, &req, 1);
	m->has_ptr_mask = req.ok;
	return err;
}

/*
 * Generic code of the compiler works with types of the same shape in place of type parameters.
 * From Go 1.20 on it makes maps with the real type, which it takes from a dictionary (Go source:
 * cmd/compile/internal/reflectdata/helpers.go MakeMapRType). So no map has the type of a shape,
 * and the type that it has is in the image, too. Up to 1.19 the type of a shape may be the only
 * one.
 */
static bool is_shape_only(const struct section *s, const struct map_type *m)
{
	return s->layout->bitmap != HEAP_BITMAP_ARENA_2BIT && strstr(m->name, "go.shape.");
}

void map_type_fini(struct map_type *m)
{
	free(m->data_runs);
	free(m->words);
	free(m->name);
}

struct err *map_type_read(const struct section *s, const struct type_range *r, uint64_t addr,
			  struct map_type *ret, bool *is_map_ret)
{
	struct map_type m;

	if (!map_type_parse(s, addr, &m))
		return NULL;
	struct err *err = map_type_read_mask(r->mem, s, &m);
	if (err)
		return err;
	m.name = type_name(s, addr);
	if (!m.name)
		return NULL;
	if (is_shape_only(s, &m)) {
		map_type_fini(&m);
		return NULL;
	}
	m.module = r - s->ranges;
	err = map_type_read_runs(s, &m);
	if (!err)
		err = map_type_read_words(s, &m);
	if (err) {
		map_type_fini(&m);
		return err;
	}
	*ret = m;
	*is_map_ret = true;
	return NULL;
}
