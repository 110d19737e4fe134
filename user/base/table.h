/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.h - a hash table from a 64-bit key to an index, with open addressing.
 *
 * The caller keeps the values in a vector; the table finds their index in it.
 */
#ifndef MAPTRACE_BASE_TABLE_H
#define MAPTRACE_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define TABLE_NONE SIZE_MAX

struct table_slot {
	uint64_t key;
	size_t index_plus_1; /* 0: empty */
};

struct table {
	struct table_slot *slots;
	size_t cap; /* a power of two */
	size_t len;
};

static inline size_t table_home(const struct table *t, uint64_t key)
{
	return (key * 0x9e3779b97f4a7c15 >> 20) & (t->cap - 1);
}

/* Returns the index stored for key, or TABLE_NONE. */
static inline size_t table_get(const struct table *t, uint64_t key)
{
	if (!t->cap)
		return TABLE_NONE;
	for (size_t i = table_home(t, key);; i = (i + 1) & (t->cap - 1)) {
		if (!t->slots[i].index_plus_1)
			return TABLE_NONE;
		if (t->slots[i].key == key)
			return t->slots[i].index_plus_1 - 1;
	}
}

static inline bool table_grow(struct table *t)
{
	struct table bigger = { .cap = t->cap ? 2 * t->cap : 64, .len = t->len };

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < t->cap; i++) {
		if (!t->slots[i].index_plus_1)
			continue;
		size_t at = table_home(&bigger, t->slots[i].key);
		while (bigger.slots[at].index_plus_1)
			at = (at + 1) & (bigger.cap - 1);
		bigger.slots[at] = t->slots[i];
	}
	free(t->slots);
	*t = bigger;
	return true;
}

/* Stores an index for a key that is not in the table yet; false when out of memory. */
static inline bool table_put(struct table *t, uint64_t key, size_t index)
{
	if (4 * (t->len + 1) > 3 * t->cap && !table_grow(t))
		return false;
	size_t at = table_home(t, key);
	while (t->slots[at].index_plus_1)
		at = (at + 1) & (t->cap - 1);
	t->slots[at] = (struct table_slot){ key, index + 1 };
	t->len++;
	return true;
}

static inline void table_fini(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

#endif
