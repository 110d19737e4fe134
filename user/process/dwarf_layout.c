// SPDX-License-Identifier: GPL-2.0-only
#include "process/dwarf_layout.h"

#include <dwarf.h>
#include <string.h>

#include "process/debug_file.h"
#include "process/dwarf_types.h"

/* ---- what is looked for ---- */

enum layout_item {
	MSPAN,
	MHEAP,
	HEAP_ARENA,
	P,
	G,
	MODULEDATA,
	MSTATS,
	GC_CONTROLLER,
	WORK,
	MAPTYPE_1_20,
	MAPTYPE,
	MAPTYPE_OLD,
	MAPTYPE_SWISS,
	HMAP,
	MAP,
	TABLE,
	INLINE_MARKS,
	LOAD_NUM,
	LOAD_DEN,
	ARENA_BYTES,
	PAGE_BYTES,
	ITEM_CNT,
};

#define TYPE(n)                                                                                    \
	{                                                                                          \
		.name = (n), .tag = DW_TAG_structure_type                                          \
	}
#define CONSTANT(n)                                                                                \
	{                                                                                          \
		.name = (n), .tag = DW_TAG_constant                                                \
	}

static const struct dwarf_item wanted_items[ITEM_CNT] = {
	[MSPAN] = TYPE("runtime.mspan"),
	[MHEAP] = TYPE("runtime.mheap"),
	[HEAP_ARENA] = TYPE("runtime.heapArena"),
	[P] = TYPE("runtime.p"),
	[G] = TYPE("runtime.g"),
	[MODULEDATA] = TYPE("runtime.moduledata"),
	/* The collector's counters. Without them maps can still be read. */
	[MSTATS] = TYPE("runtime.mstats"),
	[GC_CONTROLLER] = TYPE("runtime.gcControllerState"),
	[WORK] = TYPE("runtime.workType"),
	/* See dwarf_choose_maptype() for all three. */
	[MAPTYPE_1_20] = TYPE("runtime.maptype"),
	[MAPTYPE] = TYPE("internal/abi.MapType"),
	[MAPTYPE_OLD] = TYPE("internal/abi.OldMapType"),
	[MAPTYPE_SWISS] = TYPE("internal/abi.SwissMapType"),
	/* Classic maps. */
	[HMAP] = TYPE("runtime.hmap"),
	[LOAD_NUM] = CONSTANT("runtime.loadFactorNum"),
	[LOAD_DEN] = CONSTANT("runtime.loadFactorDen"),
	/* Swiss maps. */
	[MAP] = TYPE("internal/runtime/maps.Map"),
	[TABLE] = TYPE("internal/runtime/maps.table"),
	/* Where it is missing or empty there is no Green Tea. */
	[INLINE_MARKS] = TYPE("runtime.spanInlineMarkBits"),
	[ARENA_BYTES] = CONSTANT("runtime.heapArenaBytes"),
	[PAGE_BYTES] = CONSTANT("runtime.pageSize"),
};

/* A member of the layout, and which member of the runtime it comes from. */
struct dwarf_field {
	enum layout_item item;
	const char *path;
	const char *path_old; /* its name in older versions, or NULL */
	size_t to; /* offset of a uint32_t in struct go_layout */
	bool optional; /* may be missing: then OFF_NONE */
};

#define TO(member) offsetof(struct go_layout, member)

