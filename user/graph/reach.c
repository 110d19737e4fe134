// SPDX-License-Identifier: GPL-2.0-only
#include "graph/reach.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "graph/reach_roots.h"
#include "graph/reach_rounds.h"
#include "graph/span_walk.h"

enum {
	REACH_TRIES = 3, /* for a graph that no collection ends during */
	ROUNDS_MIN = 4,
	ROUNDS_MAX = 40,
	/* Rounds in a row that must have found nothing. One more for each that found something:
	 * such a program moves what it holds. */
	ROUNDS_QUIET = 3,
	/* Of a small heap, rounds follow each other too fast to be independent. */
	ROUND_NS_MIN = 10000000,
	/* A walk reads about that much in a second, with one thread on a busy machine. */
	WALK_BYTES_A_SECOND = 500 << 20,
};

static void reach_says(struct reach *r, enum reach_status status, const char *reason)
{
	r->status = status;
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
}

/* Whether the budgets are large enough, as far as the sizes of spans tell. */
static struct err *reach_fits(const struct reach *r, const struct reach_opts *opts)
{
	uint64_t memory = objects_memory(r->heap), bytes = span_walk_bytes(r->heap);

	if (opts->memory_max && memory > opts->memory_max / 2)
		return err_new(ERR_UNSUPPORTED,
			       "the graph of the heap needs more than %s of memory",
			       text_bytes(opts->memory_max).s);
	if (opts->budget_ns && bytes / WALK_BYTES_A_SECOND * NS_PER_S > opts->budget_ns)
		return err_new(ERR_UNSUPPORTED, "the heap has %s of objects with pointers",
			       text_bytes(bytes).s);
	return NULL;
}

/* ---- the first pass ---- */

static struct err *reach_add_root(void *ctx, const struct graph_root *root)
{
	struct graph_roots *roots = ctx;

	/* A word that is repeated, as of a slice on a stack. */
	if (roots->len && roots->data[roots->len - 1].object == root->object &&
	    roots->data[roots->len - 1].kind == root->kind)
		return NULL;
	return vec_push(roots, *root) ? NULL : err_nomem();
}

static struct err *reach_read_graph(struct reach *r, struct reach_roots *rr,
				    const struct reach_opts *opts, uint64_t deadline_ns)
{
	struct graph_opts graph_opts = {
		.residency = opts->residency,
		.memory_max = opts->memory_max,
		.memory_taken = objects_memory(r->heap),
		.deadline_ns = deadline_ns,
	};
	struct graph_roots before = { 0 };
	struct err *err = reach_roots_read(rr, reach_add_root, &before);

	if (!err)
		err = heap_graph_read(&r->objs, &graph_opts, &r->graph);
	for (size_t i = 0; !err && i < before.len; i++)
		err = reach_add_root(&r->graph.roots, &before.data[i]);
	if (!err)
		err = reach_roots_read(rr, reach_add_root, &r->graph.roots);
	if (!err && r->graph.unread_bytes)
		err = err_new(ERR_UNSUPPORTED, "some spans could not be read");
	vec_fini(&before);
	return err;
}

static void reach_drop(struct reach *r)
{
	marks_fini(&r->marks);
	heap_graph_fini(&r->graph);
	objects_fini(&r->objs);
	heap_close(r->heap);
	r->heap = NULL;
}

/* Numbers the objects, reads the graph, and marks. *same_ret: no collection ended meanwhile. */
static struct err *reach_first(struct reach *r, struct reach_roots *rr, struct program *prog,
			       const struct reach_opts *opts, uint64_t deadline_ns, bool *same_ret)
{
	uint32_t sweepgen = 0;
	struct err *err = heap_open(prog, &r->heap);

	if (!err)
		err = reach_fits(r, opts);
	if (!err)
		err = objects_init(&r->objs, r->heap);
	if (!err)
		err = reach_roots_init(rr, &r->objs, opts->residency);
	if (!err)
		err = reach_read_graph(r, rr, opts, deadline_ns);
	if (!err)
		err = marks_init(&r->marks, r->objs.cnt);
	if (!err)
		err = marks_add_roots(&r->marks, &r->graph);
	if (!err)
		err = heap_read_sweepgen(r->heap, &prog->target->mem, &sweepgen);
	*same_ret = sweepgen == r->objs.sweepgen;
	return err;
}

/* ---- the rounds ---- */

/* Waits until a round can see another moment than the one before. */
static void reach_pause(uint64_t since_ns)
{
	uint64_t now = clock_ns(), end = since_ns + ROUND_NS_MIN;
	struct timespec t = { .tv_nsec = end > now ? end - now : 0 };

	nanosleep(&t, NULL);
}

/* Whether it is too late for one more round. Says so then. */
static bool reach_must_end(struct reach *r, uint64_t now_ns, uint64_t deadline_ns)
{
	bool late = deadline_ns && now_ns > deadline_ns;

	if (late)
		reach_says(r, REACH_PARTIAL, "the time for it ended");
	else if (r->rounds == ROUNDS_MAX)
		reach_says(r, REACH_PARTIAL, "the program moves what it holds too fast");
	return r->status != REACH_OK;
}

