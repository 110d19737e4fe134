// SPDX-License-Identifier: GPL-2.0-only
#include "model/history.h"

static unsigned int bin_of(uint64_t v)
{
	return v ? 64 - __builtin_clzll(v) : 0;
}

uint64_t histogram_bin_low(unsigned int bin)
{
	return bin ? 1ull << (bin - 1) : 0;
}

uint64_t histogram_bin_high(unsigned int bin)
{
	return bin == 64 ? UINT64_MAX : 1ull << bin;
}

static void histogram_add(struct histogram *h, uint64_t v, bool first)
{
	uint16_t *bin = &h->bins[bin_of(v)];

	*bin += *bin < UINT16_MAX;
	if (first || v < h->min)
		h->min = v;
	if (first || v > h->max)
		h->max = v;
}

static void add_sample(struct map_history *mh, const struct map_info *m)
{
	bool first = mh->samples == 0;

	if (first)
		mh->first_live_keys = m->live_keys;
	mh->last_live_keys = m->live_keys;
	histogram_add(&mh->live_keys, m->live_keys, first);
	histogram_add(&mh->buckets, m->buckets, first);
	histogram_add(&mh->resident_bytes, m->resident_bytes, first);
	mh->samples++;
}

/* The largest maps that are not followed yet: a heap whose root is the smallest. */
struct newcomers {
	const struct map_info *maps[HISTORY_MAPS_MAX];
	size_t len;
	size_t max;
	uint64_t left_out;
};

static bool is_smaller(const struct newcomers *n, size_t a, size_t b)
{
	return n->maps[a]->table_bytes < n->maps[b]->table_bytes;
}

static void swap(struct newcomers *n, size_t a, size_t b)
{
	const struct map_info *m = n->maps[a];

	n->maps[a] = n->maps[b];
	n->maps[b] = m;
}

static void sift_up(struct newcomers *n, size_t i)
{
	for (; i && is_smaller(n, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(n, i, (i - 1) / 2);
}

static void sift_down(struct newcomers *n, size_t i)
{
	for (size_t child; (child = 2 * i + 1) < n->len; i = child) {
		child += child + 1 < n->len && is_smaller(n, child + 1, child);
		if (!is_smaller(n, child, i))
			return;
		swap(n, i, child);
	}
}

static void consider(struct newcomers *n, const struct map_info *m)
{
	if (n->len < n->max) {
		n->maps[n->len] = m;
		sift_up(n, n->len++);
		return;
	}
	n->left_out++;
	if (n->max && m->table_bytes > n->maps[0]->table_bytes) {
		n->maps[0] = m;
		sift_down(n, 0);
	}
}

/* Starts the history of a map. */
static struct err *follow(struct history *h, const struct map_info *m)
{
	size_t i = h->maps.len;

	if (!vec_push(&h->maps, ((struct map_history){ .addr = m->addr })) ||
	    !table_put(&h->by_addr, m->addr, i))
		return err_nomem();
	add_sample(&h->maps.data[i], m);
	return NULL;
}

struct err *history_add(struct history *h, const struct census *census)
{
	struct newcomers newcomers = { .max = HISTORY_MAPS_MAX - h->maps.len };
	struct err *err = NULL;

	for (size_t i = 0; i < census->maps.len; i++) {
		const struct map_info *m = &census->maps.data[i];

		/* A header on a stack moves: its address is another map's next time. */
		if (!map_counts(m) || m->on_stack)
			continue;
		size_t at = table_get(&h->by_addr, m->addr);
		if (at != TABLE_NONE)
			add_sample(&h->maps.data[at], m);
		else
			consider(&newcomers, m);
	}
	for (size_t i = 0; !err && i < newcomers.len; i++)
		err = follow(h, newcomers.maps[i]);
	h->samples++;
	h->left_out = newcomers.left_out;
	return err;
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
