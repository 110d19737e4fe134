// SPDX-License-Identifier: GPL-2.0-only
#include "maps/taker.h"

#include <string.h>

#include "base/cursor.h"
#include "maps/kinds.h"

/* A map that toggles between two lengths shows the same header in all reads only once in
 * 2^TAKER_ROUNDS times, and its tables differ from the header as rarely. */
enum { TAKER_ROUNDS = 8 };

static const struct go_layout *taker_layout(const struct map_taker *t)
{
	return &t->reader.heap->prog->layout;
}

/* ---- rows ---- */

static struct err *taker_add_map(struct map_taker *t, struct map_info *m, const struct candidate *c)
{
	if (c->on_stack)
		return stacks_add(t->stacks, c, m, t->reader.heap);
	stacks_claim(t->stacks, c->header, t->reader.heap);
	m->garbage = c->garbage;
	return part_add_row(&t->part, m);
}

static struct err *taker_add_suspect(struct map_taker *t, const struct candidate *c)
{
	struct map_info m = { .addr = c->addr, .consistency = MAP_SUSPECT };

	return taker_add_map(t, &m, c);
}

/* Takes an object of the span for a map; *ret is false when all of them are other maps'. */
static inline struct err *taker_take_object(struct map_taker *t, uint32_t span, bool *ret)
{
	const struct span *s = &t->reader.heap->spans.data[span];

	t->part.class_bytes[s->spanclass] += span_elemsize(s);
	return owners_take(t->reader.owners, t->reader.mem, span, ret);
}

/* Adds a map with a kind: it is on the heap, and not garbage. */
static struct err *taker_add_kind(struct map_taker *t, size_t at)
{
	const struct map_batch *b = &t->batch;
	const struct candidate *c = &b->cands[at];
	struct census_part *part = &t->part;
	bool alone;
	struct err *err = taker_take_object(t, b->spans[at], &alone);

	if (err || !alone)
		return err ? err : taker_add_suspect(t, c);
	if (part_is_late(part, c->addr)) {
		struct map_info m = rows_kind_info(&part->maps, b->kinds[at], c->addr);

		return taker_add_map(t, &m, c);
	}
	stacks_claim(t->stacks, c->header, t->reader.heap);
	return rows_push_kind(&part->maps, c->addr, b->kinds[at]) ? NULL : err_nomem();
}

static struct err *taker_add_row(struct map_taker *t, size_t at)
{
	if (t->batch.kinds[at] != ROWS_NO_KIND)
		return taker_add_kind(t, at);
	return taker_add_map(t, &t->batch.maps[at], &t->batch.cands[at]);
}

/* ---- whose the tables are ---- */

/* Whether the at-th candidate is a map whose tables must be nobody else's, by the claims of
 * its row. That is not asked of a map that is dead or whose header may have moved, and a map
 * with a kind is asked in taker_add_kind(). */
static bool taker_needs_tables(const struct map_batch *b, uint32_t at)
{
	const struct candidate *c = &b->cands[at];

	return b->verdicts[at] == VERDICT_MAP && b->kinds[at] == ROWS_NO_KIND && !c->on_stack &&
	       !c->garbage;
}

static struct err *taker_check_claim(struct map_taker *t, uint64_t claim)
{
	struct map_batch *b = &t->batch;
	uint32_t at = claim >> 32, span = claim;
	const struct span *s = &t->reader.heap->spans.data[span];
	bool alone = true;
	struct err *err = NULL;

	if (taker_needs_tables(b, at))
		err = taker_take_object(t, span, &alone);
	else if (b->verdicts[at] == VERDICT_MAP)
		t->part.class_bytes[s->spanclass] += span_elemsize(s);
	if (!alone)
		b->verdicts[at] = VERDICT_SUSPECT;
	return err;
}

static struct err *taker_check_chained(struct map_taker *t, const struct chained_claim *claim)
{
	struct map_batch *b = &t->batch;
	bool room = true;
	struct err *err = NULL;

	if (b->verdicts[claim->at] == VERDICT_MAP)
		t->part.class_bytes[claim->spanclass] += claim->bytes;
	if (taker_needs_tables(b, claim->at))
		err = owners_take_chained(t->reader.owners, t->reader.mem, claim->spanclass,
					  claim->bytes, &room);
	if (!room)
		b->verdicts[claim->at] = VERDICT_SUSPECT;
	return err;
}

/* A map with a kind has one bucket, which is smaller. */
static bool taker_is_large(const struct map_batch *b, uint32_t at)
{
	return taker_needs_tables(b, at) && b->maps[at].table_bytes >= OWNERS_TABLES_MIN;
}

