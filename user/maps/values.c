// SPDX-License-Identifier: GPL-2.0-only
#include "maps/values.h"

#include <string.h>

#include "base/clock.h"
#include "maps/buckets.h"
#include "maps/interval.h"
#include "maps/kinds.h"
#include "maps/shape.h"
#include "maps/valuescan.h"

enum {
	/* A smaller sample says little. Maps that are smaller are read whole, or not at all. */
	SAMPLE_MIN = 128 << 10,
	/* A sample is made of clusters, which are neighbouring buckets: how many it should have,
	 * and the bytes that a cluster may have. */
	CLUSTERS = 128,
	CLUSTERS_MIN = 16,
	CLUSTER_SZ_MIN = 4096,
	CLUSTER_SZ_MAX = 1 << 20,
	/* A walk that reads twice its share, and this, follows something odd. */
	OVERRUN = 1 << 20,
	VALUES_TRIES = 3, /* at a map that changes */
};

/* Counts in one map after the other. */
struct value_counter {
	struct value_scan scan;
	struct shape_cache *shapes;
	uint64_t random; /* state of next_random() */
	bool may_point; /* one of the types that fit the map at hand points to its elems */
};

static struct err *value_counter_init(struct value_counter *v, const struct census *census,
				      uint64_t seed)
{
	struct err *err = value_scan_init(&v->scan, census->heap, census->residency);

	v->random = seed;
	v->shapes = shape_cache_new();
	return err || v->shapes ? err : err_nomem();
}

static void value_counter_fini(struct value_counter *v)
{
	value_scan_fini(&v->scan);
	shape_cache_free(v->shapes);
}

/* ---- one map ---- */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* True with a chance of part in whole. */
static bool value_draw(struct value_counter *v, uint64_t part, uint64_t whole)
{
	return (unsigned __int128)next_random(&v->random) * whole >> 64 < part;
}

static struct err *value_read_whole(struct value_counter *v, const struct buckets *b,
				    struct value_count *row)
{
	bool whole;
	struct err *err = value_scan_range(&v->scan, b, 0, b->cnt, &whole);

	if (err || !whole || !map_count_is_near(v->scan.tally.full, b->live_keys))
		return err;
	row->status = VALUES_OK;
	row->zero = row->low = row->high = v->scan.tally.zero;
	return NULL;
}

/* Reads some clusters of buckets; each of them has the same chance to be read. share: bytes that
 * may be read, of cost bytes for the whole map. */
static struct err *value_read_sample(struct value_counter *v, const struct buckets *b,
				     uint64_t share, uint64_t cost, struct value_count *row)
{
	uint64_t sz = share / CLUSTERS;
	uint64_t width = (sz < CLUSTER_SZ_MIN	? CLUSTER_SZ_MIN
			  : sz > CLUSTER_SZ_MAX ? CLUSTER_SZ_MAX
						: sz) /
			 b->bucket_sz;
	struct cluster_sample sample = { .all = (b->cnt + width - 1) / width };
	uint64_t take = (unsigned __int128)sample.all * share / cost;

	if (take < CLUSTERS_MIN) {
		row->status = VALUES_OVER_BUDGET;
		return NULL;
	}
	for (uint64_t i = 0; i < sample.all && sample.taken < take; i++) {
		struct value_tally before = v->scan.tally;
		uint64_t first = i * width, n = b->cnt - first < width ? b->cnt - first : width;
		bool whole;

		if (!value_draw(v, take - sample.taken, sample.all - i))
			continue;
		struct err *err = value_scan_range(&v->scan, b, first, n, &whole);
		if (err || !whole)
			return err;
		cluster_sample_add(&sample, v->scan.tally.full - before.full,
				   v->scan.tally.zero - before.zero);
	}
	if (!sample.slots) {
		row->status = VALUES_TOO_FEW;
		return NULL;
	}
	if (sample.slots > b->live_keys)
		return NULL;
	struct interval zero = cluster_sample_estimate(&sample, b->live_keys);
	row->status = VALUES_OK;
	row->sampled = true;
	row->zero = zero.estimate;
	row->low = zero.low;
	row->high = zero.high;
	return NULL;
}

