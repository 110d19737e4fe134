// SPDX-License-Identifier: GPL-2.0-only
#include "graph/objtypes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "graph/objsample.h"
#include "process/pclntab.h"

enum {
	GROUPS_MAX = 1 << 14, /* further types are grouped by size */
	GROUP_NAME_MAX = 1024,
	TAKE_NS = 1000000000,
};

/* ---- groups ---- */

/* What objects of one group have in common. */
struct group_key {
	const struct cat_type *type;
	uint64_t func;
	uint64_t slot; /* of those whose type is not known */
	uint8_t kind; /* enum fit_kind */
	bool pointers;
};

struct grouping {
	struct holder_search *s;
	struct objtypes *ret;
	struct table by_key;
	VEC(struct group_key) keys; /* of the groups */
	VEC(double) variances; /* of their bytes */
	/* By group, of the samples of the class at hand: how many, and how many are garbage. */
	VEC(uint32_t) hits;
	VEC(uint32_t) garbage;
};

static void grouping_fini(struct grouping *g)
{
	table_fini(&g->by_key);
	vec_fini(&g->keys);
	vec_fini(&g->variances);
	vec_fini(&g->hits);
	vec_fini(&g->garbage);
}

static uint64_t group_hash(const struct group_key *k)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;
	uint64_t h = (uintptr_t)k->type * odd;

	h = (h ^ k->func ^ h >> 29) * odd;
	return (h ^ k->slot ^ (uint64_t)k->kind << 56 ^ (uint64_t)k->pointers << 55 ^ h >> 29) *
	       odd;
}

static const char *group_name(struct grouping *g, const struct group_key *k)
{
	struct holder_search *s = g->s;
	const struct program *prog = s->heap->prog;
	char function[512], text[GROUP_NAME_MAX];
	const char *type = k->type ? cat_type_name(s->cat, k->type) : "?";

	switch ((enum fit_kind)k->kind) {
	case FIT_VALUE:
		return pool_text(&s->ret->set.pool, type);
	case FIT_ARRAY:
		snprintf(text, sizeof(text), "[]%s", type);
		break;
	case FIT_CHAN:
		snprintf(text, sizeof(text), "chan %s", type);
		break;
	case FIT_CLOSURE: {
		_cleanup_err_ struct err *err = pclntab_name(prog->funcs, program_image_mem(prog),
							     k->func, function, sizeof(function));

		snprintf(text, sizeof(text), "%s (closure)", err ? "?" : function);
		break;
	}
	case FIT_NONE:
	case FIT_CHAN_BUFFER:
	case FIT_MAP_HEADER:
	case FIT_SWISS_TABLE:
	case FIT_SWISS_DIRECTORY:
	case FIT_BUCKETS:
		return NULL;
	}
	return pool_text(&s->ret->set.pool, text);
}

/* Finds or adds the group; its index in *ret. */
static struct err *group_of(struct grouping *g, const struct group_key *k, size_t *ret)
{
	uint64_t hash = group_hash(k);
	size_t at = table_get(&g->by_key, hash);
	struct object_group group = {
		.slot_bytes = k->slot,
		.pointers = k->pointers,
		.certain = true,
		.source = k->kind == FIT_NONE ? OBJECTS_BY_SIZE : OBJECTS_NOTED,
	};

	*ret = at;
	if (at != TABLE_NONE)
		return NULL;
	*ret = g->ret->groups.len;
	group.type = group_name(g, k);
	bool ok = table_put(&g->by_key, hash, *ret) && vec_push(&g->ret->groups, group) &&
		  vec_push(&g->keys, *k) && vec_push(&g->variances, 0.0) && vec_push(&g->hits, 0) &&
		  vec_push(&g->garbage, 0);
	return ok ? NULL : err_nomem();
}

