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
};

struct err *fit_open(const struct fit_world *world, struct fitter **ret)
{
	struct fitter *f = calloc(1, sizeof(*f));

	if (!f)
		return err_nomem();
	f->world = *world;
	f->prog = world->heap->prog;
	/* Tables of interface methods are in the image's file: reads of it must not make the target
	 * larger. */
	f->mem = program_image_mem(world->heap->prog);
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
	fit_groups_fini(f);
	fit_reads_fini(f);
	err_free(f->err);
	free(f);
}

const struct err *fit_error(const struct fitter *f)
{
	return f->err;
}

/* ---- What the allocator and the runtime say ---- */

/* Sets a type, of which the object has one value or an array, as the result. */
static bool fit_set_values(const struct fit_job *j, enum fit_source source,
			   const struct cat_type *t)
{
	const struct cat_type *map = fit_map_of_bucket(j->f, t);
	uint64_t n = t->size ? j->o->size / t->size : 1;

	if (map)
		return fit_set(j, FIT_BUCKETS, source, map);
	return fit_set(j, n > 1 && !fit_is_exact(j, t->size, 1) ? FIT_ARRAY : FIT_VALUE, source, t);
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

	if (!words || (words & (words - 1)) || !fit_is_exact(j, 8, words))
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

static bool fit_by_parent(const struct fit_job *j, const struct cat_type *expected)
{
	/* A variable of map type, or what a map's header leads to. */
	if (expected->kind == CAT_MAP && j->slot > 8) {
		uint64_t n = fit_elems_by_mask(j, expected->bucket);

		return fit_is_n_of(j, expected->bucket, n) &&
		       fit_set(j, FIT_BUCKETS, FIT_BY_PARENT, expected);
	}
	if (fit_is_exact(j, expected->size, 1) && fit_is_n_of(j, expected, 1))
		return fit_set(j, FIT_VALUE, FIT_BY_PARENT, expected);
	uint64_t n = fit_elems_by_mask(j, expected);
	return fit_is_exact(j, expected->size, n) && fit_is_n_of(j, expected, n) &&
	       fit_set(j, n > 1 ? FIT_ARRAY : FIT_VALUE, FIT_BY_PARENT, expected);
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
	f->err = fit_by_print(&j);
}
