// SPDX-License-Identifier: GPL-2.0-only
#include "heap/sizeclass.h"

#include "target/layout.h"

/* The same in all releases from 1.19 to 1.27 (go-runtime facts 4.5). */
static const uint16_t class_bytes[SIZECLASS_CNT] = {
	0,     8,     16,    24,    32,	   48,	  64,	 80,	96,    112,   128,   144,
	160,   176,   192,   208,   224,   240,	  256,	 288,	320,   352,   384,   416,
	448,   480,   512,   576,   640,   704,	  768,	 896,	1024,  1152,  1280,  1408,
	1536,  1792,  2048,  2304,  2688,  3072,  3200,	 3456,	4096,  4864,  5376,  6144,
	6528,  6784,  6912,  8192,  9472,  9728,  10240, 10880, 12288, 13568, 14336, 16384,
	18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
};

uint32_t sizeclass_bytes(unsigned int sizeclass)
{
	return sizeclass < SIZECLASS_CNT ? class_bytes[sizeclass] : 0;
}

unsigned int sizeclass_for(uint64_t sz)
{
	unsigned int lo = 1, hi = SIZECLASS_CNT;

	if (sz == 0 || sz > SIZECLASS_MAX_SZ)
		return 0;
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (class_bytes[mid] < sz)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* From 1.22 on the largest request for a class is 8 bytes below it, pointers or not
 * (S runtime/malloc.go: maxSmallSize - mallocHeaderSize). */
static uint64_t small_max(bool malloc_headers)
{
	return malloc_headers ? SIZECLASS_MAX_SZ - MALLOC_HEADER_SZ : SIZECLASS_MAX_SZ;
}

uint64_t alloc_header(uint64_t sz, bool noscan, bool malloc_headers)
{
	bool header = malloc_headers && !noscan && sz > MALLOC_HEADER_MIN;

	return header && sz <= small_max(malloc_headers) ? MALLOC_HEADER_SZ : 0;
}

uint64_t alloc_size(uint64_t sz, bool noscan, bool malloc_headers)
{
	if (sz == 0)
		return 0;
	if (sz > small_max(malloc_headers)) {
		if (sz > UINT64_MAX - GO_PAGE_SZ)
			return UINT64_MAX;
		return (sz + GO_PAGE_SZ - 1) / GO_PAGE_SZ * GO_PAGE_SZ;
	}
	return class_bytes[sizeclass_for(sz + alloc_header(sz, noscan, malloc_headers))];
}
