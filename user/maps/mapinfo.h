/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mapinfo.h - what the census knows of one map.
 *
 * Millions of these may exist at once: 96 bytes at most.
 */
#ifndef MAPTRACE_MAPS_MAPINFO_H
#define MAPTRACE_MAPS_MAPINFO_H

#include <stdbool.h>
#include <stdint.h>

#include "process/gotypes.h"
#include "process/mapheader.h"

enum consistency {
	MAP_EXACT, /* nothing moved while it was read */
	MAP_MOVING, /* busy: each figure lies between its values at two reads */
	MAP_SUSPECT, /* the invariants failed: listed by itself, in no sum */
};

enum type_source {
	TYPE_UNKNOWN, /* no map type of the binary fits the table's memory */
	TYPE_AMBIGUOUS, /* several fit; `type` is NULL */
	TYPE_UNIQUE_SHAPE, /* only one map type fits */
	TYPE_CONTENTS, /* several fit the memory, but only one of them the keys and elems */
	TYPE_HEADER, /* the allocator noted the type */
	TYPE_HOLDER, /* a field, value or element that holds the map has it */
	TYPE_PROBE, /* the argument of a traced call */
};

/* Where a map's header is. */
enum map_place {
	MAP_ON_HEAP,
	MAP_ON_STACK, /* in a frame of a goroutine: the address lasts until the stack moves */
	MAP_ON_RUNNING_STACK, /* the same, but the call of the frame may have ended */
};

/* Whether a map can still be reached by the program. */
enum map_reach { MAP_REACH_UNKNOWN, MAP_HELD, MAP_UNREACHABLE };

struct map_info {
	uint64_t addr; /* of the header */
	uint64_t live_keys; /* what len() returns */
	uint64_t buckets; /* classic: overflow buckets included; swiss: groups */
	/* As allocated: buckets or groups, tables, directory, and what a classic map keeps beside
	 * them. The header does not count. */
	uint64_t table_bytes;
	uint64_t resident_bytes; /* of table_bytes */
	uint64_t old_bytes; /* of table_bytes: the array being evacuated */
	uint64_t rebuild_bytes; /* what a fresh map of this len takes */
	uint64_t tombstones;
	uint64_t overflow_buckets;
	const struct map_type *type; /* NULL: unknown or ambiguous */
	uint32_t table_cnt; /* swiss tables; classic: 1 */
	uint16_t bucket_sz; /* bytes of a bucket or group; 0: unknown */
	uint16_t type_candidates; /* map types that fit, named ones included */
	uint16_t shape_candidates; /* the same, going by the table's memory alone */
	uint8_t consistency; /* enum consistency */
	uint8_t type_source; /* enum type_source */
	bool garbage; /* unreachable, not freed yet: in no sum */
	bool small : 1; /* swiss: one group, no table */
	bool listed : 1; /* classic: it has a list of its overflow buckets */
	bool of_sync_map : 1; /* a part of a sync.Map (graph/sync_maps.h) */
	uint8_t reach : 2; /* enum map_reach */
	uint8_t unused : 3; /* 0, because rows are compared with all their bits */
	uint8_t on_stack; /* enum map_place */
	bool noscan; /* no pointers in its buckets or groups: the collector skips them */
};
_Static_assert(sizeof(struct map_info) <= 96, "a million maps must stay affordable");

/* A word with the lowest bit of each byte set: the 8 control bytes of a bucket or group are looked
 * at together. */
#define EACH_BYTE UINT64_C(0x0101010101010101)

/* The number of bytes that have this bit set, in a word without other bits. */
static inline int byte_cnt(uint64_t bits)
{
	return bits * EACH_BYTE >> 56;
}

static inline uint64_t map_slots(const struct map_info *m)
{
	return m->buckets * BUCKET_SLOTS;
}

static inline double map_load(const struct map_info *m)
{
	return m->buckets ? (double)m->live_keys / map_slots(m) : 0;
}

/* Bytes of the tables that hold no live key. A key, its elem and their share of
 * the bucket's control bytes count as live. Needs bucket_sz. */
static inline uint64_t map_hole_bytes(const struct map_info *m)
{
	uint64_t live = m->live_keys * m->bucket_sz / BUCKET_SLOTS;

	return live < m->table_bytes ? m->table_bytes - live : 0;
}

/* Bytes that come back when the map is replaced by a fresh copy. Needs bucket_sz. */
static inline uint64_t map_gives_back(const struct map_info *m)
{
	return m->rebuild_bytes < m->table_bytes ? m->table_bytes - m->rebuild_bytes : 0;
}

/* The bytes of memory that come back then: the new tables will be in memory as a whole. */
static inline uint64_t map_gives_back_resident(const struct map_info *m)
{
	return m->rebuild_bytes < m->resident_bytes ? m->resident_bytes - m->rebuild_bytes : 0;
}

/* A key that maps of the same type have in common: the address of the type. For maps without a
 * known type it is made of what is known of their table; it is odd then, which no address is. */
static inline uint64_t map_kind_key(const struct map_info *m)
{
	if (m->type)
		return m->type->addr;
	return (uint64_t)m->bucket_sz << 32 | (uint64_t)m->shape_candidates << 1 | 1;
}

/* Whether the keys found in a busy map's tables are about as many as it counts. A map that
 * changes while it is read is off by what changed, not by its size. */
static inline bool map_count_is_near(uint64_t found, uint64_t count)
{
	return found <= 2 * count + 64 && count <= 2 * found + 64;
}

/* Rows that a user can do something about by themselves; all of them count in totals. */
static inline bool map_stands_alone(const struct map_info *m)
{
	return m->consistency != MAP_SUSPECT && !m->garbage && !m->of_sync_map;
}

/* Rows that count in totals. */
static inline bool map_counts(const struct map_info *m)
{
	return m->consistency != MAP_SUSPECT && !m->garbage;
}

#endif
