// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the parents of objects say that they are. A parent is an object, or a variable, that has a
 * pointer to an object.
 */
#include <string.h>

#include "base/cursor.h"
#include "base/radix.h"
#include "graph/holder_search.h"

enum {
	PARENTS_MAX = 1 << 18, /* objects that are asked for, and words that lead to them */
	HCHAN_BUF = 16, /* runtime.hchan.buf, the same in all versions */
};

/* A search for parents. */
struct parents {
	struct holder_search *s;
	struct held_object *objects; /* the children */
	struct object_batch *batch;
	struct pass_targets targets; /* where they start */
	VEC(uint32_t) children; /* by target: an index in objects */
	VEC(struct leading_word) words;
	size_t words_of[OBJECTS_A_READ]; /* by object of the batch */
};

/* What a word of a parent says of the object that it leads to: E for a pointer to E, or a slice of
 * E. NULL: nothing. */
static const struct cat_type *parent_says(const struct parents *p, const struct fit *fit,
					  const struct fit_object *o, uint64_t off,
					  struct held_object *ret)
{
	struct holder_search *s = p->s;
	const struct cat_type *t = fit->type, *dynamic;
	struct cat_leaf leaf;

	if (!t || (!fit->certain && fit->candidates > 1))
		return NULL;
	if (fit->kind == FIT_CHAN && off == HCHAN_BUF) {
		ret->by_chan = true;
		return t;
	}
	if (fit->kind == FIT_BUCKETS)
		t = t->bucket;
	else if (fit->kind != FIT_VALUE && fit->kind != FIT_ARRAY && fit->kind != FIT_CLOSURE)
		return NULL;
	if (!t || !t->size || !catalogue_leaf(s->cat, t, off % t->size, &leaf))
		return NULL;
	ret->by_slice = leaf.type->kind == CAT_SLICE;
	if ((leaf.type->kind == CAT_POINTER || leaf.type->kind == CAT_SLICE) && !leaf.off)
		return leaf.type->elem;
	if (leaf.type->kind != CAT_INTERFACE || leaf.off != 8 || off < 8 || off > o->bytes_len)
		return NULL;
	dynamic = naming_dynamic_type(&s->naming, load_u64(o->bytes, off - 8));
	return dynamic && dynamic->kind == CAT_POINTER ? dynamic->elem : NULL;
}

static struct err *parents_add_children(struct parents *p, size_t cnt)
{
	for (size_t i = 0; i < cnt && p->children.len < PARENTS_MAX; i++) {
		const struct held_object *o = &p->objects[i];

		if (o->settled || o->owner != UINT32_MAX || o->expected)
			continue;
		if (!vec_push(&p->targets.addrs, o->o.start) || !vec_push(&p->children, i))
			return err_nomem();
	}
	return targets_index(&p->targets) ? NULL : err_nomem();
}

static struct err *parents_pass(struct parents *p, enum pass_spans spans)
{
	struct pass_opts opts = {
		.spans = spans,
		.residency = p->s->census->residency,
		.deadline_ns = p->s->deadline_ns,
	};
	struct referrers found = { 0 };
	struct err *err = referrers_find(p->s->heap, &p->targets, &opts, &found);

	for (size_t i = 0; !err && i < found.list.len; i++) {
		const struct referrer *r = &found.list.data[i];
		struct leading_word w = { r->word, r->target, r->span };

		if (!vec_push(&p->words, w))
			err = err_nomem();
	}
	referrers_fini(&found);
	return err;
}

/* Whether the word still is what it was in the pass. */
static bool parent_has_word(const struct parents *p, const struct leading_word *w,
			    const struct fit_object *o)
{
	uint64_t off = w->word - o->addr;

	return off + 8 > o->bytes_len ||
	       load_u64(o->bytes, off) == p->targets.addrs.data[w->target];
}

/* Fits the parents of a batch, and asks each about one child. */
static struct err *parents_ask_batch(struct parents *p)
{
	struct err *err = objects_read(p->s->heap, p->batch);

	for (size_t i = 0; !err && i < p->batch->cnt; i++) {
		const struct leading_word *w = &p->words.data[p->words_of[i]];
		struct held_object *child = &p->objects[p->children.data[w->target]];
		const struct fit_object *o = &p->batch->read[i];
		struct fit fit;
		struct held_object said = { 0 };

		if (!p->batch->ok[i] || child->sure || !parent_has_word(p, w, o))
			continue;
		fit_types(p->s->fitter, o, NULL, &fit);
		const struct cat_type *t = parent_says(p, &fit, o, w->word - o->addr, &said);
		if (!t || (child->expected && !fit.certain))
			continue;
		child->expected = t;
		child->by_chan = said.by_chan;
		child->by_slice = said.by_slice;
		child->sure = fit.certain;
	}
	return err;
}

static struct err *parents_ask(struct parents *p)
{
	struct holder_search *s = p->s;
	size_t i = 0;
	struct err *err = NULL;

	radix_sort(p->words.data, p->words.len, sizeof(*p->words.data),
		   offsetof(struct leading_word, word));
	while (!err && i < p->words.len && !search_is_late(s)) {
		p->batch->cnt = 0;
		for (; i < p->words.len && p->batch->cnt < OBJECTS_A_READ; i++) {
			const struct leading_word *w = &p->words.data[i];
			struct object o;

			if (!span_object(s->heap, &s->heap->spans.data[w->span], w->word, &o))
				continue;
			p->words_of[p->batch->cnt] = i;
			p->batch->objects[p->batch->cnt++] = o;
		}
		err = parents_ask_batch(p);
	}
	return err;
}

/* Interfaces among the variables name the types of what they have. */
static struct err *parents_ask_variables(struct parents *p)
{
	struct holder_search *s = p->s;
	struct root_words words = { 0 };
	struct err *err = search_root_words(s, &p->targets, &words);

	for (size_t i = 0; !err && i < words.len; i++) {
		struct held_object *child = &p->objects[p->children.data[words.data[i].target]];
		const struct cat_type *t =
			naming_dynamic_type(&s->naming, words.data[i].word_before);

		if (child->sure || !t || t->kind != CAT_POINTER)
			continue;
		child->expected = t->elem;
		child->by_chan = child->by_slice = false;
		child->sure = true;
	}
	vec_fini(&words);
	return err;
}

struct err *search_ask_parents(struct holder_search *s, struct held_object *objects, size_t cnt,
			       struct object_batch *b)
{
	struct parents p = { .s = s, .objects = objects, .batch = b };
	struct err *err = parents_add_children(&p, cnt);

	if (!err && p.children.len) {
		err = parents_pass(&p, PASS_REST);
		if (!err)
			err = parents_pass(&p, PASS_WORDS);
		if (!err)
			err = parents_ask(&p);
		if (!err)
			err = parents_ask_variables(&p);
	}
	targets_fini(&p.targets);
	vec_fini(&p.children);
	vec_fini(&p.words);
	return err;
}
