// SPDX-License-Identifier: GPL-2.0-only
/* Fills in who holds the maps of a result, and the groups of the ranking. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/table.h"
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

/* ---- the search ---- */

void result_fill_graph(struct result *r, const struct watch *w)
{
	(void)w;
	r->graph.status = "off";
}
