/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * finding.h - what is worth acting on, largest first.
 */
#ifndef MAPTRACE_MODEL_FINDING_H
#define MAPTRACE_MODEL_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "maps/values.h"
#include "model/result_words.h"
#include "model/snapshot.h"

struct finding {
	enum finding_kind kind;
	/* Resident bytes that acting on it gives back; FINDING_ZERO_VALUES: beyond what a
	 * rebuild with all keys does, so that findings add up. */
	uint64_t bytes;

	/* FINDING_MAP_HOLES, FINDING_ZERO_VALUES; sums over the maps */
	struct map_info map; /* the one with most to give back; addr 0: none */
	uint64_t map_bytes; /* that map's part of bytes */
	uint64_t map_cnt;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t resident_bytes;

	/* FINDING_ZERO_VALUES */
	uint64_t zero_values;
	uint64_t all_bytes; /* bytes, and what a rebuild with all keys gives back */
	bool sampled; /* some of the maps were */
};

struct findings {
	VEC(struct finding) list;
};

/* Findings of at least min_bytes; maps of one type are one. values may be NULL. Free with
 * findings_fini(). */
struct err *findings_init(struct findings *f, const struct snapshot *snap,
			  const struct values *values, uint64_t min_bytes);
void findings_fini(struct findings *f);

#endif
