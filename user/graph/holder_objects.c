// SPDX-License-Identifier: GPL-2.0-only
/* Names the words that lead to maps and are in objects of the heap. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/radix.h"
#include "graph/holder_search.h"
#include "graph/table_owners.h"

enum { CANDIDATES_NAMED_MAX = 8 };

/* Which objects are named: all but tables at first, because they may tell the types of maps. */
enum name_which { NAME_OTHERS, NAME_EXPECTED, NAME_TABLES };

struct objects_naming {
	struct holder_search *s;
	VEC(struct held_object) runs;
	struct object_batch *batch;
	VEC(const struct cat_type *) map_types; /* of the program */
};

/* ---- the objects ---- */

static struct err *naming_list_runs(struct objects_naming *on)
{
	struct holder_search *s = on->s;

	radix_sort(s->words.data, s->words.len, sizeof(*s->words.data),
		   offsetof(struct leading_word, word));
	for (size_t i = 0; i < s->words.len; i++) {
		const struct leading_word *w = &s->words.data[i];
		struct held_object *last = on->runs.len ? &on->runs.data[on->runs.len - 1] : NULL;
		struct held_object run = { .first = i, .cnt = 1, .owner = UINT32_MAX };

		if (last && w->word - last->o.slot < last->o.size) {
			last->cnt++;
			continue;
		}
		if (!span_object(s->heap, &s->heap->spans.data[w->span], w->word, &run.o))
			continue;
		if (!vec_push(&on->runs, run))
			return err_nomem();
	}
	return NULL;
}

/* Finds the objects that are tables of maps. */
static struct err *naming_find_owners(struct objects_naming *on)
{
	struct pass_targets starts = { 0 };
	_cleanup_free_ uint32_t *rows = malloc((on->runs.len + 1) * sizeof(*rows));
	struct err *err = NULL;

	memset(rows, 0xff, (on->runs.len + 1) * sizeof(*rows));
	for (size_t i = 0; !err && i < on->runs.len; i++)
		if (!vec_push(&starts.addrs, on->runs.data[i].o.start))
			err = err_nomem();
	if (!err && !targets_index(&starts))
		err = err_nomem();
	if (!err)
		err = table_owners_find(on->s->heap, on->s->census, &starts, rows);
	for (size_t i = 0; !err && i < on->runs.len; i++)
		on->runs.data[i].owner = rows[i];
	targets_fini(&starts);
	return err;
}

/* ---- tables of maps whose type is not known ---- */

static bool masks_agree(const struct cat_type *bucket, const struct fit_object *o)
{
	uint64_t mask[OBJECT_MASK_WORDS / 64] = { 0 };
	size_t words = bucket->size / 8;

	if (!o->mask_known || !words || words > OBJECT_MASK_WORDS || bucket->size > o->size ||
	    !cat_type_mask(bucket, mask, words))
		return !o->mask_known;
	for (size_t i = 0; i < words; i++)
		if ((mask[i / 64] ^ o->ptr_mask[i / 64]) >> i % 64 & 1)
			return false;
	return true;
}

/* Whether a table of n buckets of the type can be that object, and have a map at that offset. */
static bool may_be_table_of(const struct holder_search *s, const struct cat_type *t,
			    const struct map_info *m, const struct fit_object *o, uint64_t off)
{
	struct cat_leaf leaf;
	uint64_t sz = t->bucket ? t->bucket->size : 0;

	return sz && (!m->bucket_sz || m->bucket_sz == sz) && sz <= o->size &&
	       m->buckets <= m->table_bytes / sz &&
	       catalogue_leaf(s->cat, t->bucket, off % sz, &leaf) &&
	       ((leaf.type->kind == CAT_MAP && !leaf.off) ||
		(leaf.type->kind == CAT_INTERFACE && leaf.off == 8)) &&
	       masks_agree(t->bucket, o);
}

static bool has_contents_of(const struct holder_search *s, const struct cat_type *t,
			    const struct fit_object *o)
{
	struct fit fit;

	fit_types(s->fitter, o, t, &fit);
	return fit.kind == FIT_BUCKETS && fit.type == t;
}

/* Tells the type of a table by where it has a map. */
static void fit_table(const struct objects_naming *on, uint32_t row, const struct fit_object *o,
		      uint64_t off, struct fit *ret)
{
	struct map_info m = census_map(on->s->census, row);

	*ret = (struct fit){ .kind = FIT_BUCKETS, .source = FIT_BY_CONTENTS };
	for (size_t i = 0; i < on->map_types.len; i++) {
		const struct cat_type *t = on->map_types.data[i];

		if (!may_be_table_of(on->s, t, &m, o, off) ||
		    (o->mask_known && !has_contents_of(on->s, t, o)))
			continue;
		/* Types with the same buckets differ in nothing that a holder is called by, except
		 * for their name. */
		ret->type = ret->type ? ret->type : t;
		ret->candidates++;
	}
	ret->certain = ret->candidates == 1 && o->mask_known;
	if (!ret->type)
		ret->kind = FIT_NONE;
}

