// SPDX-License-Identifier: GPL-2.0-only
#include "model/history.h"

#include <stdlib.h>

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

/* The history of a map, started when there is room; NULL when there is none. */
static struct err *history_of(struct history *h, uint64_t addr, struct map_history **ret)
{
	size_t i = table_get(&h->by_addr, addr);

	*ret = NULL;
	if (i == TABLE_NONE) {
		if (h->maps.len == HISTORY_MAPS_MAX)
			return NULL;
		i = h->maps.len;
		if (!vec_push(&h->maps, ((struct map_history){ .addr = addr })) ||
		    !table_put(&h->by_addr, addr, i))
			return err_nomem();
	}
	*ret = &h->maps.data[i];
	return NULL;
}

static int cmp_bytes_down(const void *a, const void *b)
{
	const struct map_info *x = *(const struct map_info *const *)a;
	const struct map_info *y = *(const struct map_info *const *)b;

	return x->table_bytes < y->table_bytes ? 1 : -(x->table_bytes > y->table_bytes);
}

struct err *history_add(struct history *h, const struct census *census)
{
	size_t n = census->maps.len;
	_cleanup_free_ const struct map_info **order = malloc((n + 1) * sizeof(*order));

	if (!order)
		return err_nomem();
	for (size_t i = 0; i < n; i++)
		order[i] = &census->maps.data[i];
	qsort(order, n, sizeof(*order), cmp_bytes_down);

	h->samples++;
	h->left_out = 0;
	for (size_t i = 0; i < n; i++) {
		struct map_history *mh;

		/* A header on a stack moves: its address is another map's next time. */
		if (!map_counts(order[i]) || order[i]->on_stack)
			continue;
		struct err *err = history_of(h, order[i]->addr, &mh);
		if (err)
			return err;
		if (mh)
			add_sample(mh, order[i]);
		else
			h->left_out++;
	}
	return NULL;
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