/* What an object is called; of an unknown type where several fit. */
static struct group_key group_key_of(const struct grouping *g, const struct object_sample *o)
{
	const struct fit *fit = &o->fit;
	struct group_key k = { .type = fit->type, .kind = fit->kind, .pointers = true };
	bool known = fit->kind == FIT_VALUE || fit->kind == FIT_ARRAY || fit->kind == FIT_CHAN ||
		     fit->kind == FIT_CLOSURE;

	k.pointers = !span_noscan(o->object.span);
	if (fit->kind == FIT_CLOSURE) {
		k.type = NULL;
		k.func = fit->func;
		return k;
	}
	if (!known || !fit->type || (!fit->certain && fit->candidates != 1) ||
	    g->ret->groups.len >= GROUPS_MAX)
		k = (struct group_key){ .kind = FIT_NONE,
					.pointers = k.pointers,
					.slot = o->object.size <= MALLOC_SMALL_MAX ? o->object.size
										   : 0 };
	return k;
}

static struct err *grouping_add(struct grouping *g, const struct group_key *k, uint64_t cnt,
				uint64_t bytes)
{
	size_t at;
	struct err *err = cnt ? group_of(g, k, &at) : NULL;

	if (err || !cnt)
		return err;
	g->ret->groups.data[at].cnt += cnt;
	g->ret->groups.data[at].bytes += bytes;
	return NULL;
}

/* ---- objects without pointers, and those that were not looked at ---- */

static struct err *grouping_add_class(struct grouping *g, const struct object_class *c)
{
	struct group_key k = {
		.kind = FIT_NONE,
		.pointers = !c->noscan,
		.slot = c->slot_bytes,
	};

	return grouping_add(g, &k, c->others, c->other_bytes);
}

/* ---- objects that were looked at ---- */

/* Adds what one type has of a class, by its samples. Returns the objects that are left. */
static uint64_t group_scale(struct grouping *g, size_t at, const struct object_class *c,
			    uint64_t samples, uint64_t left)
{
	struct object_group *to = &g->ret->groups.data[at];
	double share = (double)g->hits.data[at] / samples;
	uint64_t cnt = c->all_seen ? g->hits.data[at] : llround(share * c->all);
	double bytes = (double)c->all * c->slot_bytes;

	cnt = cnt < left ? cnt : left;
	to->cnt += cnt;
	to->bytes += cnt * c->slot_bytes;
	to->garbage_bytes +=
		llround((double)cnt * c->slot_bytes * g->garbage.data[at] / g->hits.data[at]);
	to->estimated |= cnt && !c->all_seen;
	if (!c->all_seen)
		g->variances.data[at] += bytes * bytes * share * (1 - share) / samples;
	return left - cnt;
}

/* Adds the objects of a class whose type is not known: how many they are is known. */
static struct err *group_add_unknown(struct grouping *g, const struct object_class *c,
				     uint64_t left, double garbage_share)
{
	struct group_key unknown = {
		.kind = FIT_NONE,
		.pointers = !c->noscan,
		.slot = c->slot_bytes,
	};
	struct err *err = grouping_add(g, &unknown, left, left * c->slot_bytes);
	size_t at = left ? table_get(&g->by_key, group_hash(&unknown)) : TABLE_NONE;

	if (err || at == TABLE_NONE)
		return err;
	g->ret->groups.data[at].estimated |= !c->all_seen && !c->noscan;
	g->ret->groups.data[at].garbage_bytes += llround(garbage_share * left * c->slot_bytes);
	return NULL;
}

/*
 * Spreads the objects of a class over the groups of its samples, of which `samples` had an object.
 * Not every table can be told from other objects of unknown type, but how many tables there are is
 * known. So those of unknown type are what is left. A class that was looked at as a whole is
 * counted, not estimated.
 */
