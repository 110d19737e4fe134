/* SPDX-License-Identifier: GPL-2.0-only */
/* kinds.h - the operations for the maps of a heap. */
#ifndef MAPTRACE_MAPS_KINDS_H
#define MAPTRACE_MAPS_KINDS_H

#include "maps/kind_ops.h"

const struct map_kind_ops *kinds_ops(enum map_kind kind);

static inline const struct map_kind_ops *kinds_ops_of(const struct heap *heap)
{
	return kinds_ops(heap->prog->layout.kind);
}

#endif