static const struct dwarf_field common_fields[] = {
	{ MSPAN, "startAddr", NULL, TO(mspan.start_addr), false },
	{ MSPAN, "npages", NULL, TO(mspan.npages), false },
	{ MSPAN, "freeindex", NULL, TO(mspan.freeindex), false },
	{ MSPAN, "nelems", NULL, TO(mspan.nelems), false },
	{ MSPAN, "allocBits", NULL, TO(mspan.alloc_bits), false },
	{ MSPAN, "gcmarkBits", NULL, TO(mspan.gcmark_bits), false },
	{ MSPAN, "sweepgen", NULL, TO(mspan.sweepgen), false },
	{ MSPAN, "spanclass", NULL, TO(mspan.spanclass), false },
	{ MSPAN, "state", NULL, TO(mspan.state), false },
	{ MSPAN, "elemsize", NULL, TO(mspan.elemsize), false },
	{ MSPAN, "largeType", NULL, TO(mspan.large_type), true }, /* from 1.22 on */
	{ MSPAN, "allocCount", NULL, TO(mspan.alloc_count), false },
	{ MSPAN, "specials", NULL, TO(mspan.specials), true },
	{ MHEAP, "pages.chunks", NULL, TO(mheap.chunks), false },
	{ MHEAP, "pages.inUse.ranges", NULL, TO(mheap.in_use_ranges), false },
	{ MHEAP, "sweepgen", NULL, TO(mheap.sweepgen), false },
	{ MHEAP, "allspans", NULL, TO(mheap.allspans), false },
	{ MHEAP, "pagesInUse", NULL, TO(mheap.pages_in_use), false },
	{ MHEAP, "arenas", NULL, TO(mheap.arenas), false },
	{ MHEAP, "heapArenas", "allArenas", TO(mheap.heap_arenas), false }, /* up to 1.24 */
	{ HEAP_ARENA, "spans", NULL, TO(mheap.arena_spans), false },
	{ P, "pcache", NULL, TO(mheap.p_pcache), false },
	{ G, "atomicstatus", NULL, TO(g.status), false },
	{ G, "goid", NULL, TO(g.goid), true },
	{ G, "waitsince", NULL, TO(g.wait_since), true },
	{ G, "waitreason", NULL, TO(g.wait_reason), true },
	{ G, "gopc", NULL, TO(g.gopc), true },
	{ MHEAP, "pages.summary", NULL, TO(mheap.summary), false },
	{ MHEAP, "pages.scav.index.chunks", NULL, TO(mheap.scav_chunks), false },
	{ MODULEDATA, "types", NULL, TO(moduledata_types), false },
	{ MODULEDATA, "etypes", NULL, TO(moduledata_etypes), false },
	{ MAPTYPE, "Flags", "flags", TO(maptype.flags), false }, /* up to 1.20 */
	{ MODULEDATA, "gofunc", NULL, TO(moduledata_gofunc), false },
};

static const struct dwarf_field gc_fields[] = {
	{ MSTATS, "last_gc_unix", NULL, TO(gc.last_gc_unix), false },
	{ MSTATS, "pause_total_ns", NULL, TO(gc.pause_total_ns), false },
	{ MSTATS, "pause_ns", NULL, TO(gc.pause_ns), false },
	{ MSTATS, "pause_end", NULL, TO(gc.pause_end), false },
	{ MSTATS, "numgc", NULL, TO(gc.numgc), false },
	{ MSTATS, "numforcedgc", NULL, TO(gc.numforcedgc), false },
	{ MSTATS, "gc_cpu_fraction", NULL, TO(gc.cpu_fraction), false },
	{ GC_CONTROLLER, "gcPercent", NULL, TO(gc.percent), false },
	{ GC_CONTROLLER, "memoryLimit", NULL, TO(gc.memory_limit), false },
	{ GC_CONTROLLER, "gcPercentHeapGoal", NULL, TO(gc.percent_goal), false },
	{ GC_CONTROLLER, "sweepDistMinTrigger", NULL, TO(gc.sweep_min_trigger), false },
	{ GC_CONTROLLER, "triggered", NULL, TO(gc.triggered), false },
	{ GC_CONTROLLER, "heapLive", NULL, TO(gc.heap_live), false },
	{ GC_CONTROLLER, "heapScan", NULL, TO(gc.heap_scan), false },
	{ GC_CONTROLLER, "lastHeapScan", NULL, TO(gc.last_heap_scan), false },
	{ GC_CONTROLLER, "heapMarked", NULL, TO(gc.heap_marked), false },
	{ GC_CONTROLLER, "heapInUse", NULL, TO(gc.heap_in_use), false },
	{ GC_CONTROLLER, "heapReleased", NULL, TO(gc.heap_released), false },
	{ GC_CONTROLLER, "heapFree", NULL, TO(gc.heap_free), false },
	{ GC_CONTROLLER, "totalAlloc", NULL, TO(gc.total_alloc), false },
	{ GC_CONTROLLER, "totalFree", NULL, TO(gc.total_free), false },
	{ GC_CONTROLLER, "mappedReady", NULL, TO(gc.mapped_ready), false },
	{ WORK, "cpuStats.GCTotalTime", "cpuStats.gcTotalTime", TO(gc.cpu_gc), true },
	{ WORK, "cpuStats.GCIdleTime", "cpuStats.gcIdleTime", TO(gc.cpu_gc_idle), true },
	{ WORK, "cpuStats.TotalTime", "cpuStats.totalTime", TO(gc.cpu_all), true },
	{ WORK, "totaltime", NULL, TO(gc.cpu_gc_1_19), true },
	{ MSTATS, "mspan_sys", NULL, TO(gc.mspan_sys), false },
	{ MSTATS, "mcache_sys", NULL, TO(gc.mcache_sys), false },
};

