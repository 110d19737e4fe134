// SPDX-License-Identifier: GPL-2.0-only
/* What the goroutines wait for, and the maps that they hold. */
#include "graph/goroutine_groups.h"
#include "graph/holders.h"
#include "model/result_fill.h"

enum {
	GROUPS_LISTED_MAX = 50,
	WALKS_BUDGET_S = 3, /* where others are is not looked up */
};

/* ---- looking ---- */

struct err *watch_group_goroutines(struct watch *w)
{
	struct mem *mem = &w->target->mem;
	struct goroutine_groups_opts opts = {
		.residency = &w->snap->residency,
		.budget_ns = WALKS_BUDGET_S * 1000000000ull,
		.has_clock = !w->target->other_time_ns,
	};

	mem->stop = w->opts.stop;
	struct err *err = goroutine_groups_take(w->snap->heap, &opts, &w->goroutines);
	mem->stop = NULL;
	if (err_is(err, ERR_NOMEM))
		return err;
	w->goroutines_err = err;
	return NULL;
}

/* ---- maps in frames ---- */

/* What the frames of a group hold. */
struct group_maps {
	uint64_t maps;
	uint64_t bytes;
};

/* Whether nothing better than a frame is known to hold the map of a row. */
static bool row_is_in_frame_only(const struct holders *holders, size_t row)
{
	const struct holder *h = holders_of(holders, row);

	return !h || h->kind == HOLDER_FRAME || h->kind == HOLDER_OBJECT;
}

/* Adds up maps by the group whose frames hold them; sums is as long as the list of groups. */
static void goroutines_sum_maps(const struct watch *w, struct group_maps *sums)
{
	const struct goroutine_groups *gg = w->goroutines;
	const struct held_in_frame *held;
	size_t cnt = holders_in_frames(w->holders, &held);

	for (size_t i = 0; i < cnt; i++) {
		const struct goroutine_group *g = goroutine_groups_find(gg, held[i].g);
		struct map_info m = census_map(w->snap->census, held[i].row);

		if (!g || !map_counts(&m) || !row_is_in_frame_only(w->holders, held[i].row))
			continue;
		sums[g - gg->list.data].maps++;
		sums[g - gg->list.data].bytes += m.table_bytes;
	}
}

/* ---- the result ---- */

static const char *goroutine_status_name(enum goroutine_status status)
{
	switch (status) {
	case G_RUNNABLE:
		return "runnable";
	case G_RUNNING:
	case G_COPYSTACK:
		return "running";
	case G_SYSCALL:
		return "syscall";
	case G_WAITING:
		return "waiting";
	case G_PREEMPTED:
		return "preempted";
	case G_LEAKED:
		return "leaked";
	case G_IDLE:
	case G_MORIBUND:
	case G_DEAD:
	case G_ENQUEUE:
	case G_DEADEXTRA:
	case G_SCAN:
		break;
	}
	return "other";
}

static struct result_frame *group_frame(struct pool *pool, const struct frame *f)
{
	struct result_frame *to = f ? pool_alloc(pool, sizeof(*to)) : NULL;

	if (to)
		*to = result_frame_of(pool, f);
	return to;
}

static void goroutine_group_fill(struct pool *pool, const struct goroutine_groups *gg,
				 const struct goroutine_group *g, struct result_goroutine_group *to)
{
	*to = (struct result_goroutine_group){
		.status = goroutine_status_name(g->status),
		.wait_reason = pool_text(pool, goroutine_group_reason(gg, g)),
		.user = group_frame(pool, g->user),
		.created_by = group_frame(pool, g->starter),
		.count = g->cnt,
		.stack_bytes = g->stack_bytes,
		.stack_resident_bytes = g->resident_bytes,
		.wait_max_ns = opt_if(g->timed_cnt, g->wait_max_ns),
		.wait_median_ns = opt_if(g->wait_median_ns, g->wait_median_ns),
	};
	if (g->where)
		to->where = result_frame_of(pool, g->where);
}

static void goroutines_fill_groups(struct result *r, const struct watch *w,
				   struct result_goroutines_read *to)
{
	const struct goroutine_groups *gg = w->goroutines;
	size_t cnt = gg->list.len;
	struct group_maps *sums = pool_alloc(&r->pool, cnt * sizeof(*sums));
	bool known = sums && w->holders && holders_cost(w->holders).status != HOLDERS_FAILED;

	if (known)
		goroutines_sum_maps(w, sums);
	to->groups_total = cnt;
	pool_list(&r->pool, &to->groups, cnt < GROUPS_LISTED_MAX ? cnt : GROUPS_LISTED_MAX);
	for (size_t i = 0; i < to->groups.len; i++) {
		struct result_goroutine_group *group = &to->groups.data[i];

		goroutine_group_fill(&r->pool, gg, &gg->list.data[i], group);
		group->maps = opt_if(known, known ? sums[i].maps : 0);
		group->map_bytes = opt_if(known, known ? sums[i].bytes : 0);
	}
}

static void goroutines_fill_read(struct result *r, const struct watch *w,
				 struct result_goroutines_read *to)
{
	const struct goroutine_groups *gg = w->goroutines;

	*to = (struct result_goroutines_read){
		.duration_ns = gg->duration_ns,
		.total = gg->cnt,
		.running = gg->by_status[G_RUNNING] + gg->by_status[G_COPYSTACK],
		.runnable = gg->by_status[G_RUNNABLE],
		.syscall = gg->by_status[G_SYSCALL],
		.waiting = gg->by_status[G_WAITING],
		.stack_bytes = gg->stack_bytes,
		.stack_resident_bytes = gg->resident_bytes,
		.dead = gg->dead_cnt,
		.dead_stack_bytes = gg->dead_stack_bytes,
	};
	to->other = to->total - to->running - to->runnable - to->syscall - to->waiting;
	goroutines_fill_groups(r, w, to);
}

/* Why there are none. */
static const char *goroutines_missing_text(const struct watch *w)
{
	if (w->goroutines_err)
		return w->goroutines_err->msg;
	if (!w->snap)
		return "there is no census of the maps";
	return w->gone ? "the process is gone" : "it is looked for at the end of the watch";
}

void result_fill_goroutines(struct result *r, const struct watch *w)
{
	struct result_goroutines *to = &r->goroutines;

	to->status = "refused";
	if (!w->snap || !w->goroutines) {
		to->reason = pool_text(&r->pool, goroutines_missing_text(w));
		return;
	}
	to->status = "ok";
	if (w->goroutines->unwalked_cnt) {
		to->status = "partial";
		to->reason = pool_printf(&r->pool,
					 "where %llu goroutines are was not looked up: "
					 "the time for it ended",
					 (unsigned long long)w->goroutines->unwalked_cnt);
	}
	to->read = pool_alloc(&r->pool, sizeof(*to->read));
	if (to->read)
		goroutines_fill_read(r, w, to->read);
}
