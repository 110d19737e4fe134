// SPDX-License-Identifier: GPL-2.0-only
#include "graph/reach_rounds.h"

#include <string.h>

#include "graph/span_walk.h"
#include "heap/liveness.h"

enum { LOOSE_WORDS_MAX = 1 << 20 };

/* A word of an object that had no number, which leads to one that is not marked. */
struct loose_word {
	uint64_t word;
	uint32_t target;
	uint32_t span; /* in the heap of the round */
};

struct round_member {
	VEC(uint32_t) held; /* objects that turned out to be held */
	VEC(struct loose_word) loose;
};

struct reach_rescan {
	struct reach *reach;
	struct heap *now; /* the heap as it is in this round */
	struct round_member members[WALK_THREADS_MAX];
};

static bool round_is_open(const struct reach *r, uint32_t nth)
{
	return objects_is_used(&r->objs, nth) && !marks_has(&r->marks, nth);
}

/* The unmarked object that a word leads to. */
static uint32_t round_target(const struct reach *r, uint64_t word)
{
	uint32_t nth = objects_number(&r->objs, word);

	return nth != OBJECT_NO_NUMBER && round_is_open(r, nth) ? nth : OBJECT_NO_NUMBER;
}

/* What a piece is looked at with. */
struct round_piece {
	struct reach_rescan *rescan;
	struct round_member *m;
	const struct span_piece *piece;
	const uint64_t *words;
	struct walk_mask mask;
};

/* Words of an object that is held: what they lead to is, too. */
static bool round_follow(struct round_piece *p, uint32_t first, uint32_t end)
{
	WALK_WORDS(w, &p->mask, first, end)
	{
		uint32_t to = round_target(p->rescan->reach, p->words[w]);

		if (to != OBJECT_NO_NUMBER && !vec_push(&p->m->held, to))
			return false;
	}
	return true;
}

/* Words of a slot that had no object: it may have one now. */
static bool round_note(struct round_piece *p, uint32_t first, uint32_t end)
{
	WALK_WORDS(w, &p->mask, first, end)
	{
		struct loose_word loose = { p->piece->addr + 8 * w, 0, p->piece->span };

		loose.target = round_target(p->rescan->reach, p->words[w]);
		if (loose.target == OBJECT_NO_NUMBER)
			continue;
		/* What too many words lead to counts as held. */
		bool judged = p->m->loose.len < LOOSE_WORDS_MAX;
		if (judged ? !vec_push(&p->m->loose, loose) : !vec_push(&p->m->held, loose.target))
			return false;
	}
	return true;
}

/* Whether an object has other edges than it had: somebody wrote to it. */
static bool round_has_changed(const struct round_piece *p, uint32_t nth, uint32_t first,
			      uint32_t end)
{
	const struct heap_graph *g = &p->rescan->reach->graph;
	const struct objects *objs = &p->rescan->reach->objs;
	uint32_t at = g->first[nth], stop = g->first[nth + 1];

	WALK_WORDS(w, &p->mask, first, end)
	{
		uint32_t to = objects_number(objs, p->words[w]);

		if (to == OBJECT_NO_NUMBER || !objects_is_used(objs, to) || to == nth)
			continue;
		if (at == stop || g->to[at] != to)
			return true;
		at++;
	}
	return at != stop;
}

static bool round_slot(struct round_piece *p, uint32_t nth, uint32_t first, uint32_t end)
{
	const struct reach *r = p->rescan->reach;

	if (nth == OBJECT_NO_NUMBER)
		return round_note(p, first, end);
	if (objects_bit(r->objs.dead, nth))
		return true;
	if (!objects_is_used(&r->objs, nth))
		return round_note(p, first, end);
	if (marks_has(&r->marks, nth))
		return round_follow(p, first, end);
	/* Large objects come in several pieces. */
	bool whole = span_sizeclass(&p->rescan->now->spans.data[p->piece->span]);
	return !whole || !round_has_changed(p, nth, first, end) || vec_push(&p->m->held, nth);
}

/* The number of the first slot of a span of the round; OBJECT_NO_NUMBER: it was another span's
 * memory when the slots were numbered. */
static uint32_t round_first(const struct reach *r, const struct span *s)
{
	const struct span *old = heap_any_span(r->heap, span_base(s));
	bool same = old && old->state == SPAN_IN_USE && old->page == s->page &&
		    old->spanclass == s->spanclass && span_pages(old) == span_pages(s);

	return same ? r->objs.first[old - r->heap->spans.data] : OBJECT_NO_NUMBER;
}

