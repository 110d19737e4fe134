/* SPDX-License-Identifier: GPL-2.0-only */
/* classic_row.h - what its buckets tell of a classic map: bucket size, type, row and verdict. */
#ifndef MAPTRACE_MAPS_CLASSIC_ROW_H
#define MAPTRACE_MAPS_CLASSIC_ROW_H

#include "maps/classic_walk.h"

/* Walks the map's arrays and sets its row, or the kind of its row, and its claims. The evidence
 * is there, and the array, if it is one to be read ahead. */
struct err *classic_decode_one(const struct classic_decoder *d, struct classic_work *w);

/* The verdict, once the header was read again: it must be the same after the walk as before. */
enum verdict classic_judge(const struct classic_decoder *d, const struct classic_work *w);

#endif
