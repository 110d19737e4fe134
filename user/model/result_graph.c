// SPDX-License-Identifier: GPL-2.0-only
/* Fills in who holds the maps of a result, and the groups of the ranking. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/table.h"
#include "graph/holders.h"
#include "model/result_fill.h"

/* ---- holders of groups ---- */

/* What is known of the holders of a group's maps, while they are counted. */
struct group_holding {
	uint32_t first; /* holder that was seen first; HELD_BY_NONE: none yet */
	uint64_t holders; /* different ones */
	uint64_t maps_held;
};

struct holder_count {
	const struct result_source *from;
	struct group_holding *groups; /* by rank - 1 */
	struct table seen; /* rank and number of holders that are not the first of their group */
};

/* A holder that is not the first one of its group. False: out of memory. */
static bool holding_add_other(struct holder_count *count, size_t rank, uint32_t no)
{
	uint64_t key = (uint64_t)rank << 32 | no;

	if (table_get(&count->seen, key) != TABLE_NONE)
		return true;
	count->groups[rank - 1].holders++;
	return table_put(&count->seen, key, 0);
}

static bool holding_add(struct holder_count *count, size_t rank, uint32_t no)
{
	struct group_holding *g = &count->groups[rank - 1];

	g->maps_held++;
	if (g->first == no)
		return true;
	if (g->first != HELD_BY_NONE)
		return holding_add_other(count, rank, no);
	g->first = no;
	g->holders = 1;
	return true;
}

static bool holdings_count(struct holder_count *count)
{
	const struct map_rows *rows = &count->from->w->snap->census->maps;

	for (size_t i = 0; i < rows->len; i++) {
		uint32_t no = held_maps_no(&count->from->held, i);
		struct map_info m = rows_get(rows, i);
		size_t rank = no != HELD_BY_NONE ? ranking_place(&count->from->ranking, &m) : 0;

		if (rank && !holding_add(count, rank, no))
			return false;
	}
	return true;
}

static void group_set_holders(struct result_group *g, const struct group_holding *holding,
			      const struct held_maps *held)
{
	g->holders = holding->holders;
	g->maps_held = holding->maps_held;
	if (holding->holders == 1 && holding->maps_held == g->maps)
		g->holder = &held->holders.data[holding->first];
}

void result_fill_group_holders(struct result *r, const struct result_source *from)
{
	_cleanup_free_ struct group_holding *groups = NULL;
	struct holder_count count = { .from = from };

	if (!from->held.by_row || !r->groups.len)
		return;
	count.groups = groups = calloc(r->groups.len, sizeof(*groups));
	for (size_t i = 0; groups && i < r->groups.len; i++)
		groups[i].first = HELD_BY_NONE;
	if (!groups || !holdings_count(&count))
		r->pool.failed = true;
	else
		for (size_t i = 0; i < r->groups.len; i++)
			group_set_holders(&r->groups.data[i], &groups[i], &from->held);
	table_fini(&count.seen);
}

/* ---- holders of maps ---- */

static enum result_holder_kind held_by_kind(enum holder_kind kind)
{
	switch (kind) {
	case HOLDER_FIELD:
		return HELD_BY_FIELD;
	case HOLDER_ELEMENT:
		return HELD_BY_ELEMENT;
	case HOLDER_CHANNEL:
		return HELD_BY_CHANNEL;
	case HOLDER_INTERFACE:
		return HELD_BY_INTERFACE;
	case HOLDER_CLOSURE:
		return HELD_BY_CLOSURE;
	case HOLDER_MAP:
		return HELD_BY_MAP;
	case HOLDER_VARIABLE:
		return HELD_BY_VARIABLE;
	case HOLDER_FRAME:
		return HELD_BY_FRAME;
	case HOLDER_NONE:
	case HOLDER_OBJECT:
	case HOLDER_KIND_CNT:
		break;
	}
	return HELD_BY_OBJECT;
}

static struct result_holder held_by(struct pool *pool, const struct holder *h)
{
	struct result_holder to = {
		.text = pool_text(pool, h->text),
		.kind = held_by_kind(h->kind),
		.type = pool_text(pool, h->type),
		.field = pool_text(pool, h->field),
		.package = pool_text(pool, h->package),
		.certain = h->certain,
		.candidates = h->candidates,
	};

	pool_list(pool, &to.used_by, h->used_by_cnt);
	for (size_t i = 0; i < to.used_by.len; i++)
		to.used_by.data[i] = pool_text(pool, h->used_by[i]);
	return to;
}

void result_fill_held(struct pool *pool, const struct watch *w, struct held_maps *held)
{
	const struct holders *holders = w->holders;

	if (!w->snap || !holders)
		return;
	held_maps_init(held, pool, holders_cnt(holders), w->snap->census->maps.len);
	for (size_t i = 0; i < held->holders.len; i++)
		held->holders.data[i] = held_by(pool, holders_get(holders, i));
	for (size_t row = 0; row < held->row_cnt; row++)
		held_maps_set(held, row, holders_number(holders, row));
}

/* ---- the search ---- */

static const char *holders_status_name(enum holders_status status)
{
	switch (status) {
	case HOLDERS_OK:
		return "ok";
	case HOLDERS_PARTIAL:
		return "partial";
	case HOLDERS_FAILED:
		return "refused";
	}
	return "refused";
}

static void graph_fill_read(struct result *r, const struct holders *holders)
{
	struct holders_cost cost = holders_cost(holders);

	r->graph.status = holders_status_name(cost.status);
	r->graph.reason = pool_text(&r->pool, cost.reason);
	if (cost.status == HOLDERS_FAILED)
		return;
	r->graph.read = pool_alloc(&r->pool, sizeof(*r->graph.read));
	if (r->graph.read)
		*r->graph.read = (struct result_graph_read){
			.duration_ns = cost.duration_ns,
			.bytes_read = cost.bytes_read,
			.peak_bytes = cost.peak_bytes,
			.maps_held = cost.maps_held,
			.maps_certain = cost.maps_certain,
			.holders = holders_cnt(holders),
		};
}

/* Why a search that was wanted has found nothing. */
static const char *graph_missing_text(const struct watch *w)
{
	if (w->holders_err)
		return w->holders_err->msg;
	if (!w->snap)
		return "there is no census of the maps";
	return w->gone ? "the process is gone" : "it is looked for at the end of the watch";
}

void result_fill_graph(struct result *r, const struct watch *w)
{
	r->graph.status = w->opts.holders ? "refused" : "off";
	if (!w->opts.holders)
		return;
	if (w->snap && w->holders)
		graph_fill_read(r, w->holders);
	else
		r->graph.reason = pool_text(&r->pool, graph_missing_text(w));
}
