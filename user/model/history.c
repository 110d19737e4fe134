// SPDX-License-Identifier: GPL-2.0-only
#include "model/history.h"

static unsigned int histogram_bin_of(uint64_t v)
{
	unsigned int bin = v ? 64 - __builtin_clzll(v) : 0;

	return bin < HISTORY_BINS ? bin : HISTORY_BINS - 1;
}

uint64_t histogram_bin_low(unsigned int bin)
{
	return bin ? 1ull << (bin - 1) : 0;
}

uint64_t histogram_bin_high(unsigned int bin)
{
	return bin == HISTORY_BINS - 1 ? UINT64_MAX : 1ull << bin;
}

uint64_t histogram_total_ns(const struct histogram *h)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < HISTORY_BINS; i++)
		sum += h->ns[i];
	return sum;
}

/* Adds the time from since_ns until now to the bin of the value that was seen last. */
static void histogram_pass(struct histogram *h, uint64_t now_ns)
{
	if (!h->since_ns || now_ns <= h->since_ns)
		return;
	h->ns[histogram_bin_of(h->now)] += now_ns - h->since_ns;
	h->since_ns = now_ns;
	if (h->now < h->min)
		h->min = h->now;
	if (h->now > h->max)
		h->max = h->now;
}

/* Notes that the value is v from now_ns on. Records may come out of order: one that is older than
 * the latest value is ignored. */
static void histogram_see(struct histogram *h, uint64_t v, uint64_t now_ns)
{
	if (now_ns < h->since_ns)
		return;
	histogram_pass(h, now_ns);
	if (!h->since_ns)
		h->min = h->max = v;
	h->since_ns = now_ns;
	h->now = v;
}

static void history_see_live_keys(struct map_history *mh, uint64_t v, uint64_t now_ns)
{
	histogram_see(&mh->live_keys, v, now_ns);
	if (v > mh->peak_live_keys)
		mh->peak_live_keys = v;
	if (mh->peak_live_keys - v > mh->fall_live_keys)
		mh->fall_live_keys = mh->peak_live_keys - v;
}

/* ---- points ---- */

/* Drops every second point, so that the rest is evenly spread. */
static void history_thin_out(struct history *h)
{
	for (uint32_t p = 0; p < HISTORY_POINTS / 2; p++)
		h->point_ns[p] = h->point_ns[2 * p];
	for (size_t i = 0; i < h->maps.len; i++)
		for (uint32_t p = 0; p < HISTORY_POINTS / 2; p++)
			h->maps.data[i].points[p] = h->maps.data[i].points[2 * p];
	h->point_cnt = HISTORY_POINTS / 2;
	h->point_stride *= 2;
}

/* Begins a point, if the census that comes now is one. No map has a value there yet. */
static void history_begin_point(struct history *h, uint64_t now_ns)
{
	if (!h->point_stride)
		h->point_stride = 1;
	if (h->samples % h->point_stride)
		return;
	if (h->point_cnt == HISTORY_POINTS)
		history_thin_out(h);
	if (h->samples % h->point_stride)
		return;
	for (size_t i = 0; i < h->maps.len; i++)
		h->maps.data[i].points[h->point_cnt] = HISTORY_UNSEEN;
	h->point_ns[h->point_cnt++] = now_ns;
}

/* The point that the census of this moment is; NULL: it is none. */
static uint64_t *history_point(struct history *h, struct map_history *mh, uint64_t now_ns)
{
	uint32_t cnt = h->point_cnt;

	return cnt && h->point_ns[cnt - 1] == now_ns ? &mh->points[cnt - 1] : NULL;
}

static void history_add_sample(struct history *h, struct map_history *mh, const struct map_info *m,
			       uint64_t now_ns)
{
	uint64_t *point = history_point(h, mh, now_ns);

	if (point)
		*point = m->live_keys;
	if (!mh->samples++) {
		mh->first_live_keys = m->live_keys;
		mh->first_ns = now_ns;
	}
	mh->last_live_keys = m->live_keys;
	mh->last_ns = now_ns;
	history_see_live_keys(mh, m->live_keys, now_ns);
	histogram_see(&mh->buckets, m->buckets, now_ns);
	histogram_see(&mh->resident_bytes, m->resident_bytes, now_ns);
}

/* A newcomer is a map of the latest census that is not history_followed yet. */
struct newcomer {
	size_t row; /* of the census */
	uint64_t table_bytes;
};

