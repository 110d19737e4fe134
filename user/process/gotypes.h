/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gotypes.h - all map types: those that the linker put into the image and its plugins, and those
 * that the program made with reflect.
 *
 * They are found by walking the type section for descriptors that have every property of a map
 * type, because no list has the named ones.
 */
#ifndef MAPTRACE_PROCESS_GOTYPES_H
#define MAPTRACE_PROCESS_GOTYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "process/layout.h"
#include "process/maptype.h"
#include "process/mem.h"
#include "process/moduledata.h"

struct gotypes;

/* A module to read types from. */
struct types_from {
	struct mem *mem;
	const struct moduledata *md;
};

/* Reads the types of cnt modules. A module that cannot be read is left out, unless it is the
 * first one, the runtime's own. A type that several modules have is there once. Free with
 * gotypes_free(). */
struct err *gotypes_new(const struct types_from *from, size_t cnt, const struct go_layout *layout,
			struct gotypes **ret);
void gotypes_free(struct gotypes *types);

/* Descriptors in the heap: whole objects, and the addresses in them where a map type may be. */
struct type_range;
struct made_types {
	const struct type_range *pieces;
	size_t piece_cnt;
	const uint64_t *maps;
	size_t map_cnt;
};

/* Adds the map types among them. Pointers that gotypes_find() and the like have returned before
 * are no longer valid. */
struct err *gotypes_add_made(struct gotypes *types, const struct types_from *from, size_t cnt,
			     const struct go_layout *layout, const struct made_types *made);

/* All map types, in ascending order of their addresses. */
const struct map_type *gotypes_maps(const struct gotypes *types, size_t *cnt_ret);

/* Finds a type by the address of its descriptor, or by that of its bucket or group type, in any
 * module; NULL if there is none. When several map types have the bucket type, the unnamed one is
 * returned. */
const struct map_type *gotypes_find(const struct gotypes *types, uint64_t addr);
const struct map_type *gotypes_by_bucket(const struct gotypes *types, uint64_t bucket);

#endif
