// SPDX-License-Identifier: GPL-2.0-only
#include "model/activity.h"

#include <stdlib.h>
#include <string.h>

/*
 * A map is its address and its type: the collector gives the memory of a dead map to
 * the next one. Maps without an address of their own are told apart by kind and type.
 */
static uint64_t row_key(const struct trace_row *row)
{
	uint64_t kind = (row->on_stack ? 1 : 0) | (row->nil_map ? 2 : 0);

	/* Both are below 2^48 and aligned to 8: a product with an odd number keeps
	 * types apart, and so does the sum with an address, but for bad luck in 2^60. */
	return (row->type * 0x9e3779b97f4a7c15 + row->map) ^ kind;
}

static struct err *activity_for(struct activities *as, const struct trace_row *row,
				struct activity **ret)
{
	size_t i = table_get(&as->by_key, row_key(row));

	if (i == TABLE_NONE) {
		struct activity a = {
			.addr = row->map,
			.on_stack = row->on_stack,
			.nil_map = row->nil_map,
			.key = row_key(row),
		};

		i = as->maps.len;
		if (!vec_push(&as->maps, a) || !table_put(&as->by_key, row_key(row), i))
			return err_nomem();
	}
	*ret = &as->maps.data[i];
	return NULL;
}

static enum abi_group_id group_of(enum abi_op op)
{
	return op == ABI_OP_MAKE || op == ABI_OP_INSERT || op == ABI_OP_DELETE ? ABI_GROUP_HOT
									       : ABI_GROUP_RARE;
}

static void add_row(struct activity *a, const struct trace_result *trace,
		    const struct trace_row *row, const struct gotypes *types)
{
	struct activity_op *op = &a->ops[row->op];
	bool rough;

	if (!a->type && row->type)
		a->type = gotypes_find(types, row->type);
	op->hits += row->hits;
	op->per_s += trace_rate(trace, group_of(row->op), row->estimate, &rough);
	op->rough |= rough;
	if (row->hits > op->caller_hits) {
		op->caller_hits = row->hits;
		op->caller = row->caller;
	}
}

static double total_rate(const struct activity *a)
{
	double sum = 0;

	for (int op = 0; op < ABI_OP_CNT; op++)
		sum += a->ops[op].per_s;
	return sum;
}

static int cmp_busiest(const void *a, const void *b)
{
	double x = total_rate(a), y = total_rate(b);

	return x < y ? 1 : -(x > y);
}

static struct err *sum_rows(struct activities *as, const struct trace_result *trace,
			    const struct gotypes *types)
{
	for (size_t i = 0; i < trace->row_cnt; i++) {
		struct activity *a = NULL;
		struct err *err = activity_for(as, &trace->rows[i], &a);

		if (err)
			return err;
		add_row(a, trace, &trace->rows[i], types);
	}
	return NULL;
}

/* Of several maps that had one address the busiest counts. */
static bool index_addr(struct activities *as, size_t i)
{
	uint64_t addr = as->maps.data[i].addr;

	return !addr || table_get(&as->by_addr, addr) != TABLE_NONE ||
	       table_put(&as->by_addr, addr, i);
}

/* Sorting moves the activities: their index is made anew. */
static struct err *sort(struct activities *as)
{
	vec_sort(&as->maps, cmp_busiest);
	table_fini(&as->by_key);
	for (size_t i = 0; i < as->maps.len; i++)
		if (!table_put(&as->by_key, as->maps.data[i].key, i) || !index_addr(as, i))
			return err_nomem();
	return NULL;
}

struct err *activities_init(struct activities *as, const struct trace_result *trace,
			    const struct gotypes *types)
{
	memset(as, 0, sizeof(*as));
	struct err *err = sum_rows(as, trace, types);
	if (!err)
		err = sort(as);
	if (err)
		activities_fini(as);
	return err;
}

void activities_fini(struct activities *as)
{
	vec_fini(&as->maps);
	table_fini(&as->by_key);
	table_fini(&as->by_addr);
}

const struct activity *activities_find(const struct activities *as, uint64_t addr)
{
	size_t i = addr ? table_get(&as->by_addr, addr) : TABLE_NONE;

	return i == TABLE_NONE ? NULL : &as->maps.data[i];
}

const struct activity *activities_of_row(const struct activities *as, const struct trace_row *row)
{
	return &as->maps.data[table_get(&as->by_key, row_key(row))];
}
