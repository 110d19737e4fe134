// SPDX-License-Identifier: GPL-2.0-only
#include "heap/sizeclass.h"

#include "process/layout.h"

unsigned int sizeclass_for(uint64_t sz)
{
	unsigned int lo = 1, hi = SIZECLASS_CNT;

	if (sz == 0 || sz > SIZECLASS_MAX_SZ)
		return 0;
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (sizeclass_bytes(mid) < sz)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* From 1.22 on, the largest request for a class is 8 bytes below the class, with or without
 * pointers (Go source: runtime/malloc.go, maxSmallSize - mallocHeaderSize). */
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
	return sizeclass_bytes(sizeclass_for(sz + alloc_header(sz, noscan, malloc_headers)));
}
