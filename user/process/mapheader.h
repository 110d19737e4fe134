/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mapheader.h - what the Go runtime fixes about the memory of its maps.
 *
 * Offsets, flags, control bytes and load limits that are the same in every version that we
 * know. What differs between versions is a row of layout.h. dwarf_layout.c compares these
 * offsets with the DWARF of a program that has one; the decoders prove them on live data.
 */
#ifndef MAPTRACE_PROCESS_MAPHEADER_H
#define MAPTRACE_PROCESS_MAPHEADER_H

#include <stdint.h>

/* Slots of a bucket (classic) or group (swiss). One control byte for each comes first. */
enum { BUCKET_SLOTS = 8 };

/*
 * runtime.hmap, the header of a classic map (Go source: runtime/map.go, since 1.24
 * runtime/map_noswiss.go). buckets, oldbuckets, nevacuate and extra come after these, at
 * the offsets that struct classic_layout has.
 */
enum {
	HMAP_COUNT = 0, /* uint64: live keys */
	HMAP_FLAGS = 8, /* uint8: HMAP_FLAG_* */
	HMAP_B = 9, /* uint8: the array has 1 << B buckets */
	HMAP_NOVERFLOW = 10, /* uint16: overflow buckets; from B 16 on an estimate */
	HMAP_HASH0 = 12, /* uint32: the seed of the hash */
};

enum {
	HMAP_FLAG_WRITING = 4,
	HMAP_FLAG_SAME_SIZE_GROW = 8,
	HMAP_FLAGS_MAX = 15, /* all flags that there are: iterator and oldIterator, too */
};

/* Bytes of a bucket: 8 control bytes, 8 keys and elems of at most 128 bytes each (larger ones are
 * kept behind pointers), and the pointer to the next overflow bucket. */
enum {
	CLASSIC_BUCKET_SZ_MIN = 8 + 8,
	CLASSIC_BUCKET_SZ_MAX = 8 + 8 * 256 + 8,
};

/* Classic control bytes (tophash): 0 and 1 are empty slots, 2 to 4 evacuated ones. */
enum { TOPHASH_FILLED_MIN = 5 };

enum {
	HMAP_EXTRA_SZ = 24, /* runtime.mapextra */
	HMAP_PREALLOC_B = 4, /* from this B on an array ends in overflow buckets */
};

/* Both kinds of headers begin with the number of live keys. */
enum { MAP_LIVE_KEYS = 0 };

/* internal/runtime/maps.Map, the header of a swiss map. */
enum {
	SWISS_MAP_USED = 0, /* uint64: live keys */
	SWISS_MAP_SEED = 8, /* uint64: the seed of the hash */
	SWISS_MAP_DIR_PTR = 16, /* the directory, or the only group when dirLen is 0 */
	SWISS_MAP_DIR_LEN = 24, /* int64: entries of the directory */
	SWISS_MAP_GLOBAL_DEPTH = 32, /* uint8: dirLen is 1 << globalDepth */
	SWISS_MAP_GLOBAL_SHIFT = 33, /* uint8 */
	SWISS_MAP_WRITING = 34, /* uint8: 1 while somebody writes */
	SWISS_MAP_CLEAR_SEQ = 40, /* uint64: calls of clear() */
	SWISS_MAP_SZ = 48, /* up to clearSeq; tombstonePossible hides in a gap */
};

/* internal/runtime/maps.table: what an entry of a directory points to. */
enum {
	SWISS_TABLE_USED = 0, /* uint16: live keys */
	SWISS_TABLE_CAPACITY = 2, /* uint16: slots */
	SWISS_TABLE_GROWTH_LEFT = 4, /* uint16: keys that it takes before it grows */
	SWISS_TABLE_LOCAL_DEPTH = 6, /* uint8: it fills 1 << (globalDepth - localDepth) entries */
	SWISS_TABLE_INDEX = 8, /* int64: its first entry in the directory */
	SWISS_TABLE_GROUPS = 16, /* groups.data */
	SWISS_TABLE_LENGTH_MASK = 24, /* groups.lengthMask: groups - 1 */
	SWISS_TABLE_SZ = 32,
	SWISS_TABLE_SLOTS_MAX = 1024, /* a larger table splits in two */
};

/* Bytes of a group: 8 control bytes, 8 keys and elems as in a bucket. */
enum { SWISS_GROUP_SZ_MAX = 8 + 8 * 256 };

/* Swiss control bytes: 0 to 0x7f are seven bits of the hash of a key. */
enum {
	SWISS_CTRL_FILLED_MAX = 0x7f,
	SWISS_CTRL_EMPTY = 0x80,
	SWISS_CTRL_DELETED = 0xfe,
};

/* Keys that a swiss table of that many slots takes, tombstones included, before it grows: 7/8
 * of the slots (Go source: internal/runtime/maps/table.go table.resetGrowthLeft). */
static inline uint64_t swiss_table_limit(uint64_t slots)
{
	return slots == BUCKET_SLOTS ? slots - 1 : slots / 8 * 7;
}

/* Keys that a classic array of that many buckets takes before it doubles. load_num: that of
 * struct classic_layout (Go source: runtime/map.go overLoadFactor). */
static inline uint64_t classic_array_limit(uint64_t buckets, uint64_t load_num)
{
	uint64_t limit = load_num * (buckets / 2);

	return limit > BUCKET_SLOTS ? limit : BUCKET_SLOTS;
}

#endif
