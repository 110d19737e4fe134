// SPDX-License-Identifier: GPL-2.0-only
/*
 * fit_values.c - whether the words of an object can be values of a type.
 *
 * Each leaf of the type is looked at by itself. What no value of its type can be rejects the
 * type. Some facts are strong: tables of methods name the interface type, channels the type of
 * their elems, a map's tables its type, malloc headers what a pointer leads to.
 *
 * What a pointer leads to may have a wrong type here because of unsafe code of the program. So
 * only what the allocator or the runtime wrote rejects, not another guess.
 */
#include "base/cursor.h"
#include "graph/fit_priv.h"
#include "heap/sizeclass.h"

enum {
	FIT_SCORE_STRONG = 8,
	FIT_SCORE_FUNC = 3,
	FIT_SCORE_MASK = 2,
	FIT_LEN_MAX_BITS = 40, /* of lengths */
	FIT_NOT_ADDRESS = 4096, /* no address is below */
	FIT_NEST_MAX = 32,
	FIT_STATIC_MAX = 1 << 16, /* bytes of a variable that are looked at */
	HCHAN_ELEMTYPE_1_22 = 32, /* up to 1.22 */
	HCHAN_ELEMTYPE = 40,
	HCHAN_TIMER_SINCE = 23,
	TYPE_SZ = 48, /* abi.Type */
	ITAB_SZ = 24, /* inter, type, hash */
	IFACE_METHODS = 56, /* of an interface type: address of its methods */
	IFACE_METHOD_SZ = 8,
	IFACE_METHODS_MAX = 64,
};

struct fit_check {
	struct fitter *f;
	bool deep;
	struct fit_verdict v;
};

static bool fit_reject(struct fit_check *c)
{
	c->v.fits = false;
	return false;
}

static bool fit_is_strong(struct fit_check *c)
{
	c->v.strong++;
	c->v.score += FIT_SCORE_STRONG;
	return true;
}

/* Whether a value of type t has one of type `part` at off, or is one. */
static bool fit_has_part(const struct cat_type *t, uint64_t off, const struct cat_type *part)
{
	for (int depth = 0; depth < FIT_NEST_MAX; depth++) {
		if (t == part && !off)
			return true;
		if (t->kind == CAT_ARRAY && t->elem->size) {
			off %= t->elem->size;
			t = t->elem;
			continue;
		}
		const struct cat_type *in = NULL;
		for (uint32_t i = 0; t->kind == CAT_STRUCT && i < t->field_cnt; i++) {
			const struct cat_field *field = &t->fields[i];

			if (off < field->off || off - field->off >= field->type->size)
				continue;
			in = field->type;
			off -= field->off;
			break;
		}
		if (!in)
			return false;
		t = in;
	}
	return false;
}

/* Compares with the type that the allocator noted for the object. */
static bool fit_agrees_with_noted(struct fit_check *c, const struct object *o, uint64_t addr,
				  const struct cat_type *t)
{
	bool noted;
	const struct cat_type *of = fit_noted_type(c->f, o, &noted);
	const struct cat_type *part = t;

	if (!of || !of->size || addr < o->start)
		return true;
	/* An array that a pointer leads to may be part of a larger one. */
	while (part->kind == CAT_ARRAY && part != of)
		part = part->elem;
	if (fit_has_part(of, (addr - o->start) % of->size, part))
		return t->kind == CAT_STRUCT && t->named ? fit_is_strong(c) : true;
	/* Generic code may see the type by another name. */
	if (c->f->flags[of->nth] & FIT_TYPE_SHAPE)
		return true;
	return fit_reject(c);
}

/* Compares the words there with those of the type. */
static bool fit_agrees_with_mask(struct fit_check *c, const struct object *o, uint64_t addr,
				 const struct cat_type *t)
{
	uint64_t has, wants;
	uint64_t words = t->size / 8;

	if (words > FIT_MASK_WORDS)
		words = FIT_MASK_WORDS;
	if (addr % 8 || !words || !cat_type_mask(t, &wants, words) ||
	    !fit_mask_at(c->f, o, addr, words, &has))
		return true;
	if (has != wants)
		return fit_reject(c);
	c->v.score += words > 1 ? FIT_SCORE_MASK : 0;
	return true;
}