static struct err *group_scale_class(struct grouping *g, const struct object_class *c,
				     uint64_t samples)
{
	uint64_t left = c->others;
	double garbage_share = 0;

	for (size_t i = 0; i < g->ret->groups.len; i++) {
		if (!g->hits.data[i])
			continue;
		if (g->keys.data[i].kind == FIT_NONE)
			garbage_share = (double)g->garbage.data[i] / g->hits.data[i];
		else
			left = group_scale(g, i, c, samples, left);
		g->hits.data[i] = g->garbage.data[i] = 0;
	}
	return group_add_unknown(g, c, left, garbage_share);
}

static struct err *group_note_sample(struct grouping *g, const struct object_sample *o, bool large)
{
	struct group_key k = group_key_of(g, o);
	size_t at;
	struct err *err = group_of(g, &k, &at);

	if (err)
		return err;
	struct object_group *to = &g->ret->groups.data[at];
	if (k.kind != FIT_NONE && o->fit.source != FIT_BY_HEADER)
		to->source = OBJECTS_FITTED;
	to->certain &= k.kind == FIT_NONE || o->fit.certain;
	g->hits.data[at] += !large;
	g->garbage.data[at] += !large && o->garbage;
	if (!large)
		return NULL;
	/* Of those without pointers it is known how many are no tables. */
	to->cnt += k.pointers;
	to->bytes += k.pointers ? o->object.size : 0;
	to->garbage_bytes += o->garbage ? o->object.size : 0;
	return NULL;
}

/* Large objects count one by one; those of other classes stand for their class. */
static struct err *grouping_add_samples(struct grouping *g, const struct object_samples *all,
					size_t class_no)
{
	const struct object_class *c = &all->classes[class_no];
	bool large = class_no <= 1;
	struct err *err = NULL;
	uint64_t used = 0;

	for (size_t i = c->first; !err && i < c->first + c->cnt; i++) {
		const struct object_sample *o = &all->list.data[i];

		g->ret->looked_at += !c->noscan;
		used += o->used;
		if (object_sample_counts(o))
			err = group_note_sample(g, o, large);
	}
	if (err || (large && !c->noscan))
		return err;
	return used && !large ? group_scale_class(g, c, used) : grouping_add_class(g, c);
}

/* ---- all of it ---- */

static int cmp_object_groups(const void *a, const void *b)
{
	const struct object_group *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->cnt < y->cnt ? 1 : -(x->cnt > y->cnt);
}

static void groups_finish(struct grouping *g, bool known)
{
	struct objtypes *ret = g->ret;

	for (size_t i = 0; i < ret->groups.len; i++) {
		struct object_group *o = &ret->groups.data[i];
		uint64_t off = llround(1.96 * sqrt(g->variances.data[i]));

		o->bytes_low = o->bytes > off ? o->bytes - off : 0;
		o->bytes_high = o->bytes + off;
		if (o->garbage_bytes > o->bytes)
			o->garbage_bytes = o->bytes;
		ret->cnt += o->cnt;
		ret->bytes += o->bytes;
	}
	vec_sort(&ret->groups, cmp_object_groups);
	ret->taken = true;
	ret->garbage_known = known;
}

struct err *objtypes_take(struct holder_search *s, struct objtypes *ret)
{
	_cleanup_(object_samples_fini) struct object_samples all = { 0 };
	_cleanup_(grouping_fini) struct grouping g = { .s = s, .ret = ret };
	struct err *err = object_samples_take(&all, s, clock_ns() + TAKE_NS);

	for (size_t i = 0; !err && i < SPANCLASS_CNT; i++) {
		const struct object_class *c = &all.classes[i];

		err = c->cnt || c->all_seen ? grouping_add_samples(&g, &all, i)
					    : grouping_add_class(&g, c);
	}
	if (!err)
		groups_finish(&g, all.garbage_known);
	log_debug("objects: %llu looked at, %zu groups", (unsigned long long)ret->looked_at,
		  ret->groups.len);
	return err;
}

void objtypes_fini(struct objtypes *o)
{
	vec_fini(&o->groups);
}
