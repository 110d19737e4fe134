/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maptype.h - what the descriptor of a map type says: its name, how a bucket or group is
 * laid out, and what keys and elems look like.
 */
#ifndef MAPTRACE_PROCESS_MAPTYPE_H
#define MAPTRACE_PROCESS_MAPTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "process/wordtypes.h"

struct err;
struct section;
struct type_range;

enum { PTR_MASK_SZ = 36 }; /* bits for the words of the largest bucket */

/* A run of bytes of an elem that belong to its value: neither padding nor blank fields. */
struct data_run {
	uint32_t off;
	uint32_t len;
};

struct map_type {
	uint64_t addr; /* of the descriptor */
	uint64_t bucket; /* type descriptor of a bucket or group */
	char *name; /* "map[string]*main.Session" */
	uint32_t bucket_sz; /* bytes of a bucket or group */
	uint32_t bucket_ptr_bytes; /* number of leading bytes that may hold pointers; 0: noscan */
	struct slots {
		uint32_t key_sz; /* as stored: 8 for a key that a pointer leads to */
		uint32_t elem_sz;
		uint32_t keys_off; /* of the first key in a bucket or group */
		uint32_t key_stride;
		uint32_t elems_off;
		uint32_t elem_stride;
	} slots;
	uint32_t hash; /* of the type; the same in all modules */
	uint32_t module; /* number of its module, by their addresses */
	bool named; /* declared: `type M map[K]V` */
	bool need_key_update; /* Floats, strings and interfaces: keys that are equal may have
			       * different bits, and NaN, which is not equal to itself, has the
			       * same ones. */
	bool has_ptr_mask; /* false: unknown (a GC program), or no pointers */
	uint8_t ptr_mask[PTR_MASK_SZ]; /* bit i: word i of the bucket is a pointer */
	/* Bytes of an elem above 128, which its slot points to. 0: elems are in their slots. */
	uint32_t pointee_sz;
	/* Where the elem, or what its pointer points to, keeps its value. None: in all of its
	 * bytes, or in more runs than we keep. */
	struct data_run *data_runs;
	uint32_t data_run_cnt;
	/* Words of a key or elem that do not fit every value; as many as we keep. */
	struct word_type *words;
	uint32_t word_cnt;
};

/*
 * Reads the descriptor at addr, which is in the range r of the section. When it has every
 * property of a map type that maps may have, fills in *ret and sets *is_map_ret. Bytes that are
 * not such a type are not an error; a failed read is. Release with map_type_fini().
 */
struct err *map_type_read(const struct section *s, const struct type_range *r, uint64_t addr,
			  struct map_type *ret, bool *is_map_ret);
void map_type_fini(struct map_type *m);

#endif
