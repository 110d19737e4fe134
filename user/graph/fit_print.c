// SPDX-License-Identifier: GPL-2.0-only
/*
 * fit_print.c - the fingerprint: types of the object's size class with the object's pointers,
 * whose values the object can have.
 *
 * Objects of one size class with the same pointers have the same types to choose from, so these
 * are looked up once. An object that holds a map has few, because only a field of map type leads
 * to a map's header.
 */
#include <string.h>

#include "graph/fit_priv.h"

enum {
	FIT_GROUPS_MAX = 1 << 14,
	FIT_CHOICES_MAX = 1 << 22, /* of all groups; then we begin again */
	FIT_NO_MAP = 0,
};

void fit_groups_fini(struct fitter *f)
{
	table_fini(&f->group_at);
	vec_fini(&f->groups);
	vec_fini(&f->choices);
}

/* Whether an unsafe.Pointer is that of an atomic.Pointer[T], which leads to a T (Go source:
 * sync/atomic/type.go). */
static bool fit_is_typed_pointer(const struct cat_leaf *l)
{
	return l->owner && l->owner->field_cnt && l->owner->fields[0].type->kind == CAT_ARRAY &&
	       !l->owner->fields[0].type->len;
}

/* How a type may have a pointer to a map's header at an offset: in a field of map type, or in one
 * that may be anything. */
enum fit_lead { FIT_LEADS_NOT, FIT_LEADS_UNTYPED, FIT_LEADS_BY_TYPE };

static enum fit_lead fit_leads_to_map(const struct fit_job *j, const struct cat_type *t,
				      uint64_t off)
{
	struct cat_leaf l;

	if (!catalogue_leaf(j->f->world.cat, t, off % t->size, &l))
		return FIT_LEADS_NOT;
	if (l.type->kind == CAT_UNSAFE_POINTER)
		return fit_is_typed_pointer(&l) ? FIT_LEADS_NOT : FIT_LEADS_UNTYPED;
	if (l.type->kind == CAT_POINTER && fit_is_header_type(j->f, l.type->elem))
		return FIT_LEADS_UNTYPED; /* an iterator */
	return l.type->kind == CAT_MAP || l.type->kind == CAT_INTERFACE ? FIT_LEADS_BY_TYPE
									: FIT_LEADS_NOT;
}

/* Arrays of a type that no slice or channel has, fields that may be anything, and types that no object has by
 * itself, are the last choice. */
static uint8_t fit_rank(const struct fitter *f, const struct cat_type *t, uint64_t n,
			enum fit_lead lead)
{
	uint8_t flags = f->flags[t->nth];

	if (flags & (FIT_TYPE_SHAPE | FIT_TYPE_SLOT) || t->kind == CAT_UNSAFE_POINTER)
		return 0;
	return 2 - (n > 1 && !(flags & FIT_TYPE_SLICED)) - (lead == FIT_LEADS_UNTYPED);
}

/* ---- The types to choose from ---- */

static struct err *fit_choice_add(const struct fit_job *j, const struct cat_type *t, uint64_t n)
{
	enum fit_lead lead = j->map_word ? fit_leads_to_map(j, t, (j->map_word - 1) * 8)
					 : FIT_LEADS_BY_TYPE;
	struct fit_choice c = { t->nth, fit_rank(j->f, t, n, lead), n };

	/* The print has the whole mask of a small type, and has been compared. */
	if (lead == FIT_LEADS_NOT ||
	    ((n == 1 || t->size > 8 * FIT_MASK_WORDS) && !fit_mask_is(j, t, n)))
		return NULL;
	return vec_push(&j->f->choices, c) ? NULL : err_nomem();
}

static struct err *fit_choose_values(const struct fit_job *j)
{
	const struct fit_print *p = j->f->values.data;
	size_t cnt = j->f->values.len;
	struct err *err = NULL;

	for (size_t i = fit_first_print(p, cnt, j->slot, j->mask);
	     !err && i < cnt && p[i].slot == j->slot && p[i].mask == j->mask; i++)
		err = fit_choice_add(j, catalogue_nth(j->f->world.cat, p[i].nth), 1);
	return err;
}

