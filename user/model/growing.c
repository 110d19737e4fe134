// SPDX-License-Identifier: GPL-2.0-only
#include "model/growing.h"

#include <string.h>

#include "base/clock.h"
#include "base/table.h"

enum {
	SERIES_MIN = 4, /* fewer numbers show no course */
	SERIES_MAX = HISTORY_POINTS + 1,
	GAIN_MIN_KEYS = 16, /* a smaller gain may be chance */
	FALL_PART = 10, /* it may fall by 1/10 of what it gains */
	FIRST_HALF_PART = 10, /* 1/10 of the gain is in the first half of the time */
	SECOND_HALF_PART = 4, /* a quarter is in the second half */
	FOLLOWED_PART = 4, /* it is followed since the first quarter of the time */
	WEIGHED_MAX = 8, /* types whose entries are looked at */
};

#define SERIES_MIN_NS (2 * NS_PER_S)

/* A map that has grown for that long at its present rate is not just being filled. */
#define LONG_GROWTH_NS (300 * NS_PER_S)

/* Numbers of keys, one after the other. */
struct growing_series {
	uint64_t ns[SERIES_MAX];
	double keys[SERIES_MAX];
	size_t len;
};

/* ---- is it steady? ---- */

static double series_gain(const struct growing_series *s)
{
	return s->keys[s->len - 1] - s->keys[0];
}

static uint64_t series_span(const struct growing_series *s)
{
	return s->ns[s->len - 1] - s->ns[0];
}

static bool series_falls(const struct growing_series *s, double most)
{
	double peak = s->keys[0];

	for (size_t i = 1; i < s->len; i++) {
		if (peak - s->keys[i] > most)
			return true;
		if (s->keys[i] > peak)
			peak = s->keys[i];
	}
	return false;
}

/* The gain up to the middle of the time. */
static double series_first_half(const struct growing_series *s)
{
	uint64_t middle = s->ns[0] + series_span(s) / 2;
	size_t i = 1;

	while (i < s->len - 1 && s->ns[i] < middle)
		i++;
	double step_ns = (double)(s->ns[i] - s->ns[i - 1]);
	double part = step_ns > 0 ? (double)(middle - s->ns[i - 1]) / step_ns : 0;
	return s->keys[i - 1] + part * (s->keys[i] - s->keys[i - 1]) - s->keys[0];
}

/*
 * Whether it stands still at the end for much longer than it ever did before. A map to which keys
 * come in bursts has pauses of about one length; a map that is full has a longer one at the end.
 */
static bool series_has_ended(const struct growing_series *s)
{
	uint64_t risen_ns = s->ns[0], longest_pause_ns = 0;
	double most = s->keys[0];

	for (size_t i = 1; i < s->len; i++) {
		if (s->keys[i] <= most)
			continue;
		if (s->ns[i] - risen_ns > longest_pause_ns)
			longest_pause_ns = s->ns[i] - risen_ns;
		risen_ns = s->ns[i];
		most = s->keys[i];
	}
	return s->ns[s->len - 1] - risen_ns > longest_pause_ns + longest_pause_ns / 2;
}

static bool series_is_steady(const struct growing_series *s)
{
	if (s->len < SERIES_MIN || series_span(s) < SERIES_MIN_NS)
		return false;

	double gain = series_gain(s), first = series_first_half(s);
	return gain >= GAIN_MIN_KEYS && !series_falls(s, gain / FALL_PART) &&
	       first >= gain / FIRST_HALF_PART && gain - first >= gain / SECOND_HALF_PART &&
	       !series_has_ended(s);
}

/* ---- the series of a map ---- */

static void series_add(struct growing_series *s, uint64_t ns, double keys)
{
	s->ns[s->len] = ns;
	s->keys[s->len++] = keys;
}

/* False: the map was not there all the time. */
static bool series_of_map(const struct history *h, const struct map_history *mh,
			  struct growing_series *ret)
{
	uint64_t span_ns = h->last_ns - h->point_ns[0];