/* Whether n values of a type can be at an address of the heap. */
static bool fit_pointee(struct fit_check *c, const struct object *o, uint64_t addr,
			const struct cat_type *t, uint64_t n)
{
	uint64_t room = o->slot + o->size - addr;

	if (t->size && n > room / t->size)
		return fit_reject(c);
	if (!t->ptr_bytes || !n)
		return true;
	if (span_noscan(o->span) || addr % 8 || addr < o->start)
		return fit_reject(c);
	if (addr == o->start &&
	    alloc_size(t->size * n, false, heap_malloc_headers(c->f->world.heap)) == o->size)
		c->v.score++;
	if (!c->deep)
		return true;
	return fit_agrees_with_noted(c, o, addr, t) && fit_agrees_with_mask(c, o, addr, t);
}

/* Finds the object that a pointer leads to. *heap_ret: it leads into the heap. False when it
 * cannot be a pointer. */
static bool fit_target(struct fit_check *c, uint64_t addr, struct object *o, bool *heap_ret)
{
	const struct heap *heap = c->f->world.heap;

	*heap_ret = false;
	if (addr < FIT_NOT_ADDRESS || addr >> 47)
		return fit_reject(c);
	if (heap_span(heap, addr)) {
		*heap_ret = heap_object(heap, addr, o);
		return *heap_ret || fit_reject(c);
	}
	return true;
}

bool fit_is_map_header(const struct fitter *f, uint64_t addr, struct map_info *ret)
{
	const struct census *census = f->world.census;
	ssize_t row = census ? rows_find(&census->maps, addr) : ROWS_NONE;

	if (row == ROWS_NONE)
		return false;
	*ret = census_map(census, row);
	return true;
}

bool fit_is_header_type(const struct fitter *f, const struct cat_type *t)
{
	return t->kind == CAT_STRUCT && t->size == layout_map_header_sz(&f->prog->layout) &&
	       cat_type_linked_name(f->world.cat, t)[0] && t->named &&
	       (!__builtin_strcmp(cat_type_linked_name(f->world.cat, t), "runtime.hmap") ||
		!__builtin_strcmp(cat_type_linked_name(f->world.cat, t), "maps.Map"));
}

static bool fit_pointer(struct fit_check *c, const struct cat_type *t, uint64_t addr)
{
	struct map_info map;
	struct object o;
	bool in_heap;

	if (!addr)
		return true;
	if (addr % t->elem->align || !fit_target(c, addr, &o, &in_heap))
		return fit_reject(c);
	if (!t->ptr_bytes) /* it never leads into the heap */
		return in_heap ? fit_reject(c) : true;
	if (!in_heap) /* nothing but a type leads to a type */
		return t->elem->size >= TYPE_SZ || !catalogue_find(c->f->world.cat, addr)
			       ? true
			       : fit_reject(c);
	if (fit_is_map_header(c->f, addr, &map) && !fit_is_header_type(c->f, t->elem))
		return fit_reject(c);
	return fit_pointee(c, &o, addr, t->elem, 1);
}

/* The array of groups or buckets that a header leads to, through its first table, and how many
 * there are; 0: that is not known. */
struct fit_table {
	uint64_t addr;
	uint64_t cnt;
};

static bool fit_classic_table(struct fit_check *c, uint64_t header, struct fit_table *ret)
{
	uint8_t log;

	if (!fit_read_u64(c->f, header + c->f->prog->layout.classic.buckets, &ret->addr) ||
	    !fit_read(c->f, header + HMAP_B, &log, 1))
		return false;
	/* Larger arrays come with overflow buckets. */
	ret->cnt = log < HMAP_PREALLOC_B ? 1ull << log : 0;
	return ret->addr;
}