static const struct dwarf_field classic_fields[] = {
	{ HMAP, "buckets", NULL, TO(classic.buckets), false },
	{ HMAP, "oldbuckets", NULL, TO(classic.oldbuckets), false },
	{ HMAP, "nevacuate", NULL, TO(classic.nevacuate), false },
	{ HMAP, "extra", NULL, TO(classic.extra), false },
	{ MAPTYPE, "BucketSize", "bucketsize", TO(maptype.bucket_sz), false },
};

static const struct dwarf_field swiss_fields[] = {
	{ MAP, "tombstonePossible", NULL, TO(swiss.tombstone_possible), true }, /* from 1.25 on */
	{ MAPTYPE, "SlotSize", NULL, TO(maptype.slot_sz), true }, /* up to 1.26 */
	{ MAPTYPE, "ElemOff", NULL, TO(maptype.elem_off), true },
	{ MAPTYPE, "KeysOff", NULL, TO(maptype.keys_off), true }, /* from 1.27 on */
};

/* What the decoders rely on without asking the layout, since no version had it elsewhere. */
struct fixed_field {
	enum layout_item item;
	const char *path;
	const char *path_old;
	uint32_t off;
};

static const struct fixed_field common_fixed[] = {
	{ G, "stack.lo", NULL, 0 },
	{ G, "stack.hi", NULL, 8 },
	{ G, "sched.sp", NULL, 56 },
	{ MODULEDATA, "pcHeader", NULL, 0 },
	{ MODULEDATA, "funcnametab", NULL, 8 },
	{ MODULEDATA, "pclntable", NULL, 104 },
	{ MODULEDATA, "ftab", NULL, 128 },
	{ MODULEDATA, "text", NULL, 176 },
	{ MODULEDATA, "etext", NULL, 184 },
	{ MAPTYPE, "Key", "key", 48 },
	{ MAPTYPE, "Elem", "elem", 56 },
};

static const struct fixed_field classic_fixed[] = {
	{ HMAP, "count", NULL, HMAP_COUNT },
	{ HMAP, "flags", NULL, HMAP_FLAGS },
	{ HMAP, "B", NULL, HMAP_B },
	{ HMAP, "noverflow", NULL, HMAP_NOVERFLOW },
	{ HMAP, "hash0", NULL, HMAP_HASH0 },
	/* abi.MapType */
	{ MAPTYPE, "Bucket", "bucket", 64 },
	{ MAPTYPE, "KeySize", "keysize", 80 },
	{ MAPTYPE, "ValueSize", "elemsize", 81 },
};

