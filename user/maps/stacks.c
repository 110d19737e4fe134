// SPDX-License-Identifier: GPL-2.0-only
#include "maps/stacks.h"

#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/table.h"
#include "base/vec.h"
#include "heap/liveness.h"
#include "maps/kinds.h"

struct stack_map {
	struct map_info info;
	struct header_tables tables;
	uint32_t goroutine; /* index into goroutines.list */
	bool alive; /* its goroutine goes on with it, even where it does not run right now */
	bool dropped; /* its tables are another map's, or its stack moved */
};

struct stacks {
	struct goroutines goroutines;
	VEC(struct stack_map) maps;
	size_t checked; /* of the maps: those before this one went through stacks_check() */
	struct table by_table; /* from a table to the index of the map that has it */
	struct err *refusal; /* why the stacks were not searched, or NULL */
};

struct stacks *stacks_new(void)
{
	return calloc(1, sizeof(struct stacks));
}

void stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return;
	goroutines_fini(&stacks->goroutines);
	vec_fini(&stacks->maps);
	table_fini(&stacks->by_table);
	err_free(stacks->refusal);
	free(stacks);
}

struct err *stacks_read_goroutines(struct stacks *stacks, struct heap *heap)
{
	return goroutines_init(&stacks->goroutines, heap);
}

const struct goroutine *stacks_goroutine(const struct stacks *stacks, size_t i)
{
	return &stacks->goroutines.list.data[i];
}

/* ---- what the decoders say ---- */

/* Whether a map that did not stand still belongs to its header, though nobody was seen to write
 * to that: its goroutine was interrupted in a write, or the tables have as many keys as the
 * header counts. */
static bool stack_map_is_alive(const struct candidate *c, const struct map_info *m,
			       const struct map_kind_ops *ops)
{
	return ops->is_writing(c->header) || c->found == m->live_keys + 1;
}

/* Adds what may be a map, without any figures. */
static struct err *stacks_add_doubtful(struct stacks *stacks, const struct candidate *c,
				       const struct heap *heap)
{
	struct stack_map row = {
		.info = { .addr = c->addr, .consistency = MAP_SUSPECT, .on_stack = c->on_stack },
		.goroutine = c->goroutine,
		.tables = kinds_ops_of(heap)->tables_of(&heap->prog->layout, c->header),
	};

	return vec_push(&stacks->maps, row) ? NULL : err_nomem();
}

struct err *stacks_add(struct stacks *stacks, const struct candidate *c, const struct map_info *m,
		       const struct heap *heap)
{
	const struct map_kind_ops *ops = kinds_ops_of(heap);
	struct stack_map row = {
		.info = *m,
		.goroutine = c->goroutine,
		.alive = stack_map_is_alive(c, m, ops),
		.tables = ops->tables_of(&heap->prog->layout, c->header),
	};

	/* All that classic buckets tell is that they look like those of a type of the binary.
	 * Maps of types that are not in the binary are never in frames. */
	if (!ops->self_describing && m->type_source == TYPE_UNKNOWN)
		return NULL;
	/* Nobody but the goroutine writes to its frames, so it has run since. */
	bool ran = c->rewritten || load_u64(c->header, MAP_LIVE_KEYS) != m->live_keys;
	/* A stack that moves in the middle of a write leaves behind a header that says for ever
	 * that it is written to. */
	if (c->on_stack == MAP_ON_RUNNING_STACK && m->consistency == MAP_MOVING && !ran)
		return stacks_add_doubtful(stacks, c, heap);
	row.info.on_stack = ran ? MAP_ON_RUNNING_STACK : c->on_stack;
	return vec_push(&stacks->maps, row) ? NULL : err_nomem();
}

struct err *stacks_doubt(struct stacks *stacks, const struct candidate *c, const struct heap *heap)
{
	if (!c->outdated || !kinds_ops_of(heap)->may_be_map(heap, c->header))
		return NULL;
	return stacks_add_doubtful(stacks, c, heap);
}

void stacks_claim(struct stacks *stacks, const uint8_t *header, const struct heap *heap)
{
	if (!stacks->by_table.len)
		return;
	struct header_tables t = kinds_ops_of(heap)->tables_of(&heap->prog->layout, header);
	for (int i = 0; i < 2; i++) {
		size_t at = t.addrs[i] ? table_get(&stacks->by_table, t.addrs[i]) : TABLE_NONE;

		if (at != TABLE_NONE)
			__atomic_store_n(&stacks->maps.data[at].dropped, true, __ATOMIC_RELAXED);
	}
}