static bool form_same_data(const struct map_type *a, const struct map_type *b)
{
	return a->data_run_cnt == b->data_run_cnt &&
	       (!a->data_run_cnt ||
		!memcmp(a->data_runs, b->data_runs, a->data_run_cnt * sizeof(*a->data_runs)));
}

static bool form_same_slots(const struct map_type *a, const struct map_type *b)
{
	return a->bucket_sz == b->bucket_sz && a->slots.elem_sz == b->slots.elem_sz &&
	       a->slots.elems_off == b->slots.elems_off &&
	       a->slots.elem_stride == b->slots.elem_stride;
}

/* The form, which is where a bucket keeps its elems, that the types of a shape have in common; or
 * NULL. When only some have pointers to their elems, it is the form of the others, and
 * *may_point_ret is set. */
static const struct map_type *common_form(const struct shape *shape, bool *may_point_ret)
{
	const struct map_type *form = shape->form_cnt ? shape->forms[0] : NULL;
	bool same = form && shape->form_cnt < SHAPE_FORMS_MAX;

	*may_point_ret = false;
	for (uint8_t i = 1; i < shape->form_cnt; i++)
		if (!shape->forms[i]->pointee_sz)
			form = shape->forms[i];
	for (uint8_t i = 0; same && i < shape->form_cnt; i++) {
		const struct map_type *t = shape->forms[i];

		same = form_same_slots(form, t);
		if (!form->pointee_sz && t->pointee_sz)
			*may_point_ret = true;
		else
			same &= form->pointee_sz == t->pointee_sz && form_same_data(form, t);
	}
	return same ? form : NULL;
}

/* Finds the form of a map that several types fit: any of them will do when all keep their elems
 * alike. */
static struct err *find_common_form(struct value_counter *v, const struct buckets *b,
				    const struct map_type **ret)
{
	const struct bucket_array *a = &b->arrays.data[0];
	uint64_t n = v->scan.ops->allocated_buckets(a->cnt);
	struct evidence evidence;
	bool known;

	*ret = NULL;
	struct err *err = evidence_read(v->scan.heap, a->addr, &evidence, &known);
	if (err || !known)
		return err;
	const struct shape *shape = shape_of(v->scan.heap, v->shapes, &evidence, n, b->bucket_sz);
	const struct map_type *form = common_form(shape, &v->may_point);
	*ret = form && form->bucket_sz == b->bucket_sz ? form : NULL;
	return NULL;
}

static uint64_t value_rebuild_bytes(const struct value_counter *v, const struct buckets *b,
				    bool listed, uint64_t live_keys)
{
	struct object o;
	bool known = heap_object(v->scan.heap, b->arrays.data[0].addr, &o);
	struct table_shape shape = {
		.bucket_sz = b->bucket_sz,
		.noscan = known && span_noscan(o.span),
		.listed = listed,
		.malloc_headers = heap_malloc_headers(v->scan.heap),
		.load_num = v->scan.heap->prog->layout.classic.load_num,
	};

	return v->scan.ops->fresh_bytes(live_keys, &shape);
}

/* Sets what a row says about its own figures. */
static struct err *value_set_consistency(const struct value_counter *v, const struct buckets *b,
					 const struct map_info *m, struct value_count *row)
{
	bool still;
	struct err *err = buckets_stand_still(b, &still);
	bool complete = row->sampled || v->scan.tally.full == b->live_keys;

	still &= m->consistency == MAP_EXACT && b->live_keys == m->live_keys && complete &&
		 !v->scan.tally.unread;
	row->consistency = still ? MAP_EXACT : MAP_MOVING;
	row->read = v->scan.tally.full;
	/* From the keys that the census found, so that the two rebuilds can be compared. */
	uint64_t live_keys = row->zero < m->live_keys ? m->live_keys - row->zero : 0;
	row->rebuild_bytes = value_rebuild_bytes(v, b, m->listed, live_keys);
	return err;
}

