/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crew.h - the crew: the threads that take the census of a heap together.
 *
 * The spans of headers are cut into parts, ascending by address. Each thread takes one part at
 * a time; what it found is added to the whole when the parts before it were added. So the rows
 * come in order, and are in memory only once.
 */
#ifndef MAPTRACE_MAPS_CREW_H
#define MAPTRACE_MAPS_CREW_H

#include "maps/part.h"
#include "maps/taker.h"

/* Adds every map whose header is on the heap to `whole`. Works with as many threads as there
 * are processors for us, at most CREW_MAX; for a small heap with the caller's alone. All other
 * threads have ended when it returns. */
enum { CREW_MAX = 4 };
struct err *crew_take(const struct census_shared *shared, struct census_part *whole);

#endif