/* ---- what is proved ---- */

/*
 * Drops a map without keys whose array is not marked as one. Such a map has nothing in its
 * classic buckets that memory with another use has not. But an array with overflow buckets of
 * its own ends in a pointer to its start (Go source: runtime/map.go makeBucketArray), until
 * all of them are chained.
 */
static struct err *stack_map_check_marker(struct heap *heap, struct stack_map *m)
{
	uint64_t words[CLASSIC_BUCKET_SZ_MAX / 8];
	struct object o;

	if (m->info.consistency == MAP_SUSPECT || m->info.live_keys || m->info.overflow_buckets ||
	    m->info.type_source == TYPE_HEADER || kinds_ops_of(heap)->self_describing)
		return NULL;
	m->dropped = true;
	if (!heap_object(heap, m->tables.addrs[0], &o))
		return NULL;
	uint64_t end = o.slot + o.size, len = end - o.start;
	if (len > sizeof(words))
		len = sizeof(words);
	struct err *err = mem_read(&heap->prog->target->mem, end - len, words, len);
	if (err_is(err, ERR_FAULT)) {
		err_free(err);
		return NULL;
	}
	for (size_t i = 0; !err && i < len / 8; i++)
		if (words[i] == m->tables.addrs[0])
			m->dropped = false;
	return err;
}

/* Finds the first table of a map. That of a suspect map is where the heap has changed since it
 * was read: *now is its present span. Drops the map when no object there fits it. */
static struct err *stack_map_find_table(struct heap *heap, struct stack_map *m, struct span *now,
					struct object *ret)
{
	uint64_t table = m->tables.addrs[0];

	if (m->info.consistency != MAP_SUSPECT) /* the decoders have found it there */
		return heap_object(heap, table, ret)
			       ? NULL
			       : err_new(ERR_FORMAT, "a map's table left the heap");
	struct err *err = heap_read_span(heap, &heap->prog->target->mem, table, now);
	m->dropped |= err || now->state != SPAN_IN_USE || !span_object(heap, now, table, ret) ||
		      ret->start != table ||
		      !kinds_ops_of(heap)->may_be_table(heap, ret, m->tables.cnt);
	return err;
}

/* Sets what the collector thinks of the tables. Memory that is free is not a table, and a table
 * that is garbage may have been freed in part. */
static struct err *stacks_check_liveness(struct heap *heap, struct stack_map *maps, size_t n)
{
	_cleanup_free_ struct object *objects = malloc((n + 1) * sizeof(*objects));
	_cleanup_free_ struct span *spans = malloc((n + 1) * sizeof(*spans));
	_cleanup_free_ enum liveness *states = malloc((n + 1) * sizeof(*states));
	_cleanup_free_ struct stack_map **of = malloc((n + 1) * sizeof(*of));
	struct err *err = objects && spans && states && of ? NULL : err_nomem();
	size_t cnt = 0;

	for (size_t i = 0; !err && i < n; i++) {
		if (maps[i].dropped)
			continue;
		err = stack_map_find_table(heap, &maps[i], &spans[cnt], &objects[cnt]);
		of[cnt] = &maps[i];
		cnt += !maps[i].dropped;
	}
	if (!err)
		err = liveness_read(heap, objects, cnt, states);
	for (size_t i = 0; !err && i < cnt; i++) {
		bool garbage = states[i] == OBJECT_GARBAGE;

		of[i]->info.garbage = garbage;
		of[i]->dropped = states[i] == OBJECT_FREE ||
				 (garbage && of[i]->info.consistency == MAP_SUSPECT);
	}
	return err;
}

/* Whether a map changed though its goroutine did not run: the variable is not used any more, and
 * its tables are another map's. */
static bool stack_map_moves_by_itself(const struct stack_map *m)
{
	return m->info.on_stack == MAP_ON_STACK && m->info.consistency == MAP_MOVING && !m->alive;
}

static bool stack_has_moved(const struct goroutine *was, const struct goroutine *now)
{
	return now->lo != was->lo || now->hi != was->hi;
}

/* Drops a map that was found on a stack which has moved meanwhile. The map is elsewhere now, and
 * is searched for there, unless this was the last search. */
