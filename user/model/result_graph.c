// SPDX-License-Identifier: GPL-2.0-only
/* Fills in who holds the maps of a result, and the groups of the ranking. */
#include "base/table.h"
#include "base/vec.h"
#include "graph/holders.h"
#include "graph/reach.h"
#include "model/result_fill.h"

/* ---- holders of groups ---- */

enum { GROUP_SHARES_MAX = 3 };

/* How many maps of a group one holder has. */
struct holder_share {
	size_t group;
	uint32_t no; /* of the holder */
	uint64_t maps;
};

struct holder_shares {
	VEC(struct holder_share) list;
	struct table by_key; /* index in list, by group and number */
	size_t last; /* index of the share that grew last: mostly the next one, too */
};

/* Counts one more map. False: out of memory. */
static bool holder_shares_add(struct holder_shares *s, size_t group, uint32_t no)
{
	uint64_t key = (uint64_t)group << 32 | no;

	if (s->last >= s->list.len || s->list.data[s->last].group != group ||
	    s->list.data[s->last].no != no)
		s->last = table_get(&s->by_key, key);
	if (s->last == TABLE_NONE) {
		s->last = s->list.len;
		if (!vec_push(&s->list, ((struct holder_share){ group, no, 0 })) ||
		    !table_put(&s->by_key, key, s->last))
			return false;
	}
	s->list.data[s->last].maps++;
	return true;
}

static bool holder_shares_count(struct holder_shares *s, const struct result_source *from)
{
	const struct map_rows *rows = &from->w->snap->census->maps;

	for (size_t i = 0; i < rows->len; i++) {
		uint32_t no = held_maps_no(&from->held, i);
		struct map_info m = rows_get(rows, i);
		size_t rank = no != HELD_BY_NONE ? ranking_place(&from->ranking, &m) : 0;

		if (rank && !holder_shares_add(s, rank - 1, no))
			return false;
	}
	return true;
}

/* By group; within a group that of most maps first. */
static int cmp_shares(const void *a, const void *b)
{
	const struct holder_share *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->maps != y->maps)
		return x->maps > y->maps ? -1 : 1;
	return x->no < y->no ? -1 : x->no > y->no;
}

/* `shares` are those of the group. */
static void group_set_holders(struct result_group *g, struct pool *pool,
			      const struct held_maps *held, const struct holder_share *shares,
			      size_t cnt)
{
	g->holders = cnt;
	for (size_t i = 0; i < cnt; i++)
		g->maps_held += shares[i].maps;
	if (cnt == 1 && g->maps_held == g->maps)
		g->holder = &held->holders.data[shares[0].no];
	pool_list(pool, &g->held_by, cnt < GROUP_SHARES_MAX ? cnt : GROUP_SHARES_MAX);
	for (size_t i = 0; i < g->held_by.len; i++)
		g->held_by.data[i] = (struct result_group_share){
			&held->holders.data[shares[i].no],
			shares[i].maps,
		};
}

static void groups_set_holders(struct result *r, const struct held_maps *held,
			       const struct holder_shares *s)
{
	for (size_t i = 0, end; i < s->list.len; i = end) {
		size_t group = s->list.data[i].group;

		for (end = i; end < s->list.len && s->list.data[end].group == group;)
			end++;
		group_set_holders(&r->groups.data[group], &r->pool, held, &s->list.data[i],
				  end - i);
	}
}

void result_fill_group_holders(struct result *r, const struct result_source *from)
{
	struct holder_shares s = { .last = TABLE_NONE };

	if (!from->held.by_row || !r->groups.len)
		return;
	if (holder_shares_count(&s, from)) {
		vec_sort(&s.list, cmp_shares);
		groups_set_holders(r, &from->held, &s);
	} else {
		r->pool.failed = true;
	}
	vec_fini(&s.list);
	table_fini(&s.by_key);
}

/* ---- holders of maps ---- */

enum result_holder_kind held_by_kind(enum holder_kind kind)
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

void result_fill_ids(struct pool *pool, const struct watch *w, struct map_ids *ids)
{
	const struct holders *holders = w->holders;

	if (w->snap && holders && holders_cost(holders).status != HOLDERS_FAILED)
		map_ids_make(ids, pool, &w->snap->census->maps, holders, w->prog->types);
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

/* ---- what is reachable ---- */

static const char *reach_status_name(enum reach_status status)
{
	switch (status) {
	case REACH_OK:
		return "ok";
	case REACH_PARTIAL:
		return "partial";
	case REACH_FAILED:
		return "refused";
	}
	return "refused";
}

struct opt_u64 watch_garbage_bytes(const struct watch *w)
{
	const struct reach *reach = w->reach;

	return reach ? opt_if(reach->status == REACH_OK, reach->garbage_bytes) : opt_if(false, 0);
}

/* The garbage among the maps. */
static void reach_fill_maps(struct result_reach *to, const struct map_rows *rows)
{
	uint64_t maps = 0, bytes = 0;

	for (size_t i = 0; i < rows->kinds.len; i++) {
		struct map_info m = rows_kind_info(rows, i, 0);

		maps += m.garbage ? rows->kinds.data[i].cnt : 0;
		bytes += m.garbage ? rows->kinds.data[i].cnt * m.table_bytes : 0;
	}
	to->garbage_maps = opt_if(true, maps);
	to->garbage_table_bytes = opt_if(true, bytes);
}

static void reach_fill(struct result *r, const struct watch *w)
{
	const struct reach *reach = w->reach;
	struct result_reach *to = &r->graph.reach;

	to->status = reach_status_name(reach->status);
	to->reason = *reach->reason ? pool_text(&r->pool, reach->reason) : NULL;
	to->duration_ns = reach->duration_ns;
	to->bytes_read = reach->bytes_read;
	to->peak_bytes = reach->peak_bytes;
	to->memory_max_bytes = w->graph_memory_bytes;
	to->objects = reach->objs.used_cnt;
	to->passes = reach->rounds + (reach->status != REACH_FAILED);
	to->garbage_bytes = watch_garbage_bytes(w);
	to->garbage_objects = opt_if(reach->status == REACH_OK, reach->garbage_objects);
	if (reach->status == REACH_OK && w->snap)
		reach_fill_maps(to, &w->snap->census->maps);
}

static void result_fill_reach(struct result *r, const struct watch *w)
{
	const char *why = w->reach_err ? w->reach_err->msg : graph_missing_text(w);

	r->graph.reach.status = w->opts.full_graph ? "refused" : "off";
	if (w->snap && w->reach)
		reach_fill(r, w);
	else if (w->opts.full_graph)
		r->graph.reach.reason = pool_text(&r->pool, why);
}

void result_fill_graph(struct result *r, const struct watch *w)
{
	result_fill_reach(r, w);
	r->graph.status = w->opts.holders ? "refused" : "off";
	if (!w->opts.holders)
		return;
	if (w->snap && w->holders)
		graph_fill_read(r, w->holders);
	else
		r->graph.reason = pool_text(&r->pool, graph_missing_text(w));
}
