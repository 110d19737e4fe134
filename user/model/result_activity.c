// SPDX-License-Identifier: GPL-2.0-only
/* Fills the parts of a result that say what was done to maps, and from where. Return addresses
 * become functions and lines only here (and in result_memcalls.c for memory calls). */
#include <inttypes.h>
#include <math.h>

#include "base/short_name.h"
#include "model/busiest.h"
#include "model/result_fill.h"

enum { BUSY_ROWS = 10, BUSY_NAME_SZ = 256 };

_Static_assert((int)MAP_OP_MAKE == (int)ABI_OP_MAKE && (int)MAP_OP_INSERT == (int)ABI_OP_INSERT &&
		       (int)MAP_OP_DELETE == (int)ABI_OP_DELETE &&
		       (int)MAP_OP_CLEAR == (int)ABI_OP_CLEAR &&
		       (int)MAP_OP_GROW == (int)ABI_OP_GROW &&
		       (int)MAP_OP_CLONE == (int)ABI_OP_CLONE &&
		       (int)MAP_OP_PRUNE == (int)ABI_OP_PRUNE && (int)MAP_OP_CNT == (int)ABI_OP_CNT,
	       "map_op is abi_op");

/* ---- callers ---- */

struct result_frame result_frame_of(struct pool *pool, const struct frame *f)
{
	return (struct result_frame){
		.function = pool_text(pool, f->function),
		.file = pool_text(pool, f->file),
		.line = f->line,
	};
}

static void caller_fill(struct pool *pool, struct result_caller *to, const struct place *p)
{
	if (!p->cnt)
		return;
	to->at = pool_alloc(pool, sizeof(*to->at));
	if (!to->at)
		return;
	*to->at = result_frame_of(pool, &p->frames[0]);
	to->function = to->at->function;
	pool_list(pool, &to->inlined_into, p->cnt - 1);
	for (size_t i = 0; i < to->inlined_into.len; i++)
		to->inlined_into.data[i] = result_frame_of(pool, &p->frames[i + 1]);
}

const struct result_caller *result_caller_of(struct pool *pool, struct lines *lines,
					     uint64_t return_addr)
{
	struct result_caller *to = pool_alloc(pool, sizeof(*to));

	if (!to)
		return NULL;
	to->pc = return_addr;
	caller_fill(pool, to, lines_of_call(lines, return_addr));
	return to;
}

/* ---- operations ---- */

static struct result_op_seen *op_seen_result(struct pool *pool, const struct activity_op *op,
					     double all_per_s)
{
	struct result_op_seen *to = pool_alloc(pool, sizeof(*to));

	if (to)
		*to = (struct result_op_seen){ all_per_s > 0 ? op->per_s / all_per_s : 0,
					       op->goroutine };
	return to;
}

static struct result_op_changes *op_changes_result(struct pool *pool, const struct activity_op *op)
{
	struct result_op_changes *to = pool_alloc(pool, sizeof(*to));

	if (to)
		*to = (struct result_op_changes){ op->told, op->changed };
	return to;
}

/* Everything except the caller. */
static struct result_op op_result(struct pool *pool, double all_per_s, enum map_op kind,
				  const struct activity_op *op)
{
	bool changes = kind == MAP_OP_INSERT || kind == MAP_OP_DELETE;

	return (struct result_op){
		.hits = op->hits,
		.per_s = op->missing ? NAN : op->per_s,
		.missing = op->missing,
		.is_lower_bound = op->hits && op->rough && isnan(op->per_s_high),
		.rough = op->rough,
		.per_s_low = op->per_s_low,
		.per_s_high = op->per_s_high,
		.seen = op->hits ? op_seen_result(pool, op, all_per_s) : NULL,
		.changes = changes ? op_changes_result(pool, op) : NULL,
		.caller_share = NAN,
	};
}

static struct result_activity activity_result(struct pool *pool, const struct result_source *from,
					      const struct activity *a)
{
	struct result_activity to;

	for (enum map_op i = 0; i < MAP_OP_CNT; i++) {
		to.ops[i] = op_result(pool, from->activities.per_s, i, &a->ops[i]);
		if (a->ops[i].hits)
			to.ops[i].caller = result_caller_with_stack(pool, from, a->ops[i].caller,
								    a->ops[i].stack);
	}
	return to;
}

const struct result_activity *result_activity_of(struct pool *pool,
						 const struct result_source *from,
						 const struct activity *a)
{
	struct result_activity *to = pool_alloc(pool, sizeof(*to));

	if (to)
		*to = activity_result(pool, from, a);
	return to;
}