static struct err *value_count_found(struct value_counter *v, const struct buckets *b,
				     const struct map_info *m, uint64_t share, uint64_t cost,
				     struct value_count *row)
{
	struct err *err = NULL;

	const struct map_type *form = m->type;

	v->may_point = false;
	if (!form)
		err = find_common_form(v, b, &form);
	if (err)
		return err;
	if (!form || !form->slots.elem_sz) {
		row->status = form ? VALUES_NONE : VALUES_TYPE_AMBIGUOUS;
		return NULL;
	}
	value_scan_begin(&v->scan, form, 2 * share + OVERRUN);
	err = share < cost ? value_read_sample(v, b, share, cost, row)
			   : value_read_whole(v, b, row);
	if (err || row->status != VALUES_OK)
		return err;
	/* Values that are pointers may be nil; pointers to values may not. So only a nil tells
	 * which of the two the slots have. */
	if (v->may_point && !v->scan.tally.zero) {
		row->status = VALUES_TYPE_AMBIGUOUS;
		return NULL;
	}
	return value_set_consistency(v, b, m, row);
}

static struct err *value_count_map(struct value_counter *v, const struct map_info *m,
				   uint64_t share, uint64_t cost, struct value_count *row)
{
	struct err *err = NULL;

	*row = (struct value_count){ .status = VALUES_CHANGED };
	for (int i = 0; i < VALUES_TRIES && !err && row->status == VALUES_CHANGED; i++) {
		struct buckets b;
		bool found;

		err = buckets_init(&b, v->scan.heap, v->scan.residency, m, &found);
		if (!err && found && b.cnt)
			err = value_count_found(v, &b, m, share, cost, row);
		buckets_fini(&b);
	}
	if (err)
		row->status = VALUES_GONE;
	return err;
}

/* ---- all maps ---- */

/* What can be said without a read; VALUES_OVER_BUDGET: the map is to be read. */
static enum value_status value_status_of(const struct map_info *m)
{
	if (!map_counts(m))
		return VALUES_NOT_COUNTED;
	if (m->type && !m->type->slots.elem_sz)
		return VALUES_NONE;
	if (!m->live_keys)
		return VALUES_OK;
	if (m->bucket_sz && (m->type || m->type_source == TYPE_AMBIGUOUS))
		return VALUES_OVER_BUDGET;
	return m->type_source == TYPE_AMBIGUOUS ? VALUES_TYPE_AMBIGUOUS : VALUES_TYPE_UNKNOWN;
}

/* The most bytes that it takes to read the whole map, in a sane process. */
static uint64_t value_cost(const struct map_info *m)
{
	uint64_t each = m->type ? m->type->pointee_sz : 0, cost;

	if (__builtin_mul_overflow(m->live_keys, each, &cost) ||
	    __builtin_add_overflow(cost, m->table_bytes, &cost))
		return UINT64_MAX;
	return cost;
}

struct value_job {
	size_t row; /* of the census */
	uint64_t cost;
};

struct value_plan {
	VEC(struct value_job) jobs; /* largest first */
	double cost; /* of the jobs that are not done yet: the sum may need more than 64 bits */
};

static void value_plan_fini(struct value_plan *p)
{
	vec_fini(&p->jobs);
}

static int cmp_value_job(const void *a, const void *b)
{
	const struct value_job *x = a, *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static struct err *value_plan_init(struct value_plan *p, struct values *values)
{
	const struct census *census = values->census;

	*p = (struct value_plan){ 0 };
	for (size_t i = 0; i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);
		struct value_count *row = &values->rows[i];

		row->status = value_status_of(&m);
		row->consistency = m.consistency;
		if (row->status != VALUES_OVER_BUDGET)
			continue;
		if (!vec_push(&p->jobs, ((struct value_job){ i, value_cost(&m) })))
			return err_nomem();
		p->cost += value_cost(&m);
	}
	vec_sort(&p->jobs, cmp_value_job);
	return NULL;
}

