// SPDX-License-Identifier: GPL-2.0-only
#include "trace/tally.h"

#include <string.h>

#include "base/err.h"
#include "trace/functions.h"

/* Twice the longest list: probing stays short, and there is always a free slot. */
#define INDEX_SLOTS (2 * TRACE_ROWS_MAX)
_Static_assert(TRACE_MAPS_MAX <= TRACE_ROWS_MAX && TRACE_STACKS_MAX <= TRACE_ROWS_MAX,
	       "one size of index for all");
_Static_assert((INDEX_SLOTS & (INDEX_SLOTS - 1)) == 0, "a power of two");

/* Go allocates no table for a size hint up to this. */
#define SMALL_HINT 8

static struct err *tally_index_init(struct tally_index *index)
{
	index->slot = calloc(INDEX_SLOTS, sizeof(*index->slot));
	return index->slot ? NULL : err_nomem();
}

/* splitmix64: spreads the few bits in which addresses differ. */
static uint64_t hash_mix(uint64_t value)
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
static uint32_t *tally_index_find(const struct tally_index *index, uint64_t hash,
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

	return hash_mix(hash_mix(hash_mix(hash_mix(row->map) ^ row->type) ^ row->caller) ^ flags);
}

static struct trace_row tally_row_key(const struct trace_event *event, uint32_t func)
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

/* Finds or adds the row of a key. Its place goes to *ret, or NO_ROW when there is no room. */
static struct err *row_get(struct trace_tally *t, const struct trace_row *key, size_t *ret)
{
	uint32_t *slot =
		tally_index_find(&t->row_index, row_hash(key), row_same, t->lists.rows.data, key);

	*ret = NO_ROW;
	if (!*slot && t->lists.rows.len == TRACE_ROWS_MAX)
		return NULL;
	if (!*slot) {
		if (!vec_push(&t->lists.rows, *key) || !vec_push(&t->row_hits, 0))
			return err_nomem();
		*slot = (uint32_t)t->lists.rows.len;
	}
	*ret = *slot - 1;
	return NULL;
}

/*
 * The majority vote of Boyer and Moore. A goroutine with more than half of the hits is
 * always the one that is left at the end, with votes.
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

/* ---- Stacks ---- */

static bool stack_same(const void *list, size_t place, const void *key)
{
	const struct trace_stack *a = (const struct trace_stack *)list + place;
	const struct trace_event *b = key;

	return a->op == b->op && a->caller == b->caller &&
	       !memcmp(a->addr, b->stack, sizeof(a->addr));
}

static uint64_t stack_hash(const struct trace_event *event)
{
	uint64_t hash = hash_mix(event->caller) ^ event->op;

	for (size_t i = 0; i < ABI_STACK_MAX; i++)
		hash = hash_mix(hash) ^ event->stack[i];
	return hash_mix(hash);
}

/* The stack that has more than half of a row's hits wins this vote, too: see row_vote(). */
static void row_vote_stack(struct trace_row *row, uint32_t stack)
{
	if (!row->stack_votes)
		row->stack = stack;
	if (row->stack == stack)
		row->stack_votes++;
	else
		row->stack_votes--;
}

/* Counts the stack of a hit, which may be a new one. */
static struct err *tally_stack_add(struct trace_tally *t, const struct trace_event *event,
				   struct trace_row *row)
{
	uint32_t *slot;

	if (!event->stack[0])
		return NULL;
	slot = tally_index_find(&t->stack_index, stack_hash(event), stack_same,
				t->lists.stacks.data, event);
	if (!*slot) {
		struct trace_stack stack = { .caller = event->caller, .op = event->op };

		if (t->lists.stacks.len == TRACE_STACKS_MAX) {
			t->overflow.stacks++;
			return NULL;
		}
		memcpy(stack.addr, event->stack, sizeof(stack.addr));
		if (!vec_push(&t->lists.stacks, stack))
			return err_nomem();
		*slot = (uint32_t)t->lists.stacks.len;
	}
	t->lists.stacks.data[*slot - 1].hits++;
	row_vote_stack(row, *slot);
	return NULL;
}

