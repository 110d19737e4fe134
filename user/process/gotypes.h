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
#include "process/mem.h"
#include "process/moduledata.h"
#include "process/wordtypes.h"

enum { PTR_MASK_SZ = 36 }; /* bits for the words of the largest bucket */

/* Bytes of an elem that are of its value: not padding, nor blank fields. */
struct data_run {
	uint32_t off;
	uint32_t len;
};

struct map_type {
	uint64_t addr; /* of the descriptor */
	uint64_t bucket; /* type descriptor of a bucket or group */
	char *name; /* "map[string]*main.Session" */
	uint32_t bucket_sz; /* bytes of a bucket or group */
	uint32_t bucket_ptr_bytes; /* prefix of it that can hold pointers; 0: noscan */
	struct slots {
		uint32_t key_sz; /* as stored: 8 for an indirect one */
		uint32_t elem_sz;
		uint32_t keys_off; /* of the first key in a bucket or group */
		uint32_t key_stride;
		uint32_t elems_off;
		uint32_t elem_stride;
	} slots;
	uint32_t hash; /* of the type: the same in all modules */
	uint32_t module; /* which one it is in, by the order of their addresses */
	bool named; /* declared: `type M map[K]V` */
	bool need_key_update; /* keys that are equal may differ, or differ and yet be the
			       * same bits (NaN): floats, strings, interfaces */
	bool has_ptr_mask; /* false: unknown (a GC program), or no pointers */
	uint8_t ptr_mask[PTR_MASK_SZ]; /* bit i: word i of the bucket is a pointer */
	uint32_t pointee_sz; /* bytes of an elem that slots point to (above 128); 0: they
			      * hold it themselves */
	/* Where the elem, or what is behind its pointer, keeps its value. None: in all of
	 * its bytes, or in more runs than are kept. */
	struct data_run *data_runs;
	uint32_t data_run_cnt;
	/* What not every value of a key or elem fits, or as much of it as is kept. */
	struct word_type *words;
	uint32_t word_cnt;
};

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
