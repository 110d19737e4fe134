/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * finding.h - findings: what is wrong with the memory of the process, and what to do.
 *
 * The causes in reclaim.h explain all memory that is not returned. A finding is what somebody can
 * act on, or has to know. Its kind is a row of FINDINGS in result_words.h. A finder looks for some
 * kinds; finding.c has the list of them. The sentences of a kind are made by one function
 * (finding_words.h).
 */
#ifndef MAPTRACE_MODEL_FINDING_H
#define MAPTRACE_MODEL_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "maps/mapinfo.h"
#include "model/result.h"

struct result_source;

struct finding {
	enum finding_kind kind;
	enum finding_severity severity;
	/* Resident bytes that it is about; 0: it is not about an amount of them. Those of findings
	 * of WARN or more don't overlap, so they can be added up. */
	uint64_t bytes;
	struct opt_u64 gives_back; /* part of them that the remedy brings back */
	enum finding_certainty certainty; /* of gives_back; ignored without it */
	const struct result_holder *holder; /* NULL: that of `map`, if it has one */
	const struct result_caller *caller; /* NULL: not known, or nobody */
	/* Other figures that its sentences need; what they are, the finder says. */
	uint64_t figures[6];
	double rates[2];

	/* The next ones are set for kinds that are about maps: sums over maps. */
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
	VEC(struct finding) list; /* worst first, then largest first */
	uint64_t min_bytes; /* waste of less is not listed */
};

/* What finders look at. The parts of the result that are named before the findings are filled in,
 * and so are trace and memory_calls; maps are not. */
struct finding_sources {
	const struct result *r;
	const struct result_source *from;
	struct pool *pool; /* of the result, for what a finding points to */
};

/* Finders add to f. They may add findings that are too small: those are dropped later. The only
 * error is that memory ran out. */
typedef struct err *(*finder_fn)(struct findings *f, const struct finding_sources *s);

struct err *findings_add_holes(struct findings *f, const struct finding_sources *s);
struct err *findings_add_swarms(struct findings *f, const struct finding_sources *s);
struct err *findings_add_zero_values(struct findings *f, const struct finding_sources *s);
struct err *findings_add_sync_deleted(struct findings *f, const struct finding_sources *s);
struct err *findings_add_free_heap(struct findings *f, const struct finding_sources *s);
struct err *findings_add_causes(struct findings *f, const struct finding_sources *s);
struct err *findings_add_outside(struct findings *f, const struct finding_sources *s);
struct err *findings_add_goroutines(struct findings *f, const struct finding_sources *s);
struct err *findings_add_limits(struct findings *f, const struct finding_sources *s);
struct err *findings_add_growing(struct findings *f, const struct finding_sources *s);
struct err *findings_add_clears(struct findings *f, const struct finding_sources *s);
struct err *findings_add_pinned(struct findings *f, const struct finding_sources *s);

struct err *finding_add(struct findings *f, const struct finding *finding);

/*
 * Calls all finders, and keeps what has at least min_bytes or is not about waste. The only error is
 * that memory ran out. Free with findings_fini(); after an error there is nothing to free.
 */
struct err *findings_init(struct findings *f, uint64_t min_bytes, const struct finding_sources *s);
void findings_fini(struct findings *f);

#endif
