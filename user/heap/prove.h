/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * prove.h - evidence that the span layout is the right one for this process.
 *
 * A wrong offset yields numbers that look fine. So before any of them is used:
 * nearly all descriptors must be sane, spans of small objects must leave just the
 * room that pointer and mark bits take, sampled spans must be what the arena index
 * says of their address, and their pages must add up to the runtime's own count.
 */
#ifndef MAPTRACE_HEAP_PROVE_H
#define MAPTRACE_HEAP_PROVE_H

#include <stdint.h>

#include "base/err.h"

struct heap;
struct span;

enum { PROOF_SAMPLES = 512 };

struct proof {
	uint64_t unreadable; /* descriptors */
	uint64_t bad_state;
	uint64_t insane; /* fields contradict each other */
	uint64_t seen;
	uint64_t small; /* spans of small objects with pointers */
	uint64_t small_misfits; /* of them: more or fewer objects than there is room for */
	struct {
		uint64_t base;
		uint64_t mspan;
	} samples[PROOF_SAMPLES];
	uint32_t sample_cnt;
};

/* Notes a sane span whose descriptor is at address mspan. */
void proof_sample(struct proof *proof, const struct heap *heap, const struct span *s,
		  uint64_t mspan);

/* NULL when the evidence suffices; else ERR_UNSUPPORTED with the failed invariant. */
struct err *proof_check(const struct proof *proof, struct heap *heap);

#endif
