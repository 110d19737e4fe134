// SPDX-License-Identifier: GPL-2.0-only
/* fit_index.c - types by what the allocator knows of their objects. */
#include <string.h>

#include "graph/fit_priv.h"
#include "heap/sizeclass.h"

static int cmp_print(const void *a, const void *b)
{
	const struct fit_print *x = a, *y = b;

	if (x->slot != y->slot)
		return x->slot < y->slot ? -1 : 1;
	if (x->mask != y->mask)
		return x->mask < y->mask ? -1 : 1;
	return x->nth < y->nth ? -1 : x->nth > y->nth;
}

size_t fit_first_print(const struct fit_print *p, size_t cnt, uint64_t slot, uint64_t mask)
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

static bool fit_is_closure_type(const struct cat_type *t)
{
	return t->kind == CAT_STRUCT && !t->named && t->field_cnt > 1 &&
	       !strcmp(t->fields[0].name, "F") && t->fields[0].type->size == 8 &&
	       !t->fields[0].type->ptr_bytes;
}

static struct err *fit_index_type(struct fitter *f, const struct cat_type *t)
{
	struct fit_print p = { .nth = t->nth };

	if (t->kind == CAT_SLICE)
		f->flags[t->elem->nth] |= FIT_TYPE_SLICED;
	if (strstr(cat_type_linked_name(f->world.cat, t), "go.shape."))
		f->flags[t->nth] |= FIT_TYPE_SHAPE;
	if (fit_is_closure_type(t))
		f->flags[t->nth] |= FIT_TYPE_CLOSURE;
	if (!t->ptr_bytes || t->size % 8 || !cat_type_mask(t, &p.mask, FIT_MASK_WORDS))
		return NULL;
	p.slot = t->size;
	if (!vec_push(&f->elems, p))
		return err_nomem();
	p.slot = alloc_size(t->size, false, heap_malloc_headers(f->world.heap));
	return vec_push(&f->values, p) ? NULL : err_nomem();
}

/* A group has an array of slots after its control word. */
static void fit_index_slots(struct fitter *f, const struct cat_type *bucket)
{
	for (uint32_t i = 0; i < bucket->field_cnt; i++) {
		const struct cat_type *t = bucket->fields[i].type;

		if (t->kind == CAT_ARRAY && t->elem->kind == CAT_STRUCT && !t->elem->named &&
		    t->elem->field_cnt == 2 && !strcmp(t->elem->fields[0].name, "key") &&
		    !strcmp(t->elem->fields[1].name, "elem"))
			f->flags[t->elem->nth] |= FIT_TYPE_SLOT;
	}
}

/* Of several map types with the same buckets, the unnamed one. */
static struct err *fit_index_maps(struct fitter *f)
{
	for (int named = 0; named < 2; named++) {
		for (size_t i = 0; i < catalogue_cnt(f->world.cat); i++) {
			const struct cat_type *t = catalogue_nth(f->world.cat, i);

			if (t->kind != CAT_MAP || t->named != named ||
			    table_get(&f->map_of_bucket, t->bucket->nth) != TABLE_NONE)
				continue;
			if (!table_put(&f->map_of_bucket, t->bucket->nth, t->nth))
				return err_nomem();
			fit_index_slots(f, t->bucket);
		}
	}
	return NULL;
}

struct err *fit_index_init(struct fitter *f)
{
	size_t cnt = catalogue_cnt(f->world.cat);
	struct err *err = NULL;

	f->leaves = calloc(cnt + 1, sizeof(*f->leaves));
	f->flags = calloc(cnt + 1, sizeof(*f->flags));
	if (!f->leaves || !f->flags)
		return err_nomem();
	for (size_t i = 0; !err && i < cnt; i++)
		err = fit_index_type(f, catalogue_nth(f->world.cat, i));
	vec_sort(&f->values, cmp_print);
	vec_sort(&f->elems, cmp_print);
	return err ? err : fit_index_maps(f);
}

void fit_index_fini(struct fitter *f)
{
	for (size_t i = 0; f->leaves && i < catalogue_cnt(f->world.cat); i++)
		free(f->leaves[i].data);
	free(f->leaves);
	free(f->flags);
	vec_fini(&f->values);
	vec_fini(&f->elems);
	table_fini(&f->map_of_bucket);
}

const struct cat_type *fit_map_of_bucket(const struct fitter *f, const struct cat_type *bucket)
{
	size_t nth = table_get(&f->map_of_bucket, bucket->nth);

	return nth == TABLE_NONE ? NULL : catalogue_nth(f->world.cat, nth);
}

/* ---- Leaves ---- */

struct fit_leaf_list {
	VEC(struct fit_leaf) leaves;
	uint32_t visits;
	bool failed;
};

enum { FIT_DEPTH_MAX = 32, FIT_VISITS_MAX = 16 * FIT_LEAVES_MAX };

/* Whether every value fits. */
static bool fit_fits_all(const struct cat_type *t)
{
	return (t->kind > CAT_BOOL && t->kind <= CAT_COMPLEX128) || t->kind == CAT_UNSAFE_POINTER;
}

static void fit_leaves_add(struct fit_leaf_list *l, const struct cat_type *t, uint64_t off,
			   int depth)
{
	if (fit_fits_all(t) || !t->size || depth == FIT_DEPTH_MAX ||
	    l->visits++ >= FIT_VISITS_MAX || l->leaves.len >= FIT_LEAVES_MAX)
		return;
	if (t->kind == CAT_STRUCT) {
		for (uint32_t i = 0; i < t->field_cnt; i++)
			fit_leaves_add(l, t->fields[i].type, off + t->fields[i].off, depth + 1);
	} else if (t->kind == CAT_ARRAY) {
		for (uint64_t i = 0; i < t->len && i < FIT_LEAVES_MAX && !fit_fits_all(t->elem);
		     i++)
			fit_leaves_add(l, t->elem, off + i * t->elem->size, depth + 1);
	} else
		l->failed |= !vec_push(&l->leaves, ((struct fit_leaf){ off, t }));
}

const struct fit_leaves *fit_leaves_of(struct fitter *f, const struct cat_type *t)
{
	struct fit_leaves *known = &f->leaves[t->nth];
	struct fit_leaf_list list = { 0 };

	if (known->data)
		return known;
	if (!vec_reserve(&list.leaves, 1))
		return NULL;
	fit_leaves_add(&list, t, 0, 0);
	if (list.failed) {
		vec_fini(&list.leaves);
		return NULL;
	}
	known->data = list.leaves.data;
	known->cnt = list.leaves.len;
	return known;
}
