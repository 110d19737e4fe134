// SPDX-License-Identifier: GPL-2.0-only
#include "model/growth.h"

#include <math.h>

#include "base/clock.h"
#include "heap/sizeclass.h"
#include "maps/sizing.h"

enum {
	SMALL_SLOTS = BUCKET_SLOTS,
	TABLE_SLOTS_MAX = SWISS_TABLE_SLOTS_MAX,
	DIRECTORY_ENTRY = 8,
	TOMBSTONES_PART = 10, /* a growth with this part of tombstones is churn: 1/10 */
	RATE_MIN_S = 1, /* seconds: in a shorter time a change of length may be chance */
	/* A map that grows may have fallen meanwhile by at most 1/10 of what it gained: with
	 * deeper falls it goes up and down, and has no rate. */
	RATE_FALL_PART = 10,
	CLASSIC_B_MAX = 48, /* log2 of the buckets of a classic map that could be in memory */
};

static const double FORECAST_MAX_S = 100.0 * 365 * 86400;

static struct table_shape table_shape_of(const struct go_layout *layout, uint32_t bucket_sz,
					 bool noscan)
{
	return (struct table_shape){
		.bucket_sz = bucket_sz,
		.noscan = noscan,
		.malloc_headers = layout->bitmap == HEAP_BITMAP_SPAN,
		.load_num = layout->classic.load_num,
	};
}

static uint64_t growth_group_bytes(const struct table_shape *s)
{
	return alloc_size(s->bucket_sz, s->noscan, s->malloc_headers);
}

static unsigned int log2_of(uint64_t v)
{
	return v ? 63 - __builtin_clzll(v) : 0;
}

/* ---- growths that were seen ---- */

static void growth_set_bytes(struct growth *g, const struct trace_event *e,
			     const struct table_shape *s)
{
	unsigned int from = log2_of(e->slots_from / SMALL_SLOTS);
	unsigned int to = log2_of(e->slots_to / SMALL_SLOTS);

	g->bytes_known = true;
	switch (e->growth) {
	case TRACE_GROWTH_DOUBLE:
	case TRACE_GROWTH_SAME_SIZE:
		g->bytes_from = sizing_classic_array_bytes(from, s);
		g->bytes_to = sizing_classic_array_bytes(to, s);
		return;
	case TRACE_GROWTH_SMALL_TO_TABLE:
		g->bytes_from = e->slots_from ? growth_group_bytes(s) : 0;
		g->bytes_to = sizing_swiss_table(e->slots_to, s) + DIRECTORY_ENTRY;
		return;
	case TRACE_GROWTH_TABLE_DOUBLE:
		g->bytes_from = sizing_swiss_table(e->slots_from, s);
		g->bytes_to = sizing_swiss_table(e->slots_to, s);
		return;
	case TRACE_GROWTH_TABLE_SPLIT:
		g->bytes_from = sizing_swiss_table(e->slots_from, s);
		g->bytes_to = 2 * g->bytes_from;
		return;
	case TRACE_GROWTH_NONE:
		break;
	}
	g->bytes_known = false;
}

struct growth growth_of(const struct program *prog, const struct trace_event *event)
{
	const struct map_type *type = event->type ? gotypes_find(prog->types, event->type) : NULL;
	struct growth g = { 0 };

	g.churn = event->growth == TRACE_GROWTH_SAME_SIZE ||
		  (event->tombstones && TOMBSTONES_PART * event->tombstones >= event->slots_from);
	if (type && event->slots_from <= (uint64_t)SMALL_SLOTS << CLASSIC_B_MAX) {
		struct table_shape s =
			table_shape_of(&prog->layout, type->bucket_sz, type->bucket_ptr_bytes == 0);
		growth_set_bytes(&g, event, &s);
	}
	return g;
}

/* ---- the next growth ---- */

static void forecast_set_once(struct forecast *f, enum forecast_event event, uint64_t at,
			      uint64_t bytes)
{
	f->event = event;
	f->at_live_keys = f->half_live_keys = f->end_live_keys = at;
	f->allocates_bytes = f->step_bytes = f->needs_bytes = bytes;
}

static void forecast_classic(const struct map_info *m, const struct table_shape *s,
			     struct forecast *f)
{
	uint64_t base = m->buckets - m->overflow_buckets;

	forecast_set_once(f, FORECAST_DOUBLE, classic_array_limit(base, s->load_num) + 1,
			  sizing_classic_array_bytes(log2_of(base) + 1, s));
}

