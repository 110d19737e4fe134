/* SPDX-License-Identifier: GPL-2.0-only */
/* swiss_small.h - swiss maps of up to 8 keys: one group, and nothing but its control word tells
 * what is in it. */
#ifndef MAPTRACE_MAPS_SWISS_SMALL_H
#define MAPTRACE_MAPS_SWISS_SMALL_H

#include "maps/batch.h"

/* A map of one group that is being decoded. */
struct swiss_small {
	size_t at; /* in the batch */
	uint64_t used;
	uint64_t addr; /* of the group */
	uint32_t place; /* of the group, in the blocks of the batch */
	const uint8_t *group; /* its control word; without pointers the whole group */
	struct evidence evidence; /* of the group: tells the type */
};

/* Decides the verdicts of these candidates of a batch. */
struct err *swiss_decode_small(const struct map_reader *r, struct map_batch *b,
			       struct swiss_small *smalls, size_t cnt);

#endif
