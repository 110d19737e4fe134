// SPDX-License-Identifier: GPL-2.0-only
#include "trace/tally.h"

#include "base/err.h"
#include "trace/functions.h"

/* Twice the longest list: probing stays short, and there is always a free slot. */
#define INDEX_SLOTS (2 * TRACE_ROWS_MAX)
_Static_assert(TRACE_MAPS_MAX <= TRACE_ROWS_MAX, "one size of index for both");
_Static_assert((INDEX_SLOTS & (INDEX_SLOTS - 1)) == 0, "a power of two");

/* Go allocates no table for a hint up to this. */
#define SMALL_HINT 8

static struct err *index_init(struct tally_index *index)
{
	index->slot = calloc(INDEX_SLOTS, sizeof(*index->slot));
	return index->slot ? NULL : err_nomem();
}

/* splitmix64: spreads the few bits in which addresses differ. */
static uint64_t mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

/*
 * Returns the slot that holds the place of a key, or the free slot for it.
 * `same(list, place, key)` compares.
 */
static uint32_t *index_find(const struct tally_index *index, uint64_t hash,
			    bool (*same)(const void *list, size_t place, const void *key),
			    const void *list, const void *key)
{
	size_t i = hash & (INDEX_SLOTS - 1);

	while (index->slot[i] && !same(list, index->slot[i] - 1, key))
		i = (i + 1) & (INDEX_SLOTS - 1);
	return &index->slot[i];
}

/* ---- Rows ---- */

static bool row_same(const void *list, size_t place, const void *key)
{
	const struct trace_row *a = (const struct trace_row *)list + place;
	const struct trace_row *b = key;

	return a->map == b->map && a->type == b->type && a->caller == b->caller &&
	       a->func == b->func && a->on_stack == b->on_stack && a->nil_map == b->nil_map;
}

static uint64_t row_hash(const struct trace_row *row)
{
	uint64_t flags = (uint64_t)row->func << 2 | (uint64_t)row->on_stack << 1 | row->nil_map;

	return mix(mix(mix(mix(row->map) ^ row->type) ^ row->caller) ^ flags);
}

static struct trace_row row_key(const struct trace_event *event, uint32_t func)
{
	return (struct trace_row){
		.func = func,
		.map = event->on_stack ? 0 : event->map,
		.type = event->type,
		.caller = event->caller,
		.op = event->op,
		.on_stack = event->on_stack,
		.nil_map = !event->map && event->op != ABI_OP_MAKE,
	};
}

#define NO_ROW SIZE_MAX

/* Finds or adds the row of a key; its place, or NO_ROW when there is no room, goes to *ret. */
static struct err *row_get(struct tally *t, const struct trace_row *key, size_t *ret)
{
	uint32_t *slot = index_find(&t->row_index, row_hash(key), row_same, t->rows.data, key);

	*ret = NO_ROW;
	if (!*slot && t->rows.len == TRACE_ROWS_MAX)
		return NULL;
	if (!*slot) {
		if (!vec_push(&t->rows, *key) || !vec_push(&t->row_hits, 0))
			return err_nomem();
		*slot = (uint32_t)t->rows.len;
	}
	*ret = *slot - 1;
	return NULL;
}

/*
 * The majority vote of Boyer and Moore: whoever has more than half of the hits is
 * left over.
 */
static void row_vote(struct trace_row *row, uint64_t goroutine)
{
	if (!row->goroutine_votes)
		row->goroutine = goroutine;
	if (row->goroutine == goroutine)
		row->goroutine_votes++;
	else
		row->goroutine_votes--;
}

static struct err *row_add(struct tally *t, const struct event *event, size_t *place_ret)
{
	struct trace_row key = row_key(&event->map, event->func);
	enum abi_group_id group = map_functions[event->func].group;
	size_t place;
	struct err *err = row_get(t, &key, &place);

	*place_ret = place;
	if (err)
		return err;
	if (place == NO_ROW) {
		t->overflow.rows++;
		return NULL;
	}
	t->rows.data[place].hits++;
	row_vote(&t->rows.data[place], event->map.goroutine);
	if (!t->row_hits.data[place]++ && !vec_push(&t->touched[group], (uint32_t)place))
		return err_nomem();
	return NULL;
}

