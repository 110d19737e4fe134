// SPDX-License-Identifier: GPL-2.0-only
#include "model/activity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/*
 * The key by which rows of the trace are summed up. Two rows are about the same map if address
 * and type are equal: the address alone is not enough, since the collector may give the memory
 * of a dead map to a new one. Nil maps and maps on stacks have no address that identifies
 * them; all of them with the same type share one key.
 */
static uint64_t activity_key(const struct trace_row *row)
{
	uint64_t kind = (row->on_stack ? 1 : 0) | (row->nil_map ? 2 : 0);

	/* Types and addresses are below 2^48 and aligned to 8 bytes. Multiplication with an odd
	 * number keeps different types different. After the addition two pairs are equal only
	 * by chance, with a probability of about 2^-60. The low bits are free for the kind. */
	return (row->type * 0x9e3779b97f4a7c15 + row->map) ^ kind;
}

static struct err *activity_for(struct activities *as, const struct trace_row *row,
				struct activity **ret)
{
	size_t i = table_get(&as->by_key, activity_key(row));

	if (i == TABLE_NONE) {
		struct activity a = {
			.addr = row->map,
			.on_stack = row->on_stack,
			.nil_map = row->nil_map,
			.key = activity_key(row),
		};

		i = as->maps.len;
		if (!vec_push(&as->maps, a) || !table_put(&as->by_key, activity_key(row), i))
			return err_nomem();
	}
	*ret = &as->maps.data[i];
	return NULL;
}

static void op_add(struct activity_op *op, const struct trace_result *trace,
		   const struct trace_row *row)
{
	double span_s = trace->bases[row->func].span_ns / NS_PER_S;

	op->hits += row->hits;
	op->per_s += span_s > 0 ? row->estimate / span_s : 0;
	/* The trace compares the lengths of a map at two hits in a row. If hits were lost, it
	 * cannot know that nothing happened in between. */
	op->told += trace_lost_hits(trace) ? 0 : row->told;
	op->changed += trace_lost_hits(trace) ? 0 : row->changed;
	if (row->hits > op->caller_hits) {
		op->caller_hits = row->hits;
		op->caller = row->caller;
		op->stack = row->stack;
		op->goroutine = row->goroutine_votes ? row->goroutine : 0;
	}
}

static void op_finish(struct activity_op *op, enum abi_op kind, const struct trace_result *trace)
{
	struct rate rate = rate_of(&op->sum, kind, trace);

	/* The functions of an operation may have had different windows, so per_s is a sum over
	 * rows, and gets only the correction for what probes slowed down. */
	if (op->sum.estimate > 0)
		op->per_s *= sqrt(op->sum.estimate_high / op->sum.estimate);
	op->per_s_low = rate.low;
	op->per_s_high = rate.high;
	op->rough = rate.rough;
	op->missing = rate.missing;
}

static void activity_add_row(struct activity *a, const struct trace_result *trace,
			     const struct trace_row *row, const struct gotypes *types)
{
	if (!a->type && row->type)
		a->type = gotypes_find(types, row->type);
	op_add(&a->ops[row->op], trace, row);
}

static double activity_rate(const struct activity *a)
{
	double sum = 0;

	for (int op = 0; op < ABI_OP_CNT; op++)
		sum += a->ops[op].per_s;
	return sum;
}

static int cmp_activity(const void *a, const void *b)
{
	double x = activity_rate(a), y = activity_rate(b);

	return x < y ? 1 : -(x > y);
}

/* The indexes in activities.maps and .sites of what a row of the trace is summed into. */
struct row_index {
	size_t map;
	size_t site;
};

static struct err *call_site_for(struct activities *as, struct table *by_caller,
				 const struct trace_row *row, size_t *ret)
{
	uint64_t key = row->caller * ABI_OP_CNT + row->op;

	*ret = table_get(by_caller, key);
	if (*ret != TABLE_NONE)
		return NULL;

	struct call_site site = { .caller = row->caller, .op = row->op };
	*ret = as->sites.len;
	return vec_push(&as->sites, site) && table_put(by_caller, key, *ret) ? NULL : err_nomem();
}