static uint64_t minus_or_zero(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* The value that a standard normal variable is below with probability p (Abramowitz and Stegun
 * 26.2.23: off by less than 0.00045). */
static double normal_quantile(double p)
{
	double t = sqrt(-2 * log(p < 0.5 ? p : 1 - p));
	double z = t - (2.515517 + 0.802853 * t + 0.010328 * t * t) /
			       (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);

	return p < 0.5 ? -z : z;
}

/*
 * About how many keys the map has when the nth of `all` tables is full. A table gets each key with
 * probability 1/all, so the number of keys at which it has got `limit` of them has the mean
 * limit * all and a standard deviation of sqrt(limit) * all. The nth smallest of `all` such
 * numbers is near a quantile (Blom).
 */
static uint64_t keys_when_full(uint64_t all, double limit, uint64_t nth)
{
	double z = normal_quantile(((double)nth - 0.375) / ((double)all + 0.25));

	return (uint64_t)((double)all * (limit + z * sqrt(limit)));
}

static uint64_t at_least_u64(uint64_t v, uint64_t least)
{
	return v > least ? v : least;
}

/* If table_cnt is not a power of two, some tables have split already. */
static void forecast_splits(const struct map_info *m, const struct table_shape *s,
			    struct forecast *f)
{
	uint64_t all = 1ull << log2_of(m->table_cnt);
	uint64_t done = m->table_cnt - all, left = all - done;
	uint64_t table = sizing_swiss_table(TABLE_SLOTS_MAX, s);
	double limit = (double)swiss_table_limit(TABLE_SLOTS_MAX) -
		       (double)m->tombstones / (double)m->table_cnt;

	f->event = FORECAST_SPLIT;
	f->at_live_keys = at_least_u64(keys_when_full(all, limit, done + 1), m->live_keys + 1);
	f->half_live_keys =
		at_least_u64(keys_when_full(all, limit, done + (left + 1) / 2), f->at_live_keys);
	f->end_live_keys = at_least_u64(keys_when_full(all, limit, all), f->half_live_keys);
	f->step_bytes = 2 * table;
	f->allocates_bytes = left * f->step_bytes;
	f->needs_bytes = (left + 1) * table;
}

static void forecast_swiss(const struct map_info *m, const struct table_shape *s,
			   struct forecast *f)
{
	uint64_t slots = map_slots(m);

	if (m->table_cnt > 1) {
		if (m->tombstones < m->table_cnt * swiss_table_limit(TABLE_SLOTS_MAX))
			forecast_splits(m, s, f);
		return;
	}
	bool doubles = slots < TABLE_SLOTS_MAX;
	forecast_set_once(f, doubles ? FORECAST_DOUBLE : FORECAST_SPLIT,
			  m->small ? SMALL_SLOTS + 1
				   : minus_or_zero(swiss_table_limit(slots), m->tombstones) + 1,
			  doubles ? sizing_swiss_table(2 * slots, s)
				  : 2 * sizing_swiss_table(TABLE_SLOTS_MAX, s));
}

/* False: later than anybody waits for. */
static bool forecast_time(const struct map_info *m, const struct forecast *f, uint64_t keys,
			  uint64_t *ret)
{
	double s = (double)(keys - m->live_keys) / f->keys_per_s;

	*ret = s <= FORECAST_MAX_S ? s * NS_PER_S : 0;
	return s <= FORECAST_MAX_S;
}

static void forecast_set_rate(const struct map_info *m, const struct map_history *h,
			      struct forecast *f)
{
	/* A map that goes up and down has no rate. */
	if (!h || h->last_ns - h->first_ns < RATE_MIN_S * NS_PER_S ||
	    h->last_live_keys <= h->first_live_keys ||
	    RATE_FALL_PART * h->fall_live_keys > h->last_live_keys - h->first_live_keys)
		return;
	f->keys_per_s = (double)(h->last_live_keys - h->first_live_keys) /
			((double)(h->last_ns - h->first_ns) / NS_PER_S);
	f->rate_known = forecast_time(m, f, f->at_live_keys, &f->in_ns) &&
			forecast_time(m, f, f->half_live_keys, &f->half_in_ns) &&
			forecast_time(m, f, f->end_live_keys, &f->end_in_ns);
}

bool forecast_of(const struct go_layout *layout, const struct map_info *m,
		 const struct map_history *history, struct forecast *ret)
{
	struct table_shape s = table_shape_of(layout, m->bucket_sz, m->noscan);
	struct forecast f = { 0 };

	if (!m->bucket_sz || !map_counts(m) || m->buckets <= m->overflow_buckets)
		return false;
	if (layout->kind == MAP_CLASSIC)
		forecast_classic(m, &s, &f);
	else
		forecast_swiss(m, &s, &f);
	if (f.at_live_keys <= m->live_keys)
		return false;
	forecast_set_rate(m, history, &f);
	*ret = f;
	return true;
}
