// SPDX-License-Identifier: GPL-2.0-only
#include "maps/stacks.h"

#include <string.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/table.h"
#include "base/vec.h"
#include "heap/goroutines.h"
#include "heap/liveness.h"
#include "heap/sizeclass.h"
#include "maps/census.h"
#include "maps/sizing.h"

enum {
	ROUNDS = 3, /* for stacks that move */

	BUF_SZ = 4 << 20,
	PIECE_MAX = 1 << 20, /* a stack may have 1 GiB */
	PIECES_MAX = 1 << 14,
	/* A header leaves a copy or two; a stack full of them is somebody's bad joke, and
	 * each would have its tables read. */
	TRIES_MAX = 16,
	/* Tables of all headers that are found. So many maps in frames no program has, and no
	 * stack full of such words shall fill our memory. */
	TABLES_MAX = 1 << 20,

	HEADER_COUNT = HMAP_COUNT, /* of both kinds */
};

struct stack_map {
	struct map_info info;
	uint64_t tables[2]; /* directory; buckets, old buckets; 0: none */
	uint64_t table_cnt; /* entries or buckets that the first of them has room for */
	uint32_t goroutine; /* index into goroutines.list */
	bool alive; /* its goroutine goes on with it, even where it does not run right now */
	bool dropped; /* its tables are another map's, or its stack moved */
};

struct stacks {
	struct goroutines goroutines;
	VEC(struct stack_map) maps;
	struct table by_table; /* index of the map that has it */
	struct err *refusal; /* why the stacks were not searched, or NULL */
};

/* A part of a stack; the last words of one are the first of the next. */
struct piece {
	uint64_t addr;
	uint32_t len;
	uint32_t goroutine;
	const uint8_t *bytes;
};

struct search {
	struct census *census;
	struct heap *heap;
	uint32_t header_sz;
	uint64_t heap_start;
	uint8_t *buf; /* BUF_SZ */
	size_t buf_used;
	struct piece *pieces; /* PIECES_MAX */
	size_t piece_cnt;
	struct candidate *cands; /* SCAN_BATCH */
	size_t cand_cnt;
	struct table by_table; /* index into tries */
	VEC(uint8_t) tries; /* candidates with that table */
};

static void search_fini(struct search *s)
{
	table_fini(&s->by_table);
	vec_fini(&s->tries);
	free(s->buf);
	free(s->pieces);
	free(s->cands);
}

/* ---- candidates ---- */

static struct err *flush_candidates(struct search *s)
{
	struct err *err = s->cand_cnt ? census_take_batch(s->census, s->cands, s->cand_cnt) : NULL;

	s->cand_cnt = 0;
	return err;
}

/* Where both kinds of headers point to their tables from. */
static uint32_t table_offset(const struct go_layout *layout)
{
	return layout->kind == MAP_SWISS ? SWISS_MAP_DIR_PTR : layout->classic.buckets;
}

static bool may_be_map(const struct heap *heap, const uint8_t *header)
{
	return heap->prog->layout.kind == MAP_SWISS ? swiss_may_be_map(heap, header)
						    : classic_may_be_map(heap, header);
}

static bool may_be_header(const struct search *s, const uint8_t *bytes, uint32_t table_off)
{
	uint64_t table = load_u64(bytes, table_off);

	/* Most words are no address at all. */
	return table >= s->heap_start && heap_may_hold(s->heap, table) &&
	       may_be_map(s->heap, bytes);
}

/* Counts a candidate with this table; *ret says whether to look at it. */
static struct err *try_table(struct search *s, uint64_t table, bool *ret)
{
	size_t i = table_get(&s->by_table, table);

	if (i == TABLE_NONE) {
		i = s->tries.len;
		if (i == TABLES_MAX)
			return err_new(ERR_UNSUPPORTED,
				       "what looks like headers of maps has more than %d tables",
				       TABLES_MAX);
		if (!vec_push(&s->tries, 0) || !table_put(&s->by_table, table, i))
			return err_nomem();
	}
	*ret = s->tries.data[i] < TRIES_MAX;
	s->tries.data[i] += *ret;
	return NULL;
}

