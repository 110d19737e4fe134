/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layout.h - offsets inside the structures of the Go runtime, by version.
 *
 * They come from the program's own DWARF (dwarf_layout.h), or from a table with one full row for
 * each version, which is made from the DWARF of programs of real toolchains. Offsets are bytes on
 * linux/amd64. A layout is a claim: heap/prove.h and the map decoders prove it on live data
 * before any figure is printed.
 *
 * To add a Go version: add it to scripts/go-toolchain.sh, run `make layouts`, check what layout.c
 * says about versions, and run the tests against its toolchain.
 */
#ifndef MAPTRACE_PROCESS_LAYOUT_H
#define MAPTRACE_PROCESS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/buildinfo.h"
#include "process/mapheader.h"

/* In place of an offset that the layout does not have. */
#define OFF_NONE UINT32_MAX

enum {
	GO_PAGE_SZ = 8192,
	ARENA_SHIFT = 26, /* heapArenaBytes = 64 MiB */
	ARENA_PAGES = 1 << (ARENA_SHIFT - 13),
	MODULEDATA_SZ_MIN = 192, /* bytes that are the same in all versions */
	MODULEDATA_SZ_MAX = 640,
	MSPAN_SZ_MAX = 192,
	MAPTYPE_SZ_MAX = 136,
	HEAP_ARENA_SZ_MAX = 4 << 20,
	MAP_HEADER_SZ_MAX = 56,
	G_MEMBER_MAX = 504, /* what is read of runtime.g must begin below this */
	GC_OFFSET_MAX = 64 << 10, /* offsets of struct gc_layout must be below this */
};

/* Where the allocator notes which words of an object are pointers. */
enum heap_bitmap {
	HEAP_BITMAP_ARENA_2BIT, /* up to 1.19: 2 bits for each word, in heapArena.bitmap */
	HEAP_BITMAP_ARENA_1BIT, /* 1.20 and 1.21: 1 bit for each word, in heapArena.bitmap */
	HEAP_BITMAP_SPAN, /* from 1.22 on: at the end of one-page spans, else type headers */
};

enum map_kind { MAP_CLASSIC, MAP_SWISS };

struct mspan_layout {
	uint32_t size;
	uint32_t start_addr;
	uint32_t npages;
	uint32_t freeindex; /* index_width bytes */
	uint32_t nelems; /* index_width bytes */
	uint32_t index_width;
	uint32_t alloc_bits;
	uint32_t gcmark_bits;
	uint32_t sweepgen;
	uint32_t spanclass;
	uint32_t state;
	uint32_t elemsize;
	uint32_t large_type; /* OFF_NONE up to 1.21 */
	uint32_t alloc_count; /* uint16: number of slots given out */
	uint32_t specials; /* list of finalizers and the like */
};

struct mheap_layout {
	uint32_t chunks;
	uint32_t in_use_ranges;
	uint32_t sweepgen;
	uint32_t allspans;
	uint32_t pages_in_use;
	uint32_t arenas;
	uint32_t heap_arenas; /* slice of arena indexes: allArenas, later heapArenas */
	uint32_t arena_spans; /* in heapArena */
	uint32_t p_pcache; /* in runtime.p */
	uint32_t summary; /* [5]slice: the radix tree of the page allocator */
	uint32_t scav_chunks; /* slice: the index of the scavenger */
	uint32_t heap_arena_sz;
};

/* runtime.hmap, but for the fields of mapheader.h. */
struct classic_layout {
	uint32_t header_sz;
	uint32_t buckets;
	uint32_t oldbuckets;
	uint32_t nevacuate;
	uint32_t extra;
	/* A map doubles when it has more than load_num keys for every two buckets: 13, but 12 in
	 * 1.21 (runtime.loadFactorNum). Not an offset, but it varies with the version, too. */
	uint32_t load_num;
};

/* internal/runtime/maps.Map, but for the fields of mapheader.h. */
struct swiss_layout {
	uint32_t header_sz;
	uint32_t tombstone_possible; /* OFF_NONE in 1.24 */
};

/* abi.MapType, after the 48 bytes of abi.Type. In all versions key is at 48, elem at 56, bucket
 * or group at 64. */
struct maptype_layout {
	uint32_t size;
	uint32_t flags;
	uint32_t slot_sz; /* swiss maps up to 1.26, else OFF_NONE */
	uint32_t elem_off; /* swiss maps up to 1.26, else OFF_NONE */
	uint32_t keys_off; /* swiss maps from 1.27 on: keysOff, keyStride, elemsOff, elemStride */
	uint32_t bucket_sz; /* classic maps: uint16 */
};

