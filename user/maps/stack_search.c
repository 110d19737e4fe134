// SPDX-License-Identifier: GPL-2.0-only
#include "maps/stack_search.h"

#include <string.h>

#include "base/cursor.h"
#include "base/table.h"
#include "base/vec.h"
#include "maps/kinds.h"

enum {
	SEARCH_ROUNDS = 3, /* for stacks that move */

	BUF_SZ = 4 << 20,
	PIECE_MAX = 1 << 20, /* a stack may have 1 GiB */
	PIECES_MAX = 1 << 14,
	/* A header leaves a copy or two behind. A stack full of copies is a bad joke, and the
	 * tables would be read for each of them. */
	TRIES_MAX = 16,
	/* Tables of all headers that are found. No program has as many maps in frames, and a
	 * stack full of such words must not fill our memory. */
	TABLES_MAX = 1 << 20,
};

/* A part of a stack; its last words are the first ones of the next piece, too. */
struct stack_piece {
	uint64_t addr;
	uint32_t len;
	uint32_t goroutine;
	const uint8_t *bytes;
};

struct stack_search {
	struct stacks *stacks;
	struct heap *heap;
	const struct map_kind_ops *ops;
	candidates_visit_fn visit;
	void *ctx;
	uint32_t header_sz;
	uint32_t table_off; /* of the table's address in a header */
	uint64_t heap_start;
	uint8_t *buf; /* BUF_SZ */
	size_t buf_used;
	struct stack_piece *pieces; /* PIECES_MAX */
	size_t piece_cnt;
	struct candidate *cands; /* CANDIDATES_MAX */
	size_t cand_cnt;
	struct table by_table; /* from a table to its index into tries */
	VEC(uint8_t) tries; /* candidates with that table */
};

static void stack_search_fini(struct stack_search *s)
{
	table_fini(&s->by_table);
	vec_fini(&s->tries);
	free(s->buf);
	free(s->pieces);
	free(s->cands);
}

/* ---- candidates ---- */

static struct err *search_flush(struct stack_search *s)
{
	struct err *err = s->cand_cnt ? s->visit(s->ctx, s->cands, s->cand_cnt) : NULL;

	s->cand_cnt = 0;
	return err;
}

static bool may_be_header(const struct stack_search *s, const uint8_t *bytes)
{
	uint64_t table = load_u64(bytes, s->table_off);

	/* Most words are not even an address. */
	return table >= s->heap_start && heap_may_hold(s->heap, table) &&
	       s->ops->may_be_map(s->heap, bytes);
}

/* Counts a candidate with this table; *ret says whether to look at it. */
static struct err *try_table(struct stack_search *s, uint64_t table, bool *ret)
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

static struct err *search_piece(struct stack_search *s, const struct stack_piece *p)
{
	const struct goroutine *g = stacks_goroutine(s->stacks, p->goroutine);
	struct err *err = NULL;

	for (uint32_t off = 0; !err && off + s->header_sz <= p->len; off += 8) {
		bool look = may_be_header(s, p->bytes + off);

		if (look)
			err = try_table(s, load_u64(p->bytes + off, s->table_off), &look);
		if (err || !look)
			continue;
		struct candidate *c = &s->cands[s->cand_cnt++];
		*c = (struct candidate){
			.addr = p->addr + off,
			.on_stack = g->running ? MAP_ON_RUNNING_STACK : MAP_ON_STACK,
			.goroutine = p->goroutine,
		};
		memcpy(c->header, p->bytes + off, s->header_sz);
		if (s->cand_cnt == CANDIDATES_MAX)
			err = search_flush(s);
	}
	return err;
}

/* ---- stacks ---- */

static struct err *search_pieces(struct stack_search *s)
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
		if (!reqs[i].ok) /* the stack went away: no word of it starts a header */
			memset(reqs[i].dst, 0, reqs[i].len);
	for (size_t i = 0; !err && i < s->piece_cnt; i++)
		err = search_piece(s, &s->pieces[i]);
	s->piece_cnt = 0;
	s->buf_used = 0;
	return err;
}

static struct err *search_stack(struct stack_search *s, uint32_t goroutine)
{
	const struct goroutine *g = stacks_goroutine(s->stacks, goroutine);
	uint64_t addr = g->sp;

	while (addr + s->header_sz <= g->hi) {
		uint32_t len = g->hi - addr < PIECE_MAX ? g->hi - addr : PIECE_MAX;

		if (s->buf_used + len > BUF_SZ || s->piece_cnt == PIECES_MAX) {
			struct err *err = search_pieces(s);
			if (err)
				return err;
		}
		s->pieces[s->piece_cnt++] =
			(struct stack_piece){ addr, len, goroutine, s->buf + s->buf_used };
		s->buf_used += len;
		if (addr + len == g->hi)
			break;
		addr += len - (s->header_sz - 8);
	}
	return NULL;
}

/* Searches the stacks of the wanted goroutines that run, or of those that do not. */
static struct err *search_stacks(struct stack_search *s, const bool *wanted, bool running)
{
	size_t n = stacks_goroutine_cnt(s->stacks);
	struct err *err = NULL;

	for (size_t i = 0; !err && i < n; i++)
		if (wanted[i] && stacks_goroutine(s->stacks, i)->running == running)
			err = search_stack(s, i);
	if (!err)
		err = search_pieces(s);
	return err ? err : search_flush(s);
}

/* Searches in rounds, as stacks may move meanwhile. Goroutines that stand still come first. */
static struct err *search_all_stacks(struct stack_search *s)
{
	size_t n = stacks_goroutine_cnt(s->stacks);
	_cleanup_free_ bool *wanted = malloc(n + 1);
	struct err *err = NULL;

	if (!wanted)
		return err_nomem();
	memset(wanted, true, n);
	for (int round = 1; !err && round <= SEARCH_ROUNDS && memchr(wanted, true, n); round++) {
		err = search_stacks(s, wanted, /* running= */ false);
		if (!err)
			err = search_stacks(s, wanted, /* running= */ true);
		if (!err)
			err = stacks_check(s->stacks, s->heap, round == SEARCH_ROUNDS, wanted);
	}
	return err;
}

struct err *stacks_search(struct stacks *stacks, struct heap *heap, candidates_visit_fn visit,
			  void *ctx)
{
	const struct go_layout *layout = &heap->prog->layout;
	_cleanup_(stack_search_fini) struct stack_search s = {
		.stacks = stacks,
		.heap = heap,
		.ops = kinds_ops_of(heap),
		.visit = visit,
		.ctx = ctx,
		.header_sz = layout_map_header_sz(layout),
		.table_off = kinds_ops_of(heap)->table_off(layout),
		.buf = malloc(BUF_SZ),
		.pieces = malloc(PIECES_MAX * sizeof(*s.pieces)),
		.cands = malloc(CANDIDATES_MAX * sizeof(*s.cands)),
	};

	if (!s.buf || !s.pieces || !s.cands)
		return err_nomem();
	struct err *err = stacks_read_goroutines(stacks, heap);
	if (!err && heap->spans.len) {
		s.heap_start = heap->arenas.data[0].base;
		err = search_all_stacks(&s);
	}
	if (!err_is(err, ERR_UNSUPPORTED))
		return err;
	stacks_refuse(stacks, err);
	return NULL;
}
