/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * specials.h - what the runtime notes about single objects beside the heap: finalizers, cleanups
 * and handles of weak pointers; and the addresses of all span descriptors.
 */
#ifndef MAPTRACE_GRAPH_SPECIALS_H
#define MAPTRACE_GRAPH_SPECIALS_H

#include <stdint.h>

#include "base/err.h"
#include "heap/heap.h"

enum { SPECIAL_WORDS = 4 };

struct special {
	/* An address in the object that the next collection won't free, or that a weak pointer
	 * may bring back until then; 0: it keeps none. */
	uint64_t object;
	uint64_t words[SPECIAL_WORDS]; /* that follow; pointers to what it keeps are among them */
};

typedef struct err *(*special_fn)(void *ctx, const struct special *sp);

/* Visits them all. ERR_UNSUPPORTED: the layout does not tell where their lists are. */
struct err *specials_visit(const struct heap *heap, special_fn visit, void *ctx);

/* The addresses of the descriptors of all spans, of free ones, too; ascending. */
struct span_descs {
	uint64_t *addrs;
	size_t cnt;
};

struct err *span_descs_read(const struct heap *heap, struct span_descs *ret);
void span_descs_fini(struct span_descs *descs);

/* The index of the first one at or after addr, or the one that addr is in. */
size_t span_descs_after(const struct span_descs *descs, uint64_t addr);

#endif
