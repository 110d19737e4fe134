/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic.h - classic maps (Go 1.23 and earlier, runtime.hmap; noswissmap of 1.24 and 1.25).
 *
 * A header leads to an array of 1 << B buckets of 8 slots each. A full bucket chains overflow
 * buckets. From B == 4 on the array ends in some preallocated ones (P); the others are objects
 * of their own (O):
 *
 *	hmap                array, B == 4
 *	count               +----+----+----+-- --+----+----+
 *	flags, B            | 0  | 1  | 2  | ... | 15 | P  |
 *	noverflow, hash0    +----+-|--+----+-- --+-|--+-^--+
 *	buckets ----------->       |               +----+
 *	oldbuckets (or 0)          +--> O --> O
 *	nevacuate
 *	extra (or 0) ------> mapextra: lists of the overflow buckets
 *
 *	bucket: 8 control bytes | 8 keys | 8 elems | pointer to the next overflow bucket (or 0)
 *
 * While a map grows, the old array is evacuated bucket by bucket, and only by writes. A key is
 * in one of the two arrays; the control bytes of evacuated slots say so.
 *
 * Only the buckets themselves tell what they hold and where their chains go on. So the arrays
 * are read whole, and the keys found must be as many as the header counts. Four modules do it:
 * classic_header.h checks headers, classic_walk.h walks arrays, classic_extra.h reads mapextra,
 * and classic_row.h says what that makes of the map. classic.c puts a batch through them.
 */
#ifndef MAPTRACE_MAPS_CLASSIC_H
#define MAPTRACE_MAPS_CLASSIC_H

#include "maps/kind_ops.h"

extern const struct map_kind_ops classic_ops;

#endif