static bool round_read_piece(struct round_piece *p)
{
	struct reach_rescan *rescan = p->rescan;
	const struct span *s = &rescan->now->spans.data[p->piece->span];
	uint32_t number = round_first(rescan->reach, s), words = p->piece->len / 8;
	uint32_t step = span_sizeclass(s) ? span_elemsize(s) / 8 : words;

	walk_mask_of(rescan->now, p->piece, &p->mask);
	for (uint32_t i = 0; i < span_slots(s) && (i + 1) * step <= words; i++) {
		uint32_t nth = number == OBJECT_NO_NUMBER ? OBJECT_NO_NUMBER : number + i;

		if (!round_slot(p, nth, i * step, (i + 1) * step))
			return false;
	}
	return true;
}

static struct err *round_visit(void *ctx, const struct span_pieces *pieces)
{
	struct reach_rescan *rescan = ctx;

	for (size_t i = 0; i < pieces->cnt; i++) {
		struct round_piece p = {
			.rescan = rescan,
			.m = &rescan->members[pieces->member],
			.piece = &pieces->list[i],
			.words = (const uint64_t *)pieces->list[i].bytes,
		};

		if (!p.piece->bad && !round_read_piece(&p))
			return err_nomem();
	}
	return NULL;
}

/* ---- after the walk ---- */

static struct err *round_judge_loose(struct reach_rescan *rescan, struct round_member *m)
{
	size_t n = m->loose.len;
	_cleanup_free_ struct object *objects = malloc((n + 1) * sizeof(*objects));
	_cleanup_free_ enum liveness *states = malloc((n + 1) * sizeof(*states));
	struct err *err = objects && states ? NULL : err_nomem();

	for (size_t i = 0; !err && i < n; i++)
		span_object(rescan->now, &rescan->now->spans.data[m->loose.data[i].span],
			    m->loose.data[i].word, &objects[i]);
	if (!err)
		err = liveness_read(rescan->now, objects, n, states);
	for (size_t i = 0; !err && i < n; i++)
		if (states[i] == OBJECT_LIVE && !vec_push(&m->held, m->loose.data[i].target))
			err = err_nomem();
	return err;
}

static struct err *round_keep_root(void *ctx, const struct graph_root *root)
{
	struct reach_rescan *rescan = ctx;
	bool open = round_is_open(rescan->reach, root->object);

	return !open || vec_push(&rescan->members[0].held, root->object) ? NULL : err_nomem();
}

/* Whether no collection ended since the slots were numbered. */
static struct err *round_check(const struct reach *r, bool *same_ret)
{
	uint32_t sweepgen;
	struct err *err = heap_read_sweepgen(r->heap, &r->heap->prog->target->mem, &sweepgen);

	*same_ret = !err && sweepgen == r->objs.sweepgen;
	return err;
}

static struct err *round_mark(struct reach_rescan *rescan)
{
	struct reach *r = rescan->reach;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < WALK_THREADS_MAX; i++) {
		const struct round_member *m = &rescan->members[i];

		for (size_t k = 0; !err && k < m->held.len; k++)
			err = marks_add(&r->marks, &r->graph, m->held.data[k]);
	}
	return err;
}

static struct err *round_run(struct reach_rescan *rescan, struct reach_roots *rr,
			     const struct reach_opts *opts, bool *same_ret)
{
	struct reach *r = rescan->reach;
	struct walk_opts walk = {
		.residency = opts->residency,
		.visit = round_visit,
		.ctx = rescan,
	};
	struct walk_result walked = { 0 };
	struct err *err = heap_open(r->heap->prog, &rescan->now);

	if (!err)
		err = span_walk(rescan->now, &walk, &walked);
	for (size_t i = 0; !err && i < WALK_THREADS_MAX; i++)
		err = round_judge_loose(rescan, &rescan->members[i]);
	if (!err)
		err = reach_roots_read(rr, round_keep_root, rescan);
	if (!err && walked.unread_bytes)
		err = err_new(ERR_UNSUPPORTED, "some spans could not be read");
	if (!err)
		err = round_check(r, same_ret);
	return err || !*same_ret ? err : round_mark(rescan);
}

struct err *reach_round(struct reach *r, struct reach_roots *rr, const struct reach_opts *opts,
			uint64_t *saved_ret, bool *same_ret)
{
	struct reach_rescan rescan = { .reach = r };
	uint64_t before = r->marks.marked;
	struct err *err = round_run(&rescan, rr, opts, same_ret);

	*saved_ret = r->marks.marked - before;
	for (size_t i = 0; i < WALK_THREADS_MAX; i++) {
		vec_fini(&rescan.members[i].held);
		vec_fini(&rescan.members[i].loose);
	}
	heap_close(rescan.now);
	return err;
}
