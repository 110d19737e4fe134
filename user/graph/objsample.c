// SPDX-License-Identifier: GPL-2.0-only
#include "graph/objsample.h"

#include <string.h>

#include "base/clock.h"
#include "graph/reach.h"
#include "graph/table_owners.h"
#include "heap/liveness.h"

enum {
	SAMPLES_ALL = 12000, /* of all classes together, about */
	SAMPLES_MIN = 48, /* of a class */
	SAMPLES_MAX = 3000,
	SLOTS_SEEN_MAX = 4096, /* classes with so few slots are looked at as a whole */
	LARGE_MAX = 4096, /* large objects that are looked at */
};

/* ---- the classes ---- */

static void object_class_add(struct object_class *c, const struct span *s)
{
	c->slot_bytes = span_sizeclass(s) ? span_elemsize(s) : 0;
	c->noscan = span_noscan(s);
	c->others += s->alloc_count;
	c->all += s->alloc_count;
	c->other_bytes += s->alloc_count * span_elemsize(s);
	c->slots += span_slots(s);
	c->span_cnt++;
}

static uint64_t samples_header_cnt(const struct census *census)
{
	uint64_t cnt = census->empty_cnt;

	for (size_t i = 0; i < census->maps.kinds.len; i++)
		if (!rows_kind_info(&census->maps, i, 0).on_stack)
			cnt += census->maps.kinds.data[i].cnt;
	return cnt;
}

static void object_class_take_away(struct object_class *c, uint64_t bytes)
{
	uint64_t all = c->other_bytes;

	c->other_bytes = bytes < all ? all - bytes : 0;
	if (c->slot_bytes)
		c->others = c->other_bytes / c->slot_bytes;
	else /* tables of large maps differ in size */
		c->others = all ? (unsigned __int128)c->others * c->other_bytes / all : 0;
}

static struct err *samples_list_spans(struct object_samples *all, const struct heap *heap)
{
	size_t at = 0, next[SPANCLASS_CNT];

	all->spans = malloc((heap->spans.len + 1) * sizeof(*all->spans));
	if (!all->spans)
		return err_nomem();
	for (size_t i = 0; i < SPANCLASS_CNT; i++) {
		next[i] = all->classes[i].span_first = at;
		at += all->classes[i].span_cnt;
	}
	for (size_t i = 0; i < heap->spans.len; i++) {
		const struct span *s = &heap->spans.data[i];

		if (s->state == SPAN_IN_USE && s->spanclass < SPANCLASS_CNT)
			all->spans[next[s->spanclass]++] = i;
	}
	return NULL;
}

static struct err *samples_count(struct object_samples *all, const struct holder_search *s)
{
	const struct heap *heap = s->heap;
	unsigned int headers = sizeclass_for(layout_map_header_sz(&heap->prog->layout)) << 1;

	for (size_t i = 0; i < heap->spans.len; i++)
		if (heap->spans.data[i].state == SPAN_IN_USE &&
		    heap->spans.data[i].spanclass < SPANCLASS_CNT)
			object_class_add(&all->classes[heap->spans.data[i].spanclass],
					 &heap->spans.data[i]);
	for (size_t i = 0; i < SPANCLASS_CNT; i++)
		object_class_take_away(&all->classes[i], s->census->class_bytes[i]);
	object_class_take_away(&all->classes[headers],
			       samples_header_cnt(s->census) * all->classes[headers].slot_bytes);
	return samples_list_spans(all, heap);
}

/* ---- the choice ---- */

/* splitmix64 */
static uint64_t samples_draw(struct object_samples *all, uint64_t below)
{
	uint64_t z = all->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (unsigned __int128)(z ^ z >> 31) * below >> 64;
}

static struct err *samples_push(struct object_samples *all, const struct heap *heap,
				const struct span *s, uint64_t slot)
{
	struct object_sample o = { .used = false };

	if (slot >= span_slots(s) ||
	    !span_object(heap, s, span_base(s) + slot * span_elemsize(s), &o.object))
		return NULL;
	return vec_push(&all->list, o) ? NULL : err_nomem();
}

static struct err *samples_choose_all(struct object_samples *all, const struct heap *heap,
				      struct object_class *c)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < c->span_cnt; i++) {
		const struct span *s = &heap->spans.data[all->spans[c->span_first + i]];

		for (uint64_t slot = 0; !err && slot < span_slots(s); slot++)
			err = samples_push(all, heap, s, slot);
	}
	c->all_seen = true;
	return err;
}

/* A slot of any span, with equal chances, so that an object has the same chance as any other. */
static struct err *samples_choose_some(struct object_samples *all, const struct heap *heap,
				       struct object_class *c, uint64_t want)
{
	uint64_t width = c->slots / c->span_cnt + 1;
	uint64_t objects = c->others ? c->others : 1;
	uint64_t tries = want * (c->slots / objects < 8 ? c->slots / objects + 1 : 8);
	struct err *err = NULL;

	for (uint64_t i = 0; !err && i < tries; i++) {
		size_t nth = samples_draw(all, c->span_cnt);

		err = samples_push(all, heap, &heap->spans.data[all->spans[c->span_first + nth]],
				   samples_draw(all, width));
	}
	return err;
}

static struct err *samples_choose(struct object_samples *all, const struct heap *heap,
				  struct object_class *c, uint64_t all_bytes)
{
	bool large = !c->slot_bytes;
	uint64_t want = all_bytes ? (double)c->other_bytes / all_bytes * SAMPLES_ALL : 0;
	struct err *err = NULL;

