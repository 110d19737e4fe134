// SPDX-License-Identifier: GPL-2.0-only
/* How the program gets to the maps that matter. */
#include "base/clock.h"
#include "graph/paths.h"
#include "graph/reach.h"
#include "model/result_fill.h"

/* What is not found by then stays unknown. */
enum { PATHS_BUDGET_S = 3 };

struct path_rows {
	uint32_t *data; /* a VEC() */
	size_t len;
	size_t cap;
};

/* Adds the map with this address, if it is not there yet. False: out of memory. */
static bool path_rows_add(struct path_rows *list, const struct map_rows *rows, uint64_t addr)
{
	ssize_t row = addr ? rows_find(rows, addr) : ROWS_NONE;

	if (row == ROWS_NONE)
		return true;
	for (size_t i = 0; i < list->len; i++)
		if (list->data[i] == row)
			return true;
	return vec_push(list, row);
}

static struct err *path_rows_list(struct path_rows *list, const struct result_source *from)
{
	const struct map_rows *rows = &from->w->snap->census->maps;
	const struct ranking *ranking = &from->ranking;
	const struct findings *findings = &from->findings;
	bool ok = true;

	for (size_t i = 0; ok && i < findings->list.len; i++)
		ok = path_rows_add(list, rows, findings->list.data[i].map.addr);
	for (size_t i = 0; ok && i < ranking->places.len && i < from->w->opts.paths; i++)
		ok = path_rows_add(list, rows, ranking->places.data[i].largest_addr);
	return ok ? NULL : err_nomem();
}

struct err *watch_find_paths(struct watch *w, const struct result_source *from)
{
	const struct paths_opts opts = { .budget_ns = PATHS_BUDGET_S * NS_PER_S };
	struct path_rows list = { 0 };
	struct mem *mem = &w->target->mem;
	struct err *err;

	if (!w->snap || !w->holders || !w->reach || w->reach->status == REACH_FAILED || w->gone)
		return NULL;
	err = path_rows_list(&list, from);
	mem->stop = w->opts.stop;
	if (!err && list.len)
		err = paths_take(w->holders, &w->reach->objs, &w->reach->graph, list.data, list.len,
				 &opts, &w->paths);
	mem->stop = NULL;
	vec_fini(&list);
	if (err_is(err, ERR_NOMEM))
		return err;
	err_free(err); /* without ways the report says less, but nothing wrong */
	return NULL;
}

/* Why no ways were looked for. */
static const char *paths_missing_text(const struct watch *w)
{
	if (!w->holders || !w->opts.full_graph || !w->opts.paths)
		return NULL;
	return w->reach_err ? w->reach_err->msg : "the graph of the heap is not known";
}

void result_fill_paths(struct result *r, const struct watch *w)
{
	r->graph.paths = w->paths ? paths_cnt(w->paths) : 0;
	r->graph.paths_reason =
		pool_text(&r->pool, w->paths ? paths_reason(w->paths) : paths_missing_text(w));
}