static bool fit_swiss_table(struct fit_check *c, uint64_t header, struct fit_table *ret)
{
	uint64_t dir_len, mask = 0;

	if (!fit_read_u64(c->f, header + SWISS_MAP_DIR_PTR, &ret->addr) ||
	    !fit_read_u64(c->f, header + SWISS_MAP_DIR_LEN, &dir_len) || !ret->addr)
		return false;
	if (dir_len && (!fit_read_u64(c->f, ret->addr, &ret->addr) || !ret->addr ||
			!fit_read_u64(c->f, ret->addr + SWISS_TABLE_LENGTH_MASK, &mask) ||
			!fit_read_u64(c->f, ret->addr + SWISS_TABLE_GROUPS, &ret->addr)))
		return false;
	ret->cnt = mask < SWISS_TABLE_SLOTS_MAX ? mask + 1 : 0;
	return ret->addr;
}

static bool fit_is_of_size(const struct fit_check *c, const struct object *o,
			   const struct cat_type *bucket, uint64_t cnt)
{
	return alloc_size(cnt * bucket->size, !bucket->ptr_bytes,
			  heap_malloc_headers(c->f->world.heap)) == o->size;
}

/* Whether the memory of a map's table can be that of the type's buckets: its size, and which of
 * its words are pointers. */
static bool fit_map_agrees(struct fit_check *c, const struct cat_type *bucket, uint64_t header)
{
	uint64_t has, wants, words = bucket->size / 8;
	struct fit_table table;
	struct object o;
	bool swiss = c->f->prog->layout.kind == MAP_SWISS;

	if (!(swiss ? fit_swiss_table(c, header, &table) : fit_classic_table(c, header, &table)) ||
	    !heap_object(c->f->world.heap, table.addr, &o) || table.addr != o.start)
		return true;
	if (span_noscan(o.span) != !bucket->ptr_bytes || !bucket->size ||
	    (table.cnt && !fit_is_of_size(c, &o, bucket, table.cnt)))
		return fit_reject(c);
	if (span_noscan(o.span))
		return table.cnt ? fit_is_strong(c) : true;
	if (!fit_agrees_with_noted(c, &o, table.addr, bucket))
		return false;
	if (words > FIT_MASK_WORDS)
		words = FIT_MASK_WORDS;
	if (!cat_type_mask(bucket, &wants, words) ||
	    !fit_mask_at(c->f, &o, table.addr, words, &has))
		return true;
	return has == wants ? fit_is_strong(c) : fit_reject(c);
}

static bool fit_map(struct fit_check *c, const struct cat_type *t, uint64_t addr)
{
	const struct heap *heap = c->f->world.heap;
	uint64_t header_sz = layout_map_header_sz(&c->f->prog->layout);
	struct map_info map;
	struct object o;
	bool in_heap;

	if (!addr)
		return true;
	if (addr % 8 || heap_manual_span(heap, addr) || !fit_target(c, addr, &o, &in_heap))
		return fit_reject(c);
	if (!in_heap)
		return true;
	if (o.slot != addr || span_noscan(o.span) ||
	    o.size != alloc_size(header_sz, false, heap_malloc_headers(heap)))
		return fit_reject(c);
	if (!fit_is_map_header(c->f, addr, &map))
		return true;
	if (!map.type) {
		c->v.score++;
		if (map.bucket_sz && map.bucket_sz != t->bucket->size)
			return fit_reject(c);
		return !c->deep || fit_map_agrees(c, t->bucket, addr);
	}
	const struct cat_type *known = catalogue_find(c->f->world.cat, map.type->addr);
	if (!known || known->bucket == t->bucket)
		return fit_is_strong(c);
	return fit_reject(c);
}