/* ---- names ---- */

/* The type of a map: what the census knows, else what the map's own holder says. */
static const struct cat_type *naming_map_type(const struct holder_search *s, uint32_t row)
{
	const struct cat_type *t = search_row_type(s, row);
	uint32_t no = s->ret->by_row[row];

	if (t || no == HOLDERS_NO_HOLDER || !s->ret->set.list.data[no].certain)
		return t;
	t = catalogue_find(s->cat, s->ret->set.list.data[no].map_type);
	return t && t->kind == CAT_MAP ? t : NULL;
}

static struct held_word word_in_object(const struct holder_search *s, const struct leading_word *w,
				       const struct fit_object *o, const struct fit *fit)
{
	uint64_t off = w->word - o->addr;

	return (struct held_word){
		.object = o,
		.fit = fit,
		.off = off,
		.held = search_row_type(s, s->target_rows.data[w->target]),
		.word_before = off >= 8 && off <= o->bytes_len ? load_u64(o->bytes, off - 8) : 0,
		.indirect = w->target >= s->header_cnt,
	};
}

/* The first index in a path: 3 of "shards[3].items[1]". */
static uint32_t path_index(const struct holder_search *s, const struct held_word *w)
{
	struct cat_leaf leaf;
	const char *index = w->fit->type && catalogue_leaf(s->cat, w->fit->type, w->off, &leaf)
				    ? strchr(leaf.path, '[')
				    : NULL;

	return index ? strtoul(index + 1, NULL, 10) : HOLDERS_NO_PLACE;
}

/* See holders_place(). owner: the row of the map that has the object as a table. */
static uint32_t word_place(const struct holder_search *s, const struct held_word *w,
			   uint32_t holder, uint32_t owner)
{
	const struct holder *h = &s->ret->set.list.data[holder];

	if (holder >= s->ret->set.list.len)
		return HOLDERS_NO_PLACE;
	switch ((enum fit_kind)w->fit->kind) {
	case FIT_BUCKETS:
		return owner;
	case FIT_ARRAY:
		return w->off / w->fit->type->size;
	case FIT_CLOSURE:
		return w->off / 8;
	case FIT_VALUE:
		return h->field && strchr(h->field, '[') ? path_index(s, w) : HOLDERS_NO_PLACE;
	case FIT_NONE:
	case FIT_CHAN:
	case FIT_CHAN_BUFFER:
	case FIT_MAP_HEADER:
	case FIT_SWISS_TABLE:
	case FIT_SWISS_DIRECTORY:
		break;
	}
	return HOLDERS_NO_PLACE;
}

/* What a word leads to now: two maps may have changed places since the pass, and an object may have
 * been freed and given out again. TARGET_NONE: to nothing that is looked for. */
static uint32_t word_target(const struct holder_search *s, const struct leading_word *w,
			    const struct fit_object *o)
{
	uint64_t off = w->word - o->addr, now;

	if (off + 8 > o->bytes_len)
		return w->target;
	now = load_u64(o->bytes, off);
	return now == s->targets.addrs.data[w->target] ? w->target : targets_find(&s->targets, now);
}

static void name_word(struct objects_naming *on, const struct held_object *run,
		      const struct leading_word *w, const struct fit_object *o,
		      const struct fit *fit)
{
	struct holder_search *s = on->s;
	struct leading_word now = *w;
	struct held_word held;
	uint32_t holder;

	now.target = word_target(s, w, o);
	if (now.target == TARGET_NONE)
		return;
	held = word_in_object(s, &now, o, fit);
	if (naming_object(&s->naming, &held, &holder) == NAMING_HOLDER)
		search_set(s, s->target_rows.data[now.target], holder,
			   word_place(s, &held, holder, run->owner));
}

/* An object that would be of many types is of an unknown one. */
static void fit_drop_vague(struct fit *fit)
{
	if (!fit->certain && fit->candidates > CANDIDATES_NAMED_MAX)
		*fit = (struct fit){ .kind = FIT_NONE };
}

/* A parent says that the object has pointers to maps: elements, or a variable. */
static void fit_map_words(const struct held_object *run, struct fit *fit)
{
	*fit = (struct fit){
		.kind = run->by_chan	? FIT_CHAN_BUFFER
			: run->by_slice ? FIT_ARRAY
					: FIT_VALUE,
		.type = run->expected,
		.candidates = 1,
		.certain = run->sure,
		.source = FIT_BY_PARENT,
	};
}

/*
 * An array whose elements are maps is words that lead to maps. Which maps is known if the census
 * knows the type of the one, but not by the fingerprint.
 */
static void fit_doubt_maps(const struct holder_search *s, const struct held_object *run,
			   struct fit *fit)
{
	const struct leading_word *w = &s->words.data[run->first];

