/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crew.h - the threads that take the census of a heap together.
 *
 * The spans of headers are cut into parts, ascending. Each thread decodes a part by
 * itself; what it found is added to the census when all before it is there. So rows
 * come in order, and are nowhere twice.
 */
#ifndef MAPTRACE_MAPS_CREW_H
#define MAPTRACE_MAPS_CREW_H

#include "maps/census.h"

/* Adds every map whose header is on the heap, by as many threads as there are processors
 * for us, CREW_MAX at most; a small heap takes no more than the caller's own. All have
 * ended when it returns. */
enum { CREW_MAX = 4 };
struct err *crew_take(struct census *census);

#endif
