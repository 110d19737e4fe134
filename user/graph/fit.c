// SPDX-License-Identifier: GPL-2.0-only
#include "graph/fit.h"

#include <string.h>

#include "base/cursor.h"
#include "graph/fit_priv.h"
#include "heap/sizeclass.h"

enum {
	HCHAN_SZ_MIN = 96,
	HCHAN_DATAQSIZ = 8,
	HCHAN_ELEMSIZE = 24, /* uint16 */
	HCHAN_CLOSED = 28, /* uint32 */
	HCHAN_ELEMTYPE_1_22 = 32, /* up to 1.22 */
	HCHAN_ELEMTYPE = 40,
	HCHAN_TIMER_SINCE = 23,
	FIT_CANDIDATES_MAX = 1 << 14, /* of one object */
	FIT_KEPT_MAX = 256,
};

struct err *fit_open(const struct fit_world *world, struct fitter **ret)
{
	struct fitter *f = calloc(1, sizeof(*f));

	if (!f)
		return err_nomem();
	f->world = *world;
	f->prog = world->heap->prog;
	f->mem = &world->heap->prog->target->mem;
	struct err *err = fit_index_init(f);
	if (err) {
		fit_close(f);
		return err;
	}
	*ret = f;
	return NULL;
}

void fit_close(struct fitter *f)
{
	if (!f)
		return;
	fit_index_fini(f);
	fit_reads_fini(f);
	err_free(f->err);
	free(f);
}

const struct err *fit_error(const struct fitter *f)
{
	return f->err;
}

/* ---- The object ---- */

/* An object that is being typed. */
struct fit_job {
	struct fitter *f;
	const struct fit_object *o;
	uint64_t slot; /* bytes of its slot, with the malloc header */
	uint64_t mask; /* of its first words */
	struct fit *ret;
};

static bool fit_word(const struct fit_object *o, uint64_t off, uint64_t *ret)
{
	if (off + 8 > o->bytes_len)
		return false;
	*ret = load_u64(o->bytes, off);
	return true;
}

static bool fit_mask_bit(const struct fit_object *o, uint64_t word)
{
	return o->ptr_mask[word / 64] >> word % 64 & 1;
}

/* Bits of up to 64 words from one on; 0 after the object. */
static uint64_t fit_mask_words(const struct fit_object *o, uint64_t from, uint64_t n)
{
	uint64_t words = o->size / 8, bits = 0;

	for (uint64_t i = 0; i < n && from + i < words; i++)
		bits |= (uint64_t)fit_mask_bit(o, from + i) << i;
	return bits;
}

/* The number of words up to the last pointer. */
static uint64_t fit_ptr_words(const struct fit_object *o)
{
	for (uint64_t i = (o->size / 8 + 63) / 64; i-- > 0;)
		if (o->ptr_mask[i])
			return i * 64 + 64 - __builtin_clzll(o->ptr_mask[i]);
	return 0;
}

static bool fit_is_exact(const struct fit_job *j, const struct cat_type *t, uint64_t n)
{
	bool headers = heap_malloc_headers(j->f->world.heap);

	return t->size && n <= j->slot / t->size &&
	       alloc_size(n * t->size, false, headers) == j->slot;
}

/* Whether the object's pointers are those of n values of the type, and no others. */
static bool fit_mask_is(const struct fit_job *j, const struct cat_type *t, uint64_t n)
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

/* ---- What the allocator and the runtime say ---- */

