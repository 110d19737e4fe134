// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows were read from the DWARF of binaries that Debian's toolchains built
 * (1.19.8, 1.21.13, 1.22.12, 1.23.5, 1.24.4, 1.25.12, 1.26.11, 1.27.4) and
 * checked on live processes of each; see tests/e2e.
 */
#include "target/layout.h"

#include <string.h>

/* mspan has had three shapes. */
#define MSPAN_1_19                                                                                 \
	{                                                                                          \
		.size = 144, .start_addr = 24, .npages = 32, .freeindex = 48, .nelems = 56,        \
		.index_width = 8, .alloc_bits = 72, .gcmark_bits = 80, .sweepgen = 88,             \
		.spanclass = 98, .state = 99, .elemsize = 104, .large_type = OFF_NONE,             \
	}
#define MSPAN_1_21                                                                                 \
	{                                                                                          \
		.size = 168, .start_addr = 24, .npages = 32, .freeindex = 48, .nelems = 56,        \
		.index_width = 8, .alloc_bits = 72, .gcmark_bits = 80, .sweepgen = 96,             \
		.spanclass = 106, .state = 107, .elemsize = 112, .large_type = OFF_NONE,           \
	}
#define MSPAN_1_22                                                                                 \
	{                                                                                          \
		.size = 160, .start_addr = 24, .npages = 32, .freeindex = 48, .nelems = 50,        \
		.index_width = 2, .alloc_bits = 64, .gcmark_bits = 72, .sweepgen = 88,             \
		.spanclass = 98, .state = 99, .elemsize = 104, .large_type = 152,                  \
	}

#define MHEAP_1_19                                                                                 \
	{                                                                                          \
		.chunks = 136, .in_use_ranges = 65696, .sweepgen = 65848, .allspans = 65856,       \
		.pages_in_use = 65880, .arenas = 65936, .heap_arenas = 66016,                      \
		.arena_spans = 2097152, .p_pcache = 72,                                            \
	}
#define MHEAP_1_21                                                                                 \
	{                                                                                          \
		.chunks = 128, .in_use_ranges = 65688, .sweepgen = 65856, .allspans = 65864,       \
		.pages_in_use = 65888, .arenas = 65944, .heap_arenas = 66032,                      \
		.arena_spans = 1064960, .p_pcache = 72,                                            \
	}
#define MHEAP_1_22(pcache)                                                                         \
	{                                                                                          \
		.chunks = 128, .in_use_ranges = 65688, .sweepgen = 65856, .allspans = 65864,       \
		.pages_in_use = 65888, .arenas = 66008, .heap_arenas = 66096, .arena_spans = 0,    \
		.p_pcache = (pcache),                                                              \
	}

#define HMAP_48(load)                                                                              \
	{                                                                                          \
		.header_sz = 48, .buckets = 16, .oldbuckets = 24, .nevacuate = 32, .extra = 40,    \
		.load_num = (load),                                                                \
	}
/* GOEXPERIMENT=noswissmap of 1.24 and 1.25 added clearSeq before extra. */
#define HMAP_56                                                                                    \
	{                                                                                          \
		.header_sz = 56, .buckets = 16, .oldbuckets = 24, .nevacuate = 32, .extra = 48,    \
		.load_num = 13,                                                                    \
	}

#define MAPTYPE_CLASSIC                                                                            \
	{                                                                                          \
		.size = 88, .flags = 84, .slot_sz = OFF_NONE, .elem_off = OFF_NONE,                \
		.keys_off = OFF_NONE, .bucket_sz = 82,                                             \
	}
#define MAPTYPE_SWISS_1_24                                                                         \
	{                                                                                          \
		.size = 112, .flags = 104, .slot_sz = 88, .elem_off = 96, .keys_off = OFF_NONE,    \
		.bucket_sz = OFF_NONE,                                                             \
	}
#define MAPTYPE_SWISS_1_27                                                                         \
	{                                                                                          \
		.size = 136, .flags = 128, .slot_sz = OFF_NONE, .elem_off = OFF_NONE,              \
		.keys_off = 88, .bucket_sz = OFF_NONE,                                             \
	}

