/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * finding.h - what is worth acting on, largest first.
 */
#ifndef MAPTRACE_MODEL_FINDING_H
#define MAPTRACE_MODEL_FINDING_H

#include <stdint.h>

#include "base/vec.h"
#include "model/snapshot.h"

enum finding_kind {
	FINDING_MAP_HOLES, /* the tables of maps of one type are far larger than their keys need */
	FINDING_FREE_HEAP, /* free pages that Go has not returned to the OS */
};

struct finding {
	enum finding_kind kind;
	uint64_t bytes; /* resident bytes that acting on it gives back */

	/* FINDING_MAP_HOLES; sums over the maps */
	const struct map_info *map; /* the one with most to give back; owned by the snapshot */
	uint64_t map_cnt;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t resident_bytes;
};

struct findings {
	VEC(struct finding) list;
};

/* Findings of at least min_bytes; maps of one type are one. Free with findings_fini(). */
struct err *findings_init(struct findings *f, const struct snapshot *snap, uint64_t min_bytes);
void findings_fini(struct findings *f);

/* The name in JSON. */
const char *finding_name(enum finding_kind kind);

#endif