static bool fit_set(const struct fit_job *j, enum fit_kind kind, enum fit_source source,
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

/* Sets a type, of which the object has one value or an array, as the result. */
static bool fit_set_values(const struct fit_job *j, enum fit_source source,
			   const struct cat_type *t)
{
	const struct cat_type *map = fit_map_of_bucket(j->f, t);
	uint64_t n = t->size ? j->o->size / t->size : 1;

	if (map)
		return fit_set(j, FIT_BUCKETS, source, map);
	return fit_set(j, n > 1 && !fit_is_exact(j, t, 1) ? FIT_ARRAY : FIT_VALUE, source, t);
}

static bool fit_set_closure(const struct fit_job *j, enum fit_source source,
			    const struct cat_type *t, uint64_t func)
{
	fit_set(j, FIT_CLOSURE, source, t);
	j->ret->func = func;
	return true;
}

static bool fit_by_header(const struct fit_job *j)
{
	struct object o;
	bool noted;
	uint64_t func;

	if (!heap_object(j->f->world.heap, j->o->addr, &o))
		return false;
	const struct cat_type *t = fit_noted_type(j->f, &o, &noted);
	if (!t)
		return false;
	if (j->f->flags[t->nth] & FIT_TYPE_CLOSURE && fit_word(j->o, 0, &func) &&
	    fit_is_function(j->f, func))
		return fit_set_closure(j, FIT_BY_HEADER, t, func);
	return fit_set_values(j, FIT_BY_HEADER, t);
}

/* A table has one pointer, to its groups. */
static bool fit_is_table(const uint8_t *b)
{
	uint64_t capacity = load_u16(b, SWISS_TABLE_CAPACITY);

	return capacity && capacity <= SWISS_TABLE_SLOTS_MAX && !(capacity & (capacity - 1)) &&
	       capacity == BUCKET_SLOTS * (load_u64(b, SWISS_TABLE_LENGTH_MASK) + 1) &&
	       load_u16(b, SWISS_TABLE_USED) <= capacity &&
	       load_u16(b, SWISS_TABLE_GROWTH_LEFT) <= capacity &&
	       load_u64(b, SWISS_TABLE_GROUPS) && load_u8(b, SWISS_TABLE_LOCAL_DEPTH) < 48;
}

static bool fit_leads_to_table(struct fitter *f, uint64_t addr)
{
	uint8_t table[SWISS_TABLE_SZ];
	struct object o;

	return heap_object(f->world.heap, addr, &o) && addr == o.slot && o.size == SWISS_TABLE_SZ &&
	       !span_noscan(o.span) && fit_read(f, addr, table, sizeof(table)) &&
	       fit_is_table(table);
}

/* All entries of a directory are pointers to tables, and there are 1 << n of them. */
static bool fit_is_directory(const struct fit_job *j)
{
	uint64_t words = fit_ptr_words(j->o), addr;

	if (!words || (words & (words - 1)) ||
	    !fit_is_exact(j, &(struct cat_type){ .size = 8 }, words))
		return false;
	for (uint64_t w = 0; w < words && w < FIT_ELEMS_MAX; w++)
		if (!fit_mask_bit(j->o, w) || !fit_word(j->o, w * 8, &addr) ||
		    !fit_leads_to_table(j->f, addr))
			return false;
	return true;
}

static bool fit_by_swiss(const struct fit_job *j)
{
	if (j->slot == SWISS_TABLE_SZ && j->mask == 1 << SWISS_TABLE_GROUPS / 8 &&
	    j->o->bytes_len >= SWISS_TABLE_SZ && fit_is_table(j->o->bytes))
		return fit_set(j, FIT_SWISS_TABLE, FIT_BY_CONTENTS, NULL);
	if (j->mask & 1 && fit_is_directory(j))
		return fit_set(j, FIT_SWISS_DIRECTORY, FIT_BY_CONTENTS, NULL);
	return false;
}

static bool fit_by_census(const struct fit_job *j)
{
	const struct census *census = j->f->world.census;
	ssize_t row = census ? rows_find(&census->maps, j->o->addr) : ROWS_NONE;

	if (row == ROWS_NONE)
		return false;
	struct map_info m = census_map(census, row);
	return fit_set(j, FIT_MAP_HEADER, FIT_BY_CONTENTS,
		       m.type ? catalogue_find(j->f->world.cat, m.type->addr) : NULL);
}

static bool fit_by_channel(const struct fit_job *j)
{
	uint32_t at = j->f->prog->image.build.minor >= HCHAN_TIMER_SINCE ? HCHAN_ELEMTYPE
									 : HCHAN_ELEMTYPE_1_22;
	uint64_t type;

	if (j->o->bytes_len < HCHAN_SZ_MIN || fit_mask_bit(j->o, 0) || fit_mask_bit(j->o, 1) ||
	    !fit_mask_bit(j->o, 2) || !fit_word(j->o, at, &type))
		return false;
	const struct cat_type *t = catalogue_find(j->f->world.cat, type);
	if (!t || load_u16(j->o->bytes, HCHAN_ELEMSIZE) != t->size ||
	    load_u64(j->o->bytes, 0) > load_u64(j->o->bytes, HCHAN_DATAQSIZ) ||
	    load_u32(j->o->bytes, HCHAN_CLOSED) > 1)
		return false;
	return fit_set(j, FIT_CHAN, FIT_BY_CONTENTS, t);
}

/* ---- What a parent says ---- */

static bool fit_is_n_of(const struct fit_job *j, const struct cat_type *t, uint64_t n)
{
	return n && fit_mask_is(j, t, n) && fit_values(j->f, j->o, t, n, true).fits;
}

/* The number of values whose pointers the object has; 0: it is no array of them. */
static uint64_t fit_elems_by_mask(const struct fit_job *j, const struct cat_type *t)
{
	uint64_t words = fit_ptr_words(j->o);

	if (t->size % 8 || !t->ptr_bytes || !words)
		return 0;
	return (words * 8 + t->size - t->ptr_bytes) / t->size;
}

static bool fit_by_parent(const struct fit_job *j, const struct cat_type *expected)
{
	/* A variable of map type, or what a map's header leads to. */
	if (expected->kind == CAT_MAP && j->slot > 8) {
		uint64_t n = fit_elems_by_mask(j, expected->bucket);

		return fit_is_n_of(j, expected->bucket, n) &&
		       fit_set(j, FIT_BUCKETS, FIT_BY_PARENT, expected);
	}
	if (fit_is_exact(j, expected, 1) && fit_is_n_of(j, expected, 1))
		return fit_set(j, FIT_VALUE, FIT_BY_PARENT, expected);
	uint64_t n = fit_elems_by_mask(j, expected);
	return fit_is_exact(j, expected, n) && fit_is_n_of(j, expected, n) &&
	       fit_set(j, n > 1 ? FIT_ARRAY : FIT_VALUE, FIT_BY_PARENT, expected);
}

/* ---- The fingerprint ---- */

struct fit_candidate {
	const struct cat_type *type;
	uint64_t n; /* values */
	struct fit_verdict v;
	int rank; /* a lower one is another sort of candidate, which counts only alone */
};

struct fit_candidates {
	struct fit_candidate data[FIT_KEPT_MAX];
	uint32_t cnt;
	bool too_many;
};

/* Arrays of a type that no slice has, and the types that generic code sees, are the last choice. */
static int fit_rank(const struct fitter *f, const struct cat_type *t, uint64_t n)
{
	uint8_t flags = f->flags[t->nth];

	if (flags & FIT_TYPE_SHAPE)
		return 0;
	return n > 1 && !(flags & FIT_TYPE_SLICED) ? 1 : 2;
}

static void fit_consider(const struct fit_job *j, const struct cat_type *t, uint64_t n,
			 struct fit_candidates *c)
{
	if (!fit_mask_is(j, t, n))
		return;
	struct fit_verdict v = fit_values(j->f, j->o, t, n, false);
	if (!v.fits)
		return;
	if (c->cnt == FIT_KEPT_MAX)
		c->too_many = true;
	else
		c->data[c->cnt++] = (struct fit_candidate){ t, n, v, fit_rank(j->f, t, n) };
}

/* The first print that is not below the key. */
static size_t fit_first_print(const struct fit_print *p, size_t cnt, uint64_t slot, uint64_t mask)
{
	size_t lo = 0, hi = cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p[mid].slot < slot || (p[mid].slot == slot && p[mid].mask < mask))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void fit_consider_values(const struct fit_job *j, struct fit_candidates *c)
{
	const struct fit_print *p = j->f->values.data;
	size_t cnt = j->f->values.len;

	for (size_t i = fit_first_print(p, cnt, j->slot, j->mask);
	     i < cnt && p[i].slot == j->slot && p[i].mask == j->mask && !c->too_many; i++)
		fit_consider(j, catalogue_nth(j->f->world.cat, p[i].nth), 1, c);
}

/* Types of one size and mask are either all possible elems of the object, or none is. */
static void fit_consider_arrays(const struct fit_job *j, struct fit_candidates *c)
{
	const struct fit_print *p = j->f->elems.data;
	size_t cnt = j->f->elems.len;

	for (size_t i = 0; i < cnt && 2 * p[i].slot <= j->o->size && !c->too_many;) {
		uint64_t words = p[i].slot / 8;
		const struct cat_type *t = catalogue_nth(j->f->world.cat, p[i].nth);
		uint64_t n = fit_elems_by_mask(j, t);
		bool may_be = n > 1 && fit_is_exact(j, t, n) &&
			      fit_mask_words(j->o, 0, words < 64 ? words : 64) == p[i].mask &&
			      fit_mask_is(j, t, n);
		size_t next = fit_first_print(p, cnt, p[i].slot, p[i].mask + 1);

		if (p[i].mask == UINT64_MAX)
			next = fit_first_print(p, cnt, p[i].slot + 1, 0);
		for (; may_be && i < next; i++)
			fit_consider(j, catalogue_nth(j->f->world.cat, p[i].nth), n, c);
		i = next;
	}
}

/* Looks closer at what is left, and keeps the candidates of the highest rank. */
static void fit_sift(const struct fit_job *j, struct fit_candidates *c)
{
	int rank = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->cnt; i++) {
		struct fit_candidate *x = &c->data[i];

		x->v = fit_values(j->f, j->o, x->type, x->n, true);
		if (!x->v.fits)
			continue;
		if (x->rank > rank)
			rank = x->rank;
		c->data[kept++] = *x;
	}
	c->cnt = kept;
	kept = 0;
	for (uint32_t i = 0; i < c->cnt; i++)
		if (c->data[i].rank == rank)
			c->data[kept++] = c->data[i];
	c->cnt = kept;
}