	ret->len = 0;
	if (mh->last_ns != h->last_ns || mh->first_ns - h->point_ns[0] > span_ns / FOLLOWED_PART)
		return false;
	for (uint32_t p = 0; p < h->point_cnt; p++)
		if (mh->points[p] != HISTORY_UNSEEN)
			series_add(ret, h->point_ns[p], (double)mh->points[p]);
	if (ret->len && ret->ns[ret->len - 1] < mh->last_ns)
		series_add(ret, mh->last_ns, (double)mh->last_live_keys);
	return ret->len > 0;
}

/* Adds the keys of a map to those of others, at every point. In a census that does not have it, it
 * has as many as before. */
static void series_sum_map(const struct history *h, const struct map_history *mh,
			   struct growing_series *sum)
{
	uint64_t keys = mh->first_live_keys;

	for (uint32_t p = 0; p < h->point_cnt; p++) {
		if (mh->points[p] != HISTORY_UNSEEN)
			keys = mh->points[p];
		sum->keys[p] += (double)keys;
	}
	sum->keys[h->point_cnt] += (double)mh->last_live_keys;
}

static void series_begin_sum(const struct history *h, struct growing_series *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t p = 0; p < h->point_cnt; p++)
		sum->ns[p] = h->point_ns[p];
	sum->ns[h->point_cnt] = h->last_ns;
	sum->len = h->point_cnt + 1;
	if (h->point_cnt && h->point_ns[h->point_cnt - 1] == h->last_ns)
		sum->len--;
}

/* ---- maps and their types ---- */

/* All maps of a type that were there all the time. */
struct growing_kind {
	struct growing alone; /* of those that are steady, each by itself */
	struct growing all;
	struct growing_series sum;
	uint64_t deepest_fall; /* of one of them, also between censuses */
};

struct growing_kinds {
	VEC(struct growing_kind) list;
	struct table by_key; /* index in list, by map_kind_key() */
};

static void kinds_fini(struct growing_kinds *kinds)
{
	vec_fini(&kinds->list);
	table_fini(&kinds->by_key);
}

static struct growing_kind *kind_for(struct growing_kinds *kinds, const struct history *h,
				     uint64_t key)
{
	size_t i = table_get(&kinds->by_key, key);
	struct growing_kind fresh = { 0 };

	if (i == TABLE_NONE) {
		series_begin_sum(h, &fresh.sum);
		i = kinds->list.len;
		if (!vec_push(&kinds->list, fresh) || !table_put(&kinds->by_key, key, i))
			return NULL;
	}
	return &kinds->list.data[i];
}

static void growing_add(struct growing *g, const struct map_info *m, const struct growing_series *s)
{
	double gain = series_gain(s);
	uint64_t gained = gain > 0 ? (uint64_t)gain : 0;
	double span_s = (double)series_span(s) / NS_PER_S;

	if (!g->map_cnt++ || gained > g->map_gained_keys) {
		g->map = *m;
		g->map_gained_keys = gained;
	}
	g->live_keys += m->live_keys;
	g->table_bytes += m->table_bytes;
	g->gained_keys += gained;
	g->keys_per_s += span_s > 0 ? gain / span_s : 0;
	if (series_span(s) > g->observed_ns)
		g->observed_ns = series_span(s);
}

/* Censuses alone may miss that a map is cleared again and again. */
static bool kind_is_steady(const struct growing_kind *kind)
{
	return series_is_steady(&kind->sum) &&
	       FALL_PART * (double)kind->deepest_fall <= series_gain(&kind->sum);
}

static struct err *kinds_add_map(struct growing_kinds *kinds, const struct history *h,
				 const struct map_history *mh, const struct map_info *m)
{
	struct growing_series s;

	if (!series_of_map(h, mh, &s))
		return NULL;
	struct growing_kind *kind = kind_for(kinds, h, map_kind_key(m));
	if (!kind)
		return err_nomem();
	series_sum_map(h, mh, &kind->sum);
	growing_add(&kind->all, m, &s);
	if (mh->fall_live_keys > kind->deepest_fall)
		kind->deepest_fall = mh->fall_live_keys;
	/* What was seen between the censuses counts, too. */
	if (series_is_steady(&s) && FALL_PART * (double)mh->fall_live_keys <= series_gain(&s))
		growing_add(&kind->alone, m, &s);
	return NULL;
}

