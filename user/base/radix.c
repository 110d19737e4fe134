// SPDX-License-Identifier: GPL-2.0-only
#include "base/radix.h"

#include <alloca.h>
#include <string.h>

enum { DIGITS = 256 };

struct elems {
	char *data;
	size_t n;
	size_t elem_sz;
	size_t key_off;
};

static uint64_t key_of(const struct elems *e, size_t i)
{
	uint64_t key;

	memcpy(&key, e->data + i * e->elem_sz + e->key_off, sizeof(key));
	return key;
}

static bool is_sorted(const struct elems *e)
{
	for (size_t i = 1; i < e->n; i++)
		if (key_of(e, i - 1) > key_of(e, i))
			return false;
	return true;
}

static unsigned int bits_of(uint64_t v)
{
	return v ? 64 - __builtin_clzll(v) : 0;
}

/* One pass, by the byte at this bit; false when all have the same, and nothing moved. */
static bool sort_by_byte(const uint64_t *from, uint64_t *to, size_t n, unsigned int bit)
{
	size_t at[DIGITS] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[from[i] >> bit & 0xff]++;
	if (at[from[0] >> bit & 0xff] == n)
		return false;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t cnt = at[d];

		at[d] = sum;
		sum += cnt;
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i] >> bit & 0xff]++] = from[i];
	return true;
}

/* Moves each element to its place: order[i] is where the i-th was. */
static void permute(const struct elems *e, uint64_t *order)
{
	char *held = alloca(e->elem_sz), *data = e->data;
	size_t sz = e->elem_sz;

	for (size_t i = 0; i < e->n; i++) {
		size_t to = i, from = order[i];

		if (from == i)
			continue;
		memcpy(held, data + i * sz, sz);
		for (; from != i; from = order[to]) {
			memcpy(data + to * sz, data + from * sz, sz);
			order[to] = to;
			to = from;
		}
		memcpy(data + to * sz, held, sz);
		order[to] = to;
	}
}

/*
 * Keys are distances to the lowest one. As many of their low bits as fit are sorted at
 * a time, above the index, which is in order from the start; the rest in a second turn.
 */
bool radix_sort(struct radix *r, void *data, size_t n, size_t elem_sz, size_t key_off)
{
	struct elems e = { data, n, elem_sz, key_off };
	uint64_t low = UINT64_MAX, high = 0;

	if (is_sorted(&e))
		return true;
	if (!vec_reserve(&r->keys, 2 * n))
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t key = key_of(&e, i);

		low = key < low ? key : low;
		high = key > high ? key : high;
	}

	unsigned int index_bits = bits_of(n - 1), fit = 64 - index_bits;
	uint64_t index_mask = (1ull << index_bits) - 1;
	unsigned int key_bits = bits_of(high - low);
	for (unsigned int done = 0; done < key_bits; done += fit) {
		uint64_t *keys = r->keys.data, *other = keys + n;

		for (size_t i = 0; i < n; i++)
			keys[i] = (key_of(&e, i) - low) >> done << index_bits | i;
		for (unsigned int bit = index_bits; bit < 64 && bit - index_bits < key_bits - done;
		     bit += 8) {
			uint64_t *sorted = other;

			if (!sort_by_byte(keys, sorted, n, bit))
				continue;
			other = keys;
			keys = sorted;
		}
		for (size_t i = 0; i < n; i++)
			keys[i] &= index_mask;
		permute(&e, keys);
	}
	return true;
}

void radix_fini(struct radix *r)
{
	vec_fini(&r->keys);
}