/* Types of one size and mask are either all possible elems of the object, or none is. */
static struct err *fit_choose_elems(const struct fit_job *j)
{
	const struct fit_print *p = j->f->elems.data;
	size_t cnt = j->f->elems.len, next;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < cnt && 2 * p[i].slot <= j->o->size; i = next) {
		const struct cat_type *t = catalogue_nth(j->f->world.cat, p[i].nth);
		uint64_t words = p[i].slot / 8, n = fit_elems_by_mask(j, t);

		next = p[i].mask == UINT64_MAX ? fit_first_print(p, cnt, p[i].slot + 1, 0)
					       : fit_first_print(p, cnt, p[i].slot, p[i].mask + 1);
		if (n < 2 || !fit_is_exact(j, t->size, n) ||
		    fit_mask_words(j->o, 0, words < 64 ? words : 64) != p[i].mask ||
		    !fit_mask_is(j, t, n))
			continue;
		for (; !err && i < next; i++)
			err = fit_choice_add(j, catalogue_nth(j->f->world.cat, p[i].nth), n);
	}
	return err;
}

static uint64_t fit_group_key(const struct fit_job *j)
{
	uint64_t key = j->mask * 0x9e3779b97f4a7c15;

	key = (key ^ j->slot) * 0xff51afd7ed558ccd;
	return (key ^ j->map_word) * 0xc4ceb9fe1a85ec53;
}

/* The group of types to choose from, from an object like this one or made now. */
static struct err *fit_group_of(const struct fit_job *j, struct fit_group *ret)
{
	struct fitter *f = j->f;
	struct fit_group g = { j->slot, j->mask, j->map_word, 0, 0 };
	/* A longer mask is not in the key. */
	bool kept = fit_ptr_words(j->o) <= FIT_MASK_WORDS;
	size_t at = kept ? table_get(&f->group_at, fit_group_key(j)) : TABLE_NONE;

	if (at != TABLE_NONE && f->groups.data[at].slot == g.slot &&
	    f->groups.data[at].mask == g.mask && f->groups.data[at].map_word == g.map_word) {
		*ret = f->groups.data[at];
		return NULL;
	}
	if (f->groups.len >= FIT_GROUPS_MAX || f->choices.len >= FIT_CHOICES_MAX)
		fit_groups_fini(f);
	g.first = f->choices.len;
	struct err *err = fit_choose_values(j);
	if (!err)
		err = fit_choose_elems(j);
	if (err)
		return err;
	g.cnt = f->choices.len - g.first;
	*ret = g;
	if (!kept || at != TABLE_NONE)
		return NULL;
	return table_put(&f->group_at, fit_group_key(j), f->groups.len) && vec_push(&f->groups, g)
		       ? NULL
		       : err_nomem();
}

/* ---- Choosing ---- */

/* The candidates so far. */
struct fit_race {
	const struct cat_type *best;
	uint64_t best_n;
	struct fit_verdict verdict; /* of the best one */
	uint32_t cnt; /* candidates of the best one's rank */
	uint8_t rank;
	/* The field of the first map, as long as all of them agree. */
	const struct cat_type *owner;
	uint64_t owner_at; /* where in the object it begins */
	bool weak; /* a candidate without a strong fact */
};

/* The struct that declares the field of the object's first map, if it is one. */
static const struct cat_type *fit_map_owner(const struct fit_job *j, const struct cat_type *t,
					    uint64_t *at_ret)
{
	uint64_t off = (j->map_word - 1) * 8;
	struct cat_leaf l;

	if (!j->map_word || !catalogue_leaf(j->f->world.cat, t, off % t->size, &l) ||
	    (l.type->kind != CAT_MAP && l.type->kind != CAT_INTERFACE))
		return NULL;
	*at_ret = off - off % t->size + l.owner_off;
	return l.owner;
}

/* Declared types before others, then by score. */
static bool fit_is_better(const struct fit_race *r, const struct cat_type *t, uint64_t n,
			  const struct fit_verdict *v)
{
	bool old = r->best->named && r->best_n == 1, new = t->named &&n == 1;

	return old != new ? new : v->score > r->verdict.score;
}

