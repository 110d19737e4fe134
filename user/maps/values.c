// SPDX-License-Identifier: GPL-2.0-only
#include "maps/values.h"

#include <string.h>

#include "base/clock.h"
#include "maps/buckets.h"
#include "maps/interval.h"
#include "maps/shape.h"
#include "maps/sizing.h"

enum {
	/* A sample below this says little: maps that small are read whole, or not. */
	SAMPLE_MIN = 128 << 10,
	/* Clusters that a sample should have, and what they may be large. */
	CLUSTERS = 128,
	CLUSTERS_MIN = 16,
	CLUSTER_SZ_MIN = 4096,
	CLUSTER_SZ_MAX = 1 << 20,
	/* A walk that reads twice its share, and this, follows something odd. */
	OVERRUN = 1 << 20,
	TRIES = 3, /* at a map that changes */

	/* Values behind pointers: so many are looked at together, by their first bytes. */
	POINTEES = 512,
	POINTEE_HEAD = 256,
	POINTEE_CHUNK = 64 << 10,
	UNTOUCHED_MIN = 4096,
};

/* What a visit to buckets found. */
struct tally {
	uint64_t full;
	uint64_t zero;
	uint64_t unread; /* values that were not where their slots point to */
};

struct scan {
	struct values *values;
	struct heap *heap;
	struct mem *mem;
	enum map_kind kind;
	uint64_t random;
	uint8_t *buf; /* BUCKETS_READ_SZ */
	uint8_t *heads; /* POINTEES * POINTEE_HEAD */
	uint8_t *chunk; /* POINTEE_CHUNK */

	/* Of the map at hand. */
	const struct map_type *form; /* where it keeps its elems */
	bool may_point; /* one of the types that fit points to its elems */
	struct tally tally;
	uint64_t left; /* bytes that may still be read */
	uint64_t pointees[POINTEES];
	size_t pointee_cnt;
	struct err *err; /* the visitor's */
};

/* ---- values ---- */

static bool is_zero(const uint8_t *p, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		if (word)
			return false;
	}
	for (; len; p++, len--)
		if (*p)
			return false;
	return true;
}

/* Whether the part [off, off + len) of a value is zero, but for what is no data. */
static bool part_is_zero(const struct map_type *form, const uint8_t *part, uint64_t off,
			 uint64_t len)
{
	if (!form->data_run_cnt)
		return is_zero(part, len);
	for (uint32_t i = 0; i < form->data_run_cnt; i++) {
		uint64_t from = form->data_runs[i].off, to = from + form->data_runs[i].len;

		from = from > off ? from - off : 0;
		to = to > off ? to - off : 0;
		if (to > len)
			to = len;
		if (from < to && !is_zero(part + from, to - from))
			return false;
	}
	return true;
}

/* Takes bytes off what may be read; false when there are not as many. */
static bool spend(struct scan *s, uint64_t bytes)
{
	if (bytes > s->left)
		return false;
	s->left -= bytes;
	s->values->bytes += bytes;
	return true;
}

/* Whether the rest of a value is, whose head is zero; false when that takes too much. */
static bool read_tail(struct scan *s, uint64_t addr, uint64_t off, bool *zero_ret)
{
	uint64_t size = s->form->pointee_sz;

	for (*zero_ret = true; off < size && *zero_ret; off += POINTEE_CHUNK) {
		uint32_t n = size - off < POINTEE_CHUNK ? size - off : POINTEE_CHUNK;
		struct mem_req req = { addr + off, n, false, s->chunk };

		if (!spend(s, n))
			return false;
		s->err = residency_read(s->values->census->residency, s->mem, &req);
		if (s->err)
			return false;
		s->tally.unread += !req.ok;
		*zero_ret = req.ok && part_is_zero(s->form, s->chunk, off, n);
	}
	return true;
}

static bool is_value_object(const struct scan *s, uint64_t addr)
{
	struct object o;

	return heap_object(s->heap, addr, &o) && o.start == addr &&
	       o.slot + o.size - addr >= s->form->pointee_sz;
}

/* Bytes to look at of each value first. Large ones may lie in pages that nobody wrote:
 * they are read one by one, by a reader that leaves those alone. */
static uint32_t head_size(uint32_t size)
{
	if (size >= UNTOUCHED_MIN)
		return 0;
	return size < POINTEE_HEAD ? size : POINTEE_HEAD;
}

