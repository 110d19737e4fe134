/* SPDX-License-Identifier: GPL-2.0-only */
/* sizeclass.h - how many bytes Go's allocator takes for a request. */
#ifndef MAPTRACE_HEAP_SIZECLASS_H
#define MAPTRACE_HEAP_SIZECLASS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SIZECLASS_CNT = 68,
	SIZECLASS_MAX_SZ = 32768,
	/* With malloc headers (Go 1.22), objects with pointers above this size start
	 * with an 8-byte type word. */
	MALLOC_HEADER_SZ = 8,
	MALLOC_HEADER_MIN = 512,
};

/* Bytes of an object of the class; 0 for class 0 (large objects). */
uint32_t sizeclass_bytes(unsigned int sizeclass);

/* The class that holds objects of sz bytes, or 0 when none does. */
unsigned int sizeclass_for(uint64_t sz);

/*
 * The bytes that the heap takes for a request, the malloc header included:
 * a size class, or whole pages. 0 stays 0. malloc_headers: Go 1.22 and later.
 */
uint64_t alloc_size(uint64_t sz, bool noscan, bool malloc_headers);

/* The malloc header's share of that. */
uint64_t alloc_header(uint64_t sz, bool noscan, bool malloc_headers);

#endif