static const struct fixed_field swiss_fixed[] = {
	{ MAP, "used", NULL, SWISS_MAP_USED },
	{ MAP, "seed", NULL, SWISS_MAP_SEED },
	{ MAP, "dirPtr", NULL, SWISS_MAP_DIR_PTR },
	{ MAP, "dirLen", NULL, SWISS_MAP_DIR_LEN },
	{ MAP, "globalDepth", NULL, SWISS_MAP_GLOBAL_DEPTH },
	{ MAP, "globalShift", NULL, SWISS_MAP_GLOBAL_SHIFT },
	{ MAP, "writing", NULL, SWISS_MAP_WRITING },
	{ MAP, "clearSeq", NULL, SWISS_MAP_CLEAR_SEQ },
	{ TABLE, "used", NULL, SWISS_TABLE_USED },
	{ TABLE, "capacity", NULL, SWISS_TABLE_CAPACITY },
	{ TABLE, "growthLeft", NULL, SWISS_TABLE_GROWTH_LEFT },
	{ TABLE, "localDepth", NULL, SWISS_TABLE_LOCAL_DEPTH },
	{ TABLE, "index", NULL, SWISS_TABLE_INDEX },
	{ TABLE, "groups.data", NULL, SWISS_TABLE_GROUPS },
	{ TABLE, "groups.lengthMask", NULL, SWISS_TABLE_LENGTH_MASK },
	{ MAPTYPE, "Group", NULL, 64 },
};

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- reading it ---- */

struct dwarf_reader {
	struct dwarf_item items[ITEM_CNT];
	struct go_layout layout;
};

static bool dwarf_has_maps(const struct dwarf_item *items)
{
	if (items[HMAP].found)
		return items[MAPTYPE_OLD].found || items[MAPTYPE].found ||
		       items[MAPTYPE_1_20].found;
	return items[MAP].found && items[TABLE].found &&
	       (items[MAPTYPE_SWISS].found || items[MAPTYPE].found);
}

static bool dwarf_has_all_types(const struct dwarf_item *items)
{
	for (enum layout_item i = MSPAN; i <= MODULEDATA; i++) /* the others may be missing */
		if (!items[i].found)
			return false;
	return dwarf_has_maps(items);
}

/*
 * Puts the type of map types into its place, whatever its name is. In 1.24 and 1.25 it has a name
 * for each kind of map, and a program may have both, as Go's own tools do.
 */
static void dwarf_choose_maptype(struct dwarf_item *items)
{
	static const enum layout_item classic[] = { MAPTYPE_OLD, MAPTYPE, MAPTYPE_1_20 };
	static const enum layout_item swiss[] = { MAPTYPE_SWISS, MAPTYPE, MAPTYPE };
	const enum layout_item *names = items[HMAP].found ? classic : swiss;

	for (size_t i = 0; i < CNT(classic); i++)
		if (items[names[i]].found) {
			items[MAPTYPE] = items[names[i]];
			return;
		}
}

static bool dwarf_reader_member(struct dwarf_reader *r, enum layout_item item, const char *path,
				const char *path_old, uint64_t *ret, Dwarf_Die *type_ret)
{
	struct dwarf_item *it = &r->items[item];

	return it->found && (dwarf_member(&it->die, path, ret, type_ret) ||
			     (path_old && dwarf_member(&it->die, path_old, ret, type_ret)));
}

static struct err *dwarf_read_fields(struct dwarf_reader *r, const struct dwarf_field *fields,
				     size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		const struct dwarf_field *f = &fields[i];
		uint32_t *to = (uint32_t *)((char *)&r->layout + f->to);
		uint64_t off = OFF_NONE;

		if (!dwarf_reader_member(r, f->item, f->path, f->path_old, &off, NULL) &&
		    !f->optional)
			return err_new(ERR_UNSUPPORTED, "dwarf: %s has no member %s",
				       r->items[f->item].name, f->path);
		*to = off;
	}
	return NULL;
}

static struct err *dwarf_check_fixed(struct dwarf_reader *r, const struct fixed_field *fixed,
				     size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		const struct fixed_field *f = &fixed[i];
		uint64_t off = OFF_NONE;

		if (!dwarf_reader_member(r, f->item, f->path, f->path_old, &off, NULL) ||
		    off != f->off)
			return err_new(ERR_UNSUPPORTED, "dwarf: %s of %s is not at %u", f->path,
				       r->items[f->item].name, f->off);
	}
	return NULL;
}