/* Looks at the values that were put off, in a few reads. */
static bool look_at_pointees(struct scan *s)
{
	uint32_t size = s->form->pointee_sz, head = head_size(size);
	struct mem_req reqs[POINTEES];
	size_t n = 0;
	bool go_on = true;

	for (size_t i = 0; i < s->pointee_cnt; i++) {
		if (is_value_object(s, s->pointees[i]))
			reqs[n++] = (struct mem_req){ s->pointees[i], head, false,
						      s->heads + i * POINTEE_HEAD };
		else
			s->tally.unread++;
	}
	s->pointee_cnt = 0;
	if (!n)
		return true;
	if (!spend(s, (uint64_t)n * head))
		return false;
	if (head)
		s->err = mem_gather(s->mem, reqs, n);
	if (s->err)
		return false;
	for (size_t i = 0; i < n && go_on; i++) {
		bool ok = reqs[i].ok || !head;
		bool zero = ok && part_is_zero(s->form, reqs[i].dst, 0, head);

		s->tally.unread += !ok;
		if (zero)
			go_on = read_tail(s, reqs[i].addr, head, &zero);
		s->tally.zero += zero;
	}
	return go_on;
}

static bool look_at_slot(struct scan *s, const uint8_t *elem)
{
	s->tally.full++;
	if (!s->form->pointee_sz) {
		s->tally.zero += part_is_zero(s->form, elem, 0, s->form->slots.elem_sz);
		return true;
	}
	memcpy(&s->pointees[s->pointee_cnt++], elem, 8);
	return s->pointee_cnt < POINTEES || look_at_pointees(s);
}

/* A buckets_visit_fn. */
static bool look_at_buckets(void *ctx, const uint8_t *buckets, size_t n)
{
	struct scan *s = ctx;
	const struct map_type *form = s->form;
	bool go_on = spend(s, n * form->bucket_sz);

	for (const uint8_t *b = buckets; go_on && n; n--, b += form->bucket_sz)
		for (unsigned int i = 0; go_on && i < BUCKET_SLOTS; i++)
			if (bucket_slot_is_full(s->kind, b[i]))
				go_on = look_at_slot(s, b + form->slots.elems_off +
								i * form->slots.elem_stride);
	return go_on;
}

/* ---- one map ---- */

/* Looks at a range of buckets and adds to s->tally. */
static struct err *look_at_range(struct scan *s, const struct buckets *b, uint64_t first,
				 uint64_t n, bool *whole_ret)
{
	struct bucket_visitor visitor = { look_at_buckets, s, s->buf };
	struct err *err = buckets_visit(b, first, n, &visitor, whole_ret);

	if (!err && *whole_ret && s->pointee_cnt)
		*whole_ret = look_at_pointees(s);
	s->pointee_cnt = 0;
	if (!err)
		err = take_ptr(s->err);
	return err;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* True with a chance of part in whole. */
static bool draw(struct scan *s, uint64_t part, uint64_t whole)
{
	return (unsigned __int128)next_random(&s->random) * whole >> 64 < part;
}

static struct err *read_whole(struct scan *s, const struct buckets *b, struct value_count *row)
{
	bool whole;
	struct err *err = look_at_range(s, b, 0, b->cnt, &whole);

	if (err || !whole || !census_is_near(s->tally.full, b->live_keys))
		return err;
	row->status = VALUES_OK;
	row->zero = row->low = row->high = s->tally.zero;
	return NULL;
}

/* Reads each cluster of some neighbouring buckets with the same chance. share: the
 * part of cost that may be read. */
static struct err *read_sample(struct scan *s, const struct buckets *b, uint64_t share,
			       uint64_t cost, struct value_count *row)
{
	uint64_t sz = share / CLUSTERS;
	uint64_t width = (sz < CLUSTER_SZ_MIN	? CLUSTER_SZ_MIN
			  : sz > CLUSTER_SZ_MAX ? CLUSTER_SZ_MAX
						: sz) /
			 b->bucket_sz;
	struct sample sample = { .all = (b->cnt + width - 1) / width };
	uint64_t take = (unsigned __int128)sample.all * share / cost;

	if (take < CLUSTERS_MIN) {
		row->status = VALUES_OVER_BUDGET;
		return NULL;
	}
	for (uint64_t i = 0; i < sample.all && sample.taken < take; i++) {
		struct tally before = s->tally;
		uint64_t first = i * width, n = b->cnt - first < width ? b->cnt - first : width;
		bool whole;

		if (!draw(s, take - sample.taken, sample.all - i))
			continue;
		struct err *err = look_at_range(s, b, first, n, &whole);
		if (err || !whole)
			return err;
		sample_add(&sample, s->tally.full - before.full, s->tally.zero - before.zero);
	}
	if (!sample.slots) {
		row->status = VALUES_TOO_FEW;
		return NULL;
	}
	if (sample.slots > b->live_keys)
		return NULL;
	struct interval zero = sample_estimate(&sample, b->live_keys);
	row->status = VALUES_OK;
	row->sampled = true;
	row->zero = zero.estimate;
	row->low = zero.low;
	row->high = zero.high;
	return NULL;
}

static bool same_data(const struct map_type *a, const struct map_type *b)
{
	return a->data_run_cnt == b->data_run_cnt &&
	       (!a->data_run_cnt ||
		!memcmp(a->data_runs, b->data_runs, a->data_run_cnt * sizeof(*a->data_runs)));
}

static bool same_slots(const struct map_type *a, const struct map_type *b)
{
	return a->bucket_sz == b->bucket_sz && a->slots.elem_sz == b->slots.elem_sz &&
	       a->slots.elems_off == b->slots.elems_off &&
	       a->slots.elem_stride == b->slots.elem_stride;
}

/* The form that the types of a shape have in common, or NULL. Where only some have
 * pointers to elems it is that of the others, and *may_point_ret is set. */
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

		same = same_slots(form, t);
		if (!form->pointee_sz && t->pointee_sz)
			*may_point_ret = true;
		else
			same &= form->pointee_sz == t->pointee_sz && same_data(form, t);
	}
	return same ? form : NULL;
}

