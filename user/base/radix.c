// SPDX-License-Identifier: GPL-2.0-only
#include "base/radix.h"

#include <stdbool.h>
#include <string.h>

enum {
	DIGIT_BITS = 8,
	DIGITS = 1 << DIGIT_BITS,
	FEW = 16, /* that few elements are sorted faster by insertion */
};

struct elems {
	size_t sz;
	size_t key_off;
};

static inline uint64_t radix_key(const struct elems *e, const char *elem)
{
	uint64_t key;

	memcpy(&key, elem + e->key_off, sizeof(key));
	return key;
}

/* A digit: some adjacent bits of the key. */
struct digit {
	unsigned int bit; /* the lowest of them */
	unsigned int cnt; /* number of its values: a power of two, at most DIGITS */
};

static inline unsigned int radix_digit(const struct elems *e, const char *elem, struct digit digit)
{
	return radix_key(e, elem) >> digit.bit & (digit.cnt - 1);
}

/* Copies word by word: a call of memcpy() takes longer for elements this small. */
static inline void radix_copy(const struct elems *e, char *to, const char *from)
{
	for (size_t off = 0; off < e->sz; off += sizeof(uint64_t))
		memcpy(to + off, from + off, sizeof(uint64_t));
}

static void radix_insertion_sort(const struct elems *e, char *data, size_t n)
{
	char held[RADIX_ELEM_MAX];

	for (size_t i = 1; i < n; i++) {
		size_t to = i;
		uint64_t key = radix_key(e, data + i * e->sz);

		radix_copy(e, held, data + i * e->sz);
		for (; to && radix_key(e, data + (to - 1) * e->sz) > key; to--)
			radix_copy(e, data + to * e->sz, data + (to - 1) * e->sz);
		if (to < i)
			radix_copy(e, data + to * e->sz, held);
	}
}

static inline void radix_swap(const struct elems *e, char *a, char *b)
{
	char held[RADIX_ELEM_MAX];

	radix_copy(e, held, a);
	radix_copy(e, a, b);
	radix_copy(e, b, held);
}

/* Finds where the elements of each digit begin; at[digit.cnt] is the end of all. */
static void radix_count_digits(const struct elems *e, const char *data, size_t n,
			       struct digit digit, size_t at[DIGITS + 1])
{
	memset(at, 0, (digit.cnt + 1) * sizeof(*at));
	for (size_t i = 0; i < n; i++)
		at[radix_digit(e, data + i * e->sz, digit) + 1]++;
	for (size_t d = 0; d < digit.cnt; d++)
		at[d + 1] += at[d];
}

/* Moves each element to the part of its digit. The element that was in its place goes on to its
 * own part, and so on. */
static void radix_deal(const struct elems *e, char *data, struct digit digit,
		       const size_t at[DIGITS + 1])
{
	size_t next[DIGITS];

	memcpy(next, at, digit.cnt * sizeof(*next));
	for (size_t d = 0; d < digit.cnt; d++)
		while (next[d] < at[d + 1]) {
			char *elem = data + next[d] * e->sz;
			unsigned int its = radix_digit(e, elem, digit);

			if (its != d)
				radix_swap(e, elem, data + next[its] * e->sz);
			next[its]++;
		}
}

/* Finds the bits in which some keys differ. *sorted_ret says whether the keys are in order. */
static uint64_t radix_differences(const struct elems *e, const char *data, size_t n,
				  bool *sorted_ret)
{
	uint64_t first = radix_key(e, data), last = first, differ = 0;

	*sorted_ret = true;
	for (size_t i = 1; i < n; i++) {
		uint64_t key = radix_key(e, data + i * e->sz);

		differ |= key ^ first;
		*sorted_ret &= last <= key;
		last = key;
	}
	return differ;
}

/* Chooses the highest bits in which keys differ: enough for about as many values as there are
 * elements. */
static struct digit radix_choose_digit(uint64_t differ, size_t n)
{
	unsigned int high = 64 - __builtin_clzll(differ), most = 63 - __builtin_clzll(n);
	unsigned int bits = most < DIGIT_BITS ? most : DIGIT_BITS;

	if (bits > high)
		bits = high;
	return (struct digit){ high - bits, 1u << bits };
}

/* Each call sorts by lower bits than its caller, so the recursion ends. */
static void radix_sort_range(const struct elems *e, char *data, size_t n)
{
	size_t at[DIGITS + 1];
	bool sorted;

	if (n <= FEW) {
		radix_insertion_sort(e, data, n);
		return;
	}
	uint64_t differ = radix_differences(e, data, n, &sorted);
	if (sorted)
		return;
	struct digit digit = radix_choose_digit(differ, n);

	radix_count_digits(e, data, n, digit, at);
	radix_deal(e, data, digit, at);
	for (size_t d = 0; d < digit.cnt; d++)
		if (at[d + 1] - at[d] > 1)
			radix_sort_range(e, data + at[d] * e->sz, at[d + 1] - at[d]);
}

void radix_sort(void *data, size_t n, size_t elem_sz, size_t key_off)
{
	struct elems e = { elem_sz, key_off };

	radix_sort_range(&e, data, n);
}
