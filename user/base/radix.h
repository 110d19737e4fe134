/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix.h - sorts elements of any type by a 64-bit field.
 *
 * Several times as fast as qsort() where there are thousands of them, and a million
 * need 16 MB beside themselves. The sort is stable.
 */
#ifndef MAPTRACE_BASE_RADIX_H
#define MAPTRACE_BASE_RADIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/* Working memory; sorting again takes no new one. */
struct radix {
	VEC(uint64_t) keys;
};

/* Sorts n elements by the uint64_t at key_off in each; false when out of memory. */
bool radix_sort(struct radix *r, void *data, size_t n, size_t elem_sz, size_t key_off);
void radix_fini(struct radix *r);

#endif