static struct err *search_piece(struct search *s, const struct piece *p)
{
	uint32_t table_off = table_offset(&s->heap->prog->layout);
	const struct goroutine *g = &s->census->stacks->goroutines.list.data[p->goroutine];
	struct err *err = NULL;

	for (uint32_t off = 0; !err && off + s->header_sz <= p->len; off += 8) {
		bool look = may_be_header(s, p->bytes + off, table_off);

		if (look)
			err = try_table(s, load_u64(p->bytes + off, table_off), &look);
		if (err || !look)
			continue;
		struct candidate *c = &s->cands[s->cand_cnt++];
		*c = (struct candidate){
			.addr = p->addr + off,
			.on_stack = g->running ? MAP_ON_RUNNING_STACK : MAP_ON_STACK,
			.goroutine = p->goroutine,
		};
		memcpy(c->header, p->bytes + off, s->header_sz);
		if (s->cand_cnt == SCAN_BATCH)
			err = flush_candidates(s);
	}
	return err;
}

/* ---- stacks ---- */

static struct err *search_pieces(struct search *s)
{
	_cleanup_free_ struct mem_req *reqs = malloc((s->piece_cnt + 1) * sizeof(*reqs));
	struct err *err;

	if (!reqs)
		return err_nomem();
	for (size_t i = 0; i < s->piece_cnt; i++)
		reqs[i] = (struct mem_req){ s->pieces[i].addr, s->pieces[i].len, false,
					    (void *)s->pieces[i].bytes };
	err = mem_gather(&s->heap->prog->target->mem, reqs, s->piece_cnt);
	for (size_t i = 0; !err && i < s->piece_cnt; i++)
		if (!reqs[i].ok) /* the stack went away: nothing in it is a header */
			memset(reqs[i].dst, 0, reqs[i].len);
	for (size_t i = 0; !err && i < s->piece_cnt; i++)
		err = search_piece(s, &s->pieces[i]);
	s->piece_cnt = 0;
	s->buf_used = 0;
	return err;
}

static struct err *add_stack(struct search *s, uint32_t goroutine)
{
	const struct goroutine *g = &s->census->stacks->goroutines.list.data[goroutine];
	uint64_t addr = g->sp;

	while (addr + s->header_sz <= g->hi) {
		uint32_t len = g->hi - addr < PIECE_MAX ? g->hi - addr : PIECE_MAX;

		if (s->buf_used + len > BUF_SZ || s->piece_cnt == PIECES_MAX) {
			struct err *err = search_pieces(s);
			if (err)
				return err;
		}
		s->pieces[s->piece_cnt++] =
			(struct piece){ addr, len, goroutine, s->buf + s->buf_used };
		s->buf_used += len;
		if (addr + len == g->hi)
			break;
		addr += len - (s->header_sz - 8);
	}
	return NULL;
}

/* Searches the stacks of those goroutines that run, or of those that don't. */
static struct err *search_stacks(struct search *s, const bool *wanted, bool running)
{
	const struct goroutines *gs = &s->census->stacks->goroutines;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < gs->list.len; i++)
		if (wanted[i] && gs->list.data[i].running == running)
			err = add_stack(s, i);
	if (!err)
		err = search_pieces(s);
	return err ? err : flush_candidates(s);
}

/* ---- what is proved ---- */

static void tables_of(const uint8_t *header, const struct go_layout *layout, uint64_t ret[2])
{
	ret[0] = load_u64(header, table_offset(layout));
	ret[1] = layout->kind == MAP_SWISS ? 0 : load_u64(header, layout->classic.oldbuckets);
}

/* Whether a map that did not stand still is that of its header, though nobody was seen to write
 * to that: its goroutine was interrupted while it did, or its tables have what it counts. */