static const struct go_layout layout_rows[] = {
	{
		.name = "go1.19",
		.since_minor = 19,
		.kind = MAP_CLASSIC,
		.bitmap = HEAP_BITMAP_ARENA_2BIT,
		.moduledata_types = 280,
		.moduledata_etypes = 288,
		.mspan = MSPAN_1_19,
		.mheap = MHEAP_1_19,
		.classic = HMAP_48(13),
		.maptype = MAPTYPE_CLASSIC,
	},
	{
		.name = "go1.21",
		.since_minor = 21,
		.kind = MAP_CLASSIC,
		.bitmap = HEAP_BITMAP_ARENA_1BIT,
		.moduledata_types = 296,
		.moduledata_etypes = 304,
		.mspan = MSPAN_1_21,
		.mheap = MHEAP_1_21,
		.classic = HMAP_48(12),
		.maptype = MAPTYPE_CLASSIC,
	},
	{
		.name = "go1.22",
		.since_minor = 22,
		.kind = MAP_CLASSIC,
		.bitmap = HEAP_BITMAP_SPAN,
		.moduledata_types = 296,
		.moduledata_etypes = 304,
		.mspan = MSPAN_1_22,
		.mheap = MHEAP_1_22(72),
		.classic = HMAP_48(13),
		.maptype = MAPTYPE_CLASSIC,
	},
	{
		.name = "go1.23",
		.since_minor = 23,
		.kind = MAP_CLASSIC,
		.bitmap = HEAP_BITMAP_SPAN,
		.moduledata_types = 296,
		.moduledata_etypes = 304,
		.mspan = MSPAN_1_22,
		.mheap = MHEAP_1_22(64),
		.classic = HMAP_48(13),
		.maptype = MAPTYPE_CLASSIC,
	},
	{
		.name = "go1.24 noswissmap",
		.since_minor = 24,
		.kind = MAP_CLASSIC,
		.bitmap = HEAP_BITMAP_SPAN,
		.moduledata_types = 296,
		.moduledata_etypes = 304,
		.mspan = MSPAN_1_22,
		.mheap = MHEAP_1_22(64),
		.classic = HMAP_56,
		.maptype = MAPTYPE_CLASSIC,
	},
	{
		.name = "go1.24",
		.since_minor = 24,
		.kind = MAP_SWISS,
		.bitmap = HEAP_BITMAP_SPAN,
		.moduledata_types = 296,
		.moduledata_etypes = 304,
		.mspan = MSPAN_1_22,
		.mheap = MHEAP_1_22(64),
		.swiss = { .header_sz = 48, .tombstone_possible = OFF_NONE },
		.maptype = MAPTYPE_SWISS_1_24,
	},
	{
		.name = "go1.25 noswissmap",
		.since_minor = 25,
		.kind = MAP_CLASSIC,
		.bitmap = HEAP_BITMAP_SPAN,
		.moduledata_types = 296,
		.moduledata_etypes = 304,
		.mspan = MSPAN_1_22,
		.mheap = MHEAP_1_22(64),
		.classic = HMAP_56,
		.maptype = MAPTYPE_CLASSIC,
	},
	{
		.name = "go1.25",
		.since_minor = 25,
		.kind = MAP_SWISS,
		.bitmap = HEAP_BITMAP_SPAN,
		.moduledata_types = 296,
		.moduledata_etypes = 304,
		.mspan = MSPAN_1_22,
		.mheap = MHEAP_1_22(64),
		.swiss = { .header_sz = 48, .tombstone_possible = 35 },
		.maptype = MAPTYPE_SWISS_1_24,
	},
	{
		.name = "go1.26",
		.since_minor = 26,
		.kind = MAP_SWISS,
		.bitmap = HEAP_BITMAP_SPAN,
		.inline_marks = true,
		.page_padding = true,
		.moduledata_types = 296,
		.moduledata_etypes = 304,
		.mspan = MSPAN_1_22,
		.mheap = MHEAP_1_22(64),
		.swiss = { .header_sz = 48, .tombstone_possible = 35 },
		.maptype = MAPTYPE_SWISS_1_24,
	},
	{
		.name = "go1.27",
		.since_minor = 27,
		.kind = MAP_SWISS,
		.bitmap = HEAP_BITMAP_SPAN,
		.inline_marks = true,
		.page_padding = true,
		.moduledata_types = 296,
		.moduledata_etypes = 312,
		.mspan = MSPAN_1_22,
		.mheap = MHEAP_1_22(64),
		.swiss = { .header_sz = 48, .tombstone_possible = 35 },
		.maptype = MAPTYPE_SWISS_1_27,
	},
};

enum { ROW_CNT = sizeof(layout_rows) / sizeof(layout_rows[0]) };

static bool has_experiment(const struct buildinfo *build, const char *name)
{
	const char *p = strstr(build->experiments, name);
	size_t len = strlen(name);

	return p && (p == build->experiments || p[-1] == ',') && (p[len] == ',' || !p[len]);
}

static unsigned int distance(const struct go_layout *row, unsigned int minor)
{
	return row->since_minor > minor ? row->since_minor - minor : minor - row->since_minor;
}

struct go_layout layout_for(const struct buildinfo *build, enum layout_match *match_ret)
{
	bool classic = build->minor < 24 || has_experiment(build, "noswissmap");
	const struct go_layout *best = NULL;

	for (size_t i = 0; i < ROW_CNT; i++) {
		const struct go_layout *row = &layout_rows[i];

		if ((row->kind == MAP_CLASSIC) != classic)
			continue;
		/* Ties go to the newer row: a layout changes with its version. */
		if (!best || distance(row, build->minor) <= distance(best, build->minor))
			best = row;
	}
	*match_ret = best->since_minor == build->minor ? LAYOUT_KNOWN : LAYOUT_NEAREST;

	/* Green Tea: opt-in in 1.25, opt-out in 1.26 and 1.27. */
	struct go_layout layout = *best;
	if (has_experiment(build, "greenteagc"))
		layout.inline_marks = true;
	if (has_experiment(build, "nogreenteagc"))
		layout.inline_marks = false;
	return layout;
}
