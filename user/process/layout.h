/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layout.h - offsets inside the structures of the Go runtime, by version.
 *
 * From the program's own DWARF (dwarf_layout.h), or from a table with one full row
 * for each version, which is made from the DWARF of real toolchains' programs.
 * Offsets are bytes on linux/amd64. A layout is a claim: heap_prove() and the map
 * decoders prove it on live data before any figure is printed.
 *
 * To add a Go version: add it to scripts/go-toolchain.sh, run `make layouts`, check
 * what layout.c says about versions, run the tests against its toolchain.
 */
#ifndef MAPTRACE_PROCESS_LAYOUT_H
#define MAPTRACE_PROCESS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "process/buildinfo.h"
#include "process/mapheader.h"

/* An offset that this layout does not have. */
#define OFF_NONE UINT32_MAX

enum {
	GO_PAGE_SZ = 8192,
	ARENA_SHIFT = 26, /* heapArenaBytes = 64 MiB */
	ARENA_PAGES = 1 << (ARENA_SHIFT - 13),
	MODULEDATA_SZ_MIN = 192, /* what all versions have in common */
	MODULEDATA_SZ_MAX = 640,
	MSPAN_SZ_MAX = 192,
	MAPTYPE_SZ_MAX = 136,
	HEAP_ARENA_SZ_MAX = 4 << 20,
	MAP_HEADER_SZ_MAX = 56,
	G_STATUS_MAX = 504, /* runtime.g is read up to its status */
	GC_OFFSET_MAX = 64 << 10, /* in the structures of struct gc_layout */
};

/* Where the allocator notes which words of an object are pointers. */
enum heap_bitmap {
	HEAP_BITMAP_ARENA_2BIT, /* up to 1.19: 2 bits a word in heapArena.bitmap */
	HEAP_BITMAP_ARENA_1BIT, /* 1.20, 1.21: 1 bit a word in heapArena.bitmap */
	HEAP_BITMAP_SPAN, /* from 1.22: at the end of one-page spans, else type headers */
};

enum map_kind { MAP_CLASSIC, MAP_SWISS };

struct mspan_layout {
	uint32_t size;
	uint32_t start_addr;
	uint32_t npages;
	uint32_t freeindex; /* width: index_width */
	uint32_t nelems; /* width: index_width */
	uint32_t index_width;
	uint32_t alloc_bits;
	uint32_t gcmark_bits;
	uint32_t sweepgen;
	uint32_t spanclass;
	uint32_t state;
	uint32_t elemsize;
	uint32_t large_type; /* OFF_NONE up to 1.21 */
	uint32_t alloc_count; /* uint16: slots given out */
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
	uint32_t summary; /* [5]slice: the page allocator's radix tree */
	uint32_t scav_chunks; /* slice: the scavenger's index */
	uint32_t heap_arena_sz;
};

/* runtime.hmap, but for the fields of mapheader.h. */
struct classic_layout {
	uint32_t header_sz;
	uint32_t buckets;
	uint32_t oldbuckets;
	uint32_t nevacuate;
	uint32_t extra;
	/* A map doubles beyond load_num keys for every two buckets: 13, but 12 in 1.21
	 * (runtime.loadFactorNum). Not an offset, but as much a fact of the row. */
	uint32_t load_num;
};

/* internal/runtime/maps.Map, but for the fields of mapheader.h. */
struct swiss_layout {
	uint32_t header_sz;
	uint32_t tombstone_possible; /* OFF_NONE in 1.24 */
};

/* abi.MapType behind the 48 bytes of abi.Type; key 48, elem 56, bucket or group 64. */
struct maptype_layout {
	uint32_t size;
	uint32_t flags;
	uint32_t slot_sz; /* swiss up to 1.26, else OFF_NONE */
	uint32_t elem_off; /* swiss up to 1.26, else OFF_NONE */
	uint32_t keys_off; /* swiss from 1.27: keysOff, keyStride, elemsOff, elemStride */
	uint32_t bucket_sz; /* classic: uint16 */
};

/* runtime.g; stack.lo is at 0, stack.hi 8, sched.sp 56 in all versions. */
struct g_layout {
	uint32_t status; /* atomicstatus */
	uint32_t goid; /* 8 bytes; OFF_NONE where a program's DWARF lacks it */
};

/*
 * What the runtime counts about its garbage collector: in mstats (runtime.memstats),
 * gcControllerState (runtime.gcController) and workType (runtime.work). All are
 * OFF_NONE where a program's DWARF lacks one of the first two.
 */
struct gc_layout {
	uint32_t last_gc_unix; /* in mstats, up to cpu_fraction */
	uint32_t pause_total_ns;
	uint32_t pause_ns; /* [256]uint64, as pause_end */
	uint32_t pause_end;
	uint32_t numgc; /* uint32, as numforcedgc */
	uint32_t numforcedgc;
	uint32_t cpu_fraction; /* float64 */
	uint32_t percent; /* int32; in gcControllerState, up to mapped_ready */
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
	uint32_t cpu_gc; /* in workType: nanoseconds; all three OFF_NONE up to 1.19 */
	uint32_t cpu_gc_idle;
	uint32_t cpu_all;
	uint32_t cpu_gc_1_19; /* without that of idle workers; OFF_NONE from 1.20 */
	uint32_t mspan_sys; /* in mstats: memory of span descriptors */
	uint32_t mcache_sys;
};

struct go_layout {
	const char *name;
	unsigned int since_minor; /* first Go 1.x with this layout, as measured */
	enum map_kind kind;
	enum heap_bitmap bitmap;
	bool inline_marks; /* Green Tea: mark bits of small-object spans sit inside them */
	bool page_padding; /* random pages at the heap's start are marked in use and scavenged */
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
	LAYOUT_KNOWN, /* the row of this very version */
	LAYOUT_NEAREST, /* no row: the nearest one, to be proved */
	LAYOUT_DWARF, /* not from the table: the program's own */
};

/* Bytes of a map's header, and which of its words are pointers (bit i: word i). */
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

/* The kind of maps that a version has, going by its number and experiments. */
enum map_kind layout_default_kind(const struct buildinfo *build);

/* The row for a build with maps of that kind. Never fails: an unknown version gets
 * the nearest row. */
struct go_layout layout_for(const struct buildinfo *build, enum map_kind kind,
			    enum layout_match *match_ret);

#endif