static bool is_alive(const struct candidate *c, const struct map_info *m,
		     const struct go_layout *layout)
{
	bool writing = layout->kind == MAP_SWISS
			       ? load_u8(c->header, SWISS_MAP_WRITING)
			       : load_u8(c->header, HMAP_FLAGS) & HMAP_FLAG_WRITING;

	return writing || c->found == m->live_keys + 1;
}

static uint64_t table_cnt(const uint8_t *header, const struct go_layout *layout)
{
	return layout->kind == MAP_SWISS ? load_u64(header, SWISS_MAP_DIR_LEN)
					 : sizing_classic_array(load_u8(header, HMAP_B));
}

/* What may be a map, but no figure of it can be told. */
static struct err *add_doubtful(struct stacks *stacks, const struct candidate *c,
				const struct go_layout *layout)
{
	struct stack_map row = {
		.info = { .addr = c->addr, .consistency = MAP_SUSPECT, .on_stack = c->on_stack },
		.goroutine = c->goroutine,
		.table_cnt = table_cnt(c->header, layout),
	};

	tables_of(c->header, layout, row.tables);
	return vec_push(&stacks->maps, row) ? NULL : err_nomem();
}

struct err *stacks_add(struct stacks *stacks, const struct candidate *c, const struct map_info *m,
		       const struct go_layout *layout)
{
	struct stack_map row = {
		.info = *m,
		.goroutine = c->goroutine,
		.alive = is_alive(c, m, layout),
	};

	/* A swiss table describes itself; all that buckets tell is that a type of the
	 * binary would look like them. No other type has maps in frames. */
	if (layout->kind == MAP_CLASSIC && m->type_source == TYPE_UNKNOWN)
		return NULL;
	/* It has run since, for nobody else writes to a frame. */
	bool ran = c->rewritten || load_u64(c->header, HEADER_COUNT) != m->live_keys;
	/* A stack that moves in the middle of a write leaves behind a header that is written
	 * to for ever. */
	if (c->on_stack == MAP_ON_RUNNING_STACK && m->consistency == MAP_MOVING && !ran)
		return add_doubtful(stacks, c, layout);
	row.info.on_stack = ran ? MAP_ON_RUNNING_STACK : c->on_stack;
	tables_of(c->header, layout, row.tables);
	return vec_push(&stacks->maps, row) ? NULL : err_nomem();
}

/* Whether the first table of a map with that many buckets or entries can be that object. */
static bool table_fits(const struct heap *heap, const struct object *o, uint64_t cnt)
{
	bool noscan = span_noscan(o->span), headers = heap_malloc_headers(heap);
	size_t type_cnt;
	const struct map_type *types = gotypes_maps(heap->prog->types, &type_cnt);

	if (heap->prog->layout.kind == MAP_SWISS)
		return !noscan && o->size == alloc_size(8 * cnt, noscan, headers);
	for (size_t i = 0; i < type_cnt; i++)
		if (noscan == !types[i].bucket_ptr_bytes &&
		    cnt <= UINT64_MAX / types[i].bucket_sz &&
		    o->size == alloc_size(cnt * types[i].bucket_sz, noscan, headers))
			return true;
	return false;
}

struct err *stacks_doubt(struct census *census, const struct candidate *c)
{
	if (!c->outdated || !may_be_map(census->heap, c->header))
		return NULL;
	return add_doubtful(census->stacks, c, &census->heap->prog->layout);
}

void stacks_claim(struct stacks *stacks, const struct candidate *c, const struct go_layout *layout)
{
	uint64_t tables[2];

	if (!stacks->by_table.len)
		return;
	tables_of(c->header, layout, tables);
	for (int i = 0; i < 2; i++) {
		size_t at = tables[i] ? table_get(&stacks->by_table, tables[i]) : TABLE_NONE;

		if (at != TABLE_NONE)
			__atomic_store_n(&stacks->maps.data[at].dropped, true, __ATOMIC_RELAXED);
	}
}

/*
 * A map without keys has nothing in its classic buckets that memory of another use
 * has not. But an array with overflow buckets of its own ends in a pointer to its
 * start (S runtime/map.go makeBucketArray), until all of those are chained.
 */
