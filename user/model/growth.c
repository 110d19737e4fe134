// SPDX-License-Identifier: GPL-2.0-only
#include "model/growth.h"

#include "base/clock.h"
#include "heap/sizeclass.h"
#include "maps/sizing.h"

enum {
	SMALL_SLOTS = BUCKET_SLOTS,
	TABLE_SLOTS_MAX = SWISS_TABLE_SLOTS_MAX,
	DIRECTORY_ENTRY = 8,
	TOMBSTONES_PART = 10,
	/* Of rates: below it the change is chance. */
	RATE_MIN_S = 1,
	RATE_FALL_PART = 10, /* it may fall by this part of what it gained */
	CLASSIC_B_MAX = 48,
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

/* ---- seen ---- */

static void set_bytes(struct growth *g, const struct trace_event *e, const struct table_shape *s)
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
		set_bytes(&g, event, &s);
	}
	return g;
}

/* ---- to come ---- */

static void next_classic(const struct map_info *m, const struct table_shape *s, struct forecast *f)
{
	uint64_t base = m->buckets - m->overflow_buckets;

	f->event = FORECAST_DOUBLE;
	f->at_live_keys = classic_array_limit(base, s->load_num) + 1;
	f->allocates_bytes = sizing_classic_array_bytes(log2_of(base) + 1, s);
}

static uint64_t minus_or_zero(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* While only some of the tables have split, the others follow from now on. */
static void next_splits(const struct map_info *m, const struct table_shape *s, struct forecast *f)
{
	uint64_t all = 1ull << log2_of(m->table_cnt);
	bool done = all == m->table_cnt;
	uint64_t limit = all * swiss_table_limit(TABLE_SLOTS_MAX);
	uint64_t splits = done ? all : 2 * all - m->table_cnt;

	f->event = FORECAST_SPLIT;
	f->at_live_keys = done ? minus_or_zero(limit, m->tombstones) + 1 : m->live_keys + 1;
	f->allocates_bytes = splits * 2 * sizing_swiss_table(TABLE_SLOTS_MAX, s);
}

static void next_swiss(const struct map_info *m, const struct table_shape *s, struct forecast *f)
{
	uint64_t slots = map_slots(m);

	if (m->table_cnt > 1) {
		next_splits(m, s, f);
		return;
	}
	f->event = slots < TABLE_SLOTS_MAX ? FORECAST_DOUBLE : FORECAST_SPLIT;
	f->at_live_keys = m->small ? SMALL_SLOTS + 1
				   : minus_or_zero(swiss_table_limit(slots), m->tombstones) + 1;
	f->allocates_bytes = slots < TABLE_SLOTS_MAX ? sizing_swiss_table(2 * slots, s)
						     : 2 * sizing_swiss_table(TABLE_SLOTS_MAX, s);
}

static void set_rate(const struct map_info *m, const struct map_history *h, struct forecast *f)
{
	/* A map that goes up and down has no rate. */
	if (!h || h->last_ns - h->first_ns < RATE_MIN_S * NS_PER_S ||
	    h->last_live_keys <= h->first_live_keys ||
	    RATE_FALL_PART * h->fall_live_keys > h->last_live_keys - h->first_live_keys)
		return;
	f->keys_per_s = (double)(h->last_live_keys - h->first_live_keys) /
			((double)(h->last_ns - h->first_ns) / NS_PER_S);
	double s = (double)(f->at_live_keys - m->live_keys) / f->keys_per_s;
	if (s > FORECAST_MAX_S)
		return;
	f->rate_known = true;
	f->in_ns = s * NS_PER_S;
}

bool forecast_of(const struct go_layout *layout, const struct map_info *m,
		 const struct map_history *history, struct forecast *ret)
{
	struct table_shape s = table_shape_of(layout, m->bucket_sz, m->noscan);
	struct forecast f = { 0 };

	if (!m->bucket_sz || !map_counts(m) || m->buckets <= m->overflow_buckets)
		return false;
	if (layout->kind == MAP_CLASSIC)
		next_classic(m, &s, &f);
	else
		next_swiss(m, &s, &f);
	if (f.at_live_keys <= m->live_keys)
		return false;
	set_rate(m, history, &f);
	*ret = f;
	return true;
}