static struct err *dwarf_read_size(struct dwarf_reader *r, enum layout_item item, uint32_t max,
				   uint32_t *ret)
{
	uint64_t size;

	if (!dwarf_size(&r->items[item].die, &size) || size > max)
		return err_new(ERR_UNSUPPORTED, "dwarf: size of %s is not known to be possible",
			       r->items[item].name);
	*ret = size;
	return NULL;
}

/* Checks a constant that everything is built upon. A program need not have it in its DWARF. */
static struct err *dwarf_check_constant(struct dwarf_reader *r, enum layout_item item,
					uint64_t wanted)
{
	uint64_t value;

	if (r->items[item].found && dwarf_constant(&r->items[item].die, &value) && value != wanted)
		return err_new(ERR_UNSUPPORTED, "dwarf: %s is %llu, not %llu", r->items[item].name,
			       (unsigned long long)value, (unsigned long long)wanted);
	return NULL;
}

/* Reads how many bits heapArena.bitmap has for each word of the arena. */
static struct err *dwarf_read_bitmap(struct dwarf_reader *r)
{
	static const uint64_t words = (1ull << ARENA_SHIFT) / 8;
	uint64_t off, size;
	Dwarf_Die type;

	r->layout.bitmap = HEAP_BITMAP_SPAN;
	if (!dwarf_reader_member(r, HEAP_ARENA, "bitmap", NULL, &off, &type))
		return NULL;
	if (dwarf_size(&type, &size) && size == words / 4)
		r->layout.bitmap = HEAP_BITMAP_ARENA_2BIT;
	else if (dwarf_size(&type, &size) && size == words / 8)
		r->layout.bitmap = HEAP_BITMAP_ARENA_1BIT;
	else
		return err_new(ERR_UNSUPPORTED, "dwarf: heapArena.bitmap is of an unknown kind");
	return NULL;
}

/* Reads the width of indexes into a span: uintptr up to 1.21, uint16 later. */
static struct err *dwarf_read_index_width(struct dwarf_reader *r)
{
	uint64_t off, width, width2;
	Dwarf_Die type, type2;

	if (!dwarf_reader_member(r, MSPAN, "freeindex", NULL, &off, &type) ||
	    !dwarf_size(&type, &width) ||
	    !dwarf_reader_member(r, MSPAN, "nelems", NULL, &off, &type2) ||
	    !dwarf_size(&type2, &width2) || width != width2 || (width != 2 && width != 8))
		return err_new(ERR_UNSUPPORTED, "dwarf: mspan's indexes are of an unknown width");
	r->layout.mspan.index_width = width;
	return NULL;
}

static bool gc_is_safe(const struct gc_layout *l)
{
	const uint32_t *offs = (const uint32_t *)l;

	for (size_t i = 0; i < sizeof(*l) / sizeof(*offs); i++)
		if (offs[i] != OFF_NONE && offs[i] > GC_OFFSET_MAX)
			return false;
	return true;
}

/* Reads the members for the collector's counters: all of them, or none. */
static void dwarf_read_gc(struct dwarf_reader *r)
{
	_cleanup_err_ struct err *err = dwarf_read_fields(r, gc_fields, CNT(gc_fields));

	if (err || !gc_is_safe(&r->layout.gc))
		memset(&r->layout.gc, 0xff, sizeof(r->layout.gc));
}

static struct err *dwarf_read_common(struct dwarf_reader *r)
{
	struct go_layout *l = &r->layout;
	uint64_t size;
	struct err *err = dwarf_read_fields(r, common_fields, CNT(common_fields));

