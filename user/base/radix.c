// SPDX-License-Identifier: GPL-2.0-only
#include "base/radix.h"

#include <stdbool.h>
#include <string.h>

enum {
	DIGIT_BITS = 8,
	DIGITS = 1 << DIGIT_BITS,
	FEW = 24, /* so many are faster sorted one by one */
};

struct elems {
	size_t sz;
	size_t key_off;
};

static inline uint64_t key_of(const struct elems *e, const char *elem)
{
	uint64_t key;

	memcpy(&key, elem + e->key_off, sizeof(key));
	return key;
}

static inline unsigned int digit_of(const struct elems *e, const char *elem, unsigned int bit)
{
	return key_of(e, elem) >> bit & (DIGITS - 1);
}

static void insertion_sort(const struct elems *e, char *data, size_t n)
{
	char held[RADIX_ELEM_MAX];

	for (size_t i = 1; i < n; i++) {
		size_t to = i;
		uint64_t key = key_of(e, data + i * e->sz);

		while (to && key_of(e, data + (to - 1) * e->sz) > key)
			to--;
		if (to == i)
			continue;
		memcpy(held, data + i * e->sz, e->sz);
		memmove(data + (to + 1) * e->sz, data + to * e->sz, (i - to) * e->sz);
		memcpy(data + to * e->sz, held, e->sz);
	}
}

static inline void swap(const struct elems *e, char *a, char *b)
{
	char held[RADIX_ELEM_MAX];

	memcpy(held, a, e->sz);
	memcpy(a, b, e->sz);
	memcpy(b, held, e->sz);
}

/* Where the elements of each digit begin; the end of all is at[DIGITS]. */
static void count_digits(const struct elems *e, const char *data, size_t n, unsigned int bit,
			 size_t at[DIGITS + 1])
{
	memset(at, 0, (DIGITS + 1) * sizeof(*at));
	for (size_t i = 0; i < n; i++)
		at[digit_of(e, data + i * e->sz, bit) + 1]++;
	for (size_t d = 0; d < DIGITS; d++)
		at[d + 1] += at[d];
}

/* Moves each element to the part of its digit: what it takes the place of goes on. */
static void deal(const struct elems *e, char *data, unsigned int bit, const size_t at[DIGITS + 1])
{
	size_t next[DIGITS];

	memcpy(next, at, sizeof(next));
	for (size_t d = 0; d < DIGITS; d++)
		while (next[d] < at[d + 1]) {
			char *elem = data + next[d] * e->sz;
			unsigned int its = digit_of(e, elem, bit);

			if (its != d)
				swap(e, elem, data + next[its] * e->sz);
			next[its]++;
		}
}

/* By the digit at this bit, and all below it. */
static void sort_from(const struct elems *e, char *data, size_t n, unsigned int bit)
{
	size_t at[DIGITS + 1];

	if (n <= FEW) {
		insertion_sort(e, data, n);
		return;
	}
	count_digits(e, data, n, bit, at);
	deal(e, data, bit, at);
	for (size_t d = 0; bit && d < DIGITS; d++)
		if (at[d + 1] - at[d] > 1)
			sort_from(e, data + at[d] * e->sz, at[d + 1] - at[d], bit - DIGIT_BITS);
}

/* Bits in which some keys differ; *sorted_ret: they are in order. */
static uint64_t differences(const struct elems *e, const char *data, size_t n, bool *sorted_ret)
{
	uint64_t first = key_of(e, data), last = first, differ = 0;

	*sorted_ret = true;
	for (size_t i = 1; i < n; i++) {
		uint64_t key = key_of(e, data + i * e->sz);

		differ |= key ^ first;
		*sorted_ret &= last <= key;
		last = key;
	}
	return differ;
}

void radix_sort(void *data, size_t n, size_t elem_sz, size_t key_off)
{
	struct elems e = { elem_sz, key_off };
	bool sorted = true;
	uint64_t differ = n ? differences(&e, data, n, &sorted) : 0;

	if (!sorted)
		sort_from(&e, data, n, (63 - __builtin_clzll(differ)) / DIGIT_BITS * DIGIT_BITS);
}