/* Named structs before other types, then by score. */
static bool fit_is_better(const struct fit_candidate *a, const struct fit_candidate *b)
{
	bool x = a->type->named && a->n == 1, y = b->type->named && b->n == 1;

	if (a->v.score != b->v.score)
		return a->v.score > b->v.score;
	return x && !y;
}

static bool fit_choose(const struct fit_job *j, const struct fit_candidates *c)
{
	const struct fit_candidate *best = &c->data[0];
	uint32_t as_good = 0;

	for (uint32_t i = 1; i < c->cnt; i++)
		if (fit_is_better(&c->data[i], best))
			best = &c->data[i];
	for (uint32_t i = 0; i < c->cnt; i++)
		as_good += !fit_is_better(best, &c->data[i]);
	if (best->n == 1)
		fit_set(j, FIT_VALUE, FIT_BY_PRINT, best->type);
	else
		fit_set(j, FIT_ARRAY, FIT_BY_PRINT, best->type);
	const struct cat_type *map = fit_map_of_bucket(j->f, best->type);
	if (map)
		fit_set(j, FIT_BUCKETS, FIT_BY_PRINT, map);
	j->ret->candidates = as_good;
	j->ret->certain = c->cnt == 1 && !c->too_many && best->v.strong;
	return true;
}