	if (!err)
		err = dwarf_check_fixed(r, common_fixed, CNT(common_fixed));
	if (!err)
		err = dwarf_check_constant(r, ARENA_BYTES, 1ull << ARENA_SHIFT);
	if (!err)
		err = dwarf_check_constant(r, PAGE_BYTES, GO_PAGE_SZ);
	if (!err)
		err = dwarf_read_size(r, MSPAN, MSPAN_SZ_MAX, &l->mspan.size);
	if (!err)
		err = dwarf_read_size(r, HEAP_ARENA, HEAP_ARENA_SZ_MAX, &l->mheap.heap_arena_sz);
	if (!err)
		err = dwarf_read_size(r, MAPTYPE, MAPTYPE_SZ_MAX, &l->maptype.size);
	if (!err)
		err = dwarf_read_index_width(r);
	if (!err)
		err = dwarf_read_bitmap(r);
	dwarf_read_gc(r);
	l->inline_marks = r->items[INLINE_MARKS].found &&
			  dwarf_size(&r->items[INLINE_MARKS].die, &size) && size > 0;
	return err;
}

static struct err *dwarf_read_classic(struct dwarf_reader *r)
{
	struct go_layout *l = &r->layout;
	uint64_t num;

	l->kind = MAP_CLASSIC;
	l->maptype.slot_sz = l->maptype.elem_off = l->maptype.keys_off = OFF_NONE;
	if (!r->items[LOAD_NUM].found || !dwarf_constant(&r->items[LOAD_NUM].die, &num) ||
	    num < 1 || num > 16)
		return err_new(ERR_UNSUPPORTED, "dwarf: no runtime.loadFactorNum");
	l->classic.load_num = num;

	struct err *err = dwarf_read_fields(r, classic_fields, CNT(classic_fields));
	if (!err)
		err = dwarf_check_fixed(r, classic_fixed, CNT(classic_fixed));
	if (!err)
		err = dwarf_check_constant(r, LOAD_DEN, 2);
	return err ? err : dwarf_read_size(r, HMAP, MAP_HEADER_SZ_MAX, &l->classic.header_sz);
}

/* Up to 1.26 a slot is a key with its elem. From 1.27 on the type says where both are, and how
 * far apart. */
static struct err *dwarf_read_slots(struct dwarf_reader *r)
{
	struct maptype_layout *m = &r->layout.maptype;
	const struct fixed_field strides[] = {
		{ MAPTYPE, "KeyStride", NULL, m->keys_off + 8 },
		{ MAPTYPE, "ElemsOff", NULL, m->keys_off + 16 },
		{ MAPTYPE, "ElemStride", NULL, m->keys_off + 24 },
	};

	if (m->keys_off != OFF_NONE) {
		m->slot_sz = m->elem_off = OFF_NONE;
		return dwarf_check_fixed(r, strides, CNT(strides));
	}
	if (m->slot_sz == OFF_NONE || m->elem_off == OFF_NONE)
		return err_new(ERR_UNSUPPORTED, "dwarf: %s does not tell the slots of a group",
			       r->items[MAPTYPE].name);
	return NULL;
}

static struct err *dwarf_read_swiss(struct dwarf_reader *r)
{
	struct go_layout *l = &r->layout;

	l->kind = MAP_SWISS;
	l->maptype.bucket_sz = OFF_NONE;
	struct err *err = dwarf_read_fields(r, swiss_fields, CNT(swiss_fields));
	if (!err)
		err = dwarf_check_fixed(r, swiss_fixed, CNT(swiss_fixed));
	if (!err)
		err = dwarf_read_slots(r);
	return err ? err : dwarf_read_size(r, MAP, MAP_HEADER_SZ_MAX, &l->swiss.header_sz);
}

/* ---- is it safe to decode with? ---- */

/* Whether width bytes at off are inside a structure of that size, or there is no such member. */
static bool is_inside(uint32_t off, uint32_t width, uint32_t size)
{
	return off == OFF_NONE || (off <= size && width <= size - off);
}