static struct err *check_marker(struct heap *heap, struct stack_map *m)
{
	uint64_t words[(8 + 8 * 256 + 8) / 8]; /* as long as a bucket can be */
	struct object o;

	if (m->info.consistency == MAP_SUSPECT || m->info.live_keys || m->info.overflow_buckets ||
	    m->info.type_source == TYPE_HEADER || heap->prog->layout.kind == MAP_SWISS)
		return NULL;
	m->dropped = true;
	if (!heap_object(heap, m->tables[0], &o))
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
		if (words[i] == m->tables[0])
			m->dropped = false;
	return err;
}

/* Finds the first table of a map. That of a suspect one is where the heap is another by
 * now: *now is its span. Without one that fits the map is dropped. */
static struct err *find_table(struct heap *heap, struct stack_map *m, struct span *now,
			      struct object *ret)
{
	if (m->info.consistency != MAP_SUSPECT) /* the decoders have found it there */
		return heap_object(heap, m->tables[0], ret)
			       ? NULL
			       : err_new(ERR_FORMAT, "a map's table left the heap");
	struct err *err = heap_read_span(heap, &heap->prog->target->mem, m->tables[0], now);
	m->dropped |= err || now->state != SPAN_IN_USE ||
		      !span_object(heap, now, m->tables[0], ret) || ret->start != m->tables[0] ||
		      !table_fits(heap, ret, m->table_cnt);
	return err;
}

/* Sets what the collector thinks of the tables. What is free is no table, and what is
 * garbage may have been freed in part. */
static struct err *check_liveness(struct heap *heap, struct stack_map *maps, size_t n)
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
		err = find_table(heap, &maps[i], &spans[cnt], &objects[cnt]);
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

/* What does not run does not change its maps: that variable is not used any more, and its
 * tables are somebody else's. */
static bool moves_by_itself(const struct stack_map *m)
{
	return m->info.on_stack == MAP_ON_STACK && m->info.consistency == MAP_MOVING && !m->alive;
}

static bool has_moved(const struct goroutine *was, const struct goroutine *now)
{
	return now->lo != was->lo || now->hi != was->hi;
}

/* Drops what was found on a stack that has moved meanwhile: the map is elsewhere now, where
 * it is searched for again, but for the last time. */
static void check_place(struct stack_map *m, const struct goroutine *was,
			const struct goroutine *now, bool last)
{
	bool moved = has_moved(was, now);

	if (moved || now->running || now->sp != was->sp)
		m->info.on_stack = MAP_ON_RUNNING_STACK;
	if (moved) {
		m->dropped |= !last || now->lo == now->hi;
		return;
	}
	m->dropped |= moves_by_itself(m);
}

/* Checks what was found on the stacks that were searched, and leaves those that have moved
 * since: what was read of them may be nothing of theirs. */
static struct err *check_stacks(struct stacks *stacks, struct heap *heap, size_t first, bool last,
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
	for (size_t i = first; !err && i < stacks->maps.len; i++) {
		struct stack_map *m = &stacks->maps.data[i];

		check_place(m, &was[m->goroutine], &now[m->goroutine], last);
	}
	for (size_t i = 0; !err && i < n; i++) {
		searched[i] &= has_moved(&was[i], &now[i]);
		if (searched[i])
			was[i] = now[i];
	}
	return err;
}

/* What adds up first, for no copy of a header does when the map goes on; then those of
 * goroutines that stand still. What calls that have ended left behind is at lower addresses
 * than any frame. */
static int cmp_claim(const void *a, const void *b)
{
	const struct map_info *x = &((const struct stack_map *)a)->info;
	const struct map_info *y = &((const struct stack_map *)b)->info;

	if (x->consistency != y->consistency)
		return x->consistency < y->consistency ? -1 : 1;
	if (x->on_stack != y->on_stack)
		return x->on_stack < y->on_stack ? -1 : 1;
	return x->addr < y->addr ? 1 : -(x->addr > y->addr);
}

