// SPDX-License-Identifier: GPL-2.0-only
#include "graph/paths.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "graph/path_steps.h"

enum {
	ROUNDS_MAX = 6, /* a way that names no objects well is looked for again */
	PRICE_BOX = 2, /* an object of one or two words */
	PRICE_LARGE = 4,
	PRICE_HUGE = 6,
	PRICE_NOT_HOLDER = 9,
	PRICE_OTHER_ROOT = 90,
	PRICE_UNKNOWN = PATH_NO_WAY - 1,
	BOX_SZ = 16,
	LARGE_SZ = 1024,
	HUGE_SZ = 32 << 10,
};

struct paths {
	struct pool pool;
	VEC(struct map_path) list;
	bool late;
	bool cut;
};

struct path_finder {
	struct path_namer namer;
	struct frames frames;
	struct paths *ret;
	struct path_search_opts search;
	const uint32_t *rows; /* of the targets that are looked for now */
	const uint32_t *targets;
	uint32_t target_cnt;
	struct table object_price; /* of objects that were doubted or stale: a price */
	uint16_t *root_price; /* by root; PRICE_UNKNOWN: not asked yet */
	struct err *err; /* the first one, of a callback */
};

/* ---- prices ---- */

/* Whether a root has the map itself, though what holds it in the report is something else. */
static bool root_passes_holder(const struct path_finder *f, uint32_t object)
{
	for (uint32_t t = 0; t < f->target_cnt; t++) {
		const struct holder *h = holders_of(f->namer.s->ret, f->rows[t]);

		if (f->targets[t] == object)
			return h && h->kind != HOLDER_VARIABLE && h->kind != HOLDER_FRAME;
	}
	return false;
}

static uint16_t price_of_place(const struct path_root *r)
{
	static const uint16_t of_variable[] = {
		[PATH_OF_USER] = 0,
		[PATH_OF_MODULE] = 12,
		[PATH_OF_GO] = 15,
		[PATH_OF_RUNTIME] = 60,
	};
	static const uint16_t of_frame[] = {
		[PATH_OF_USER] = 6,
		[PATH_OF_MODULE] = 18,
		[PATH_OF_GO] = 24,
		[PATH_OF_RUNTIME] = 60,
	};

	return r->kind == HOLDER_VARIABLE ? of_variable[r->owner]
	       : r->kind == HOLDER_FRAME  ? of_frame[r->owner]
					  : PRICE_OTHER_ROOT;
}

static uint16_t finder_price_of_root(void *ctx, const struct graph_root *root)
{
	struct path_finder *f = ctx;
	uint16_t *price = &f->root_price[root - f->namer.graph->roots.data];
	uint16_t more = root_passes_holder(f, root->object) ? PRICE_NOT_HOLDER : 0;
	struct path_root r;

	if (!f->err && *price == PRICE_UNKNOWN) {
		f->err = path_root_name(&f->namer, root, &r);
		if (!f->err)
			*price = price_of_place(&r);
	}
	return f->err ? PATH_NO_WAY : *price + more;
}

static uint16_t finder_price_of_object(void *ctx, uint32_t object)
{
	struct path_finder *f = ctx;
	size_t price = table_get(&f->object_price, object);
	struct object o;

	if (price != TABLE_NONE)
		return price;
	objects_get(f->namer.objs, object, &o);
	return o.size <= BOX_SZ	    ? PRICE_BOX
	       : o.size <= LARGE_SZ ? PATH_STEP_PRICE
	       : o.size <= HUGE_SZ  ? PRICE_LARGE
				    : PRICE_HUGE;
}

/* The last step should be that through the holder that the map has in the report. */
static uint16_t finder_price_of_last_step(void *ctx, uint32_t object, uint32_t target)
{
	struct path_finder *f = ctx;
	const struct holder *h = holders_of(f->namer.s->ret, f->rows[target]);
	bool is_holder = true;

	if (!f->err && h)
		f->err =
			path_object_is_holder(&f->namer, object, f->targets[target], h, &is_holder);
	return is_holder ? 0 : PRICE_NOT_HOLDER;
}

/* ---- rounds ---- */

static const uint16_t price_of_fault[] = {
	[PATH_GUESSED] = 5,   [PATH_CLOSURE] = 12,	  [PATH_UNTYPED] = 12,
	[PATH_OF_TIMER] = 60, [PATH_STALE] = PATH_NO_WAY,
};

/* What was found in a round: names of ways, until the next one finds better ones. */
struct path_round {
	struct map_path paths[PATH_TARGETS_MAX];
	bool named[PATH_TARGETS_MAX];
	bool again; /* some way was bad */
};

static struct err *finder_avoid(struct path_finder *f, uint32_t object, uint16_t price)
{
	if (table_get(&f->object_price, object) != TABLE_NONE)
		return NULL;
	return table_put(&f->object_price, object, price) ? NULL : err_nomem();
}

static struct err *finder_name(struct path_finder *f, const struct found_paths *found, uint32_t cnt,
			       struct path_round *round)
{
	struct err *err = NULL;

