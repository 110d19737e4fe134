/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * finding.h - findings: memory that the user can get back by doing something now.
 *
 * The causes in reclaim.h explain all memory that is not returned. A finding is only what
 * somebody can act on, with a number of bytes that this brings back.
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
	/* Resident bytes that come back if the user acts on it. For FINDING_ZERO_VALUES without
	 * what a rebuild with all keys already gives back: so findings can be added up. */
	uint64_t bytes;

	/* The next ones are set for FINDING_MAP_HOLES and FINDING_ZERO_VALUES: sums over maps. */
	struct map_info map; /* the map with most to give back; addr 0: no map */
	uint64_t map_bytes; /* that map's part of `bytes` */
	uint64_t map_cnt;
	uint64_t live_keys;
	uint64_t slots;
	uint64_t resident_bytes; /* of the tables */

	/* The next ones are set for FINDING_ZERO_VALUES. */
	uint64_t zero_values; /* entries whose value is zero; an estimate if sampled */
	uint64_t all_bytes; /* `bytes` plus what a rebuild with all keys gives back */
	bool sampled; /* the values of at least one map were sampled, not counted */
};

struct findings {
	VEC(struct finding) list; /* largest first */
};

/*
 * Finds what has at least min_bytes. All maps of one type make one finding. `values` may be
 * NULL: zero values were not counted. The only error is that memory ran out. Free with
 * findings_fini(); after an error there is nothing to free.
 */
struct err *findings_init(struct findings *f, const struct snapshot *snap,
			  const struct values *values, uint64_t min_bytes);
void findings_fini(struct findings *f);

#endif
