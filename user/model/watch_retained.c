// SPDX-License-Identifier: GPL-2.0-only
#include "model/watch_retained.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "graph/barrier_buffers.h"
#include "graph/reach.h"
#include "model/watch.h"

enum {
	PINNED_READ_MAX = 512 << 20, /* bytes of tables that are read for strings */
	PINNED_MIN = 256 << 10, /* bytes that a map must be able to give back */
	UNREAD_PART = 1000, /* of the heap at most this part may be unread */
	PLACE_UNKNOWN_PART = 100, /* the same, of the maps of a place that are not known */
};

/* ---- the memory that is left ---- */

static uint64_t graph_bytes(const struct reach *reach)
{
	const struct heap_graph *g = &reach->graph;

	return (g->cnt + 1ull + g->first[g->cnt]) * sizeof(*g->to) + g->cnt / 8 * 4;
}

/* Why the graph says too little about what maps retain; NULL: it does not. */
static struct err *retained_refusal(const struct watch *w)
{
	const struct reach *reach = w->reach;
	const struct heap_graph *g = reach ? &reach->graph : NULL;

	if (!reach || reach->status == REACH_FAILED)
		return err_new(ERR_UNSUPPORTED, "there is no graph of the heap");
	if (g->unread_bytes > (g->bytes_read + g->unread_bytes) / UNREAD_PART)
		return err_new(ERR_UNSUPPORTED, "%s of the heap could not be read",
			       text_bytes(g->unread_bytes).s);
	if (w->graph_memory_bytes && graph_bytes(reach) >= w->graph_memory_bytes)
		return err_new(ERR_UNSUPPORTED, "the graph takes all of the memory (%s)",
			       text_bytes(w->graph_memory_bytes).s);
	return NULL;
}

/* ---- maps and places ---- */

static void retained_set_rows(struct watch_retained *to, const struct retained *r)
{
	for (size_t row = 0; row < to->row_cnt; row++) {
		struct map_info m = census_map(r->census, row);

		to->by_row[row] = map_counts(&m) ? retained_of(r, row) : RETAINED_UNKNOWN;
		to->known += to->by_row[row] != RETAINED_UNKNOWN;
	}
}

/* The maps of the places that have several, as sets. */
struct place_sets {
	uint8_t *set_of; /* by row */
	uint64_t unknown[RETAINED_SETS_MAX]; /* maps of each whose retained bytes are not known */
};

static void place_sets_fill(struct place_sets *sets, const struct watch_retained *to,
			    const struct ranking *ranking, const struct census *census)
{
	memset(sets->set_of, RETAINED_NO_SET, to->row_cnt);
	for (size_t row = 0; row < to->row_cnt; row++) {
		struct map_info m = census_map(census, row);
		size_t rank = ranking_place(ranking, &m);

		if (!rank || rank > to->place_cnt)
			continue;
		sets->unknown[rank - 1] += to->by_row[row] == RETAINED_UNKNOWN;
		sets->set_of[row] = rank - 1;
	}
}

static struct err *retained_set_places(struct watch_retained *to, const struct retained *r,
				       const struct ranking *ranking)
{
	_cleanup_free_ uint8_t *set_of = malloc(to->row_cnt + 1);
	struct place_sets sets = { .set_of = set_of };

	to->place_cnt = ranking->places.len < RETAINED_SETS_MAX ? ranking->places.len
								: RETAINED_SETS_MAX;
	if (!set_of)
		return err_nomem();
	place_sets_fill(&sets, to, ranking, r->census);
	struct err *err = retained_sum_sets(r, set_of, to->place_cnt, to->by_place);
	for (size_t i = 0; !err && i < to->place_cnt; i++)
		if (sets.unknown[i] > ranking->places.data[i].map_cnt / PLACE_UNKNOWN_PART)
			to->by_place[i] = RETAINED_UNKNOWN;
	return err;
}

/* ---- all of it ---- */

static struct err *watch_pinned(struct watch *w, const struct retained *r,
				struct watch_retained *to)
{
	const struct pinned_opts opts = {
		.residency = w->snap->census->residency,
		.min_bytes = PINNED_MIN,
		.budget_bytes = PINNED_READ_MAX,
	};

	return pinned_find(r, &opts, &to->pinned);
}

static struct err *watch_take_retained(struct watch *w, const struct ranking *ranking,
				       struct watch_retained *to)
{
	_cleanup_(retained_fini) struct retained r = { 0 };
	const struct dominators_opts opts = {
		.budget_bytes =
			w->graph_memory_bytes ? w->graph_memory_bytes - graph_bytes(w->reach) : 0,
		.stop = w->opts.stop,
	};
	uint64_t start = clock_ns();
	struct err *err =
		retained_init(&r, &w->reach->objs, &w->reach->graph, w->snap->census, &opts);

	to->row_cnt = w->snap->census->maps.len;
	to->by_row = malloc((to->row_cnt + 1) * sizeof(*to->by_row));
	if (!err && !to->by_row)
		err = err_nomem();
	if (err)
		return err;
	retained_set_rows(to, &r);
	err = retained_set_places(to, &r, ranking);
	if (!err)
		err = watch_pinned(w, &r, to);
	to->duration_ns = clock_ns() - start;
	to->peak_bytes = r.peak_bytes;
	return err;
}

struct err *watch_find_retained(struct watch *w, const struct ranking *ranking)
{
	_cleanup_watch_retained_ struct watch_retained *to = calloc(1, sizeof(*to));
	struct mem *mem = &w->target->mem;

	if (!to)
		return err_nomem();
	struct err *err = retained_refusal(w);
	mem->stop = w->opts.stop;
	if (!err)
		err = barrier_buffers_drop(&w->reach->objs, &w->reach->graph);
	if (!err)
		err = watch_take_retained(w, ranking, to);
	mem->stop = NULL;
	if (err_is(err, ERR_NOMEM))
		return err;
	if (err)
		w->retained_err = err;
	else
		w->retained = take_ptr(to);
	return NULL;
}

void watch_retained_free(struct watch_retained *r)
{
	if (!r)
		return;
	free(r->by_row);
	pinned_fini(&r->pinned);
	free(r);
}