static void stack_map_check_place(struct stack_map *m, const struct goroutine *was,
				  const struct goroutine *now, bool last)
{
	bool moved = stack_has_moved(was, now);

	if (moved || now->running || now->sp != was->sp)
		m->info.on_stack = MAP_ON_RUNNING_STACK;
	if (moved) {
		m->dropped |= !last || now->lo == now->hi;
		return;
	}
	m->dropped |= stack_map_moves_by_itself(m);
}

/* Checks the maps from the first unchecked one on against their goroutines. */
static struct err *stacks_check_places(struct stacks *stacks, struct heap *heap, bool last,
				       bool *searched)
{
	struct goroutine *was = stacks->goroutines.list.data;
	size_t n = stacks->goroutines.list.len;
	_cleanup_free_ struct goroutine *now = malloc((n + 1) * sizeof(*now));

	if (!now)
		return err_nomem();
	for (size_t i = 0; i < n; i++)
		now[i] = was[i];
	struct err *err = goroutines_reread(heap, now, n);
	for (size_t i = stacks->checked; !err && i < stacks->maps.len; i++) {
		struct stack_map *m = &stacks->maps.data[i];

		stack_map_check_place(m, &was[m->goroutine], &now[m->goroutine], last);
	}
	for (size_t i = 0; !err && i < n; i++) {
		searched[i] &= stack_has_moved(&was[i], &now[i]);
		if (searched[i])
			was[i] = now[i];
	}
	return err;
}

/*
 * Orders maps that may have the same tables. First those that add up, for a copy of a header
 * does not when the map goes on; then those of goroutines that stand still. Among these the
 * higher address comes first: what ended calls left behind is at lower addresses than any
 * frame.
 */
static int cmp_stack_map(const void *a, const void *b)
{
	const struct map_info *x = &((const struct stack_map *)a)->info;
	const struct map_info *y = &((const struct stack_map *)b)->info;

	if (x->consistency != y->consistency)
		return x->consistency < y->consistency ? -1 : 1;
	if (x->on_stack != y->on_stack)
		return x->on_stack < y->on_stack ? -1 : 1;
	return x->addr < y->addr ? 1 : -(x->addr > y->addr);
}

/* Gives each table to the first map that has it; the other maps with it are dropped. */
static struct err *stacks_share_tables(struct stacks *stacks)
{
	size_t first = stacks->checked;

	if (stacks->maps.len > first)
		qsort(stacks->maps.data + first, stacks->maps.len - first,
		      sizeof(*stacks->maps.data), cmp_stack_map);
	for (size_t i = first; i < stacks->maps.len; i++) {
		struct stack_map *m = &stacks->maps.data[i];

		for (int t = 0; t < 2 && !m->dropped; t++)
			m->dropped = m->tables.addrs[t] &&
				     table_get(&stacks->by_table, m->tables.addrs[t]) != TABLE_NONE;
		for (int t = 0; t < 2 && !m->dropped; t++)
			if (m->tables.addrs[t] &&
			    !table_put(&stacks->by_table, m->tables.addrs[t], i))
				return err_nomem();
	}
	return NULL;
}

struct err *stacks_check(struct stacks *stacks, struct heap *heap, bool last, bool *searched)
{
	size_t first = stacks->checked, n = stacks->maps.len - first;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < n; i++)
		err = stack_map_check_marker(heap, &stacks->maps.data[first + i]);
	if (!err && n)
		err = stacks_check_liveness(heap, stacks->maps.data + first, n);
	if (!err)
		err = stacks_check_places(stacks, heap, last, searched);
	if (!err)
		err = stacks_share_tables(stacks);
	stacks->checked = stacks->maps.len;
	return err;
}

void stacks_refuse(struct stacks *stacks, struct err *why)
{
	log_debug("%s: no maps of goroutine stacks", why->msg);
	stacks->refusal = why;
	for (size_t i = 0; i < stacks->maps.len; i++)
		stacks->maps.data[i].dropped = true;
}

struct err *stacks_finish(const struct stacks *stacks, struct map_rows *rows)
{
	for (size_t i = 0; i < stacks->maps.len; i++) {
		const struct stack_map *m = &stacks->maps.data[i];

		if (!m->dropped && !rows_push(rows, &m->info))
			return err_nomem();
	}
	return NULL;
}

uint64_t stacks_goroutine_cnt(const struct stacks *stacks)
{
	return stacks->goroutines.list.len;
}

const char *stacks_refusal(const struct stacks *stacks)
{
	return stacks->refusal ? stacks->refusal->msg : NULL;
}