/* A closure begins with the address of its function. */
static bool fit_by_closure(const struct fit_job *j, struct fit_candidates *c)
{
	uint64_t func;
	uint32_t kept = 0;

	if (j->mask & 1 || !fit_word(j->o, 0, &func) || !fit_is_function(j->f, func))
		return false;
	for (uint32_t i = 0; i < c->cnt; i++)
		if (c->data[i].n == 1 && j->f->flags[c->data[i].type->nth] & FIT_TYPE_CLOSURE)
			c->data[kept++] = c->data[i];
	fit_set_closure(j, FIT_BY_CONTENTS, kept == 1 ? c->data[0].type : NULL, func);
	return true;
}

static bool fit_by_print(const struct fit_job *j)
{
	struct fit_candidates c;

	c.cnt = 0; /* everything else in c is large, and not read yet */
	c.too_many = false;
	fit_consider_values(j, &c);
	if (fit_by_closure(j, &c))
		return true;
	fit_consider_arrays(j, &c);
	fit_sift(j, &c);
	return c.cnt && fit_choose(j, &c);
}

void fit_types(struct fitter *f, const struct fit_object *o, const struct cat_type *expected,
	       struct fit *ret)
{
	struct fit_job j = { .f = f, .o = o, .ret = ret };
	const unsigned int sizeclass = o->spanclass >> 1;

	*ret = (struct fit){ 0 };
	if (f->err || o->spanclass & 1 || !o->size)
		return;
	j.slot = sizeclass ? sizeclass_bytes(sizeclass) : o->size;
	if (fit_by_header(&j))
		return;
	if (!o->mask_known) {
		if (expected)
			fit_set_values(&j, FIT_BY_PARENT, expected);
		return;
	}
	j.mask = fit_mask_words(o, 0, FIT_MASK_WORDS);
	if (fit_by_census(&j) || (f->prog->layout.kind == MAP_SWISS && fit_by_swiss(&j)) ||
	    fit_by_channel(&j))
		return;
	if (expected && fit_by_parent(&j, expected))
		return;
	fit_by_print(&j);
}