static struct err *tally_row_add(struct trace_tally *t, const struct trace_record *record,
				 size_t *place_ret)
{
	struct trace_row key = tally_row_key(&record->map, record->func);
	enum abi_group_id group = map_functions[record->func].group;
	size_t place;
	struct err *err = row_get(t, &key, &place);

	*place_ret = place;
	if (err)
		return err;
	if (place == NO_ROW) {
		t->overflow.rows++;
		return NULL;
	}
	t->lists.rows.data[place].hits++;
	row_vote(&t->lists.rows.data[place], record->map.goroutine);
	if (!t->row_hits.data[place]++ && !vec_push(&t->touched[group], (uint32_t)place))
		return err_nomem();
	return tally_stack_add(t, &record->map, &t->lists.rows.data[place]);
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
	/* Another seed means another map at this address: the old type is not its type. */
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

/* What the operation before this one did: the length of the map has changed, or not. */
static void pending_settle(struct trace_tally *t, const struct tally_pending *before,
			   const struct trace_event *event)
{
	if (before->window != t->hot_window || before->seed != event->seed)
		return;

	struct trace_row *row = &t->lists.rows.data[before->row];
	uint64_t after = before->live_keys + (row->op == ABI_OP_INSERT ? 1 : -1);
	bool changed = event->live_keys == after;

	if (!changed && event->live_keys != before->live_keys)
		return; /* something was missed */
	row->told++;
	row->changed += changed;
}

/*
 * Each hit shows the header of a map as it was before the operation, so the next hit shows
 * what the last operation did. This works only while no operation is missed, so it ends
 * with the window.
 */
static void pending_update(struct trace_tally *t, struct tally_pending *pending,
			   const struct trace_event *event, size_t row)
{
	/* These two happen inside an insert. */
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

static struct err *tally_map_add(struct trace_tally *t, const struct trace_event *event, size_t row)
{
	uint32_t *slot;

	if (!event->map || event->on_stack)
		return NULL;
	slot = tally_index_find(&t->map_index, hash_mix(event->map), map_same, t->lists.maps.data,
				&event->map);
	if (!*slot) {
		struct trace_map map = { .addr = event->map, .first_ns = event->ktime_ns };
		struct tally_pending pending = { 0 };

		if (t->lists.maps.len == TRACE_MAPS_MAX) {
			t->overflow.maps++;
			return NULL;
		}
		if (!vec_push(&t->lists.maps, map) || !vec_push(&t->pending, pending))
			return err_nomem();
		*slot = (uint32_t)t->lists.maps.len;
	}
	map_update(&t->lists.maps.data[*slot - 1], event);
	pending_update(t, &t->pending.data[*slot - 1], event, row);
	return NULL;
}

/* ---- Single events ---- */

static struct err *tally_event_add(struct trace_tally *t, const struct trace_event *event)
{
	bool is_make = event->op == ABI_OP_MAKE;

	if (t->lists.events.len == TRACE_EVENTS_MAX ||
	    (is_make && t->makes == TRACE_EVENTS_MAX / 2)) {
		t->overflow.events++;
		return NULL;
	}
	t->makes += is_make;
	return vec_push(&t->lists.events, *event) ? NULL : err_nomem();
}

/* Whether it is listed as an event: a rare operation, or a make of a map with a table. */
static bool is_single(const struct trace_record *record)
{
	if (record->map.op == ABI_OP_MAKE)
		return record->map.hint > SMALL_HINT;
	return map_functions[record->func].group == ABI_GROUP_RARE;
}

static void tally_thread_add(struct tally_threads *threads, uint32_t tid)
{
	size_t i = 0;

	threads->all++;
	while (i < threads->len && threads->tid[i] != tid)
		i++;
	if (i == TALLY_THREADS_MAX)
		return;
	if (i == threads->len) {
		threads->tid[i] = tid;
		threads->hits[i] = 0;
		threads->len++;
	}
	threads->hits[i]++;
}

double tally_busiest_thread(const struct trace_tally *t)
{
	uint32_t most = 0;

	for (size_t i = 0; i < t->threads.len; i++)
		if (t->threads.hits[i] > most)
			most = t->threads.hits[i];
	return most ? (double)most / (double)t->threads.all : 1;
}

static struct err *tally_op_add(struct trace_tally *t, const struct trace_record *record)
{
	size_t row;
	struct err *err = tally_row_add(t, record, &row);

	if (map_functions[record->func].group == ABI_GROUP_HOT)
		tally_thread_add(&t->threads, record->map.tid);
	if (!err)
		err = tally_map_add(t, &record->map, row);
	if (!err && is_single(record))
		err = tally_event_add(t, &record->map);
	return err;
}

static struct err *tally_memcall_add(struct trace_tally *t, const struct trace_memcall *memcall)
{
	if (t->lists.memcalls.len == TRACE_MEMCALLS_MAX) {
		t->overflow.memcalls++;
		return NULL;
	}
	return vec_push(&t->lists.memcalls, *memcall) ? NULL : err_nomem();
}

struct err *tally_record(struct trace_tally *t, const struct trace_record *record)
{
	switch (record->kind) {
	case ABI_REC_MAP_OP:
	case ABI_REC_MAP_EVENT:
		return tally_op_add(t, record);
	case ABI_REC_MEMCALL:
		return tally_memcall_add(t, &record->memcall);
	case ABI_REC_FULL:
		break;
	}
	return NULL;
}

/* ---- Windows ---- */

static struct err *tally_sample_add(struct trace_tally *t, uint32_t row)
{
	struct trace_sample sample = {
		.window = (uint32_t)(t->lists.windows.len - 1),
		.row = row,
		.hits = t->row_hits.data[row],
	};

	if (t->lists.samples.len == TRACE_SAMPLES_MAX) {
		t->overflow.samples++;
		return NULL;
	}
	return vec_push(&t->lists.samples, sample) ? NULL : err_nomem();
}

static struct err *tally_window_add(struct trace_tally *t, const struct trace_window *window,
				    bool *listed_ret)
{
	*listed_ret = t->lists.windows.len < TRACE_WINDOWS_MAX;
	if (!*listed_ret) {
		t->overflow.windows++;
		return NULL;
	}
	return vec_push(&t->lists.windows, *window) ? NULL : err_nomem();
}

static void bases_add(struct trace_tally *t, const struct trace_window *window)
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

struct err *tally_window(struct trace_tally *t, const struct trace_window *window)
{
	uint64_t open_ns = window->open_ns ? window->open_ns : 1;
	double weight = (double)window->span_ns / (double)open_ns;
	bool listed;
	struct err *err = tally_window_add(t, window, &listed);

	for (size_t i = 0; !err && i < t->touched[window->group].len; i++) {
		uint32_t row = t->touched[window->group].data[i];

		t->lists.rows.data[row].estimate += weight * t->row_hits.data[row];
		if (listed)
			err = tally_sample_add(t, row);
		t->row_hits.data[row] = 0;
	}
	t->touched[window->group].len = 0;
	bases_add(t, window);
	if (window->group == ABI_GROUP_HOT) {
		t->hot_window++;
		t->threads = (struct tally_threads){ .len = 0 };
	}
	return err;
}

/* ---- Lifecycle ---- */

struct err *tally_init(struct trace_tally *t, bool sees_all)
{
	*t = (struct trace_tally){ .sees_all = sees_all, .hot_window = 1 };

	struct err *err = tally_index_init(&t->row_index);
	if (!err)
		err = tally_index_init(&t->map_index);
	if (!err)
		err = tally_index_init(&t->stack_index);
	if (err)
		tally_fini(t);
	return err;
}

void tally_fini(struct trace_tally *t)
{
	tally_lists_fini(&t->lists);
	vec_fini(&t->row_hits);
	vec_fini(&t->pending);
	for (size_t i = 0; i < ABI_GROUP_CNT; i++)
		vec_fini(&t->touched[i]);
	free(t->row_index.slot);
	free(t->map_index.slot);
	free(t->stack_index.slot);
	*t = (struct trace_tally){ 0 };
}

/* Begins with the hits that a row has in the window that is open now. */
static struct err *row_carry(struct trace_tally *t, const struct trace_row *old, uint32_t hits,
			     enum abi_group_id group)
{
	struct trace_row key = {
		.func = old->func,
		.map = old->map,
		.type = old->type,
		.caller = old->caller,
		.op = old->op,
		.on_stack = old->on_stack,
		.nil_map = old->nil_map,
	};
	size_t place;
	struct err *err = row_get(t, &key, &place);

	if (err)
		return err;
	t->lists.rows.data[place].hits = hits;
	t->row_hits.data[place] = hits;
	return vec_push(&t->touched[group], (uint32_t)place) ? NULL : err_nomem();
}

struct err *tally_forget(struct trace_tally *t)
{
	struct trace_tally fresh;
	struct err *err = tally_init(&fresh, t->sees_all);

	if (err)
		return err;
	fresh.hot_window = t->hot_window;
	fresh.threads = t->threads;
	for (enum abi_group_id group = 0; group < ABI_GROUP_CNT; group++) {
		for (size_t i = 0; !err && i < t->touched[group].len; i++) {
			uint32_t row = t->touched[group].data[i];
			err = row_carry(&fresh, &t->lists.rows.data[row], t->row_hits.data[row],
					group);
		}
	}
	if (err) {
		tally_fini(&fresh);
		return err;
	}
	tally_fini(t);
	*t = fresh;
	return NULL;
}

/* ---- Copies ---- */

/* Appends what `to` lacks; false when out of memory. */
#define list_extend(to, from)                                                                      \
	(vec_reserve((to), (from)->len) ? (list_append((to)->data, (from)->data, (to)->len,        \
						       (from)->len, sizeof(*(to)->data)),          \
					   (to)->len = (from)->len, true)                          \
					: false)

static void list_append(void *to, const void *from, size_t len, size_t want, size_t elem_sz)
{
	if (want > len)
		memcpy((char *)to + len * elem_sz, (const char *)from + len * elem_sz,
		       (want - len) * elem_sz);
}

struct err *tally_lists_copy(struct tally_lists *to, const struct tally_lists *from, bool anew)
{
	to->rows.len = to->maps.len = to->stacks.len = 0;
	if (anew)
		to->events.len = to->memcalls.len = to->windows.len = to->samples.len = 0;
	bool copied = list_extend(&to->rows, &from->rows) && list_extend(&to->maps, &from->maps) &&
		      list_extend(&to->stacks, &from->stacks) &&
		      list_extend(&to->events, &from->events) &&
		      list_extend(&to->memcalls, &from->memcalls) &&
		      list_extend(&to->windows, &from->windows) &&
		      list_extend(&to->samples, &from->samples);
	return copied ? NULL : err_nomem();
}

void tally_lists_fini(struct tally_lists *lists)
{
	vec_fini(&lists->rows);
	vec_fini(&lists->maps);
	vec_fini(&lists->stacks);
	vec_fini(&lists->events);
	vec_fini(&lists->memcalls);
	vec_fini(&lists->windows);
	vec_fini(&lists->samples);
}
