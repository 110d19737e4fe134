// SPDX-License-Identifier: GPL-2.0-only
/* Compared with qsort(), for keys of all widths. */
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
		/* Each element is there once, and complete. */
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

/* ---- Elements of many sizes ---- */

/* Makes all bytes besides the key depend on the key and on their place. */
static void fill(uint8_t *elem, size_t sz, size_t key_off, uint64_t key)
{
	for (size_t i = 0; i < sz; i++)
		elem[i] = (uint8_t)(key * 31 >> i % 40) + i;
	memcpy(elem + key_off, &key, sizeof(key));
}

static void check_size(size_t sz, size_t key_off, size_t n, uint64_t *random)
{
	uint8_t wanted[RADIX_ELEM_MAX], *data = malloc(n * sz);
	uint64_t last = 0, sum = 0, key;

	assert_non_null(data);
	for (size_t i = 0; i < n; i++) {
		key = next_random(random) >> (i % 2 ? 30 : 0);
		sum += key * key;
		fill(data + i * sz, sz, key_off, key);
	}
	radix_sort(data, n, sz, key_off);
	for (size_t i = 0; i < n; i++) {
		memcpy(&key, data + i * sz + key_off, sizeof(key));
		fill(wanted, sz, key_off, key);
		assert_memory_equal(data + i * sz, wanted, sz);
		assert_true(last <= key);
		last = key;
		sum -= key * key;
	}
	assert_true(sum == 0);
	free(data);
}

static void elements_of_many_sizes(void **state)
{
	uint64_t random = 7;

	(void)state;
	for (size_t sz = sizeof(uint64_t); sz <= RADIX_ELEM_MAX; sz += sizeof(uint64_t))
		for (size_t n = 10; n <= 1000; n *= 10) {
			check_size(sz, 0, n, &random);
			check_size(sz, sz - sizeof(uint64_t), n, &random);
		}
}

/* An empty vector is NULL. */
static void nothing_needs_no_memory(void **state)
{
	(void)state;
	radix_sort(NULL, 0, sizeof(struct elem), offsetof(struct elem, key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_like_qsort),
		cmocka_unit_test(keys_may_be_equal_sorted_or_backwards),
		cmocka_unit_test(elements_of_many_sizes),
		cmocka_unit_test(nothing_needs_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
