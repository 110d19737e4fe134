// SPDX-License-Identifier: GPL-2.0-only
/* Against qsort(), with keys of all widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/radix.h"

struct elem {
	uint32_t index;
	uint64_t key;
	uint8_t more[9];
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int cmp(const void *a, const void *b)
{
	const struct elem *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

enum { MAX = 5000 };

static bool seen[MAX];
static uint64_t keys[MAX];

static void check(struct elem *elems, struct elem *expected, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		elems[i].index = i;
		elems[i].more[8] = i;
		keys[i] = elems[i].key;
		expected[i] = elems[i];
	}
	if (n)
		qsort(expected, n, sizeof(*expected), cmp);
	radix_sort(elems, n, sizeof(*elems), offsetof(struct elem, key));
	memset(seen, false, n);
	for (size_t i = 0; i < n; i++) {
		assert_true(elems[i].key == expected[i].key);
		assert_int_equal(elems[i].more[8], (uint8_t)elems[i].index);
		/* Each element once, whole. */
		assert_true(elems[i].index < n && !seen[elems[i].index]);
		assert_true(keys[elems[i].index] == elems[i].key);
		seen[elems[i].index] = true;
	}
}

static void sorts_like_qsort(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 3, 255, 256, 257, 1024, MAX };
	static struct elem elems[MAX], expected[MAX];
	uint64_t random = 42;

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		for (unsigned int bits = 1; bits <= 64; bits++) {
			for (size_t i = 0; i < counts[c]; i++)
				elems[i].key = next_random(&random) >> (64 - bits);
			check(elems, expected, counts[c]);
			for (size_t i = 0; i < counts[c]; i++)
				elems[i].key = UINT64_MAX - (next_random(&random) >> (64 - bits));
			check(elems, expected, counts[c]);
		}
}

static void keys_may_be_equal_sorted_or_backwards(void **state)
{
	enum { N = 3000 };
	static struct elem elems[N], expected[N];

	(void)state;
	for (int i = 0; i < N; i++)
		elems[i].key = 7;
	check(elems, expected, N);
	for (int i = 0; i < N; i++)
		elems[i].key = i;
	check(elems, expected, N);
	for (int i = 0; i < N; i++)
		elems[i].key = (uint64_t)(N - i) << 40;
	check(elems, expected, N);
	for (int i = 0; i < N; i++)
		elems[i].key = i % 2 ? UINT64_MAX : 0;
	check(elems, expected, N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_like_qsort),
		cmocka_unit_test(keys_may_be_equal_sorted_or_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