static bool fit_chan(struct fit_check *c, const struct cat_type *t, uint64_t addr)
{
	uint64_t elemtype;
	struct object o;
	bool in_heap;
	uint32_t off = c->f->prog->image.build.minor >= HCHAN_TIMER_SINCE ? HCHAN_ELEMTYPE
									  : HCHAN_ELEMTYPE_1_22;

	if (!addr)
		return true;
	if (addr % 8 || !fit_target(c, addr, &o, &in_heap) || !in_heap || addr != o.start)
		return fit_reject(c);
	if (!fit_read_u64(c->f, addr + off, &elemtype))
		return true;
	return catalogue_find(c->f->world.cat, elemtype) == t->elem ? fit_is_strong(c)
								    : fit_reject(c);
}

static bool fit_func(struct fit_check *c, uint64_t addr)
{
	uint64_t entry;
	struct object o;
	bool in_heap;

	if (!addr)
		return true;
	if (addr % 8 || !fit_target(c, addr, &o, &in_heap) || !fit_read_u64(c->f, addr, &entry) ||
	    !fit_is_function(c->f, entry))
		return fit_reject(c);
	c->v.score += FIT_SCORE_FUNC;
	return true;
}

static bool fit_string(struct fit_check *c, uint64_t addr, uint64_t len)
{
	struct object o;
	bool in_heap;

	if (!len)
		return true;
	if (len >> FIT_LEN_MAX_BITS || !fit_target(c, addr, &o, &in_heap))
		return fit_reject(c);
	if (in_heap && len > o.slot + o.size - addr)
		return fit_reject(c);
	c->v.score++;
	return true;
}

static bool fit_slice(struct fit_check *c, const struct cat_type *t, const uint64_t w[3])
{
	struct object o;
	bool in_heap;

	if (w[1] > w[2] || w[2] >> FIT_LEN_MAX_BITS || w[0] % t->elem->align)
		return fit_reject(c);
	if (!w[2]) /* cut away as a whole, it may still point to where it was */
		return true;
	if (!fit_target(c, w[0], &o, &in_heap))
		return false;
	if (!t->ptr_bytes && in_heap)
		return fit_reject(c);
	return !in_heap || !t->ptr_bytes || fit_pointee(c, &o, w[0], t->elem, w[2]);
}

/* What an interface value says its second word is. */
static bool fit_dynamic(struct fit_check *c, const struct cat_type *dynamic, uint64_t data)
{
	struct object o;
	bool in_heap;

	if (!dynamic || !dynamic->size)
		return true;
	if (dynamic->direct)
		return dynamic->kind == CAT_POINTER ? fit_pointer(c, dynamic, data)
		       : dynamic->kind == CAT_MAP   ? fit_map(c, dynamic, data)
		       : dynamic->kind == CAT_CHAN  ? fit_chan(c, dynamic, data)
		       : dynamic->kind == CAT_FUNC  ? fit_func(c, data)
						    : true;
	if (!fit_target(c, data, &o, &in_heap))
		return false;
	return !in_heap || fit_pointee(c, &o, data, dynamic, 1);
}

static bool fit_empty_interface(struct fit_check *c, uint64_t type, uint64_t data)
{
	const struct cat_type *dynamic = catalogue_find(c->f->world.cat, type);

	if (!type)
		return data ? fit_reject(c) : true;
	if (!dynamic) /* reflect makes types in the heap */
		return heap_span(c->f->world.heap, type) ? true : fit_reject(c);
	c->v.score += FIT_SCORE_FUNC;
	return fit_dynamic(c, dynamic, data);
}

/* Interface types with equal methods are converted into each other without a new table. */
static bool fit_same_methods(struct fit_check *c, const struct cat_type *a,
			     const struct cat_type *b)
{
	uint8_t x[IFACE_METHODS_MAX * IFACE_METHOD_SZ], y[sizeof(x)];
	uint64_t at_a, at_b;
	size_t len = a->method_cnt * IFACE_METHOD_SZ;

	if (a->method_cnt != b->method_cnt || a->method_cnt > IFACE_METHODS_MAX)
		return false;
	return fit_read_u64(c->f, a->addr + IFACE_METHODS, &at_a) &&
	       fit_read_u64(c->f, b->addr + IFACE_METHODS, &at_b) && fit_read(c->f, at_a, x, len) &&
	       fit_read(c->f, at_b, y, len) && !__builtin_memcmp(x, y, len);
}