	want = want < SAMPLES_MIN ? SAMPLES_MIN : want > SAMPLES_MAX ? SAMPLES_MAX : want;
	c->first = all->list.len;
	if (!c->span_cnt || (c->noscan && !all->garbage_known) || (large && c->slots > LARGE_MAX))
		return NULL;
	err = large || c->slots <= SLOTS_SEEN_MAX ? samples_choose_all(all, heap, c)
						  : samples_choose_some(all, heap, c, want);
	c->cnt = all->list.len - c->first;
	return err;
}

static struct err *samples_choose_classes(struct object_samples *all, const struct heap *heap)
{
	uint64_t bytes = 0;
	struct err *err = NULL;

	for (size_t i = 0; i < SPANCLASS_CNT; i++)
		bytes += all->classes[i].other_bytes;
	for (size_t i = 0; !err && i < SPANCLASS_CNT; i++)
		err = samples_choose(all, heap, &all->classes[i], bytes);
	return err;
}

/* ---- what they are ---- */

/* Finds the tables of maps among them that the allocator notes no type of. */
static struct err *samples_find_tables(struct object_samples *all, const struct holder_search *s)
{
	_cleanup_free_ uint32_t *rows = malloc((all->list.len + 1) * sizeof(*rows));
	struct pass_targets starts = { 0 };
	struct err *err = rows ? NULL : err_nomem();

	for (size_t i = 0; !err && i < all->list.len; i++) {
		rows[i] = UINT32_MAX;
		if (!vec_push(&starts.addrs, all->list.data[i].object.start))
			err = err_nomem();
	}
	if (!err && !targets_index(&starts))
		err = err_nomem();
	if (!err)
		err = table_owners_find(s->heap, s->census, &starts, rows);
	for (size_t i = 0; !err && i < all->list.len; i++) {
		/* One object may have been drawn twice; it is found by one of its numbers. */
		uint32_t at = targets_find(&starts, all->list.data[i].object.start);

		all->list.data[i].table = at != TARGET_NONE && rows[at] != UINT32_MAX;
	}
	targets_fini(&starts);
	return err;
}

/* Whether nothing leads to the object, as far as that is known. */
static bool sample_is_garbage(const struct reach *reach, const struct object *o)
{
	uint32_t nth = objects_number(&reach->objs, o->start);

	return nth != OBJECT_NO_NUMBER && reach_of_object(reach, nth) == REACH_GARBAGE;
}

static struct err *samples_look_at(struct object_sample *o, size_t cnt, struct holder_search *s,
				   struct object_batch *b, bool garbage)
{
	enum liveness live[OBJECTS_A_READ];
	size_t nth[OBJECTS_A_READ];

	for (size_t i = 0; i < cnt; i++)
		b->objects[i] = o[i].object;
	struct err *err = liveness_read(s->heap, b->objects, cnt, live);
	b->cnt = 0;
	for (size_t i = 0; !err && i < cnt; i++) {
		o[i].used = live[i] != OBJECT_FREE;
		o[i].garbage = o[i].used && garbage &&
			       sample_is_garbage(s->opts.reach, &o[i].object);
		nth[b->cnt] = i;
		if (o[i].used && !o[i].table && !span_noscan(o[i].object.span))
			b->objects[b->cnt++] = o[i].object;
	}
	if (!err)
		err = objects_read(s->heap, b);
	for (size_t i = 0; !err && i < b->cnt; i++) {
		if (b->ok[i])
			fit_types(s->fitter, &b->read[i], NULL, &o[nth[i]].fit);
		else
			o[nth[i]].used = false;
	}
	return err;
}

static struct err *samples_look_at_class(struct object_samples *all, struct object_class *c,
					 struct holder_search *s, struct object_batch *b)
{
	struct err *err = NULL;
	size_t i = 0;

	for (; !err && i < c->cnt; i += OBJECTS_A_READ) {
		size_t left = c->cnt - i, n = left < OBJECTS_A_READ ? left : OBJECTS_A_READ;

		if (clock_ns() > all->deadline_ns || search_is_late(s))
			break;
		err = samples_look_at(&all->list.data[c->first + i], n, s, b, all->garbage_known);
	}
	/* The samples are in no order, so the first ones stand for all, too; but not those of a
	 * class that was to be seen as a whole. */
	if (i < c->cnt && (c->all_seen || i < SAMPLES_MIN))
		i = 0;
	if (i < c->cnt) {
		c->cnt = i;
		c->all_seen = false;
	}
	return err;
}

static int cmp_class_bytes(const void *a, const void *b)
{
	const struct object_class *x = *(struct object_class *const *)a;
	const struct object_class *y = *(struct object_class *const *)b;

	return x->other_bytes < y->other_bytes ? 1 : -(x->other_bytes > y->other_bytes);
}

struct err *object_samples_take(struct object_samples *all, struct holder_search *s,
				uint64_t deadline_ns)
{
	struct object_batch *b = object_batch_new();
	struct object_class *order[SPANCLASS_CNT];
	struct err *err = b ? samples_count(all, s) : err_nomem();

	all->deadline_ns = deadline_ns;
	all->garbage_known = s->opts.reach && s->opts.reach->status == REACH_OK;
	if (!err)
		err = samples_choose_classes(all, s->heap);
	if (!err)
		err = samples_find_tables(all, s);
	for (size_t i = 0; i < SPANCLASS_CNT; i++)
		order[i] = &all->classes[i];
	qsort(order, SPANCLASS_CNT, sizeof(*order), cmp_class_bytes);
	for (size_t i = 0; !err && i < SPANCLASS_CNT; i++)
		err = samples_look_at_class(all, order[i], s, b);
	object_batch_free(b);
	return err;
}

void object_samples_fini(struct object_samples *all)
{
	vec_fini(&all->list);
	free(all->spans);
}
