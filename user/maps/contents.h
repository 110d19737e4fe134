/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * contents.h - the type of a map from what it holds.
 *
 * Where several types fit a table's memory, its keys and elems tell more: a *T is nil,
 * outside the heap, or in an object with room for a T and pointers where T has them;
 * a string has its bytes in one object; a bool is 0 or 1. What contradicts that excludes
 * a type; nothing speaks for one. Programs that store what is no T in a *T, by package
 * unsafe, deceive it.
 */
#ifndef MAPTRACE_MAPS_CONTENTS_H
#define MAPTRACE_MAPS_CONTENTS_H

#include "maps/census.h"

enum {
	CONTENTS_TABLE_MIN = 4096, /* smaller tables are not worth the reads */
	CONTENTS_MAPS_MAX = 512, /* the largest ones */
};

/* Looks into the large maps of ambiguous type that nothing changes. A
 * type that is left alone becomes theirs; where none is left they stay as they are. */
struct err *contents_narrow(struct census *census);

#endif
