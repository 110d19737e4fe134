/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * typesection.h - type descriptors (abi.Type) as bytes; private to those who parse them.
 *
 * abi.Type has 48 bytes and is the same in all releases (go-runtime facts 6).
 */
#ifndef MAPTRACE_PROCESS_TYPESECTION_H
#define MAPTRACE_PROCESS_TYPESECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "process/layout.h"

struct mem;

enum {
	TYPE_SZ = 48,
	TYPE_SIZE = 0,
	TYPE_PTR_BYTES = 8,
	TYPE_HASH = 16, /* uint32: hash of its name, with the paths of packages */
	TYPE_TFLAG = 20,
	TYPE_ALIGN = 21,
	TYPE_FIELD_ALIGN = 22,
	TYPE_KIND = 23,
	TYPE_GCDATA = 32,
	TYPE_STR = 40,

	KIND_MASK = 31,
	KIND_GC_PROG = 0x40, /* up to 1.23: GCData is a program, not a mask */
	KIND_BOOL = 1,
	KIND_ARRAY = 17,
	KIND_CHAN = 18,
	KIND_INTERFACE = 20,
	KIND_MAP = 21,
	KIND_POINTER = 22,
	KIND_SLICE = 23,
	KIND_STRING = 24,
	KIND_STRUCT = 25,
	KIND_MAX = 26,
	TFLAG_EXTRA_STAR = 2,
	TFLAG_NAMED = 4,
	TFLAG_GC_MASK_ON_DEMAND = 16, /* from 1.24 on, only for large types */

	ARRAY_ELEM = 48, /* also of pointers, slices and channels */
	ARRAY_LEN = 64,
	MAPTYPE_KEY = 48,
	MAPTYPE_ELEM = 56,
	MAPTYPE_BUCKET = 64,
	STRUCT_FIELDS = 56,
	STRUCT_FIELD_CNT = 64,
	STRUCT_TYPE_SZ = 80,
	FIELD_NAME = 0,
	FIELD_TYPE = 8,
	FIELD_OFFSET = 16,
	FIELD_SZ = 24,
	FIELDS_MAX = 1 << 24, /* more than any section has */
};

/* A piece of memory with descriptors, and with the names and masks that they refer to. */
struct type_range {
	uint64_t addr;
	uint64_t len;
	const uint8_t *data;
	struct mem *mem; /* reads memory around it */
	bool made; /* it is in the heap: reflect made it at run time */
};

struct section {
	const struct type_range *ranges; /* of all modules: ascending, without overlap */
	size_t range_cnt;
	const struct go_layout *layout;
};

/* The range that holds addr, or NULL. */
static inline const struct type_range *type_range_of(const struct section *s, uint64_t addr)
{
	size_t lo = 0, hi = s->range_cnt;

	while (lo < hi) { /* finds the last one that starts at or before addr */
		size_t mid = lo + (hi - lo) / 2;

		if (s->ranges[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr - s->ranges[lo - 1].addr < s->ranges[lo - 1].len ? &s->ranges[lo - 1]
									   : NULL;
}

/* sz bytes at addr; NULL unless all of them are in one range. */
static inline const uint8_t *type_bytes(const struct section *s, uint64_t addr, uint64_t sz)
{
	const struct type_range *r = type_range_of(s, addr);

	return r && sz <= r->len - (addr - r->addr) ? r->data + (addr - r->addr) : NULL;
}

/* The first sz bytes of the descriptor at addr; NULL when they are not in the section. */
static inline const uint8_t *type_at(const struct section *s, uint64_t addr, size_t sz)
{
	return addr % 8 ? NULL : type_bytes(s, addr, sz);
}

/* The fields of a struct type; NULL when it has none, or they cannot be read. */
static inline const uint8_t *type_fields(const struct section *s, const uint8_t *type)
{
	uint64_t cnt = load_u64(type, STRUCT_FIELD_CNT);

	return cnt && cnt <= FIELDS_MAX ? type_at(s, load_u64(type, STRUCT_FIELDS), cnt * FIELD_SZ)
					: NULL;
}

static inline uint8_t type_kind(const uint8_t *type)
{
	return load_u8(type, TYPE_KIND) & KIND_MASK;
}

/* What every map type has in its first TYPE_SZ bytes, because a map is a pointer. */
static inline bool type_is_map(const uint8_t *t)
{
	return type_kind(t) == KIND_MAP && load_u64(t, TYPE_SIZE) == 8 &&
	       load_u64(t, TYPE_PTR_BYTES) == 8 && load_u8(t, TYPE_ALIGN) == 8 &&
	       load_u8(t, TYPE_FIELD_ALIGN) == 8;
}

static inline bool is_type(const struct section *s, uint64_t addr)
{
	const uint8_t *t = type_at(s, addr, TYPE_SZ);

	return t && type_kind(t) >= 1 && type_kind(t) <= KIND_MAX &&
	       load_u64(t, TYPE_PTR_BYTES) <= load_u64(t, TYPE_SIZE);
}

#endif