static struct err *kinds_find(const struct history *h, const struct census *census,
			      struct growing_kinds *kinds)
{
	for (size_t i = 0; i < h->maps.len; i++) {
		const struct map_history *mh = &h->maps.data[i];
		ssize_t row = rows_find(&census->maps, mh->addr);
		struct err *err = NULL;

		if (row == ROWS_NONE)
			continue;
		struct map_info m = census_map(census, row);
		if (map_counts(&m))
			err = kinds_add_map(kinds, h, mh, &m);
		if (err)
			return err;
	}
	return NULL;
}

static int cmp_growing(const void *a, const void *b)
{
	double x = ((const struct growing *)a)->keys_per_s;
	double y = ((const struct growing *)b)->keys_per_s;

	return x < y ? 1 : -(x > y);
}

struct err *growing_find(const struct history *h, const struct census *census,
			 struct growing_maps *ret)
{
	_cleanup_(kinds_fini) struct growing_kinds kinds = { 0 };

	memset(ret, 0, sizeof(*ret));
	struct err *err = h->point_cnt ? kinds_find(h, census, &kinds) : NULL;
	for (size_t i = 0; !err && i < kinds.list.len; i++) {
		const struct growing_kind *kind = &kinds.list.data[i];
		const struct growing *g = kind->alone.map_cnt	 ? &kind->alone
					  : kind_is_steady(kind) ? &kind->all
								 : NULL;

		if (g && !vec_push(&ret->list, *g))
			err = err_nomem();
	}
	if (err)
		growing_fini(ret);
	else
		vec_sort(&ret->list, cmp_growing);
	return err;
}

void growing_fini(struct growing_maps *maps)
{
	vec_fini(&maps->list);
}

struct err *growing_weigh(struct growing_maps *maps, const struct census *census)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < maps->list.len && i < WEIGHED_MAX; i++) {
		struct growing *g = &maps->list.data[i];

		err = entry_weight_take(census->heap, census->residency, &g->map, &g->weight,
					&g->weight_known);
	}
	return err;
}

/* ---- what it means ---- */

/* The part of the slots that may have a key before a table grows. */
static double most_load(const struct go_layout *layout)
{
	return layout->kind == MAP_CLASSIC ? layout->classic.load_num / 2.0 / BUCKET_SLOTS
					   : 7.0 / 8;
}

double growing_key_bytes(const struct growing *g, const struct go_layout *layout)
{
	return g->map.bucket_sz / (double)BUCKET_SLOTS / (0.75 * most_load(layout));
}

/*
 * A map that grows by itself is at least half full after each growth, or nearly, if there were
 * deletes. One with more room than that once had more keys, or was made with a size.
 */
static bool has_room_from_before(const struct map_info *m, const struct go_layout *layout)
{
	uint64_t slots = map_slots(m);

	return slots > BUCKET_SLOTS &&
	       (double)m->live_keys < 0.7 * 0.5 * most_load(layout) * (double)slots;
}

bool growing_is_young(const struct growing *g)
{
	return (double)g->live_keys < g->keys_per_s * (double)LONG_GROWTH_NS / NS_PER_S;
}

const char *growing_doubt(const struct growing *g, const struct go_layout *layout,
			  uint64_t uptime_ns)
{
	double began_ns = (double)g->live_keys / g->keys_per_s * NS_PER_S;

	if (has_room_from_before(&g->map, layout))
		return "it fills room that it already has";
	if (began_ns < LONG_GROWTH_NS && began_ns < (double)uptime_ns / 4)
		return "it began a short while ago, and may be filled or replaced now and then";
	return NULL;
}
