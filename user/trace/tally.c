// SPDX-License-Identifier: GPL-2.0-only
#include "trace/tally.h"

#include "base/err.h"

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

	return a->map == b->map && a->type == b->type && a->caller == b->caller && a->op == b->op &&
	       a->on_stack == b->on_stack && a->nil_map == b->nil_map;
}

static uint64_t row_hash(const struct trace_row *row)
{
	uint64_t flags = (uint64_t)row->op << 2 | (uint64_t)row->on_stack << 1 | row->nil_map;

	return mix(mix(mix(mix(row->map) ^ row->type) ^ row->caller) ^ flags);
}

static struct trace_row row_key(const struct trace_event *event)
{
	return (struct trace_row){
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

static struct err *row_add(struct tally *t, const struct trace_event *event,
			   enum abi_group_id group)
{
	struct trace_row key = row_key(event);
	size_t place;
	struct err *err = row_get(t, &key, &place);

	if (err)
		return err;
	if (place == NO_ROW) {
		t->overflow.rows++;
		return NULL;
	}
	t->rows.data[place].hits++;
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

static struct err *map_add(struct tally *t, const struct trace_event *event)
{
	uint32_t *slot;

	if (!event->map || event->on_stack)
		return NULL;
	slot = index_find(&t->map_index, mix(event->map), map_same, t->maps.data, &event->map);
	if (!*slot) {
		struct trace_map map = { .addr = event->map, .first_ns = event->ktime_ns };

		if (t->maps.len == TRACE_MAPS_MAX) {
			t->overflow.maps++;
			return NULL;
		}
		if (!vec_push(&t->maps, map))
			return err_nomem();
		*slot = (uint32_t)t->maps.len;
	}
	map_update(&t->maps.data[*slot - 1], event);
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

static struct err *op_add(struct tally *t, const struct trace_event *event)
{
	struct err *err = row_add(t, event, ABI_GROUP_HOT);

	if (!err)
		err = map_add(t, event);
	if (!err && event->op == ABI_OP_MAKE && event->hint > SMALL_HINT)
		err = event_add(t, event);
	return err;
}

static struct err *rare_add(struct tally *t, const struct trace_event *event)
{
	struct err *err = row_add(t, event, ABI_GROUP_RARE);

	if (!err)
		err = map_add(t, event);
	return err ? err : event_add(t, event);
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
		return op_add(tally, &event->map);
	case ABI_REC_MAP_EVENT:
		return rare_add(tally, &event->map);
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
	return err;
}

/* ---- Lifecycle ---- */

struct err *tally_init(struct tally *tally)
{
	*tally = (struct tally){ 0 };

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