/* The first to have a table has it. */
static struct err *claim_tables(struct stacks *stacks, size_t first)
{
	if (stacks->maps.len > first)
		qsort(stacks->maps.data + first, stacks->maps.len - first,
		      sizeof(*stacks->maps.data), cmp_claim);
	for (size_t i = first; i < stacks->maps.len; i++) {
		struct stack_map *m = &stacks->maps.data[i];

		for (int t = 0; t < 2 && !m->dropped; t++)
			m->dropped = m->tables[t] &&
				     table_get(&stacks->by_table, m->tables[t]) != TABLE_NONE;
		for (int t = 0; t < 2 && !m->dropped; t++)
			if (m->tables[t] && !table_put(&stacks->by_table, m->tables[t], i))
				return err_nomem();
	}
	return NULL;
}

static struct err *check(struct stacks *stacks, struct heap *heap, size_t first, bool last,
			 bool *searched)
{
	size_t n = stacks->maps.len - first;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < n; i++)
		err = check_marker(heap, &stacks->maps.data[first + i]);
	if (!err && n)
		err = check_liveness(heap, stacks->maps.data + first, n);
	if (!err)
		err = check_stacks(stacks, heap, first, last, searched);
	return err ? err : claim_tables(stacks, first);
}

static struct err *search_all(struct search *s)
{
	struct stacks *stacks = s->census->stacks;
	size_t n = stacks->goroutines.list.len;
	_cleanup_free_ bool *wanted = malloc(n + 1);
	struct err *err = NULL;

	if (!wanted)
		return err_nomem();
	memset(wanted, true, n);
	for (int round = 1; !err && round <= ROUNDS && memchr(wanted, true, n); round++) {
		size_t first = stacks->maps.len;

		err = search_stacks(s, wanted, /* running= */ false);
		if (!err)
			err = search_stacks(s, wanted, /* running= */ true);
		if (!err)
			err = check(stacks, s->heap, first, round == ROUNDS, wanted);
	}
	return err;
}

/* A part of the maps would be taken for all of them. */
static void refuse(struct stacks *stacks, struct err *why)
{
	log_debug("%s: no maps of goroutine stacks", why->msg);
	stacks->refusal = why;
	for (size_t i = 0; i < stacks->maps.len; i++)
		stacks->maps.data[i].dropped = true;
}

struct err *stacks_take(struct census *census)
{
	struct heap *heap = census->heap;
	const struct go_layout *layout = &heap->prog->layout;
	_cleanup_(search_fini) struct search s = {
		.census = census,
		.heap = heap,
		.header_sz = layout->kind == MAP_SWISS ? layout->swiss.header_sz
						       : layout->classic.header_sz,
		.buf = malloc(BUF_SZ),
		.pieces = malloc(PIECES_MAX * sizeof(*s.pieces)),
		.cands = malloc(SCAN_BATCH * sizeof(*s.cands)),
	};
	struct err *err;

	census->stacks = calloc(1, sizeof(*census->stacks));
	if (!census->stacks || !s.buf || !s.pieces || !s.cands)
		return err_nomem();
	err = goroutines_init(&census->stacks->goroutines, heap);
	if (!err && heap->spans.len) {
		s.heap_start = heap->arenas.data[0].base;
		err = search_all(&s);
	}
	if (!err_is(err, ERR_UNSUPPORTED))
		return err;
	refuse(census->stacks, err);
	return NULL;
}

struct err *stacks_finish(struct census *census)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < census->stacks->maps.len; i++) {
		const struct stack_map *m = &census->stacks->maps.data[i];

		if (m->dropped)
			continue;
		err = rows_push(&census->late, &m->info) ? NULL : err_nomem();
	}
	return err;
}

uint64_t stacks_goroutine_cnt(const struct stacks *stacks)
{
	return stacks->goroutines.list.len;
}

const char *stacks_refusal(const struct stacks *stacks)
{
	return stacks->refusal ? stacks->refusal->msg : NULL;
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