/* The largest newcomers: a binary heap whose root is the smallest of them. */
struct newcomers {
	struct newcomer maps[HISTORY_MAPS_MAX];
	size_t len;
	size_t max; /* how many more maps can be history_followed */
	uint64_t left_out; /* newcomers that are not in the heap */
};

static bool newcomers_smaller(const struct newcomers *n, size_t a, size_t b)
{
	return n->maps[a].table_bytes < n->maps[b].table_bytes;
}

static void newcomers_swap(struct newcomers *n, size_t a, size_t b)
{
	struct newcomer m = n->maps[a];

	n->maps[a] = n->maps[b];
	n->maps[b] = m;
}

static void newcomers_sift_up(struct newcomers *n, size_t i)
{
	for (; i && newcomers_smaller(n, i, (i - 1) / 2); i = (i - 1) / 2)
		newcomers_swap(n, i, (i - 1) / 2);
}

static void newcomers_sift_down(struct newcomers *n, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < n->len; i = child) {
		child += child + 1 < n->len && newcomers_smaller(n, child + 1, child);
		if (!newcomers_smaller(n, child, i))
			return;
		newcomers_swap(n, i, child);
	}
}

static void newcomers_consider(struct newcomers *n, struct newcomer m)
{
	if (n->len < n->max) {
		n->maps[n->len] = m;
		newcomers_sift_up(n, n->len++);
		return;
	}
	n->left_out++;
	if (n->max && m.table_bytes > n->maps[0].table_bytes) {
		n->maps[0] = m;
		newcomers_sift_down(n, 0);
	}
}

/* Starts the history of a map. */
static struct err *history_follow(struct history *h, const struct map_info *m, uint64_t now_ns)
{
	size_t i = h->maps.len;
	struct map_history mh = { .addr = m->addr };

	for (int p = 0; p < HISTORY_POINTS; p++)
		mh.points[p] = HISTORY_UNSEEN;
	if (!vec_push(&h->maps, mh) || !table_put(&h->by_addr, m->addr, i))
		return err_nomem();
	history_add_sample(h, &h->maps.data[i], m, now_ns);
	return NULL;
}

struct err *history_add(struct history *h, const struct census *census, uint64_t now_ns)
{
	struct newcomers newcomers = { .max = HISTORY_MAPS_MAX - h->maps.len };
	struct err *err = NULL;

	history_begin_point(h, now_ns);
	for (size_t i = 0; i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);

		/* A header on a stack moves: next time another map may be at its address. */
		if (!map_counts(&m) || m.on_stack)
			continue;
		size_t at = table_get(&h->by_addr, m.addr);
		if (at != TABLE_NONE)
			history_add_sample(h, &h->maps.data[at], &m, now_ns);
		else
			newcomers_consider(&newcomers, (struct newcomer){ i, m.table_bytes });
	}
	for (size_t i = 0; !err && i < newcomers.len; i++) {
		struct map_info m = census_map(census, newcomers.maps[i].row);

		err = history_follow(h, &m, now_ns);
	}
	h->samples++;
	h->last_ns = now_ns;
	h->left_out = newcomers.left_out;
	return err;
}

static struct map_history *history_followed(struct history *h, uint64_t addr)
{
	size_t i = table_get(&h->by_addr, addr);

	return i == TABLE_NONE ? NULL : &h->maps.data[i];
}

void history_live_keys(struct history *h, uint64_t addr, uint64_t live_keys, uint64_t now_ns)
{
	struct map_history *mh = history_followed(h, addr);

	if (mh)
		history_see_live_keys(mh, live_keys, now_ns);
}

void history_buckets(struct history *h, uint64_t addr, uint64_t buckets, uint64_t now_ns)
{
	struct map_history *mh = history_followed(h, addr);

	if (mh)
		histogram_see(&mh->buckets, buckets, now_ns);
}

void history_end(struct history *h, uint64_t now_ns)
{
	for (size_t i = 0; i < h->maps.len; i++) {
		if (h->maps.data[i].last_ns != h->last_ns)
			continue; /* it is not in the latest census, so it is gone */
		histogram_pass(&h->maps.data[i].live_keys, now_ns);
		histogram_pass(&h->maps.data[i].buckets, now_ns);
		histogram_pass(&h->maps.data[i].resident_bytes, now_ns);
	}
}

void history_fini(struct history *h)
{
	vec_fini(&h->maps);
	table_fini(&h->by_addr);
}

const struct map_history *history_find(const struct history *h, uint64_t addr)
{
	size_t i = table_get(&h->by_addr, addr);

	return i == TABLE_NONE ? NULL : &h->maps.data[i];
}