static bool mspan_is_safe(const struct mspan_layout *l)
{
	const struct {
		uint32_t off, width;
	} m[] = {
		{ l->start_addr, 8 },
		{ l->npages, 8 },
		{ l->freeindex, l->index_width },
		{ l->nelems, l->index_width },
		{ l->alloc_bits, 8 },
		{ l->gcmark_bits, 8 },
		{ l->sweepgen, 4 },
		{ l->spanclass, 1 },
		{ l->state, 1 },
		{ l->elemsize, 8 },
		{ l->large_type, 8 },
		{ l->alloc_count, 2 },
		{ l->specials, 8 },
	};

	for (size_t i = 0; i < CNT(m); i++)
		if (!is_inside(m[i].off, m[i].width, l->size))
			return false;
	return true;
}

static bool maptype_is_safe(const struct maptype_layout *l)
{
	return is_inside(l->flags, 4, l->size) && is_inside(l->slot_sz, 8, l->size) &&
	       is_inside(l->elem_off, 8, l->size) && is_inside(l->keys_off, 32, l->size) &&
	       is_inside(l->bucket_sz, 2, l->size) && is_inside(64, 24, l->size);
}

static bool layout_is_word(uint32_t off, uint32_t size)
{
	return off % 8 == 0 && is_inside(off, 8, size);
}

static bool header_is_safe(const struct go_layout *l)
{
	const struct classic_layout *c = &l->classic;

	if (l->kind == MAP_SWISS)
		return layout_is_word(40, l->swiss.header_sz) && l->swiss.header_sz % 8 == 0 &&
		       is_inside(l->swiss.tombstone_possible, 1, l->swiss.header_sz);
	return layout_is_word(c->buckets, c->header_sz) &&
	       layout_is_word(c->oldbuckets, c->header_sz) &&
	       layout_is_word(c->nevacuate, c->header_sz) &&
	       layout_is_word(c->extra, c->header_sz) && layout_is_word(8, c->header_sz) &&
	       c->header_sz % 8 == 0;
}

static bool g_member_is_safe(uint32_t off)
{
	return off == OFF_NONE || off <= G_MEMBER_MAX;
}

static bool g_is_safe(const struct g_layout *g)
{
	return g->status <= G_MEMBER_MAX && g_member_is_safe(g->goid) &&
	       g_member_is_safe(g->wait_since) && g_member_is_safe(g->wait_reason) &&
	       g_member_is_safe(g->gopc);
}

static bool layout_is_safe(const struct go_layout *l)
{
	/* We read moduledata up to the end of etypes. */
	return l->moduledata_types >= MODULEDATA_SZ_MIN &&
	       l->moduledata_types < l->moduledata_etypes &&
	       is_inside(l->moduledata_etypes, 8, MODULEDATA_SZ_MAX) &&
	       is_inside(l->moduledata_gofunc, 8, MODULEDATA_SZ_MAX) && mspan_is_safe(&l->mspan) &&
	       maptype_is_safe(&l->maptype) && header_is_safe(l) && g_is_safe(&l->g);
}

struct err *dwarf_layout_read(const char *path, const char *debug_dir, uint64_t unpacked_max,
			      struct go_layout *layout)
{
	struct debug_file *df = NULL;
	struct err *err = debug_file_open(path, debug_dir, unpacked_max, &df);

	if (err)
		return err;
	struct dwarf_reader r = { .layout = *layout };
	memcpy(r.items, wanted_items, sizeof(r.items));
	r.layout.classic = (struct classic_layout){ 0 };
	r.layout.swiss = (struct swiss_layout){ 0 };
	dwarf_find(debug_file_dwarf(df), r.items, ITEM_CNT, dwarf_has_all_types);
	dwarf_choose_maptype(r.items);
	err = dwarf_has_all_types(r.items)
		      ? dwarf_read_common(&r)
		      : err_new(ERR_UNSUPPORTED,
				"dwarf: not all structures of the runtime are there");
	if (!err)
		err = r.items[HMAP].found ? dwarf_read_classic(&r) : dwarf_read_swiss(&r);
	if (!err && !layout_is_safe(&r.layout))
		err = err_new(ERR_FORMAT,
			      "dwarf: the members of the runtime's structures do not fit");
	debug_file_close(df);
	if (!err)
		*layout = r.layout;
	return err;
}
