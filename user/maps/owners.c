// SPDX-License-Identifier: GPL-2.0-only
#include "maps/owners.h"

enum {
	SLOTS_MIN = 64,
	TINY_CLASS = 2 << 1 | 1, /* 16 bytes without pointers: the tiny allocator's */
	TINY_SHARE = 2, /* groups that one of its slots has room for */
};

/* The owner of a large table. 16 bytes, since a process may have a million of them. */
struct owner {
	uint64_t table; /* 0: an empty slot */
	uint64_t header : 48; /* the first header that was found to have it; 0: none yet */
	uint64_t walks : 8;
	uint64_t contested : 1; /* the header is among the suspects */
};
_Static_assert(sizeof(struct owner) == 16, "a million maps must stay affordable");

/* How many objects of a span maps may have at one time. */
static uint16_t span_room(const struct span *s)
{
	if (s->state != SPAN_IN_USE)
		return 0;
	return span_slots(s) * (s->spanclass == TINY_CLASS ? TINY_SHARE : 1);
}

static void owners_add_spans(struct owners *o)
{
	for (size_t i = 0; i < o->heap->spans.len; i++) {
		const struct span *s = &o->heap->spans.data[i];

		o->left[i] = span_room(s);
		if (s->state == SPAN_IN_USE)
			o->class_bytes[s->spanclass] += span_bytes(s);
	}
}

struct owners *owners_new(const struct heap *heap)
{
	struct owners *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->heap = heap;
	o->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	o->left = malloc((heap->spans.len + 1) * sizeof(*o->left));
	o->turns = calloc(heap->spans.len + 1, sizeof(*o->turns));
	if (!o->left || !o->turns) {
		owners_free(o);
		return NULL;
	}
	owners_add_spans(o);
	return o;
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	vec_fini(&o->suspects.list);
	free(o->slots);
	free(o->left);
	free(o->turns);
	free(o);
}

/* ---- large tables ---- */

/* The slot of a table, or the empty slot that it belongs in; there always is one. */
static struct owner *owners_find_slot(const struct owners *o, uint64_t table)
{
	size_t i = table * 0x9e3779b97f4a7c15 >> 20 & (o->slot_cnt - 1);

	while (o->slots[i].table && o->slots[i].table != table)
		i = (i + 1) & (o->slot_cnt - 1);
	return &o->slots[i];
}

/* A quarter of the slots stay empty. */
static bool owners_reserve_slot(struct owners *o)
{
	if (4 * (o->len + 1) <= 3 * o->slot_cnt)
		return true;

	struct owner *old = o->slots;
	size_t old_cnt = o->slot_cnt;
	struct owner *slots = calloc(old_cnt ? 2 * old_cnt : SLOTS_MIN, sizeof(*slots));

	if (!slots)
		return false;
	o->slots = slots;
	o->slot_cnt = old_cnt ? 2 * old_cnt : SLOTS_MIN;
	for (size_t i = 0; i < old_cnt; i++)
		if (old[i].table)
			*owners_find_slot(o, old[i].table) = old[i];
	free(old);
	return true;
}

/* NULL: out of memory. */
static struct owner *owners_find(struct owners *o, uint64_t table)
{
	if (!owners_reserve_slot(o))
		return NULL;

	struct owner *owner = owners_find_slot(o, table);
	o->len += !owner->table;
	owner->table = table;
	return owner;
}

struct err *owners_walk(struct owners *o, uint64_t table, bool *ret, bool *owned_ret)
{
	pthread_mutex_lock(&o->lock);
	struct owner *owner = owners_find(o, table);
	if (owner) {
		*ret = owner->walks < OWNERS_WALKS_MAX;
		owner->walks += *ret;
		*owned_ret = owner->header;
	}
	pthread_mutex_unlock(&o->lock);
	return owner ? NULL : err_nomem();
}

/* Whether the owner still leads to the table: its map may have grown since, and the table may
 * be another map's. */
static struct err *owner_still_has(const struct owner *owner, struct mem *mem, uint32_t table_off,
				   bool *ret)
{
	uint64_t now = 0;
	struct mem_req req = { owner->header + table_off, sizeof(now), false, &now };
	struct err *err = mem->read_reqs(mem, &req, 1);

	*ret = !err && req.ok && now == owner->table;
	return err;
}

static struct err *owner_contest(struct owners *o, struct owner *owner)
{
	if (!owner->contested && !vec_push(&o->suspects.list, owner->header))
		return err_nomem();
	owner->contested = true;
	return NULL;
}

/* Makes the header the owner, unless another one still is. */
static struct err *owner_set(struct owners *o, struct mem *mem, struct owner *owner,
			     uint64_t header, uint32_t table_off, bool *ret)
{
	bool taken = false;
	struct err *err = owner->header ? owner_still_has(owner, mem, table_off, &taken) : NULL;

	*ret = !taken;
	if (err)
		return err;
	if (taken)
		return owner_contest(o, owner);
	owner->header = header;
	owner->contested = false;
	return NULL;
}

struct err *owners_add(struct owners *o, struct mem *mem, uint64_t table, uint64_t header,
		       uint32_t table_off, bool *ret)
{
	pthread_mutex_lock(&o->lock);
	struct owner *owner = owners_find(o, table);
	struct err *err = owner ? owner_set(o, mem, owner, header, table_off, ret) : err_nomem();
	pthread_mutex_unlock(&o->lock);
	return err;
}

/* ---- spans ---- */

/* How many maps, one after the other, may have had the same memory since the heap was read. */
static struct err *owners_read_turns(const struct owners *o, struct mem *mem, uint64_t *ret)
{
	uint32_t now;
	struct err *err = heap_read_sweepgen(o->heap, mem, &now);

	*ret = 1;
	if (!err)
		*ret += (uint32_t)(now - o->heap->sweepgen + 1) / 2; /* by 2 a cycle */
	return err;
}

struct err *owners_take_again(struct owners *o, struct mem *mem, uint32_t span, bool *ret)
{
	uint16_t room = span_room(&o->heap->spans.data[span]);
	uint64_t turns;
	struct err *err = owners_read_turns(o, mem, &turns);

	*ret = !err && room && o->turns[span] + 1u < turns && o->turns[span] < UINT8_MAX;
	if (!*ret)
		return err;
	o->turns[span]++;
	__atomic_store_n(&o->left[span], room - 1, __ATOMIC_RELAXED);
	return NULL;
}

struct err *owners_take_chained(struct owners *o, struct mem *mem, uint8_t spanclass,
				uint64_t bytes, bool *ret)
{
	uint64_t room = o->class_bytes[spanclass], *of = &o->class_taken[spanclass];
	uint64_t turns, taken = __atomic_add_fetch(of, bytes, __ATOMIC_RELAXED);

	*ret = taken <= room;
	if (*ret)
		return NULL;
	struct err *err = owners_read_turns(o, mem, &turns);
	*ret = !err && taken <= room * turns;
	if (!*ret)
		__atomic_sub_fetch(of, bytes, __ATOMIC_RELAXED);
	return err;
}
