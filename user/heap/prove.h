/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * prove.h - evidence that the layout of spans is the right one for this process.
 *
 * A wrong offset yields numbers that look fine. So before any of them is used, this must hold:
 * nearly all descriptors are sane; spans of small objects leave exactly the room that pointer and
 * mark bits take; sampled spans are those that the arena index names for their addresses; and
 * their pages add up to the runtime's own count.
 *
 * The target runs on meanwhile. What contradicts is read again, and counts only if it still
 * contradicts: spans come and go in microseconds, while a layout stays wrong.
 */
#ifndef MAPTRACE_HEAP_PROVE_H
#define MAPTRACE_HEAP_PROVE_H

#include <stdint.h>

#include "base/err.h"
#include "heap/heap.h"

enum { PROOF_SAMPLES = 512 };

struct proof {
	uint64_t unreadable; /* number of descriptors */
	uint64_t bad_state;
	uint64_t insane; /* their fields contradict each other */
	uint64_t insane_bytes; /* of them, where the number of pages is possible */
	uint64_t seen;
	uint64_t small; /* spans of small objects with pointers */
	uint64_t small_misfits; /* those of them with more or fewer objects than fit */
	uint64_t pages_before; /* the runtime's count before the spans were read */
	struct span samples[PROOF_SAMPLES];
	uint32_t sample_cnt;
};

/* Whether a sane span has more or fewer objects than there is room for. */
bool proof_misfits(const struct heap *heap, const struct span *s);

/* Counts a sane span, and perhaps takes it as a sample. */
void proof_sample(struct proof *proof, const struct heap *heap, const struct span *s);

/* Reads the runtime's own count of pages in use. */
struct err *proof_read_pages(struct heap *heap, uint64_t *ret);

/* Returns NULL when the evidence is enough, else ERR_UNSUPPORTED with the invariant that does not
 * hold. Reads the samples again, in place. */
struct err *proof_check(struct proof *proof, struct heap *heap);

#endif