static struct err *taker_check_large(struct map_taker *t, uint32_t at)
{
	const struct candidate *c = &t->batch.cands[at];
	uint32_t off = kinds_ops_of(t->reader.heap)->table_off(taker_layout(t));
	bool alone = true;
	struct err *err = owners_add(t->reader.owners, t->reader.mem, load_u64(c->header, off),
				     c->addr, off, &alone);

	if (!alone)
		t->batch.verdicts[at] = VERDICT_SUSPECT;
	return err;
}

/* Gives the maps of the batch their tables. Maps whose tables are another's are suspect. */
static struct err *taker_check_tables(struct map_taker *t)
{
	const struct map_claims *claims = &t->batch.claims;
	struct err *err = claims->incomplete ? err_nomem() : NULL;

	for (size_t i = 0; !err && i < t->batch.cnt; i++)
		if (taker_is_large(&t->batch, i))
			err = taker_check_large(t, i);
	for (size_t i = 0; !err && i < claims->objects.len; i++)
		err = taker_check_claim(t, claims->objects.data[i]);
	for (size_t i = 0; !err && i < claims->chained.len; i++)
		err = taker_check_chained(t, &claims->chained.data[i]);
	return err;
}

/* ---- rounds ---- */

/* Takes the decided candidates out of the batch; the undecided ones stay. */
static struct err *taker_settle(struct map_taker *t)
{
	struct map_batch *b = &t->batch;
	size_t left = 0;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < b->cnt; i++) {
		switch (b->verdicts[i]) {
		case VERDICT_MAP:
			err = taker_add_row(t, i);
			break;
		case VERDICT_EMPTY:
			t->part.empty_cnt += !b->cands[i].on_stack;
			break;
		case VERDICT_LOOKALIKE:
			t->part.lookalike_cnt += !b->cands[i].on_stack;
			break;
		case VERDICT_SUSPECT:
			err = taker_add_suspect(t, &b->cands[i]);
			break;
		case VERDICT_MISFIT:
		case VERDICT_CHANGED:
			b->cands[i].misfit = b->verdicts[i] == VERDICT_MISFIT;
			b->cands[left++] = b->cands[i];
			break;
		}
	}
	b->cnt = left;
	return err;
}

/* Drops the candidates whose header is not a map's and was the same when it was read again: it
 * was not torn. */
static void taker_drop_misfits(struct map_taker *t)
{
	struct map_batch *b = &t->batch;
	size_t left = 0;

	for (size_t i = 0; i < b->cnt; i++) {
		if (b->cands[i].misfit)
			t->part.lookalike_cnt += !b->cands[i].on_stack;
		else
			b->cands[left++] = b->cands[i];
	}
	b->cnt = left;
}

/* Reads the headers of the undecided candidates again, and notes which of them changed. */
static struct err *taker_reread_headers(struct map_taker *t)
{
	struct map_batch *b = &t->batch;
	uint32_t sz = layout_map_header_sz(taker_layout(t));
	_cleanup_free_ struct mem_req *reqs = malloc((b->cnt + 1) * sizeof(*reqs));
	_cleanup_free_ uint8_t *now = malloc(b->cnt * sz + 1);

	if (!reqs || !now)
		return err_nomem();
	for (size_t i = 0; i < b->cnt; i++)
		reqs[i] = (struct mem_req){ b->cands[i].addr, sz, false, now + i * sz };
	struct err *err = mem_gather(t->reader.mem, reqs, b->cnt);
	for (size_t i = 0; !err && i < b->cnt; i++) {
		const uint8_t *bytes = reqs[i].dst;
		struct candidate *c = &b->cands[(bytes - now) / sz];
		bool changed = !reqs[i].ok || memcmp(bytes, c->header, sz);

		if (changed)
			c->moved = c->rewritten = true;
		c->misfit &= !changed;
		if (reqs[i].ok)
			memcpy(c->header, bytes, sz);
	}
	return err;
}

/*
 * Appends the addresses at which the heap may have changed since it was read. A misfit has one,
 * its doubt. Of a candidate that contradicts itself the table counts, too: its own memory may
 * not be of the size that it was.
 */
static size_t taker_doubts_of(const struct map_taker *t, const struct candidate *c, uint64_t ret[2])
{
	ret[0] = c->doubt;
	ret[1] = load_u64(c->header, kinds_ops_of(t->reader.heap)->table_off(taker_layout(t)));
	return c->misfit ? 1 : 2;
}

