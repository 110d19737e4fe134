/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * swiss.h - swiss maps (Go 1.24 and later, internal/runtime/maps).
 *
 * A Map of up to 8 keys has one group of 8 slots:
 *
 *	Map
 *	used, seed          group
 *	dirPtr -----------> 8 control bytes | 8 slots
 *	dirLen == 0
 *
 * A larger one has a directory of 1 << globalDepth pointers to tables of up to 1024 slots. A
 * table with localDepth < globalDepth fills 1 << (globalDepth - localDepth) entries in a row:
 *
 *	Map                 directory     tables                         groups
 *	used, seed          +---+
 *	dirPtr -----------> | 0 |-------> used, capacity, growthLeft
 *	dirLen == 4         +---+         localDepth == 2, index == 0 -> 8 control bytes | 8 slots
 *	globalDepth == 2    | 1 |-------> ...                            8 control bytes | 8 slots
 *	globalShift == 62   +---+                                        ...
 *	writing             | 2 |-------> localDepth == 1, index == 2 -> ...
 *	clearSeq            +---+    ^
 *	                    | 3 |----+
 *	                    +---+
 *
 * The slots of tables need not be read: `used` and `growthLeft` of a table tell its live keys
 * and tombstones, and the tables' `used` add up to the map's.
 *
 * swiss_header.h checks headers, swiss_small.h decodes maps of one group, swiss_table.h those
 * with tables. swiss.c sorts a batch into the two.
 */
#ifndef MAPTRACE_MAPS_SWISS_H
#define MAPTRACE_MAPS_SWISS_H

#include "maps/kind_ops.h"

extern const struct map_kind_ops swiss_ops;

#endif
