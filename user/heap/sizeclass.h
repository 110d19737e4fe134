/* SPDX-License-Identifier: GPL-2.0-only */
/* sizeclass.h - how many bytes Go's allocator takes for a request. */
#ifndef MAPTRACE_HEAP_SIZECLASS_H
#define MAPTRACE_HEAP_SIZECLASS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SIZECLASS_CNT = 68,
	SIZECLASS_MAX_SZ = 32768,
	/* With malloc headers (Go 1.22 and later), objects with pointers above this size start
	 * with an 8-byte type word. */
	MALLOC_HEADER_SZ = 8,
	MALLOC_HEADER_MIN = 512,
};

/* Bytes of an object of the class; 0 for class 0 (large objects). All releases from 1.19 to 1.27
 * have the same (go-runtime facts 4.5). */
static inline uint32_t sizeclass_bytes(unsigned int sizeclass)
{
	static const uint16_t bytes[SIZECLASS_CNT] = {
		0,     8,     16,    24,    32,	   48,	  64,	 80,	96,    112,   128,   144,
		160,   176,   192,   208,   224,   240,	  256,	 288,	320,   352,   384,   416,
		448,   480,   512,   576,   640,   704,	  768,	 896,	1024,  1152,  1280,  1408,
		1536,  1792,  2048,  2304,  2688,  3072,  3200,	 3456,	4096,  4864,  5376,  6144,
		6528,  6784,  6912,  8192,  9472,  9728,  10240, 10880, 12288, 13568, 14336, 16384,
		18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
	};

	return sizeclass < SIZECLASS_CNT ? bytes[sizeclass] : 0;
}

/* Pages of a span of the class; 0 for class 0. All those releases have the same, too (Go source:
 * runtime/sizeclasses.go class_to_allocnpages). */
static inline uint32_t sizeclass_pages(unsigned int sizeclass)
{
	static const uint8_t pages[SIZECLASS_CNT] = {
		0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 2, 1, 2, 1, 3, 2,  3, 1, 3,
		2, 3, 4, 5, 6, 1, 7, 6, 5, 4, 3, 5, 7, 2, 9, 7, 5, 8, 3, 10, 7, 4,
	};

	return sizeclass < SIZECLASS_CNT ? pages[sizeclass] : 0;
}

/*
 * The slot that the byte at this offset of a span of the class is in. It multiplies by the
 * reciprocal, because a division takes as long as the rest of a look-up. Rounding the reciprocal
 * up is right for every offset that a span has (tests/unit/test_sizeclass.c tries all).
 */
static inline uint32_t sizeclass_slot(unsigned int sizeclass, uint32_t off)
{
#define R(bytes) (UINT32_MAX / (bytes) + 1)
	static const uint32_t reciprocals[SIZECLASS_CNT] = {
		0,	  R(8),	    R(16),    R(24),	R(32),	  R(48),    R(64),    R(80),
		R(96),	  R(112),   R(128),   R(144),	R(160),	  R(176),   R(192),   R(208),
		R(224),	  R(240),   R(256),   R(288),	R(320),	  R(352),   R(384),   R(416),
		R(448),	  R(480),   R(512),   R(576),	R(640),	  R(704),   R(768),   R(896),
		R(1024),  R(1152),  R(1280),  R(1408),	R(1536),  R(1792),  R(2048),  R(2304),
		R(2688),  R(3072),  R(3200),  R(3456),	R(4096),  R(4864),  R(5376),  R(6144),
		R(6528),  R(6784),  R(6912),  R(8192),	R(9472),  R(9728),  R(10240), R(10880),
		R(12288), R(13568), R(14336), R(16384), R(18432), R(19072), R(20480), R(21760),
		R(24576), R(27264), R(28672), R(32768),
	};
#undef R

	return sizeclass < SIZECLASS_CNT ? (uint64_t)off * reciprocals[sizeclass] >> 32 : 0;
}

/* The class that holds objects of sz bytes, or 0 when none does. */
unsigned int sizeclass_for(uint64_t sz);

/*
 * The bytes that the heap takes for a request, including the malloc header: a size class, or
 * whole pages. 0 stays 0. malloc_headers: Go 1.22 and later.
 */
uint64_t alloc_size(uint64_t sz, bool noscan, bool malloc_headers);

/* The bytes of the malloc header in that. */
uint64_t alloc_header(uint64_t sz, bool noscan, bool malloc_headers);

#endif
