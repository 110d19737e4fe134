// SPDX-License-Identifier: GPL-2.0-only
#include "maps/classic_extra.h"

#include <string.h>

enum { PTR_SZ = 8, SLICE_SZ = 24 };

enum { SLICE_PTR, SLICE_LEN, SLICE_CAP };

void classic_extras_fini(struct classic_extras *extras)
{
	vec_fini(&extras->list);
}

static void extra_add_object(const struct map_reader *r, struct map_batch *b,
			     struct classic_extra *e, const struct object *o)
{
	e->bytes += o->size;
	e->resident += batch_claim_resident(r, b, e->at, o);
}

/* Finds an object with pointers that starts at addr and has that size up to its end. */
static bool extra_find_object(const struct heap *heap, uint64_t addr, uint64_t sz,
			      struct object *ret)
{
	return heap_object(heap, addr, ret) && ret->start == addr && !span_noscan(ret->span) &&
	       ret->slot + ret->size - ret->start == sz;
}

/* Finds the array of a slice that append made: its capacity fills the whole slot. */
static bool extra_find_array(const struct heap *heap, const uint64_t *slice, struct object *ret)
{
	return slice[SLICE_LEN] <= slice[SLICE_CAP] && slice[SLICE_CAP] < UINT64_MAX / PTR_SZ &&
	       extra_find_object(heap, slice[SLICE_PTR], slice[SLICE_CAP] * PTR_SZ, ret);
}

static void extra_add_list(const struct map_reader *r, struct map_batch *b, struct classic_extra *e,
			   int i)
{
	const uint64_t *slice = e->slices[i];
	bool empty = !slice[SLICE_PTR] && !slice[SLICE_LEN] && !slice[SLICE_CAP];
	struct object header, array;

	if (!e->lists[i])
		return;
	if (!extra_find_object(r->heap, e->lists[i], SLICE_SZ, &header)) {
		e->doubt = e->lists[i];
		return;
	}
	if (!empty && !extra_find_array(r->heap, slice, &array)) {
		e->doubt = slice[SLICE_PTR];
		return;
	}
	e->listed = true;
	extra_add_object(r, b, e, &header);
	if (!empty)
		extra_add_object(r, b, e, &array);
}

/* Does n reads. Fills with zeroes what cannot be read any more. */
static struct err *extras_read_or_zero(struct mem *mem, struct mem_req *reqs, size_t n)
{
	struct err *err = mem_gather(mem, reqs, n);

	for (size_t i = 0; !err && i < n; i++)
		if (!reqs[i].ok)
			memset(reqs[i].dst, 0, reqs[i].len);
	return err;
}

static struct err *extras_read_lists(struct mem *mem, struct classic_extras *extras,
				     struct mem_req *reqs)
{
	size_t n = 0;

	for (size_t i = 0; i < extras->list.len; i++) {
		struct classic_extra *e = &extras->list.data[i];

		if (e->noscan)
			reqs[n++] = (struct mem_req){ e->addr, sizeof(e->lists), false, e->lists };
	}
	return n ? extras_read_or_zero(mem, reqs, n) : NULL;
}

/* Reads the slice headers. Only objects of the right size are read: a pointer could lead to any
 * memory of the target. */
static struct err *extras_read_slices(const struct heap *heap, struct mem *mem,
				      struct classic_extras *extras, struct mem_req *reqs)
{
	size_t n = 0;

	for (size_t i = 0; i < extras->list.len * CLASSIC_LISTS; i++) {
		struct classic_extra *e = &extras->list.data[i / CLASSIC_LISTS];
		uint64_t addr = e->lists[i % CLASSIC_LISTS];
		uint64_t *slice = e->slices[i % CLASSIC_LISTS];
		struct object o;

		if (addr && extra_find_object(heap, addr, SLICE_SZ, &o))
			reqs[n++] = (struct mem_req){ addr, SLICE_SZ, false, slice };
	}
	return n ? extras_read_or_zero(mem, reqs, n) : NULL;
}

/* Settles what does not fit the heap: it may be newer than the heap, and its map busy. */
static struct err *extras_settle_doubts(const struct map_reader *r, struct map_batch *batch,
					struct classic_extras *extras)
{
	size_t n = extras->list.len, cnt = 0;
	_cleanup_free_ uint64_t *doubts = malloc(n * sizeof(*doubts));
	_cleanup_free_ struct classic_extra **of = malloc(n * sizeof(*of));
	_cleanup_free_ bool *changed = malloc(n);

	if (!doubts || !of || !changed)
		return err_nomem();
	for (size_t i = 0; i < n; i++) {
		if (!extras->list.data[i].doubt)
			continue;
		of[cnt] = &extras->list.data[i];
		doubts[cnt++] = extras->list.data[i].doubt;
	}
	struct err *err = cnt ? heap_find_changed(r->heap, r->mem, doubts, cnt, changed) : NULL;
	for (size_t i = 0; !err && i < cnt; i++) {
		struct candidate *c = &batch->cands[of[i]->at];

		if (changed[i])
			c->moved = c->outdated = of[i]->unread = true;
	}
	return err;
}

struct err *classic_extra_read(const struct map_reader *r, struct map_batch *batch,
			       struct classic_extras *extras)
{
	size_t n = extras->list.len;

	if (!n)
		return NULL;
	_cleanup_free_ struct mem_req *reqs = malloc(n * CLASSIC_LISTS * sizeof(*reqs));
	struct err *err = reqs ? extras_read_lists(r->mem, extras, reqs) : err_nomem();

	if (!err)
		err = extras_read_slices(r->heap, r->mem, extras, reqs);
	for (size_t i = 0; !err && i < n; i++) {
		struct classic_extra *e = &extras->list.data[i];
		struct object o;

		if (heap_object(r->heap, e->addr, &o))
			extra_add_object(r, batch, e, &o);
		for (int list = 0; list < CLASSIC_LISTS; list++)
			extra_add_list(r, batch, e, list);
	}
	return err ? err : extras_settle_doubts(r, batch, extras);
}
