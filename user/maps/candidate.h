/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * candidate.h - an address that may be the header of a map, and what was seen of it.
 *
 * scan.h finds candidates on the heap, stack_search.h in the frames of goroutines. A
 * candidate is decoded, in several rounds if need be, until it is decided (taker.h).
 */
#ifndef MAPTRACE_MAPS_CANDIDATE_H
#define MAPTRACE_MAPS_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "process/layout.h"

/* Candidates that are handed on together. What a batch of maps takes stays in the
 * processor's cache. */
enum { CANDIDATES_MAX = 1024 };

struct candidate {
	uint64_t addr;
	bool garbage; /* not marked by the last GC, not swept yet */
	uint8_t on_stack; /* enum map_place; `goroutine` says whose stack */
	uint32_t goroutine;

	/* Who finds a candidate clears these; who decodes it sets them. */
	bool moved; /* its header changed between two reads, or the heap did since it was read */
	bool rewritten; /* its header changed between two reads */
	bool outdated; /* it leads to memory that was another span's when the heap was read */
	bool misfit; /* its last header was not a map's */
	bool lacking; /* keys that it counts may be in pages of its tables that we cannot see */
	bool refused; /* its table was walked too often without a map being found with it */
	uint64_t found; /* keys in its tables at the last read, plus 1; 0: not read yet */
	uint64_t doubt; /* an address it leads to that contradicts the heap as read; or 0 */
	uint8_t header[MAP_HEADER_SZ_MAX];
};

/* Called with up to CANDIDATES_MAX candidates at a time, which are the callee's to change. */
typedef struct err *(*candidates_visit_fn)(void *ctx, struct candidate *cands, size_t cnt);

/*
 * Notes the number of keys that this read of the tables found, when it is not the number in
 * the header. Returns whether the map may be a busy one: some read of it differed from
 * another. What stands still and does not add up is not a map. The count in the header is no
 * help here: a cache deletes as often as it inserts, so its count hardly changes.
 */
static inline bool candidate_note_round(struct candidate *c, uint64_t found)
{
	c->moved |= c->found && c->found != found + 1;
	c->found = found + 1;
	return c->moved;
}

#endif