static void call_site_add(struct call_site *site, const struct trace_result *trace,
			  const struct trace_row *row, const struct gotypes *types)
{
	op_add(&site->did, trace, row);
	if (row->hits <= site->row_hits)
		return;
	site->row_hits = row->hits;
	site->type = row->type ? gotypes_find(types, row->type) : NULL;
}

static struct err *activities_sum_rows(struct activities *as, const struct trace_result *trace,
				       const struct gotypes *types, struct row_index *row_indexes)
{
	_cleanup_(table_fini) struct table by_caller = { 0 };

	for (size_t i = 0; i < trace->row_cnt; i++) {
		const struct trace_row *row = &trace->rows[i];
		struct activity *a = NULL;
		struct err *err = activity_for(as, row, &a);

		if (!err)
			err = call_site_for(as, &by_caller, row, &row_indexes[i].site);
		if (err)
			return err;
		row_indexes[i].map = (size_t)(a - as->maps.data);
		activity_add_row(a, trace, row, types);
		call_site_add(&as->sites.data[row_indexes[i].site], trace, row, types);
	}
	return NULL;
}

static void activities_sum_samples(struct activities *as, const struct trace_result *trace,
				   const struct row_index *row_indexes)
{
	for (size_t i = 0; i < trace->sample_cnt; i++) {
		const struct trace_sample *sample = &trace->samples[i];
		const struct row_index *row_index = &row_indexes[sample->row];
		enum abi_op op = trace->rows[sample->row].op;

		rate_add(&as->maps.data[row_index->map].ops[op].sum, trace, sample);
		rate_add(&as->sites.data[row_index->site].did.sum, trace, sample);
	}
	for (size_t i = 0; i < as->maps.len; i++) {
		for (int op = 0; op < ABI_OP_CNT; op++)
			op_finish(&as->maps.data[i].ops[op], op, trace);
		as->per_s += activity_rate(&as->maps.data[i]);
	}
	for (size_t i = 0; i < as->sites.len; i++)
		op_finish(&as->sites.data[i].did, as->sites.data[i].op, trace);
}

static int cmp_busiest_site(const void *a, const void *b)
{
	const struct call_site *x = a, *y = b;

	return x->did.per_s < y->did.per_s ? 1 : -(x->did.per_s > y->did.per_s);
}

/* If several maps had the same address, one after the other, the busiest one is found by it:
 * maps are sorted already, so the first one with an address stays. False: out of memory. */
static bool activities_index_addr(struct activities *as, size_t i)
{
	uint64_t addr = as->maps.data[i].addr;

	return !addr || table_get(&as->by_addr, addr) != TABLE_NONE ||
	       table_put(&as->by_addr, addr, i);
}

/* Sorting moves the activities, so both indexes are made anew afterwards. */
static struct err *activities_sort(struct activities *as)
{
	vec_sort(&as->maps, cmp_activity);
	vec_sort(&as->sites, cmp_busiest_site);
	table_fini(&as->by_key);
	for (size_t i = 0; i < as->maps.len; i++)
		if (!table_put(&as->by_key, as->maps.data[i].key, i) ||
		    !activities_index_addr(as, i))
			return err_nomem();
	return NULL;
}

struct err *activities_init(struct activities *as, const struct trace_result *trace,
			    const struct gotypes *types)
{
	_cleanup_free_ struct row_index *row_indexes =
		calloc(trace->row_cnt + 1, sizeof(*row_indexes));

	memset(as, 0, sizeof(*as));
	struct err *err = row_indexes ? activities_sum_rows(as, trace, types, row_indexes)
				      : err_nomem();
	if (!err) {
		activities_sum_samples(as, trace, row_indexes);
		err = activities_sort(as);
	}
	if (err)
		activities_fini(as);
	return err;
}

void activities_fini(struct activities *as)
{
	vec_fini(&as->maps);
	vec_fini(&as->sites);
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
	return &as->maps.data[table_get(&as->by_key, activity_key(row))];
}