/* Of several types that fit, any will do when all of them keep their elems alike. */
static struct err *find_common_form(struct scan *s, const struct buckets *b,
				    const struct map_type **ret)
{
	const struct bucket_array *a = &b->arrays.data[0];
	uint64_t n = s->kind == MAP_SWISS ? a->cnt : sizing_classic_array(__builtin_ctzll(a->cnt));
	struct evidence evidence;
	bool known;

	*ret = NULL;
	struct err *err = evidence_read(s->heap, a->addr, &evidence, &known);
	if (err || !known)
		return err;
	const struct shape *shape =
		shape_of(s->heap, s->values->census->shapes, &evidence, n, b->bucket_sz);
	const struct map_type *form = common_form(shape, &s->may_point);
	*ret = form && form->bucket_sz == b->bucket_sz ? form : NULL;
	return NULL;
}

static uint64_t rebuild_bytes(const struct scan *s, const struct buckets *b, bool listed,
			      uint64_t live_keys)
{
	struct object o;
	bool known = heap_object(s->heap, b->arrays.data[0].addr, &o);
	struct table_shape shape = {
		.bucket_sz = b->bucket_sz,
		.noscan = known && span_noscan(o.span),
		.listed = listed,
		.malloc_headers = heap_malloc_headers(s->heap),
		.load_num = s->heap->prog->layout.classic.load_num,
	};

	return s->kind == MAP_SWISS ? sizing_swiss(live_keys, &shape)
				    : sizing_classic(live_keys, &shape);
}

/* What is said of the figures of a row that has some. */
static struct err *set_consistency(const struct scan *s, const struct buckets *b,
				   const struct map_info *m, struct value_count *row)
{
	bool still;
	struct err *err = buckets_stand_still(b, &still);
	bool complete = row->sampled || s->tally.full == b->live_keys;

	still &= m->consistency == MAP_EXACT && b->live_keys == m->live_keys && complete &&
		 !s->tally.unread;
	row->consistency = still ? MAP_EXACT : MAP_MOVING;
	row->read = s->tally.full;
	/* Of the keys that the census found, so that the two rebuilds compare. */
	uint64_t live_keys = row->zero < m->live_keys ? m->live_keys - row->zero : 0;
	row->rebuild_bytes = rebuild_bytes(s, b, m->listed, live_keys);
	return err;
}

static struct err *count_found(struct scan *s, const struct buckets *b, const struct map_info *m,
			       uint64_t share, uint64_t cost, struct value_count *row)
{
	struct err *err = NULL;

	s->form = m->type;
	s->may_point = false;
	if (!s->form)
		err = find_common_form(s, b, &s->form);
	if (err)
		return err;
	if (!s->form || !s->form->slots.elem_sz) {
		row->status = s->form ? VALUES_NONE : VALUES_TYPE_AMBIGUOUS;
		return NULL;
	}
	s->tally = (struct tally){ 0 };
	s->left = 2 * share + OVERRUN;
	err = share < cost ? read_sample(s, b, share, cost, row) : read_whole(s, b, row);
	if (err || row->status != VALUES_OK)
		return err;
	/* Only a nil tells values that are pointers from pointers to values. */
	if (s->may_point && !s->tally.zero) {
		row->status = VALUES_TYPE_AMBIGUOUS;
		return NULL;
	}
	return set_consistency(s, b, m, row);
}

