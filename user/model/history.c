// SPDX-License-Identifier: GPL-2.0-only
#include "model/history.h"

static unsigned int bin_of(uint64_t v)
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

/* The value seen last has lasted until now. */
static void histogram_pass(struct histogram *h, uint64_t now_ns)
{
	if (!h->since_ns || now_ns <= h->since_ns)
		return;
	h->ns[bin_of(h->now)] += now_ns - h->since_ns;
	h->since_ns = now_ns;
	if (h->now < h->min)
		h->min = h->now;
	if (h->now > h->max)
		h->max = h->now;
}

/* Records may come late: what has passed stays as it is. */
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

static void see_live_keys(struct map_history *mh, uint64_t v, uint64_t now_ns)
{
	histogram_see(&mh->live_keys, v, now_ns);
	if (v > mh->peak_live_keys)
		mh->peak_live_keys = v;
	if (mh->peak_live_keys - v > mh->fall_live_keys)
		mh->fall_live_keys = mh->peak_live_keys - v;
}

static void add_sample(struct map_history *mh, const struct map_info *m, uint64_t now_ns)
{
	if (!mh->samples++) {
		mh->first_live_keys = m->live_keys;
		mh->first_ns = now_ns;
	}
	mh->last_live_keys = m->live_keys;
	mh->last_ns = now_ns;
	see_live_keys(mh, m->live_keys, now_ns);
	histogram_see(&mh->buckets, m->buckets, now_ns);
	histogram_see(&mh->resident_bytes, m->resident_bytes, now_ns);
}

/* The largest maps that are not followed yet: a heap whose root is the smallest. */
struct newcomer {
	size_t row; /* of the census */
	uint64_t table_bytes;
};

struct newcomers {
	struct newcomer maps[HISTORY_MAPS_MAX];
	size_t len;
	size_t max;
	uint64_t left_out;
};

static bool is_smaller(const struct newcomers *n, size_t a, size_t b)
{
	return n->maps[a].table_bytes < n->maps[b].table_bytes;
}

static void newcomers_swap(struct newcomers *n, size_t a, size_t b)
{
	struct newcomer m = n->maps[a];

	n->maps[a] = n->maps[b];
	n->maps[b] = m;
}

static void sift_up(struct newcomers *n, size_t i)
{
	for (; i && is_smaller(n, i, (i - 1) / 2); i = (i - 1) / 2)
		newcomers_swap(n, i, (i - 1) / 2);
}

static void sift_down(struct newcomers *n, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < n->len; i = child) {
		child += child + 1 < n->len && is_smaller(n, child + 1, child);
		if (!is_smaller(n, child, i))
			return;
		newcomers_swap(n, i, child);
	}
}

static void consider(struct newcomers *n, struct newcomer m)
{
	if (n->len < n->max) {
		n->maps[n->len] = m;
		sift_up(n, n->len++);
		return;
	}
	n->left_out++;
	if (n->max && m.table_bytes > n->maps[0].table_bytes) {
		n->maps[0] = m;
		sift_down(n, 0);
	}
}

/* Starts the history of a map. */
static struct err *history_follow(struct history *h, const struct map_info *m, uint64_t now_ns)
{
	size_t i = h->maps.len;

	if (!vec_push(&h->maps, ((struct map_history){ .addr = m->addr })) ||
	    !table_put(&h->by_addr, m->addr, i))
		return err_nomem();
	add_sample(&h->maps.data[i], m, now_ns);
	return NULL;
}

struct err *history_add(struct history *h, const struct census *census, uint64_t now_ns)
{
	struct newcomers newcomers = { .max = HISTORY_MAPS_MAX - h->maps.len };
	struct err *err = NULL;

	for (size_t i = 0; i < census->maps.len; i++) {
		struct map_info m = census_map(census, i);

		/* A header on a stack moves: its address is another map's next time. */
		if (!map_counts(&m) || m.on_stack)
			continue;
		size_t at = table_get(&h->by_addr, m.addr);
		if (at != TABLE_NONE)
			add_sample(&h->maps.data[at], &m, now_ns);
		else
			consider(&newcomers, (struct newcomer){ i, m.table_bytes });
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

static struct map_history *followed(struct history *h, uint64_t addr)
{
	size_t i = table_get(&h->by_addr, addr);

	return i == TABLE_NONE ? NULL : &h->maps.data[i];
}

void history_live_keys(struct history *h, uint64_t addr, uint64_t live_keys, uint64_t now_ns)
{
	struct map_history *mh = followed(h, addr);

	if (mh)
		see_live_keys(mh, live_keys, now_ns);
}

void history_buckets(struct history *h, uint64_t addr, uint64_t buckets, uint64_t now_ns)
{
	struct map_history *mh = followed(h, addr);

	if (mh)
		histogram_see(&mh->buckets, buckets, now_ns);
}

void history_end(struct history *h, uint64_t now_ns)
{
	for (size_t i = 0; i < h->maps.len; i++) {
		if (h->maps.data[i].last_ns != h->last_ns)
			continue; /* the latest census lacks it: it is gone */
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
