/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuller.h - whether a nearly empty map was fuller once, or was made with a size hint that is too
 * large.
 *
 * A delete leaves the bytes of a key that has no pointers in its slot (Go source: runtime/map.go
 * mapdelete, internal/runtime/maps/table.go Delete). So in a table of such keys the empty slots
 * tell: if none of a sample was used, hardly any was. Only clear() zeroes keys; a swiss map counts
 * its clears, a classic one does not.
 */
#ifndef MAPTRACE_MAPS_FULLER_H
#define MAPTRACE_MAPS_FULLER_H

#include "heap/heap.h"
#include "heap/residency.h"
#include "maps/mapinfo.h"

enum fuller {
	FULLER_UNKNOWN, /* its keys have pointers, or it cannot be read */
	FULLER_ONCE,
	FULLER_NEVER,
	FULLER_NEVER_OR_CLEARED, /* not since it was made, or cleared */
};

/* Reads at most some hundred KiB of the map's tables. */
enum fuller fuller_of(const struct heap *heap, const struct residency *residency,
		      const struct map_info *m);

#endif