/* ---- Maps ---- */

static bool map_same(const void *list, size_t place, const void *key)
{
	return ((const struct trace_map *)list)[place].addr == *(const uint64_t *)key;
}

static void map_update(struct trace_map *map, const struct trace_event *event)
{
	map->hits[event->op]++;
	map->last_ns = event->ktime_ns;
	if (!event->live_known)
		return;
	/* With the seed: both of the map that is at this address now. */
	if (event->type || event->seed != map->seed)
		map->type = event->type;
	if (!map->live_reads++)
		map->live_first = map->live_min = map->live_max = event->live_keys;
	map->live_last = event->live_keys;
	map->seed = event->seed;
	map->cleared_last = event->op == ABI_OP_CLEAR;
	if (event->live_keys < map->live_min)
		map->live_min = event->live_keys;
	if (event->live_keys > map->live_max)
		map->live_max = event->live_keys;
}

/* What became of the operation before: the length of the map has changed, or not. */
static void pending_settle(struct tally *t, const struct tally_pending *before,
			   const struct trace_event *event)
{
	if (before->window != t->hot_window || before->seed != event->seed)
		return;

	struct trace_row *row = &t->rows.data[before->row];
	uint64_t after = before->live_keys + (row->op == ABI_OP_INSERT ? 1 : -1);
	bool changed = event->live_keys == after;

	if (!changed && event->live_keys != before->live_keys)
		return; /* something was missed */
	row->told++;
	row->changed += changed;
}

/*
 * Header after header of one map, each as it was before an operation: the next one
 * shows what the last one did. That takes all of them, so it ends with the window.
 */
static void pending_update(struct tally *t, struct tally_pending *pending,
			   const struct trace_event *event, size_t row)
{
	/* These come from inside an insert. */
	if (event->op == ABI_OP_GROW || event->op == ABI_OP_PRUNE)
		return;
	if (!t->sees_all || !event->live_known || row == NO_ROW) {
		pending->window = 0;
		return;
	}
	pending_settle(t, pending, event);
	*pending = (struct tally_pending){
		.row = row,
		.live_keys = event->live_keys,
		.seed = event->seed,
	};
	if (event->op == ABI_OP_INSERT || event->op == ABI_OP_DELETE)
		pending->window = t->hot_window;
}

static struct err *map_add(struct tally *t, const struct trace_event *event, size_t row)
{
	uint32_t *slot;

	if (!event->map || event->on_stack)
		return NULL;
	slot = index_find(&t->map_index, mix(event->map), map_same, t->maps.data, &event->map);
	if (!*slot) {
		struct trace_map map = { .addr = event->map, .first_ns = event->ktime_ns };
		struct tally_pending pending = { 0 };

		if (t->maps.len == TRACE_MAPS_MAX) {
			t->overflow.maps++;
			return NULL;
		}
		if (!vec_push(&t->maps, map) || !vec_push(&t->pending, pending))
			return err_nomem();
		*slot = (uint32_t)t->maps.len;
	}
	map_update(&t->maps.data[*slot - 1], event);
	pending_update(t, &t->pending.data[*slot - 1], event, row);
	return NULL;
}

/* ---- Single events ---- */

static struct err *event_add(struct tally *t, const struct trace_event *event)
{
	bool is_make = event->op == ABI_OP_MAKE;

	if (t->events.len == TRACE_EVENTS_MAX || (is_make && t->makes == TRACE_EVENTS_MAX / 2)) {
		t->overflow.events++;
		return NULL;
	}
	t->makes += is_make;
	return vec_push(&t->events, *event) ? NULL : err_nomem();
}

/* Of the makes, those of a map with a table; of the others, the rare ones. */
static bool is_single(const struct event *event)
{
	if (event->map.op == ABI_OP_MAKE)
		return event->map.hint > SMALL_HINT;
	return map_functions[event->func].group == ABI_GROUP_RARE;
}

