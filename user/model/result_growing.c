// SPDX-License-Identifier: GPL-2.0-only
/* Fills the part of a result that says which maps gain keys all the time. */
#include <math.h>

#include "base/clock.h"
#include "graph/delete_calls.h"
#include "model/result_fill.h"

enum { GROWING_MAX = 8 };

/* In Go, math.MaxInt64 as a memory limit means that there is none. */
#define NO_MEMORY_LIMIT ((uint64_t)INT64_MAX)

/* ---- how fast ---- */

/*
 * Between two cycles of the collector the heap grows to (1 + GOGC/100) times what is alive. So for
 * each byte that stays alive, that much more memory is in use at the end of each cycle.
 */
static double memory_per_live_byte(const struct watch *w)
{
	bool limited = !w->gc_err && w->gc_last.memory_limit_bytes < NO_MEMORY_LIMIT;

	return w->gc_err || limited || w->gc_last.percent <= 0 ? 1 : 1 + w->gc_last.percent / 100.0;
}

static void growing_set_bytes(struct result_growing *to, const struct growing *g,
			      const struct go_layout *layout)
{
	double table = growing_key_bytes(g, layout);

	to->table_bytes_per_s = table > 0 ? table * g->keys_per_s : NAN;
	to->contents_bytes_per_s =
		g->weight_known
			? (double)g->weight.bytes / (double)g->weight.entries * g->keys_per_s
			: NAN;
	to->contents_lead_on = g->weight_known && g->weight.leads_on;
	to->bytes_per_s = to->table_bytes_per_s + to->contents_bytes_per_s;
}

/* ---- the limit ---- */

static struct result_growing_limit limit_of_cgroup(const struct watch *w)
{
	return (struct result_growing_limit){
		"cgroup", w->target->cgroup_limit_bytes, w->cgroup_left_bytes, { 0 }
	};
}

static struct result_growing_limit limit_of_go(const struct watch *w)
{
	uint64_t limit = w->gc_last.memory_limit_bytes, rss = w->rss.rss_bytes;

	return (struct result_growing_limit){
		"GOMEMLIMIT", limit, limit > rss ? limit - rss : 0, { 0 }
	};
}

static const struct result_growing_limit *growing_limit(struct pool *pool, const struct watch *w,
							double bytes_per_s)
{
	bool of_cgroup = w->cgroup_limited;
	bool of_go = !w->gc_err && w->gc_last.memory_limit_bytes < NO_MEMORY_LIMIT;
	struct result_growing_limit limit = { 0 };

	if (of_cgroup)
		limit = limit_of_cgroup(w);
	if (of_go && (!of_cgroup || limit_of_go(w).left_bytes < limit.left_bytes))
		limit = limit_of_go(w);
	struct result_growing_limit *to = limit.kind ? pool_alloc(pool, sizeof(*to)) : NULL;
	if (!to)
		return NULL;
	*to = limit;
	double s = (double)limit.left_bytes / (bytes_per_s * memory_per_live_byte(w));
	to->in_ns = opt_if(isfinite(s) && s < 1e9, isfinite(s) && s < 1e9 ? s * NS_PER_S : 0);
	return to;
}

/* ---- who ---- */

/* What was traced of the map that gains most; else of the busiest one of its type. */
static const struct activity *growing_activity(const struct activities *as, const struct growing *g)
{
	const struct activity *a = activities_find(as, g->map.addr);

	if (a && a->ops[ABI_OP_INSERT].hits)
		return a;
	for (size_t i = 0; g->map.type && i < as->maps.len; i++)
		if (as->maps.data[i].type == g->map.type &&
		    as->maps.data[i].ops[ABI_OP_INSERT].hits)
			return &as->maps.data[i];
	return NULL;
}

static void growing_set_activity(struct result_growing *to, struct pool *pool,
				 const struct result_source *from, const struct activity *a)
{
	const struct activity_op *insert = &a->ops[ABI_OP_INSERT];
	const struct activity_op *delete = &a->ops[ABI_OP_DELETE];

	to->inserts_per_s = insert->missing ? NAN : insert->per_s;
	to->deletes_per_s = delete->missing ? NAN : delete->per_s;
	to->deletes_seen = delete->hits || a->ops[ABI_OP_CLEAR].hits;
	/* Censuses in step with the clears see it rise only. */
	if (!to->doubt && a->ops[ABI_OP_CLEAR].hits)
		to->doubt = "it was cleared while it was watched";
	to->caller = result_caller_with_stack(pool, from, insert->caller, insert->stack);
}

static struct result_growing growing_result(struct pool *pool, const struct result_source *from,
					    const struct growing *g)
{
	const struct watch *w = from->w;
	const struct go_layout *layout = &w->prog->layout;
	const struct activity *a = growing_activity(&from->activities, g);
	ssize_t row = rows_find(&w->snap->census->maps, g->map.addr);
	struct result_growing to = {
		.map = g->map.addr,
		.label = result_label(pool, layout, &g->map),
		.type = pool_text(pool, g->map.type ? g->map.type->name : NULL),
		.holder = row == ROWS_NONE ? NULL : held_maps_holder(&from->held, row),
		.maps = g->map_cnt,
		.live_keys = g->live_keys,
		.table_bytes = g->table_bytes,
		.gained_keys = g->gained_keys,
		.observed_ns = g->observed_ns,
		.keys_per_s = g->keys_per_s,
		.inserts_per_s = NAN,
		.deletes_per_s = NAN,
		.doubt = growing_doubt(g, layout, w->target->uptime_ns + watch_ns(w)),
	};

	growing_set_bytes(&to, g, layout);
	to.limit = growing_limit(pool, w, to.bytes_per_s);
	if (a)
		growing_set_activity(&to, pool, from, a);
	return to;
}

/*
 * A cache that is being filled has no deletes yet, but code that will do them. This looks into the
 * code, so only for the last result.
 */
static void growing_look_for_deletes(struct result_growing *to, const struct watch *w,
				     const struct growing *g)
{
	bool deletes = false;

	if (to->doubt || to->deletes_seen || !growing_is_young(g) || !g->map.type || !to->caller ||
	    !to->caller->function || !w->end_ns || w->gone)
		return;
	err_free(delete_calls_find(w->prog, g->map.type->addr, to->caller->function, w->opts.stop,
				   &deletes));
	if (deletes)
		to->doubt =
			"it began less than five minutes ago, and there is code that deletes from "
			"such maps, so it may be filled up first";
}

void result_fill_growing(struct result *r, const struct result_source *from)
{
	size_t cnt = from->growing.list.len;

	pool_list(&r->pool, &r->growing, cnt < GROWING_MAX ? cnt : GROWING_MAX);
	for (size_t i = 0; i < r->growing.len; i++) {
		const struct growing *g = &from->growing.list.data[i];

		r->growing.data[i] = growing_result(&r->pool, from, g);
		growing_look_for_deletes(&r->growing.data[i], from->w, g);
	}
}