static struct err *count_map(struct scan *s, const struct map_info *m, uint64_t share,
			     uint64_t cost, struct value_count *row)
{
	struct err *err = NULL;

	*row = (struct value_count){ .status = VALUES_CHANGED };
	for (int i = 0; i < TRIES && !err && row->status == VALUES_CHANGED; i++) {
		struct buckets b;
		bool found;

		err = buckets_init(&b, s->heap, s->values->census->residency, m, &found);
		if (!err && found && b.cnt)
			err = count_found(s, &b, m, share, cost, row);
		buckets_fini(&b);
	}
	if (err)
		row->status = VALUES_GONE;
	return err;
}

/* ---- all maps ---- */

/* What can be said without reading; VALUES_OVER_BUDGET: the map is to be read. */
static enum value_status status_of(const struct map_info *m)
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

/* Most bytes that reading the whole map takes, in a sane process. */
static uint64_t cost_of(const struct map_info *m)
{
	uint64_t each = m->type ? m->type->pointee_sz : 0, cost;

	if (__builtin_mul_overflow(m->live_keys, each, &cost) ||
	    __builtin_add_overflow(cost, m->table_bytes, &cost))
		return UINT64_MAX;
	return cost;
}

struct job {
	size_t row; /* of the census */
	uint64_t cost;
};

struct plan {
	VEC(struct job) jobs; /* largest first */
	double cost; /* of those ahead: a sum that may be beyond 64 bits */
};

static void plan_fini(struct plan *p)
{
	vec_fini(&p->jobs);
}

static int cmp_largest(const void *a, const void *b)
{
	const struct job *x = a, *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static struct err *plan_init(struct plan *p, struct values *values)
{
	const struct census *census = values->census;

	*p = (struct plan){ 0 };
	for (size_t i = 0; i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);
		struct value_count *row = &values->rows[i];

		row->status = status_of(&m);
		row->consistency = m.consistency;
		if (row->status != VALUES_OVER_BUDGET)
			continue;
		if (!vec_push(&p->jobs, ((struct job){ i, cost_of(&m) })))
			return err_nomem();
		p->cost += cost_of(&m);
	}
	vec_sort(&p->jobs, cmp_largest);
	return NULL;
}

/* The part of a map's cost that may be read: all, while all that is ahead fits; else
 * in proportion, but no sample too small to tell anything. */
static uint64_t share_of(const struct job *job, double ahead, uint64_t budget)
{
	double part = ahead > budget ? job->cost * (budget / ahead) : job->cost;
	uint64_t share = part < job->cost ? (uint64_t)part : job->cost;

	if (share < SAMPLE_MIN)
		share = SAMPLE_MIN;
	return share < job->cost ? share : job->cost;
}

static struct err *run_plan(struct scan *s, struct plan *p, uint64_t budget)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < p->jobs.len; i++) {
		const struct job *job = &p->jobs.data[i];
		uint64_t share = share_of(job, p->cost, budget);
		uint64_t before = s->values->bytes;
		struct map_info m = census_map(s->values->census, job->row);

		p->cost -= job->cost;
		if (share > budget)
			continue; /* a smaller one may still fit */
		err = count_map(s, &m, share, job->cost, &s->values->rows[job->row]);
		uint64_t spent = s->values->bytes - before;
		budget -= spent < budget ? spent : budget;
	}
	return err;
}

static struct err *scan(struct values *values, struct plan *plan, const struct values_opts *opts)
{
	_cleanup_free_ uint8_t *buf = malloc(BUCKETS_READ_SZ);
	_cleanup_free_ uint8_t *heads = malloc(POINTEES * POINTEE_HEAD);
	_cleanup_free_ uint8_t *chunk = malloc(POINTEE_CHUNK);
	struct heap *heap = values->census->heap;
	struct scan s = {
		.values = values,
		.heap = heap,
		.mem = &heap->prog->target->mem,
		.kind = heap->prog->layout.kind,
		.random = opts->seed,
		.buf = buf,
		.heads = heads,
		.chunk = chunk,
	};

	return buf && heads && chunk ? run_plan(&s, plan, opts->budget_bytes) : err_nomem();
}

static void sum_up(struct values *values)
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
	_cleanup_(plan_fini) struct plan plan = { 0 };
	uint64_t start = clock_ns();

	if (!values)
		return err_nomem();
	values->census = census;
	values->rows = calloc(census->maps.len + 1, sizeof(*values->rows));
	struct err *err = values->rows ? plan_init(&plan, values) : err_nomem();
	if (!err)
		err = scan(values, &plan, opts);
	if (err_is(err, ERR_GONE)) {
		for (size_t i = 0; i < census->maps.len; i++)
			if (values->rows[i].status == VALUES_OVER_BUDGET)
				values->rows[i].status = VALUES_GONE;
		*gone_ret = err;
		err = NULL;
	}
	if (err)
		return err_wrap(err, "counting zero values");
	sum_up(values);
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
