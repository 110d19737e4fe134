/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gotypes.h - the map types that the linker put into the image and its plugins, and those
 * that the program made.
 *
 * Found by walking the type section for descriptors that have every property of
 * a map type, so that named map types, which no list holds, are found too.
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

/* Where a module has its types, and who reads them. */
struct types_from {
	struct mem *mem;
	const struct moduledata *md;
};

/* Reads the types of cnt modules. One that cannot be read is left out, but not the first:
 * that is the runtime's own. A type that several of them have is there once. */
struct err *gotypes_new(const struct types_from *from, size_t cnt, const struct go_layout *layout,
			struct gotypes **ret);
void gotypes_free(struct gotypes *types);

/* Descriptors in the heap: objects as a whole, and those of them that may be map types. */
struct type_range;
struct made_types {
	const struct type_range *pieces;
	size_t piece_cnt;
	const uint64_t *maps;
	size_t map_cnt;
};

/* Adds the map types among them. No type may have been handed out before. */
struct err *gotypes_add_made(struct gotypes *types, const struct types_from *from, size_t cnt,
			     const struct go_layout *layout, const struct made_types *made);

/* All map types, in the order of their addresses. */
const struct map_type *gotypes_maps(const struct gotypes *types, size_t *cnt_ret);

/* By descriptor address, or by that of the bucket or group type, in any module; NULL if none.
 * Of several map types with one bucket type the unnamed one is returned. */
const struct map_type *gotypes_find(const struct gotypes *types, uint64_t addr);
const struct map_type *gotypes_by_bucket(const struct gotypes *types, uint64_t bucket);

#endif