/* An array of n elems, and one value of the array type [n]elem. */
static bool fit_is_same_array(const struct cat_type *t, uint64_t n, const struct cat_type *u,
			      uint64_t m)
{
	if (t->kind == CAT_ARRAY && n == 1) {
		n = t->len;
		t = t->elem;
	}
	if (u->kind == CAT_ARRAY && m == 1) {
		m = u->len;
		u = u->elem;
	}
	return t == u && n == m && n > 1;
}

static void fit_race_add(const struct fit_job *j, struct fit_race *r, const struct fit_choice *c,
			 const struct cat_type *t, const struct fit_verdict *v)
{
	uint64_t at = 0;
	const struct cat_type *owner = fit_map_owner(j, t, &at);

	if (!r->cnt || c->rank > r->rank) {
		*r = (struct fit_race){ t, c->n, *v, 1, c->rank, owner, at, !v->strong };
		return;
	}
	if (fit_is_same_array(r->best, r->best_n, t, c->n))
		return;
	r->cnt++;
	r->weak |= !v->strong;
	if (owner != r->owner || at != r->owner_at)
		r->owner = NULL;
	if (fit_is_better(r, t, c->n, v)) {
		r->best = t;
		r->best_n = c->n;
		r->verdict = *v;
	}
}

static void fit_race_run(const struct fit_job *j, const struct fit_group *g, bool closure,
			 struct fit_race *r)
{
	struct fitter *f = j->f;

	for (uint32_t i = g->first; i < g->first + g->cnt; i++) {
		const struct fit_choice *c = &f->choices.data[i];
		const struct cat_type *t = catalogue_nth(f->world.cat, c->nth);
		struct fit_verdict v = { 0 };

		if (closure && !(c->n == 1 && f->flags[c->nth] & FIT_TYPE_CLOSURE))
			continue;
		if (r->cnt && c->rank < r->rank)
			continue;
		v = fit_values(f, j->o, t, c->n, false);
		if (v.fits)
			v = fit_values(f, j->o, t, c->n, true);
		if (v.fits)
			fit_race_add(j, r, c, t, &v);
	}
}

static void fit_finish(const struct fit_job *j, const struct fit_race *r)
{
	const struct cat_type *map = fit_map_of_bucket(j->f, r->best);

	if (map)
		fit_set(j, FIT_BUCKETS, FIT_BY_PRINT, map);
	else
		fit_set(j, r->best_n > 1 ? FIT_ARRAY : FIT_VALUE, FIT_BY_PRINT, r->best);
	j->ret->candidates = r->cnt;
	j->ret->certain = r->cnt == 1 && r->verdict.strong;
	j->ret->owner = r->owner;
	j->ret->owner_certain = r->owner && !r->weak;
}

/* A closure begins with the address of its function, which is not a pointer for the collector. */
static bool fit_closure_func(const struct fit_job *j, uint64_t *ret)
{
	return !(j->mask & 1) && fit_word(j->o, 0, ret) && fit_is_function(j->f, *ret);
}

/* The first word that leads to a map's header, plus 1. */
static uint32_t fit_find_map_word(const struct fit_job *j)
{
	uint64_t addr;
	struct map_info map;

	for (uint32_t w = 0; w < FIT_MASK_WORDS && j->mask >> w; w++)
		if (j->mask >> w & 1 && fit_word(j->o, w * 8, &addr) && addr &&
		    fit_is_map_header(j->f, addr, &map))
			return w + 1;
	return FIT_NO_MAP;
}

struct err *fit_by_print(struct fit_job *j)
{
	struct fit_race r = { 0 };
	struct fit_group g;
	uint64_t func = 0;

	j->map_word = fit_find_map_word(j);
	struct err *err = fit_group_of(j, &g);
	if (err)
		return err;
	bool closure = fit_closure_func(j, &func);
	fit_race_run(j, &g, closure, &r);
	if (closure)
		fit_set_closure(j, FIT_BY_CONTENTS, r.cnt == 1 ? r.best : NULL, func);
	else if (r.cnt)
		fit_finish(j, &r);
	return NULL;
}
