/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan.h - finds the objects of the heap that can be map headers.
 *
 * Headers are allocated one by one, in the size class of the header, and the
 * allocator notes which of their words are pointers. That pattern, kept by the
 * runtime and not by the program, rejects nearly every look-alike before the
 * header itself is looked at.
 */
#ifndef MAPTRACE_MAPS_SCAN_H
#define MAPTRACE_MAPS_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"

/* What a batch takes stays in the processor's cache. */
enum { SCAN_BATCH = 1024 };

struct candidate {
	uint64_t addr;
	bool garbage; /* not marked by the last GC, not swept yet */
	uint8_t on_stack; /* enum map_place; `goroutine` says whose */
	uint32_t goroutine;
	/* For the visitor. */
	bool moved; /* its header changed between two reads, or the heap since it was read */
	bool rewritten; /* its header changed between two reads */
	bool outdated; /* it leads to memory that is another span's than when the heap was read */
	bool misfit; /* no map by its last header */
	bool refused; /* its table was walked often enough, though no map was found with it */
	uint64_t found; /* keys in its tables at the last read, plus 1 */
	uint64_t stray; /* what it leads to, and the heap as it was read contradicts; or 0 */
	uint8_t header[MAP_HEADER_SZ_MAX];
};

/* Called with up to SCAN_BATCH candidates at a time. */
typedef struct err *(*scan_visit_fn)(void *ctx, struct candidate *cands, size_t cnt);

/* The spans in which headers can be: indexes into heap->spans, ascending. */
struct header_spans {
	VEC(uint32_t) list;
	uint64_t object_cnt; /* allocated in them: no fewer than there are maps, as a rule */
};

/* Release with header_spans_fini(). */
struct err *header_spans_init(struct header_spans *hs, const struct heap *heap);
void header_spans_fini(struct header_spans *hs);

struct scan;

/* A scan of the heap through mem, all of which outlive it. Several threads may scan one
 * heap, each with a scan and a mem of its own. Free with scan_free(). */
struct err *scan_new(const struct heap *heap, struct mem *mem, scan_visit_fn visit, void *ctx,
		     struct scan **ret);
void scan_free(struct scan *s);

/* Visits every candidate in these of the header spans, ascending by address. */
struct err *scan_spans(struct scan *s, const uint32_t *spans, size_t cnt);

#endif
