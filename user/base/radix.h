/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix.h - sorts elements of any type by a 64-bit field.
 *
 * It is several times as fast as qsort() for thousands of elements. It sorts in place: a million
 * elements take no memory besides themselves. Elements with equal keys end up in any order.
 */
#ifndef MAPTRACE_BASE_RADIX_H
#define MAPTRACE_BASE_RADIX_H

#include <stddef.h>
#include <stdint.h>

/* Sorts n elements by the uint64_t at key_off in each. Their size is a multiple of 8 bytes and at
 * most RADIX_ELEM_MAX. */
enum { RADIX_ELEM_MAX = 64 };
void radix_sort(void *data, size_t n, size_t elem_sz, size_t key_off);

#endif
