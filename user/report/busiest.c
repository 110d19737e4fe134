// SPDX-License-Identifier: GPL-2.0-only
#include "report/busiest.h"

#include <stdlib.h>
#include <string.h>

static uint64_t key_of(const struct busy *row)
{
	const struct activity *a = &row->sum;

	if (row->place)
		return (uint64_t)row->place << 2;
	/* Addresses of types are aligned: the low bits are free. */
	return (a->type ? a->type->addr : 0) << 2 | (a->on_stack ? 1 : 2);
}

static void add_op(struct activity_op *sum, const struct activity_op *op)
{
	sum->hits += op->hits;
	sum->per_s += op->per_s;
	sum->rough |= op->rough;
	if (op->caller_hits > sum->caller_hits) {
		sum->caller_hits = op->caller_hits;
		sum->caller = op->caller;
	}
}

static void merge(struct busy *into, const struct busy *row)
{
	for (int op = 0; op < ABI_OP_CNT; op++)
		add_op(&into->sum.ops[op], &row->sum.ops[op]);
	if (into->sum.addr != row->sum.addr)
		into->sum.addr = 0;
	into->map_cnt++;
}

static struct err *add(struct busiest *b, struct table *index, const struct activity *a,
		       const struct census *census, const struct ranking *ranking)
{
	struct busy row = { .sum = *a, .map_cnt = 1 };

	row.map = census && a->addr ? census_find(census, a->addr) : NULL;
	row.place = ranking_place(ranking, row.map);
	if (!row.sum.type && row.map)
		row.sum.type = row.map->type;

	size_t i = table_get(index, key_of(&row));
	if (i != TABLE_NONE) {
		merge(&b->rows.data[i], &row);
		return NULL;
	}
	return vec_push(&b->rows, row) && table_put(index, key_of(&row), b->rows.len - 1)
		       ? NULL
		       : err_nomem();
}

static double total_rate(const struct busy *row)
{
	double sum = 0;

	for (int op = 0; op < ABI_OP_CNT; op++)
		sum += row->sum.ops[op].per_s;
	return sum;
}

static int cmp_busiest(const void *a, const void *b)
{
	double x = total_rate(a), y = total_rate(b);

	return x < y ? 1 : -(x > y);
}

struct err *busiest_init(struct busiest *b, const struct activities *as,
			 const struct census *census, const struct ranking *ranking)
{
	_cleanup_(table_fini) struct table index = { 0 };

	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < as->maps.len; i++) {
		struct err *err = add(b, &index, &as->maps.data[i], census, ranking);

		if (err) {
			busiest_fini(b);
			return err;
		}
	}
	vec_sort(&b->rows, cmp_busiest);
	return NULL;
}

void busiest_fini(struct busiest *b)
{
	vec_fini(&b->rows);
}