static struct err *reach_settle(struct reach *r, struct reach_roots *rr,
				const struct reach_opts *opts, uint64_t deadline_ns)
{
	uint32_t quiet = 0, needed = ROUNDS_QUIET;
	struct err *err = NULL;

	/* Where everything is marked there is nothing to look for. */
	while (!err && r->marks.marked < r->objs.used_cnt &&
	       (quiet < needed || r->rounds < ROUNDS_MIN)) {
		uint64_t start = clock_ns(), saved = 0;
		bool same = false;

		if (reach_must_end(r, start, deadline_ns))
			return NULL;
		err = reach_round(r, rr, opts, &saved, &same);
		if (err_is_refusal(err)) {
			reach_says(r, REACH_PARTIAL, err->msg);
			err_free(err);
			return NULL;
		}
		if (!err && !same) {
			reach_says(r, REACH_PARTIAL, "a collection ended while the heap was read");
			return NULL;
		}
		r->rounds++;
		r->saved += saved;
		needed += saved != 0;
		quiet = saved ? 0 : quiet + 1;
		log_debug("reach: round %u saves %llu objects, %llu ms", r->rounds,
			  (unsigned long long)saved,
			  (unsigned long long)((clock_ns() - start) / NS_PER_MS));
		reach_pause(start);
	}
	return err;
}

static void reach_count_span(struct reach *r, size_t nth, const struct residency *residency)
{
	const struct objects *o = &r->objs;
	const struct span *s = &r->heap->spans.data[nth];
	uint64_t size = s->state == SPAN_IN_USE ? span_elemsize(s) : 0;

	for (uint32_t i = o->first[nth]; i < o->first[nth + 1]; i++) {
		uint64_t addr = span_base(s) + (i - o->first[nth]) * size;

		if (reach_of_object(r, i) != REACH_GARBAGE)
			continue;
		r->garbage_objects++;
		r->garbage_bytes += size;
		r->garbage_resident_bytes += residency ? residency_bytes(residency, addr, size) : 0;
	}
}

/* Sums up the garbage, if all of it is known. */
static void reach_count(struct reach *r, const struct residency *residency)
{
	for (size_t i = 0; r->status == REACH_OK && i < r->heap->spans.len; i++)
		reach_count_span(r, i, residency);
}

/* ---- all of it ---- */

static struct err *reach_run(struct reach *r, struct program *prog, const struct reach_opts *opts,
			     uint64_t deadline_ns)
{
	struct reach_roots rr = { 0 };
	bool same = false;
	struct err *err = NULL;

	for (int i = 0; !err && !same && i < REACH_TRIES; i++) {
		reach_drop(r);
		reach_roots_fini(&rr);
		rr = (struct reach_roots){ 0 };
		err = reach_first(r, &rr, prog, opts, deadline_ns, &same);
	}
	log_debug("reach: %u slots, %llu objects, %llu held, %zu roots", r->objs.cnt,
		  (unsigned long long)r->objs.used_cnt, (unsigned long long)r->marks.marked,
		  r->graph.roots.len);
	if (!err && same)
		err = reach_settle(r, &rr, opts, deadline_ns);
	else if (!err)
		reach_says(r, REACH_PARTIAL, "collections end too often");
	if (!err)
		reach_count(r, opts->residency);
	reach_roots_fini(&rr);
	return err;
}

struct err *reach_take(struct program *prog, const struct reach_opts *opts, struct reach **ret)
{
	_cleanup_reach_ struct reach *r = calloc(1, sizeof(*r));
	uint64_t start = clock_ns(), read_before = prog->target->mem.bytes_read;

	if (!r)
		return err_nomem();
	struct err *err = reach_run(r, prog, opts, opts->budget_ns ? start + opts->budget_ns : 0);
	if (err_is_refusal(err)) {
		reach_says(r, REACH_FAILED, err->msg);
		err_free(err);
		err = NULL;
	}
	if (err)
		return err;
	r->duration_ns = clock_ns() - start;
	r->bytes_read = prog->target->mem.bytes_read - read_before;
	if (r->heap)
		r->peak_bytes = objects_memory(r->heap) + 4 * (r->objs.cnt + 1ull);
	if (r->graph.first)
		r->peak_bytes += 4ull * r->graph.first[r->graph.cnt] + r->marks.todo.cap * 4ull;
	if (r->status == REACH_FAILED)
		reach_drop(r);
	*ret = take_ptr(r);
	return NULL;
}

void reach_free(struct reach *r)
{
	if (!r)
		return;
	reach_drop(r);
	free(r);
}

enum reach_answer reach_of_object(const struct reach *r, uint32_t nth)
{
	if (r->status == REACH_FAILED || nth == OBJECT_NO_NUMBER || nth >= r->objs.cnt)
		return REACH_UNKNOWN;
	if (objects_bit(r->objs.dead, nth))
		return REACH_GARBAGE;
	if (!objects_is_used(&r->objs, nth))
		return REACH_UNKNOWN;
	if (marks_has(&r->marks, nth))
		return REACH_HELD;
	return r->status == REACH_OK ? REACH_GARBAGE : REACH_UNKNOWN;
}

enum reach_answer reach_of_map(const struct reach *r, const struct map_info *m)
{
	if (r->status == REACH_FAILED || m->on_stack == MAP_ON_RUNNING_STACK)
		return REACH_UNKNOWN;
	if (m->on_stack)
		return REACH_HELD;
	uint32_t nth = objects_number(&r->objs, m->addr);
	enum reach_answer answer = reach_of_object(r, nth);

	/* Somebody has a table of it: he may be about to come back to the header. */
	if (answer == REACH_GARBAGE && objects_is_used(&r->objs, nth))
		for (uint32_t i = r->graph.first[nth]; i < r->graph.first[nth + 1]; i++)
			if (reach_of_object(r, r->graph.to[i]) != REACH_GARBAGE)
				return REACH_UNKNOWN;
	return answer;
}