/* Bytes of a map's cost that may be read. All, when the budget is enough for all jobs ahead;
 * else in proportion, but at least a sample that says something. */
static uint64_t value_share(const struct value_job *job, double ahead, uint64_t budget)
{
	double part = ahead > budget ? job->cost * (budget / ahead) : job->cost;
	uint64_t share = part < job->cost ? (uint64_t)part : job->cost;

	if (share < SAMPLE_MIN)
		share = SAMPLE_MIN;
	return share < job->cost ? share : job->cost;
}

static struct err *value_plan_run(struct value_plan *p, struct values *values,
				  struct value_counter *v, uint64_t budget)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < p->jobs.len; i++) {
		const struct value_job *job = &p->jobs.data[i];
		uint64_t share = value_share(job, p->cost, budget);
		uint64_t before = v->scan.bytes;
		struct map_info m = census_map(values->census, job->row);

		p->cost -= job->cost;
		if (share > budget)
			continue; /* a smaller one may still fit */
		err = value_count_map(v, &m, share, job->cost, &values->rows[job->row]);
		uint64_t spent = v->scan.bytes - before;
		budget -= spent < budget ? spent : budget;
	}
	return err;
}

static struct err *values_run(struct values *values, struct value_plan *plan,
			      const struct values_opts *opts)
{
	_cleanup_(value_counter_fini) struct value_counter v = { 0 };
	struct err *err = value_counter_init(&v, values->census, opts->seed);

	if (!err)
		err = value_plan_run(plan, values, &v, opts->budget_bytes);
	values->bytes = v.scan.bytes;
	return err;
}

static void values_sum_up(struct values *values)
{
	for (size_t i = 0; i < values->census->maps.len; i++) {
		values->counted += values->rows[i].status == VALUES_OK;
		values->sampled += values->rows[i].status == VALUES_OK && values->rows[i].sampled;
	}
}

struct err *values_take(const struct census *census, const struct values_opts *opts,
			struct values **ret, struct err **gone_ret)
{
	_cleanup_values_ struct values *values = calloc(1, sizeof(*values));
	_cleanup_(value_plan_fini) struct value_plan plan = { 0 };
	uint64_t start = clock_ns();

	if (!values)
		return err_nomem();
	values->census = census;
	values->rows = calloc(census->maps.len + 1, sizeof(*values->rows));
	struct err *err = values->rows ? value_plan_init(&plan, values) : err_nomem();
	if (!err)
		err = values_run(values, &plan, opts);
	if (err_is(err, ERR_GONE)) {
		for (size_t i = 0; i < census->maps.len; i++)
			if (values->rows[i].status == VALUES_OVER_BUDGET)
				values->rows[i].status = VALUES_GONE;
		*gone_ret = err;
		err = NULL;
	}
	if (err)
		return err_wrap(err, "counting zero values");
	values_sum_up(values);
	values->take_ns = clock_ns() - start;
	*ret = take_ptr(values);
	return NULL;
}

void values_free(struct values *values)
{
	if (!values)
		return;
	free(values->rows);
	free(values);
}

const char *value_status_text(enum value_status status)
{
	static const char *const texts[] = {
		[VALUES_NOT_COUNTED] = "it is in no sum",
		[VALUES_OK] = NULL,
		[VALUES_NONE] = "values have no bytes",
		[VALUES_TYPE_UNKNOWN] = "type unknown",
		[VALUES_TYPE_AMBIGUOUS] = "types that fit keep values differently",
		[VALUES_OVER_BUDGET] = "over the budget",
		[VALUES_CHANGED] = "tables changed too much meanwhile",
		[VALUES_TOO_FEW] = "no key in the sample",
		[VALUES_GONE] = "the target exited",
	};

	return texts[status];
}