/* runtime.g. In all versions stack.lo is at 0, stack.hi at 8, sched.sp at 56. */
struct g_layout {
	uint32_t status; /* atomicstatus */
	/* The rest is OFF_NONE where the program's DWARF lacks it. */
	uint32_t goid; /* 8 bytes */
	uint32_t wait_since; /* int64: waitsince */
	uint32_t wait_reason; /* 1 byte: waitreason */
	uint32_t gopc; /* 8 bytes: address after the go statement that started it */
};

/*
 * What the runtime counts about its garbage collector, in mstats (runtime.memstats),
 * gcControllerState (runtime.gcController) and workType (runtime.work). All are OFF_NONE where a
 * program's DWARF lacks one of the first two.
 */
struct gc_layout {
	uint32_t last_gc_unix; /* in mstats, like all down to cpu_fraction */
	uint32_t pause_total_ns;
	uint32_t pause_ns; /* [256]uint64, like pause_end */
	uint32_t pause_end;
	uint32_t numgc; /* uint32, like numforcedgc */
	uint32_t numforcedgc;
	uint32_t cpu_fraction; /* float64 */
	uint32_t percent; /* int32; in gcControllerState, like all down to mapped_ready */
	uint32_t memory_limit;
	uint32_t percent_goal;
	uint32_t sweep_min_trigger;
	uint32_t triggered;
	uint32_t heap_live;
	uint32_t heap_scan;
	uint32_t last_heap_scan;
	uint32_t heap_marked;
	uint32_t heap_in_use;
	uint32_t heap_released;
	uint32_t heap_free;
	uint32_t total_alloc;
	uint32_t total_free;
	uint32_t mapped_ready;
	uint32_t cpu_gc; /* in workType, nanoseconds; this and two more OFF_NONE up to 1.19 */
	uint32_t cpu_gc_idle;
	uint32_t cpu_all;
	uint32_t cpu_gc_1_19; /* without the time of idle workers; OFF_NONE from 1.20 on */
	uint32_t mspan_sys; /* in mstats: bytes of span descriptors */
	uint32_t mcache_sys;
};

struct go_layout {
	const char *name;
	unsigned int since_minor; /* the first Go 1.x that was found to have this layout */
	enum map_kind kind;
	enum heap_bitmap bitmap;
	bool inline_marks; /* Green Tea: spans of small objects have their mark bits inside */
	bool page_padding; /* random pages at the heap's start are marked as in use and scavenged */
	uint32_t moduledata_types;
	uint32_t moduledata_etypes;
	struct mspan_layout mspan;
	struct mheap_layout mheap;
	struct classic_layout classic;
	struct swiss_layout swiss;
	struct maptype_layout maptype;
	struct g_layout g;
	uint32_t moduledata_gofunc;
	struct gc_layout gc;
};

enum layout_match {
	LAYOUT_KNOWN, /* the row of exactly this version */
	LAYOUT_NEAREST, /* there is no such row: the nearest one, which needs proof */
	LAYOUT_DWARF, /* not from the table, but from the program's DWARF */
};

/* Bytes of a map's header, and which of its words are pointers (bit i is word i). */
static inline uint32_t layout_map_header_sz(const struct go_layout *layout)
{
	return layout->kind == MAP_SWISS ? layout->swiss.header_sz : layout->classic.header_sz;
}

static inline uint32_t layout_map_header_ptrs(const struct go_layout *layout)
{
	const struct classic_layout *c = &layout->classic;

	if (layout->kind == MAP_SWISS)
		return 1u << (SWISS_MAP_DIR_PTR / 8);
	return 1u << (c->buckets / 8) | 1u << (c->oldbuckets / 8) | 1u << (c->extra / 8);
}

/* The kind of maps that a version has, by its number and experiments. */
enum map_kind layout_default_kind(const struct buildinfo *build);

/* The first and the last Go 1.x with a row of its own. */
void layout_known_minors(unsigned int *first_ret, unsigned int *last_ret);

/* The row for a build with maps of that kind. Never fails: an unknown version gets the nearest
 * row. */
struct go_layout layout_for(const struct buildinfo *build, enum map_kind kind,
			    enum layout_match *match_ret);

#endif