void result_fill_call_sites(struct result *r, const struct result_source *from)
{
	const struct activities *as = &from->activities;
	struct result_traced *to = r->trace.traced;

	pool_list(&r->pool, &to->call_sites, as->sites.len);
	for (size_t i = 0; i < to->call_sites.len; i++) {
		const struct call_site *s = &as->sites.data[i];
		struct result_call_site *site = &to->call_sites.data[i];

		site->op = (enum map_op)s->op;
		site->type = pool_text(&r->pool, s->type ? s->type->name : NULL);
		site->did = op_result(&r->pool, as->per_s, site->op, &s->did);
		site->did.caller =
			result_caller_with_stack(&r->pool, from, s->caller, s->did.stack);
	}
}

/* ---- maps that the census does not have ---- */

static bool is_in_census(const struct watch *w, const struct activity *a)
{
	return w->snap && a->addr && rows_find(&w->snap->census->maps, a->addr) >= 0;
}

void result_fill_unplaced(struct result *r, const struct result_source *from)
{
	const struct activities *as = &from->activities;
	struct result_traced *to = r->trace.traced;
	size_t cnt = 0;

	for (size_t i = 0; i < as->maps.len; i++)
		cnt += !is_in_census(from->w, &as->maps.data[i]);
	pool_list(&r->pool, &to->not_in_census, cnt);
	for (size_t i = 0, at = 0; i < as->maps.len && at < to->not_in_census.len; i++) {
		const struct activity *a = &as->maps.data[i];

		if (is_in_census(from->w, a))
			continue;
		to->not_in_census.data[at++] = (struct result_unplaced){
			.addr = a->addr,
			.type = pool_text(&r->pool, a->type ? a->type->name : NULL),
			.on_stack = a->on_stack,
			.nil_map = a->nil_map,
			.activity = activity_result(&r->pool, from, a),
		};
	}
}

/* ---- the text report's table of activity ---- */

static const char *busy_type_label(struct pool *pool, const struct watch *w, const struct busy *row)
{
	const struct activity *a = &row->sum;
	char name[BUSY_NAME_SZ];

	if (a->type) {
		name_short(a->type->name, name, sizeof(name));
		return pool_text(pool, name);
	}
	if (row->map.addr)
		return result_label(pool, &w->prog->layout, &row->map);
	if (a->addr)
		return pool_printf(pool, "map at 0x%" PRIx64, a->addr);
	return "maps whose type is unknown";
}

static const char *busy_label(struct pool *pool, const struct watch *w, const struct busy *row)
{
	const char *what = busy_type_label(pool, w, row);

	return pool_printf(pool, "%s%s%s", what ? what : "?",
			   row->sum.on_stack ? " on goroutine stacks" : "",
			   row->sum.nil_map ? ", nil" : "");
}

/* Sets the caller with most hits of an operation in the row, and its share of all these hits. */
static struct err *busy_set_caller(struct pool *pool, const struct result_source *from,
				   const struct busiest *b, const struct busy *row, enum map_op op,
				   struct result_op *to)
{
	struct busy_caller busiest = { 0 };
	struct err *err = busiest_caller(b, row, (enum abi_op)op, &busiest);

	if (err || !busiest.pc)
		return err;
	to->caller = result_caller_with_stack(pool, from, busiest.pc, busiest.stack);
	to->caller_share = (double)busiest.hits / (double)row->sum.ops[op].hits;
	return NULL;
}

static struct err *busy_fill(struct pool *pool, const struct result_source *from,
			     const struct busiest *b, const struct busy *row,
			     struct result_busy *to)
{
	struct err *err = NULL;

	to->rank = row->place;
	to->label = busy_label(pool, from->w, row);
	to->map_cnt = row->map_cnt;
	for (enum map_op op = 0; !err && op < MAP_OP_CNT; op++) {
		to->activity.ops[op] =
			op_result(pool, from->activities.per_s, op, &row->sum.ops[op]);
		if (row->sum.ops[op].hits)
			err = busy_set_caller(pool, from, b, row, op, &to->activity.ops[op]);
	}
	return err;
}

struct err *result_fill_busiest(struct result *r, const struct result_source *from)
{
	struct result_traced *to = r->trace.traced;
	struct busy_sources sources = {
		.activities = &from->activities,
		.trace = from->w->traced,
		.census = from->w->snap ? from->w->snap->census : NULL,
		.ranking = &from->ranking,
		.top = from->w->opts.top,
	};
	_cleanup_(busiest_fini) struct busiest b = { .from = sources };
	struct err *err = busiest_init(&b, &sources);

	if (err)
		return err;
	to->busiest_total = b.rows.len;
	pool_list(&r->pool, &to->busiest, b.rows.len < BUSY_ROWS ? b.rows.len : BUSY_ROWS);
	for (size_t i = 0; !err && i < to->busiest.len; i++)
		err = busy_fill(&r->pool, from, &b, &b.rows.data[i], &to->busiest.data[i]);
	return err;
}