	round->again = false;
	for (uint32_t t = 0; !err && t < cnt; t++) {
		struct path_fault fault = { .verdict = PATH_NAMED };

		round->named[t] = false;
		if (!found->by_target[t].found)
			continue;
		err = path_name(&f->namer, &found->by_target[t], f->rows[t], &round->paths[t],
				&fault);
		round->named[t] = !err && fault.verdict != PATH_STALE;
		if (err || fault.verdict == PATH_NAMED)
			continue;
		size_t before = f->object_price.len;
		err = finder_avoid(f, fault.object, price_of_fault[fault.verdict]);
		round->again |= f->object_price.len > before;
	}
	return err;
}

/* Finds ways to at most PATH_TARGETS_MAX maps. */
static struct err *finder_find(struct path_finder *f, const uint32_t *rows, const uint32_t *targets,
			       uint32_t cnt)
{
	const struct path_prices prices = { f, finder_price_of_root, finder_price_of_object,
					    finder_price_of_last_step };
	_cleanup_free_ struct found_paths *found = malloc(sizeof(*found));
	_cleanup_free_ struct path_round *round = calloc(1, sizeof(*round));
	struct err *err = found && round ? NULL : err_nomem();

	f->rows = rows;
	f->targets = targets;
	f->target_cnt = cnt;
	for (int i = 0; !err && i < ROUNDS_MAX && (!i || round->again) && !f->ret->late; i++) {
		err = paths_search(f->namer.graph, targets, cnt, &prices, &f->search, found);
		if (!err)
			err = take_ptr(f->err);
		if (!err)
			err = finder_name(f, found, cnt, round);
		f->ret->late |= !err && found->late;
		f->ret->cut |= !err && found->cut;
	}
	for (uint32_t t = 0; !err && t < cnt; t++)
		if (round->named[t] && !vec_push(&f->ret->list, round->paths[t]))
			err = err_nomem();
	return err;
}

/* ---- all of it ---- */

static struct err *finder_run(struct path_finder *f, const uint32_t *rows, size_t cnt)
{
	const struct path_namer *n = &f->namer;
	uint32_t some_rows[PATH_TARGETS_MAX], targets[PATH_TARGETS_MAX], len = 0;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < cnt; i++) {
		struct map_info m = census_map(n->s->census, rows[i]);
		uint32_t object = m.on_stack ? OBJECT_NO_NUMBER : objects_number(n->objs, m.addr);

		if (object != OBJECT_NO_NUMBER) {
			some_rows[len] = rows[i];
			targets[len++] = object;
		}
		if (len == PATH_TARGETS_MAX) {
			err = finder_find(f, some_rows, targets, len);
			len = 0;
		}
	}
	if (!err && len)
		err = finder_find(f, some_rows, targets, len);
	return err;
}

static struct err *finder_init(struct path_finder *f, struct holders *h)
{
	struct path_namer *n = &f->namer;

	n->s = h->search;
	n->frames = &f->frames;
	n->batch = object_batch_new();
	n->piece = malloc(PATH_PIECE_SZ);
	n->pool = &f->ret->pool;
	f->root_price = malloc((n->graph->roots.len + 1) * sizeof(*f->root_price));
	for (size_t i = 0; f->root_price && i < n->graph->roots.len; i++)
		f->root_price[i] = PRICE_UNKNOWN;
	return f->root_price && n->batch && n->piece ? frames_init(&f->frames, n->s->heap)
						     : err_nomem();
}

static void finder_fini(struct path_finder *f)
{
	object_batch_free(f->namer.batch);
	free(f->namer.piece);
	frames_fini(&f->frames);
	table_fini(&f->object_price);
	free(f->root_price);
	err_free(f->err);
}

struct err *paths_take(struct holders *h, const struct objects *objs,
		       const struct heap_graph *graph, const uint32_t *rows, size_t cnt,
		       const struct paths_opts *opts, struct paths **ret)
{
	_cleanup_paths_ struct paths *paths = calloc(1, sizeof(*paths));
	uint64_t start = clock_ns();
	struct path_finder f = {
		.namer = { .objs = objs, .graph = graph },
		.ret = paths,
		.search = { .deadline_ns = opts->budget_ns ? start + opts->budget_ns : 0 },
	};
	struct err *err = NULL;

	if (!paths)
		return err_nomem();
	if (h->search) {
		f.search.stop = h->search->opts.stop;
		err = finder_init(&f, h);
		if (!err)
			err = finder_run(&f, rows, cnt);
		finder_fini(&f);
	}
	if (err)
		return err;
	log_debug("paths: %zu of %zu, %llu ms", paths->list.len, cnt,
		  (unsigned long long)((clock_ns() - start) / NS_PER_MS));
	*ret = take_ptr(paths);
	return NULL;
}

void paths_free(struct paths *paths)
{
	if (!paths)
		return;
	vec_fini(&paths->list);
	pool_fini(&paths->pool);
	free(paths);
}

size_t paths_cnt(const struct paths *paths)
{
	return paths->list.len;
}

const struct map_path *paths_get(const struct paths *paths, size_t i)
{
	return &paths->list.data[i];
}

const char *paths_reason(const struct paths *paths)
{
	return paths->late  ? "the time for ways to maps ended"
	       : paths->cut ? "too many objects are on the ways to maps"
			    : NULL;
}
