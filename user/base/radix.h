/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix.h - sorts elements of any type by a 64-bit field.
 *
 * Several times as fast as qsort() where there are thousands of them, and in place: a
 * million elements take no memory beside themselves. Equal ones end in any order.
 */
#ifndef MAPTRACE_BASE_RADIX_H
#define MAPTRACE_BASE_RADIX_H

#include <stddef.h>
#include <stdint.h>

/* Sorts n elements by the uint64_t at key_off in each. They have a multiple of 8 bytes, at
 * most RADIX_ELEM_MAX. */
enum { RADIX_ELEM_MAX = 64 };
void radix_sort(void *data, size_t n, size_t elem_sz, size_t key_off);

#endif
