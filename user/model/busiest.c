// SPDX-License-Identifier: GPL-2.0-only
#include "model/busiest.h"

#include <math.h>
#include <string.h>

/* Makes a row for one activity alone; rows with equal busy_key() are merged later. */
static struct busy busy_row(const struct busy_sources *from, const struct activity *a)
{
	struct busy row = { .sum = *a, .map_cnt = 1 };

	ssize_t i = from->census && a->addr ? rows_find(&from->census->maps, a->addr) : ROWS_NONE;

	if (i != ROWS_NONE)
		row.map = census_map(from->census, i);
	/* Else another map was at the address when the census was taken. */
	if (a->type && row.map.type && a->type != row.map.type)
		row.map = (struct map_info){ 0 };
	row.place = ranking_place(from->ranking, &row.map);
	if (row.place > from->top)
		row.place = 0;
	if (!row.sum.type)
		row.sum.type = row.map.type;
	return row;
}

/*
 * Activities with equal keys share a row. The place alone is not enough: if the census cannot tell
 * the types of some maps, they share a place, but the calls that were traced know the types. A row
 * has maps of one type only.
 */
static uint64_t busy_key(const struct busy *row)
{
	const struct activity *a = &row->sum;
	uint64_t type = a->type ? a->type->addr : 0;
	uint64_t kind = (a->on_stack ? 1 : 0) | (a->nil_map ? 2 : 0);

	/* Types are aligned to 8 bytes, and places are small numbers. So two keys are equal only by
	 * chance, with a probability of about 2^-60. */
	return ((type * 0x9e3779b97f4a7c15 + row->place) << 2) | kind;
}

static void busy_merge(struct busy *into, const struct busy *row)
{
	for (int op = 0; op < ABI_OP_CNT; op++) {
		into->sum.ops[op].hits += row->sum.ops[op].hits;
		into->sum.ops[op].told += row->sum.ops[op].told;
		into->sum.ops[op].changed += row->sum.ops[op].changed;
		into->sum.ops[op].per_s += row->sum.ops[op].per_s;
		into->sum.ops[op].rough |= row->sum.ops[op].rough;
		/* Intervals of several maps cannot be added up: the sum has none. But what is the
		 * least for each is the least for all. */
		into->sum.ops[op].per_s_low += row->sum.ops[op].per_s_low;
		into->sum.ops[op].per_s_high = NAN;
	}
	if (into->sum.addr != row->sum.addr)
		into->sum.addr = 0;
	if (!into->map.addr)
		into->map = row->map;
	into->map_cnt++;
}

static struct err *busiest_add(struct busiest *b, struct table *index, const struct activity *a)
{
	struct busy row = busy_row(&b->from, a);
	size_t i = table_get(index, busy_key(&row));

	if (i != TABLE_NONE) {
		busy_merge(&b->rows.data[i], &row);
		return NULL;
	}
	return vec_push(&b->rows, row) && table_put(index, busy_key(&row), b->rows.len - 1)
		       ? NULL
		       : err_nomem();
}

static double busy_rate(const struct busy *row)
{
	double sum = 0;

	for (int op = 0; op < ABI_OP_CNT; op++)
		sum += row->sum.ops[op].per_s;
	return sum;
}

static int cmp_busy(const void *a, const void *b)
{
	double x = busy_rate(a), y = busy_rate(b);

	return x < y ? 1 : -(x > y);
}

struct err *busiest_init(struct busiest *b, const struct busy_sources *from)
{
	_cleanup_(table_fini) struct table index = { 0 };

	memset(b, 0, sizeof(*b));
	b->from = *from;
	for (size_t i = 0; i < from->activities->maps.len; i++) {
		struct err *err = busiest_add(b, &index, &from->activities->maps.data[i]);

		if (err) {
			busiest_fini(b);
			return err;
		}
	}
	vec_sort(&b->rows, cmp_busy);
	return NULL;
}

void busiest_fini(struct busiest *b)
{
	vec_fini(&b->rows);
}

struct callers {
	VEC(struct busy_caller) list;
	struct table by_pc; /* index in list */
};

static void callers_fini(struct callers *c)
{
	vec_fini(&c->list);
	table_fini(&c->by_pc);
}

static struct err *callers_count(struct callers *c, const struct trace_row *row)
{
	size_t i = table_get(&c->by_pc, row->caller);

	if (i == TABLE_NONE) {
		i = c->list.len;
		if (!vec_push(&c->list, (struct busy_caller){ .pc = row->caller }) ||
		    !table_put(&c->by_pc, row->caller, i))
			return err_nomem();
	}

	struct busy_caller *caller = &c->list.data[i];
	caller->hits += row->hits;
	if (row->hits > caller->stack_hits) {
		caller->stack_hits = row->hits;
		caller->stack = row->stack;
	}
	return NULL;
}

struct err *busiest_caller(const struct busiest *b, const struct busy *row, enum abi_op op,
			   struct busy_caller *ret)
{
	_cleanup_(callers_fini) struct callers callers = { 0 };

	for (size_t i = 0; i < b->from.trace->row_cnt; i++) {
		const struct trace_row *tr = &b->from.trace->rows[i];

		if (tr->op != op)
			continue;
		const struct activity *a = activities_of_row(b->from.activities, tr);
		struct busy its = busy_row(&b->from, a);
		struct err *err = busy_key(&its) == busy_key(row) ? callers_count(&callers, tr)
								  : NULL;
		if (err)
			return err;
	}
	*ret = (struct busy_caller){ 0 };
	for (size_t i = 0; i < callers.list.len; i++) {
		if (callers.list.data[i].hits > ret->hits)
			*ret = callers.list.data[i];
	}
	return NULL;
}
