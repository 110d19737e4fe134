/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * entry_weight.h - how much memory the keys and values of a map lead to, beside its tables.
 *
 * Some of its entries are looked at. The objects that their pointers lead to count, each once:
 * the bytes of strings, the structs that values point to. Not what those lead to in turn.
 */
#ifndef MAPTRACE_MAPS_ENTRY_WEIGHT_H
#define MAPTRACE_MAPS_ENTRY_WEIGHT_H

#include "heap/heap.h"
#include "heap/residency.h"
#include "maps/mapinfo.h"

struct entry_weight {
	uint64_t entries; /* that were looked at */
	uint64_t bytes; /* of the different objects that they lead to */
	bool leads_on; /* some of these objects may have pointers: bytes is a lower bound */
};

/* Looks at a few hundred entries. *known_ret is false when the type does not tell where its
 * pointers are, or when too many of the objects are newer than the heap as it was read. The only
 * errors are those of reading and that memory ran out. */
struct err *entry_weight_take(struct heap *heap, const struct residency *residency,
			      const struct map_info *m, struct entry_weight *ret, bool *known_ret);

#endif