/* Tables that are made at run time have hash 0 (Go source: runtime/iface.go getitab). */
static bool fit_interface(struct fit_check *c, const struct cat_type *t, uint64_t itab,
			  uint64_t data)
{
	uint64_t words[ITAB_SZ / 8];

	if (!itab)
		return data ? fit_reject(c) : true;
	if (itab % 8 || itab < FIT_NOT_ADDRESS || itab >> 47 || heap_span(c->f->world.heap, itab) ||
	    !fit_read(c->f, itab, words, sizeof(words)))
		return fit_reject(c);
	const struct cat_type *inter = catalogue_find(c->f->world.cat, words[0]);
	const struct cat_type *dynamic = catalogue_find(c->f->world.cat, words[1]);
	if (!inter || inter->kind != CAT_INTERFACE ||
	    (!dynamic && !heap_span(c->f->world.heap, words[1])) ||
	    (dynamic && (uint32_t)words[2] && (uint32_t)words[2] != dynamic->hash))
		return fit_reject(c);
	if (inter == t)
		fit_is_strong(c);
	else if (!fit_same_methods(c, inter, t))
		return fit_reject(c);
	return fit_dynamic(c, dynamic, data);
}

static bool fit_leaf_value(struct fit_check *c, const struct cat_type *t, const uint8_t *at,
			   uint64_t left)
{
	uint64_t w[3] = { 0 };

	if (left < t->size)
		return true; /* it was not read */
	if (t->kind == CAT_BOOL)
		return *at <= 1 ? true : fit_reject(c);
	for (size_t i = 0; i < t->size / 8 && i < 3; i++)
		w[i] = load_u64(at, i * 8);
	switch (t->kind) {
	case CAT_POINTER:
		return fit_pointer(c, t, w[0]);
	case CAT_MAP:
		return fit_map(c, t, w[0]);
	case CAT_CHAN:
		return fit_chan(c, t, w[0]);
	case CAT_FUNC:
		return fit_func(c, w[0]);
	case CAT_STRING:
		return fit_string(c, w[0], w[1]);
	case CAT_SLICE:
		return fit_slice(c, t, w);
	case CAT_INTERFACE:
		return t->method_cnt ? fit_interface(c, t, w[0], w[1])
				     : fit_empty_interface(c, w[0], w[1]);
	}
	return true;
}

bool fit_is_static(struct fitter *f, uint64_t addr, const struct cat_type *t)
{
	struct fit_object o = { .addr = addr, .size = t->size, .bytes_len = t->size };

	if (o.bytes_len > FIT_STATIC_MAX)
		o.bytes_len = FIT_STATIC_MAX;
	_cleanup_free_ uint8_t *bytes = malloc(o.bytes_len + 1);
	o.bytes = bytes;
	return bytes && fit_read(f, addr, bytes, o.bytes_len) && fit_values(f, &o, t, 1, true).fits;
}

struct fit_verdict fit_values(struct fitter *f, const struct fit_object *o,
			      const struct cat_type *t, uint64_t n, bool deep)
{
	struct fit_check c = { .f = f, .deep = deep, .v.fits = true };
	const struct fit_leaves *leaves = fit_leaves_of(f, t);

	if (!leaves)
		return (struct fit_verdict){ 0 };
	for (uint64_t e = 0; e < n && e < FIT_ELEMS_MAX; e++) {
		for (uint32_t i = 0; i < leaves->cnt; i++) {
			uint64_t off = e * t->size + leaves->data[i].off;

			if (off >= o->bytes_len)
				return c.v;
			if (!fit_leaf_value(&c, leaves->data[i].type, o->bytes + off,
					    o->bytes_len - off))
				return c.v;
		}
	}
	return c.v;
}
