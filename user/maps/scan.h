/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan.h - finds the objects of the heap that can be map headers.
 *
 * Headers are allocated one by one, in the size class of the header, and the
 * allocator notes which of their words are pointers. The runtime keeps these notes, and
 * the program cannot change them. So they reject nearly every look-alike before the
 * header itself is looked at.
 */
#ifndef MAPTRACE_MAPS_SCAN_H
#define MAPTRACE_MAPS_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"
#include "maps/candidate.h"

/* The spans that can have headers: indexes into heap->spans, ascending. */
struct header_spans {
	VEC(uint32_t) list;
	uint64_t object_cnt; /* allocated in them; as a rule there are not more maps than that */
};

/* Release with header_spans_fini(). */
struct err *header_spans_init(struct header_spans *hs, const struct heap *heap);
void header_spans_fini(struct header_spans *hs);

struct header_scan;

/* Prepares a scan of the heap through mem; heap, mem and ctx must outlive it. Several threads may
 * scan one heap, each with a scan and a mem of its own. Free with scan_free(). */
struct err *scan_new(const struct heap *heap, struct mem *mem, candidates_visit_fn visit, void *ctx,
		     struct header_scan **ret);
void scan_free(struct header_scan *s);

/* Visits every candidate in these spans, which are header spans, ascending by address. */
struct err *scan_spans(struct header_scan *s, const uint32_t *spans, size_t cnt);

#endif
