/* SPDX-License-Identifier: GPL-2.0-only */
/* objsample.h - objects that stand for those of their size class (objtypes.h). */
#ifndef MAPTRACE_GRAPH_OBJSAMPLE_H
#define MAPTRACE_GRAPH_OBJSAMPLE_H

#include "graph/holder_search.h"
#include "heap/occupancy.h"

enum { MALLOC_SMALL_MAX = 32 << 10 }; /* slots above that are spans of their own */

struct object_sample {
	struct object object;
	bool used; /* the slot has an object */
	bool table; /* of a map */
	bool garbage; /* nothing leads to it */
	struct fit fit;
};

/* The objects of a span class, but for tables and headers of maps. */
struct object_class {
	uint64_t slot_bytes; /* 0: large objects */
	bool noscan;
	uint64_t others; /* how many they are */
	uint64_t other_bytes;
	uint64_t all; /* with tables and headers */
	uint64_t slots;
	bool all_seen; /* each slot is in the list */
	size_t first, cnt; /* its samples in the list */
	size_t span_first, span_cnt; /* its spans in object_samples.spans */
};

struct object_samples {
	struct object_class classes[SPANCLASS_CNT];
	VEC(struct object_sample) list; /* by class */
	uint32_t *spans; /* indexes into heap->spans, by class */
	uint64_t random;
	bool garbage_known; /* else objects without pointers are not in the list */
	uint64_t deadline_ns; /* of clock_ns(): what was not looked at then has no samples */
};

/* Whether it is an object, and neither a table nor a header of a map. */
static inline bool object_sample_counts(const struct object_sample *o)
{
	return o->used && !o->table && o->fit.kind != FIT_BUCKETS &&
	       o->fit.kind != FIT_SWISS_TABLE && o->fit.kind != FIT_SWISS_DIRECTORY &&
	       o->fit.kind != FIT_MAP_HEADER;
}

/* Chooses objects, and tells their types. Release with object_samples_fini(). */
struct err *object_samples_take(struct object_samples *all, struct holder_search *s,
				uint64_t deadline_ns);
void object_samples_fini(struct object_samples *all);

#endif
