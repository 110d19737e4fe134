// SPDX-License-Identifier: GPL-2.0-only
#include "graph/heap_graph.h"

#include <string.h>
#include <sys/mman.h>

#include "base/units.h"
#include "graph/span_walk.h"
#include "heap/liveness.h"

enum {
	CHUNK_EDGES = 256 << 10,
	NEW_WORDS_MAX = 1 << 20, /* of a thread; what more of them lead to counts as held */
	/* Of the words of a heap, a third are pointers to objects (measured: 27.7 million edges in
	 * 695 MiB). */
	WORDS_AN_EDGE = 3,
};

/* Memory that one thread writes edges to. It is given back chunk by chunk. */
struct edge_chunk {
	uint32_t *edges; /* CHUNK_EDGES of them, by mmap() */
	uint32_t used;
	uint32_t runs; /* that were not copied yet */
};

/* The edges of some pieces. */
struct edge_run {
	uint32_t nth; /* of the pieces */
	uint32_t cnt;
	uint32_t from; /* in the chunk */
	uint32_t chunk;
	uint32_t member;
};

/* A word of a slot that had no object when slots were numbered. */
struct new_word {
	uint64_t word;
	uint32_t target;
	uint32_t span;
};

struct edge_member {
	VEC(struct edge_chunk) chunks;
	VEC(struct edge_run) runs;
	VEC(struct new_word) new_words;
};

struct edge_reader {
	const struct objects *objs;
	const struct graph_opts *opts;
	struct heap_graph *graph;
	struct edge_member members[WALK_THREADS_MAX];
	uint64_t *assumed; /* a bit for each object that counts as held */
	uint64_t edge_max;
	uint64_t edges; /* of all threads so far */
};

/* ---- one piece ---- */

/* The object in use that a word leads to; OBJECT_NO_NUMBER: it leads to none. */
static uint32_t edge_target(const struct objects *objs, uint64_t word)
{
	uint32_t nth = objects_number(objs, word);

	return nth != OBJECT_NO_NUMBER && objects_is_used(objs, nth) ? nth : OBJECT_NO_NUMBER;
}

/* What a piece is read with. */
struct edge_piece {
	struct edge_reader *r;
	const struct span_piece *piece;
	const uint64_t *words;
	struct walk_mask mask;
	uint32_t *out;
	uint32_t cnt; /* edges written to out */
};

static void edge_slot(struct edge_piece *p, uint32_t source, uint32_t first, uint32_t end)
{
	uint32_t before = p->cnt;

	WALK_WORDS(w, &p->mask, first, end)
	{
		uint32_t to = edge_target(p->r->objs, p->words[w]);

		if (to != OBJECT_NO_NUMBER && to != source)
			p->out[p->cnt++] = to;
	}
	/* The pieces of a large object may belong to several threads. */
	__atomic_fetch_add(&p->r->graph->first[source + 1], p->cnt - before, __ATOMIC_RELAXED);
}

static bool edge_new_slot(struct edge_piece *p, struct edge_member *m, uint32_t first, uint32_t end)
{
	WALK_WORDS(w, &p->mask, first, end)
	{
		struct new_word word = { p->piece->addr + 8 * w, 0, p->piece->span };

		word.target = edge_target(p->r->objs, p->words[w]);
		if (word.target == OBJECT_NO_NUMBER)
			continue;
		if (m->new_words.len == NEW_WORDS_MAX)
			__atomic_fetch_or(&p->r->assumed[word.target / 64],
					  1ull << word.target % 64, __ATOMIC_RELAXED);
		else if (!vec_push(&m->new_words, word))
			return false;
	}
	return true;
}

static bool edge_read_piece(struct edge_piece *p, struct edge_member *m)
{
	const struct objects *objs = p->r->objs;
	const struct span *s = &objs->heap->spans.data[p->piece->span];
	uint32_t first = objs->first[p->piece->span], words = p->piece->len / 8;
	uint32_t step = span_sizeclass(s) ? span_elemsize(s) / 8 : words;

	walk_mask_of(objs->heap, p->piece, &p->mask);
	for (uint32_t i = 0; i < span_slots(s) && (i + 1) * step <= words; i++) {
		if (objects_is_used(objs, first + i))
			edge_slot(p, first + i, i * step, (i + 1) * step);
		else if (!objects_bit(objs->dead, first + i) &&
			 !edge_new_slot(p, m, i * step, (i + 1) * step))
			return false;
	}
	return true;
}