/*
 * Keeps, as busy maps, the misfits that lead to memory which has changed since the heap was
 * read: the heap was read before the headers, and a map that has grown since may lead to memory
 * that had another use then. last: looks at the candidates that contradict themselves, too,
 * because they are to be dropped after this.
 */
static struct err *taker_excuse_overtaken(struct map_taker *t, bool last)
{
	struct map_batch *b = &t->batch;
	_cleanup_free_ uint64_t *doubts = malloc((2 * b->cnt + 1) * sizeof(*doubts));
	_cleanup_free_ struct candidate **of = malloc((2 * b->cnt + 1) * sizeof(*of));
	_cleanup_free_ bool *changed = malloc(2 * b->cnt + 1);
	size_t n = 0;

	if (!doubts || !of || !changed)
		return err_nomem();
	for (size_t i = 0; i < b->cnt; i++) {
		struct candidate *c = &b->cands[i];

		/* What moves on a stack is more likely words of a frame than a map. */
		if (!c->misfit && !(last && (c->on_stack || !c->moved)))
			continue;
		for (size_t end = n + taker_doubts_of(t, c, doubts + n); n < end; n++)
			of[n] = c;
	}
	struct err *err = n ? heap_find_changed(t->reader.heap, t->reader.mem, doubts, n, changed)
			    : NULL;
	for (size_t i = 0; !err && i < n; i++) {
		if (changed[i])
			of[i]->moved = of[i]->outdated = true;
		of[i]->misfit &= !changed[i];
	}
	return err;
}

/* Ends with what is still undecided after the last round. */
static struct err *taker_give_up(struct map_taker *t)
{
	struct map_batch *b = &t->batch;
	struct err *err = taker_excuse_overtaken(t, /* last= */ true);

	for (size_t i = 0; !err && i < b->cnt; i++) {
		if (b->cands[i].on_stack) /* more likely words of a frame than a header */
			err = stacks_doubt(t->stacks, &b->cands[i], t->reader.heap);
		else if (b->cands[i].moved || b->cands[i].lacking)
			err = taker_add_suspect(t, &b->cands[i]);
		else
			t->part.lookalike_cnt++;
	}
	return err;
}

/* Doubts the maps whose figures depend on a span that is another one by now. They have to be
 * read again, and with the same heap they are never right. What was garbage has been freed. */
static void taker_doubt_outdated(struct map_taker *t, const bool *outdated)
{
	struct map_batch *b = &t->batch;

	for (size_t i = 0; i < b->cnt; i++) {
		struct candidate *c = &b->cands[i];

		if (!outdated[i] || b->verdicts[i] != VERDICT_MAP)
			continue;
		b->verdicts[i] = c->garbage ? VERDICT_EMPTY : VERDICT_CHANGED;
		c->moved = c->outdated = true;
	}
}

/* Decodes the batch, and doubts what the heap, as it was read, does not vouch for any more. */
static struct err *taker_decode(struct map_taker *t)
{
	const struct map_reader *r = &t->reader;
	struct map_batch *b = &t->batch;
	_cleanup_free_ bool *outdated = calloc(b->cnt, sizeof(*outdated));
	struct err *err = outdated ? NULL : err_nomem();
	bool again = true;

	while (!err && again) {
		batch_forget_claims(b);
		err = kinds_ops_of(r->heap)->decode(r, b);
		if (!err)
			err = footing_check(b->footing, r->heap, r->mem, outdated, &again);
	}
	if (!err)
		taker_doubt_outdated(t, outdated);
	return err;
}

struct err *taker_take(void *taker, struct candidate *cands, size_t cnt)
{
	struct map_taker *t = taker;

	batch_begin(&t->batch, cands, cnt);
	for (int round = 0; round < TAKER_ROUNDS && t->batch.cnt; round++) {
		struct err *err = taker_decode(t);

		if (!err)
			err = taker_check_tables(t);
		if (!err)
			err = taker_settle(t);
		if (!err)
			err = taker_reread_headers(t);
		if (!err)
			err = taker_excuse_overtaken(t, /* last= */ false);
		if (err)
			return err;
		taker_drop_misfits(t);
	}
	return taker_give_up(t);
}

struct err *taker_init(struct map_taker *t, const struct census_shared *shared, struct mem *mem)
{
	*t = (struct map_taker){ .stacks = shared->stacks };
	struct err *err =
		reader_init(&t->reader, shared->heap, mem, shared->residency, shared->owners);

	return err ? err : batch_init(&t->batch, &t->part.maps);
}

void taker_fini(struct map_taker *t)
{
	reader_fini(&t->reader);
	batch_fini(&t->batch);
	part_fini(&t->part);
}
