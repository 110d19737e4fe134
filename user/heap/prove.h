/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * prove.h - evidence that the span layout is the right one for this process.
 *
 * A wrong offset yields numbers that look fine. So before any of them is used:
 * nearly all descriptors must be sane, spans of small objects must leave just the
 * room that pointer and mark bits take, sampled spans must be what the arena index
 * says of their address, and their pages must add up to the runtime's own count.
 *
 * The target goes on meanwhile. What contradicts is read again, and counts only while
 * it goes on contradicting: spans come and go in microseconds, a layout stays wrong.
 */
#ifndef MAPTRACE_HEAP_PROVE_H
#define MAPTRACE_HEAP_PROVE_H

#include <stdint.h>

#include "base/err.h"
#include "heap/heap.h"

enum { PROOF_SAMPLES = 512 };

struct proof {
	uint64_t unreadable; /* descriptors */
	uint64_t bad_state;
	uint64_t insane; /* fields contradict each other */
	uint64_t seen;
	uint64_t small; /* spans of small objects with pointers */
	uint64_t small_misfits; /* of them: more or fewer objects than there is room for */
	uint64_t pages_before; /* that the runtime counted before the spans were read */
	struct span samples[PROOF_SAMPLES];
	uint32_t sample_cnt;
};

/* Whether a sane span has more or fewer objects than there is room for. */
bool proof_misfits(const struct heap *heap, const struct span *s);

/* Notes a sane span. */
void proof_sample(struct proof *proof, const struct heap *heap, const struct span *s);

/* The runtime's own count of pages in use. */
struct err *proof_read_pages(struct heap *heap, uint64_t *ret);

/* NULL when the evidence suffices; else ERR_UNSUPPORTED with the failed invariant.
 * Reads the samples again, in place. */
struct err *proof_check(struct proof *proof, struct heap *heap);

#endif