/* ---- chunks ---- */

/* A chunk of that thread with room for the edges of a buffer of pieces. */
static struct edge_chunk *edge_chunk_for(struct edge_member *m)
{
	uint32_t need = WALK_PAGES * GO_PAGE_SZ / 8;
	struct edge_chunk *last = m->chunks.len ? &m->chunks.data[m->chunks.len - 1] : NULL;

	if (last && last->used + need <= CHUNK_EDGES)
		return last;
	struct edge_chunk c = { .edges = mmap(NULL, CHUNK_EDGES * sizeof(uint32_t),
					      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
					      -1, 0) };
	if (c.edges == MAP_FAILED)
		return NULL;
	if (!vec_push(&m->chunks, c)) {
		munmap(c.edges, CHUNK_EDGES * sizeof(uint32_t));
		return NULL;
	}
	return &m->chunks.data[m->chunks.len - 1];
}

static void edge_chunk_free(struct edge_chunk *c)
{
	if (c->edges)
		munmap(c->edges, CHUNK_EDGES * sizeof(uint32_t));
	c->edges = NULL;
}

static struct err *edge_refuse(const struct edge_reader *r)
{
	return err_new(ERR_UNSUPPORTED, "the graph of the heap needs more than %s of memory",
		       text_bytes(r->opts->memory_max).s);
}

static struct err *edge_visit(void *ctx, const struct span_pieces *pieces)
{
	struct edge_reader *r = ctx;
	struct edge_member *m = &r->members[pieces->member];
	struct edge_chunk *c = edge_chunk_for(m);

	if (!c)
		return err_nomem();
	struct edge_run run = { pieces->nth, 0, c->used, m->chunks.len - 1, pieces->member };
	for (size_t i = 0; i < pieces->cnt; i++) {
		struct edge_piece p = {
			.r = r,
			.piece = &pieces->list[i],
			.words = (const uint64_t *)pieces->list[i].bytes,
			.out = c->edges + c->used,
		};

		if (!p.piece->bad && !edge_read_piece(&p, m))
			return err_nomem();
		c->used += p.cnt;
		run.cnt += p.cnt;
	}
	c->runs++;
	if (__atomic_add_fetch(&r->edges, run.cnt, __ATOMIC_RELAXED) > r->edge_max)
		return edge_refuse(r);
	return vec_push(&m->runs, run) ? NULL : err_nomem();
}

/* ---- new objects ---- */

static struct err *edge_judge_new(struct edge_reader *r, const struct new_word *words, size_t n)
{
	struct heap *heap = r->objs->heap;
	_cleanup_free_ struct object *objects = malloc((n + 1) * sizeof(*objects));
	_cleanup_free_ enum liveness *states = malloc((n + 1) * sizeof(*states));

	if (!objects || !states)
		return err_nomem();
	for (size_t i = 0; i < n; i++)
		span_object(heap, &heap->spans.data[words[i].span], words[i].word, &objects[i]);
	struct err *err = liveness_read(heap, objects, n, states);
	for (size_t i = 0; !err && i < n; i++) {
		struct graph_root root = { words[i].target, ROOT_NEW, words[i].word };

		if (states[i] == OBJECT_LIVE && !vec_push(&r->graph->roots, root))
			err = err_nomem();
	}
	return err;
}

/* Makes roots of the words in objects that are newer than the numbers. */
static struct err *edge_add_new(struct edge_reader *r)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < WALK_THREADS_MAX; i++)
		err = edge_judge_new(r, r->members[i].new_words.data, r->members[i].new_words.len);
	for (uint32_t i = 0; !err && i < r->graph->cnt; i++) {
		struct graph_root root = { i, ROOT_NEW, 0 };

		if (objects_bit(r->assumed, i) && !vec_push(&r->graph->roots, root))
			err = err_nomem();
	}
	return err;
}

/* ---- all together ---- */

static int edge_run_compare(const void *a, const void *b)
{
	const struct edge_run *x = a, *y = b;

	return x->nth < y->nth ? -1 : x->nth > y->nth;
}