static struct err *map_event_add(struct tally *t, const struct event *event)
{
	size_t row;
	struct err *err = row_add(t, event, &row);

	if (!err)
		err = map_add(t, &event->map, row);
	if (!err && is_single(event))
		err = event_add(t, &event->map);
	return err;
}

static struct err *memcall_add(struct tally *t, const struct trace_memcall *memcall)
{
	if (t->memcalls.len == TRACE_MEMCALLS_MAX) {
		t->overflow.memcalls++;
		return NULL;
	}
	return vec_push(&t->memcalls, *memcall) ? NULL : err_nomem();
}

struct err *tally_event(struct tally *tally, const struct event *event)
{
	switch (event->kind) {
	case ABI_REC_MAP_OP:
	case ABI_REC_MAP_EVENT:
		return map_event_add(tally, event);
	case ABI_REC_MEMCALL:
		return memcall_add(tally, &event->memcall);
	case ABI_REC_FULL:
		break;
	}
	return NULL;
}

/* ---- Windows ---- */

static struct err *sample_add(struct tally *t, uint32_t row)
{
	struct trace_sample sample = {
		.window = (uint32_t)(t->windows.len - 1),
		.row = row,
		.hits = t->row_hits.data[row],
	};

	if (t->samples.len == TRACE_SAMPLES_MAX) {
		t->overflow.samples++;
		return NULL;
	}
	return vec_push(&t->samples, sample) ? NULL : err_nomem();
}

static struct err *window_add(struct tally *t, const struct trace_window *window, bool *listed_ret)
{
	*listed_ret = t->windows.len < TRACE_WINDOWS_MAX;
	if (!*listed_ret) {
		t->overflow.windows++;
		return NULL;
	}
	return vec_push(&t->windows, *window) ? NULL : err_nomem();
}

static void bases_add(struct tally *t, const struct trace_window *window)
{
	double span_ns = (double)window->span_ns;

	for (size_t i = 0; i < ABI_FUNC_MAX; i++) {
		struct trace_base *base = &t->bases[i];
		if (!(window->funcs >> i & 1))
			continue;
		base->windows++;
		base->open_ns += (double)window->open_ns;
		base->span_ns += span_ns;
		base->span_ns_squared += span_ns * span_ns;
	}
}

struct err *tally_window(struct tally *tally, const struct trace_window *window)
{
	uint64_t open_ns = window->open_ns ? window->open_ns : 1;
	double weight = (double)window->span_ns / (double)open_ns;
	bool listed;
	struct err *err = window_add(tally, window, &listed);

	for (size_t i = 0; !err && i < tally->touched[window->group].len; i++) {
		uint32_t row = tally->touched[window->group].data[i];

		tally->rows.data[row].estimate += weight * tally->row_hits.data[row];
		if (listed)
			err = sample_add(tally, row);
		tally->row_hits.data[row] = 0;
	}
	tally->touched[window->group].len = 0;
	bases_add(tally, window);
	if (window->group == ABI_GROUP_HOT)
		tally->hot_window++;
	return err;
}

/* ---- Lifecycle ---- */

struct err *tally_init(struct tally *tally, bool sees_all)
{
	*tally = (struct tally){ .sees_all = sees_all, .hot_window = 1 };

	struct err *err = index_init(&tally->row_index);
	if (!err)
		err = index_init(&tally->map_index);
	if (err)
		tally_fini(tally);
	return err;
}

void tally_fini(struct tally *tally)
{
	vec_fini(&tally->rows);
	vec_fini(&tally->row_hits);
	vec_fini(&tally->maps);
	vec_fini(&tally->pending);
	vec_fini(&tally->events);
	vec_fini(&tally->memcalls);
	vec_fini(&tally->windows);
	vec_fini(&tally->samples);
	for (size_t i = 0; i < ABI_GROUP_CNT; i++)
		vec_fini(&tally->touched[i]);
	free(tally->row_index.slot);
	free(tally->map_index.slot);
	*tally = (struct tally){ 0 };
}
