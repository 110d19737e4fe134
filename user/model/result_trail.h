/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_trail.h - how figures went on from one look at a process to the next.
 *
 * A trail has the last points of one thing: of the process, of a group of maps, of a map. Things
 * are told apart by a key, such as a map's id. All is bounded: TRAIL_POINTS for each thing,
 * TRAILS_MAX things; those that were not seen for longest go first.
 */
#ifndef MAPTRACE_MODEL_RESULT_TRAIL_H
#define MAPTRACE_MODEL_RESULT_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

enum { TRAIL_POINTS = 120, TRAILS_MAX = 4096 };

struct trail_point {
	uint64_t time_ns; /* any clock, but the same for all points */
	uint64_t bytes;
	uint64_t keys;
};

struct trail {
	char *key;
	struct trail_point points[TRAIL_POINTS]; /* a ring: see trail_point() */
	size_t next; /* where the next point goes */
	size_t len;
};

struct trails {
	VEC(struct trail *) by_key; /* sorted by key */
	size_t sorted; /* so many are; the rest was added since */
};

/* Notes a point. False: out of memory, or there are too many things: it is not noted. */
bool trails_add(struct trails *t, const char *key, const struct trail_point *point);

/* Ends a look: what was noted can be found now, and the oldest things beyond TRAILS_MAX are gone. */
void trails_settle(struct trails *t);

/* NULL: there is none. Valid until the next trails_settle(). */
const struct trail *trails_find(const struct trails *t, const char *key);

/* The i-th point, the oldest first. */
const struct trail_point *trail_point(const struct trail *trail, size_t i);

/* How many keys came a second, on average over the trail; NAN: there are not two points. */
double trail_keys_per_s(const struct trail *trail);

void trails_fini(struct trails *t);

#endif