/* Puts the edges of all threads together, in the order of the objects. */
static struct err *edge_join(struct edge_reader *r)
{
	struct edge_run *runs = NULL;
	size_t cnt = 0, len = 0;
	uint32_t *to = malloc((r->edges + 1) * sizeof(*to));

	for (size_t i = 0; i < WALK_THREADS_MAX; i++)
		cnt += r->members[i].runs.len;
	runs = malloc((cnt + 1) * sizeof(*runs));
	if (!to || !runs) {
		free(to);
		free(runs);
		return err_nomem();
	}
	cnt = 0;
	for (size_t i = 0; i < WALK_THREADS_MAX; i++) {
		struct edge_member *m = &r->members[i];

		if (m->runs.len)
			memcpy(runs + cnt, m->runs.data, m->runs.len * sizeof(*runs));
		cnt += m->runs.len;
	}
	qsort(runs, cnt, sizeof(*runs), edge_run_compare);
	for (size_t i = 0; i < cnt; i++) {
		struct edge_chunk *c = &r->members[runs[i].member].chunks.data[runs[i].chunk];

		memcpy(to + len, c->edges + runs[i].from, runs[i].cnt * sizeof(*to));
		len += runs[i].cnt;
		if (!--c->runs)
			edge_chunk_free(c);
	}
	free(runs);
	r->graph->to = to;
	for (uint32_t i = 0; i < r->graph->cnt; i++)
		r->graph->first[i + 1] += r->graph->first[i];
	return NULL;
}

static void edge_reader_fini(struct edge_reader *r)
{
	for (size_t i = 0; i < WALK_THREADS_MAX; i++) {
		struct edge_member *m = &r->members[i];

		for (size_t c = 0; c < m->chunks.len; c++)
			edge_chunk_free(&m->chunks.data[c]);
		vec_fini(&m->chunks);
		vec_fini(&m->runs);
		vec_fini(&m->new_words);
	}
	free(r->assumed);
}

uint64_t heap_graph_memory(const struct objects *objs)
{
	return 4 * (objs->cnt + 1ull) + span_walk_bytes(objs->heap) / 8 / WORDS_AN_EDGE * 4;
}

static struct err *edge_read_all(struct edge_reader *r)
{
	struct walk_opts opts = {
		.residency = r->opts->residency,
		.deadline_ns = r->opts->deadline_ns,
		.visit = edge_visit,
		.ctx = r,
	};
	struct walk_result walked = { 0 };
	struct err *err = span_walk(r->objs->heap, &opts, &walked);

	r->graph->bytes_read = walked.bytes;
	r->graph->unread_bytes = walked.unread_bytes;
	if (!err && walked.late)
		err = err_new(ERR_UNSUPPORTED, "the time for it ended");
	if (!err)
		err = edge_add_new(r);
	return err ? err : edge_join(r);
}

struct err *heap_graph_read(const struct objects *objs, const struct graph_opts *opts,
			    struct heap_graph *ret)
{
	struct heap_graph graph = { .cnt = objs->cnt };
	uint64_t fixed = 4 * (objs->cnt + 1ull) + opts->memory_taken;
	struct edge_reader r = {
		.objs = objs,
		.opts = opts,
		.graph = &graph,
		.edge_max = UINT32_MAX - 1,
	};

	if (opts->memory_max && (fixed >= opts->memory_max))
		return edge_refuse(&r);
	if (opts->memory_max && (opts->memory_max - fixed) / 4 < r.edge_max)
		r.edge_max = (opts->memory_max - fixed) / 4;
	graph.first = calloc(objs->cnt + 1ull, sizeof(*graph.first));
	r.assumed = calloc(objs->cnt / 64 + 1, sizeof(*r.assumed));
	struct err *err = graph.first && r.assumed ? edge_read_all(&r) : err_nomem();
	edge_reader_fini(&r);
	if (err) {
		heap_graph_fini(&graph);
		return err;
	}
	*ret = graph;
	return NULL;
}

void heap_graph_fini(struct heap_graph *g)
{
	free(g->first);
	free(g->to);
	vec_fini(&g->roots);
	*g = (struct heap_graph){ 0 };
}