	if (fit->kind != FIT_ARRAY || fit->source != FIT_BY_PRINT || fit->type->kind != CAT_MAP ||
	    search_row_type(s, s->target_rows.data[w->target]))
		return;
	fit->certain = false;
	fit->candidates += fit->candidates == 1;
}

static void fit_run(struct objects_naming *on, const struct held_object *run,
		    const struct fit_object *o, struct fit *fit)
{
	struct holder_search *s = on->s;
	const struct cat_type *expected = run->expected;

	if (run->owner != UINT32_MAX) {
		expected = naming_map_type(s, run->owner);
		if (expected && !run->o.has_header) {
			*fit = (struct fit){
				.kind = FIT_BUCKETS,
				.type = expected,
				.candidates = 1,
				.certain = true,
				.source = FIT_BY_PARENT,
			};
			return;
		}
		if (!expected && !run->o.has_header) {
			fit_table(on, run->owner, o, s->words.data[run->first].word - o->addr, fit);
			return;
		}
	}
	if (run->expected && expected->kind == CAT_MAP) {
		fit_map_words(run, fit);
		return;
	}
	fit_types(s->fitter, o, expected, fit);
	if (run->expected && fit->source == FIT_BY_PARENT)
		fit->certain &= run->sure;
	if (run->by_chan && fit->type == expected &&
	    (fit->kind == FIT_VALUE || fit->kind == FIT_ARRAY))
		fit->kind = FIT_CHAN_BUFFER;
	fit_doubt_maps(s, run, fit);
	fit_drop_vague(fit);
}

/* The same words in the buffer of a channel were those of an array before. */
static void forget_names(struct objects_naming *on, const struct held_object *run,
			 const struct fit_object *o)
{
	struct holder_search *s = on->s;

	for (size_t i = 0; i < run->cnt; i++) {
		const struct leading_word *w = &s->words.data[run->first + i];
		uint32_t row = s->target_rows.data[w->target], before;
		struct held_word held = word_in_object(s, w, o, &run->fit);

		if (naming_object(&s->naming, &held, &before) == NAMING_HOLDER &&
		    s->ret->by_row[row] == before)
			s->scores[row] = 0;
	}
}

static void name_run(struct objects_naming *on, struct held_object *run, const struct fit_object *o)
{
	struct fit fit;

	fit_run(on, run, o, &fit);
	if (run->by_chan)
		forget_names(on, run, o);
	run->fit = fit;
	run->settled = fit.certain && (fit.kind != FIT_ARRAY || run->expected);
	for (size_t i = 0; i < run->cnt; i++)
		name_word(on, run, &on->s->words.data[run->first + i], o, &fit);
}

static bool run_is_wanted(const struct held_object *run, enum name_which which)
{
	switch (which) {
	case NAME_OTHERS:
		return run->owner == UINT32_MAX;
	case NAME_EXPECTED:
		return run->expected && !run->settled;
	case NAME_TABLES:
		return run->owner != UINT32_MAX;
	}
	return false;
}

static struct err *name_runs(struct objects_naming *on, enum name_which which)
{
	struct object_batch *b = on->batch;
	size_t runs[OBJECTS_A_READ], i = 0;

	while (i < on->runs.len && !search_is_late(on->s)) {
		b->cnt = 0;
		for (; i < on->runs.len && b->cnt < OBJECTS_A_READ; i++) {
			if (!run_is_wanted(&on->runs.data[i], which))
				continue;
			runs[b->cnt] = i;
			b->objects[b->cnt++] = on->runs.data[i].o;
		}
		struct err *err = objects_read(on->s->heap, b);
		if (err)
			return err;
		for (size_t k = 0; k < b->cnt; k++)
			if (b->ok[k])
				name_run(on, &on->runs.data[runs[k]], &b->read[k]);
	}
	return NULL;
}

static struct err *naming_list_map_types(struct objects_naming *on)
{
	for (size_t i = 0; i < catalogue_cnt(on->s->cat); i++) {
		const struct cat_type *t = catalogue_nth(on->s->cat, i);

		if (t->kind == CAT_MAP && !vec_push(&on->map_types, t))
			return err_nomem();
	}
	return NULL;
}

struct err *search_name_objects(struct holder_search *s)
{
	struct objects_naming on = { .s = s, .batch = object_batch_new() };
	struct err *err = on.batch ? naming_list_map_types(&on) : err_nomem();

	if (!err)
		err = naming_list_runs(&on);
	if (!err)
		err = naming_find_owners(&on);
	if (!err)
		err = name_runs(&on, NAME_OTHERS);
	if (!err)
		err = search_ask_parents(s, on.runs.data, on.runs.len, on.batch);
	if (!err)
		err = name_runs(&on, NAME_EXPECTED);
	if (!err)
		err = name_runs(&on, NAME_TABLES);
	object_batch_free(on.batch);
	vec_fini(&on.runs);
	vec_fini(&on.map_types);
	return err;
}
