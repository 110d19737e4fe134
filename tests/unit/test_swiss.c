// SPDX-License-Identifier: GPL-2.0-only
/* Decoding swiss maps, true and false ones, standing still and moving. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

#include "heap/sizeclass.h"
#include "maps/sizing.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

/* map[int]int, without pointers: groups of 136 bytes, 144 in the heap. */
static struct image_type int_to_int(void)
{
	return (struct image_type){ .name = "map[int]int", .key_sz = 8, .elem_sz = 8 };
}

/* map[string]*T: groups of 200 bytes. */
static struct image_type string_to_ptr(void)
{
	return (struct image_type){
		.name = "map[string]*main.T",
		.key_sz = 16,
		.elem_sz = 8,
		.key_ptrs = 1,
		.elem_ptrs = 1,
	};
}

static const struct map_info *only_row(const struct census *census, uint64_t map)
{
	static struct map_info row;

	assert_int_equal(census->maps.len, 1);
	row = census_map(census, 0);
	assert_true(row.addr == map);
	return &row;
}

static void expect_exact(const struct map_info *m, uint64_t live, uint64_t groups, uint64_t bytes)
{
	assert_non_null(m);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, live);
	assert_int_equal(m->buckets, groups);
	assert_int_equal(map_slots(m), groups * 8);
	assert_int_equal(m->table_bytes, bytes);
	assert_int_equal(m->old_bytes, 0);
	assert_int_equal(m->overflow_buckets, 0);
	assert_false(m->garbage);
}

static const struct version {
	unsigned int minor;
	const char *experiments;
	bool split;
} versions[] = {
	{ 24, "", false },
	{ 25, "", false },
	{ 26, "", false },
	{ 27, "", false },
	{ 27, "mapsplitgroup", true },
	{ 27, "nogreenteagc", false },
};

/* ---- True maps ---- */

static void small_maps_of_every_len(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++)
		for (unsigned int len = 0; len <= 8; len++) {
			struct image *img = image_new(versions[v].minor, versions[v].experiments);
			struct image_type t = int_to_int(), p = string_to_ptr();

			t.split = p.split = versions[v].split;
			image_add_type(img, &t);
			image_add_type(img, &p);
			uint64_t a = image_swiss_small(img, &t, len);
			uint64_t b = image_swiss_small(img, &p, len);
			image_open(img);
			struct census *census = image_census(img);
			const struct map_info *m = image_map(census, a);

			assert_int_equal(census->maps.len, 2);
			expect_exact(m, len, 1, 144);
			assert_true(m->small);
			assert_int_equal(m->tombstones, 0);
			assert_int_equal(m->bucket_sz, 136);
			assert_string_equal(m->type->name, "map[int]int");
			assert_int_equal(m->type_source, TYPE_UNIQUE_SHAPE);
			assert_int_equal(m->rebuild_bytes, len ? 144 : 0);
			m = image_map(census, b);
			expect_exact(m, len, 1, 208);
			assert_string_equal(m->type->name, "map[string]*main.T");
			census_free(census);
			image_free(img);
		}
}

static void maps_without_a_group_are_empty(void **state)
{
	struct image *img = image_new(24, "");

	(void)state;
	for (int i = 0; i < 5; i++)
		image_swiss_empty(img);
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, 0);
	assert_int_equal(census->empty_cnt, 5);
	assert_int_equal(census->lookalike_cnt, 0);
	census_free(census);
	image_free(img);
}

static void one_table(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t = int_to_int();
		const struct image_table table = { .capacity = 16, .used = 9 };

		t.split = versions[v].split;
		image_add_type(img, &t);
		uint64_t map = image_swiss_map(img, &t, 0, &table, 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

		/* Two groups of 136 bytes, the table, a directory of one pointer. */
		expect_exact(m, 9, 2, 288 + 32 + 8);
		assert_false(m->small);
		assert_int_equal(m->table_cnt, 1);
		assert_int_equal(m->tombstones, 0);
		assert_int_equal(m->rebuild_bytes, m->table_bytes);
		assert_int_equal(map_gives_back(m), 0);
		census_free(census);
		image_free(img);
	}
}

/* Table capacities from 8 to 1024, with all numbers of tombstones that they can have
 * at the edges. */
static void tombstones_are_what_is_neither_used_nor_left(void **state)
{
	static const struct image_table tables[] = {
		{ 0, 8, 0, 0 },	      { 0, 8, 3, 4 },	   { 0, 8, 7, 0 },
		{ 0, 16, 14, 0 },     { 0, 16, 0, 14 },	   { 0, 128, 100, 12 },
		{ 0, 1024, 10, 886 }, { 0, 1024, 896, 0 }, { 0, 1024, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(tables); i++) {
		struct image *img = image_new(25, "");
		struct image_type t = int_to_int();

		image_add_type(img, &t);
		uint64_t map = image_swiss_map(img, &t, 0, &tables[i], 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->live_keys, tables[i].used);
		assert_int_equal(m->buckets, tables[i].capacity / 8);
		assert_int_equal(m->tombstones, tables[i].tombstones);
		census_free(census);
		image_free(img);
	}
}

/* One table may fill several neighbouring directory entries; it counts once. */
static void directories_with_shared_tables(void **state)
{
	static const struct image_table tables[] = {
		{ .local_depth = 1, .capacity = 1024, .used = 600 },
		{ .local_depth = 2, .capacity = 1024, .used = 896 },
		{ .local_depth = 3, .capacity = 512, .used = 400 },
		{ .local_depth = 3, .capacity = 64, .used = 5, .tombstones = 7 },
	};
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_swiss_map(img, &t, 3, tables, CNT(tables));
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);
	expect_exact(m, 600 + 400 + 5 + 896, 128 + 64 + 8 + 128,
		     18432 + 9472 + 1152 + 18432 + 4 * 32 + 64);
	assert_int_equal(m->table_cnt, 4);
	assert_int_equal(m->tombstones, 7);
	assert_non_null(m->type); /* by the first table, whose size differs */
	assert_int_equal(m->rebuild_bytes, 4 * (18432 + 32) + 32);
	census_free(census);
	image_free(img);
}

/* Maps whose directories together are more than one batch reads. */
static void large_directories(void **state)
{
	static const struct image_table two[] = { { 1, 1024, 500, 0 }, { 1, 1024, 400, 0 } };
	static const struct image_table one = { 0, 16, 9, 0 };
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int();
	uint64_t map[6];

	(void)state;
	image_add_type(img, &t);
	for (int i = 0; i < 6; i++)
		map[i] =
			image_swiss_map(img, &t, i % 2 ? 17 : 1, i % 3 ? two : &one, i % 3 ? 2 : 1);
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, 6);
	for (int i = 0; i < 6; i++) {
		const struct map_info *m = image_map(census, map[i]);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->live_keys, i % 3 ? 900 : 9);
		assert_int_equal(m->table_cnt, i % 3 ? 2 : 1);
	}
	census_free(census);
	image_free(img);
}

/* A directory that is larger than a batch by itself: 4 MiB for one table. */
static void a_directory_of_half_a_million_entries(void **state)
{
	static const struct image_table one = { 0, 16, 9, 0 };
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_swiss_map(img, &t, 19, &one, 1);
	image_open(img);
	struct census *census = image_census(img);
	expect_exact(only_row(census, map), 9, 2, 288 + 32 + (8 << 19));
	census_free(census);
	image_free(img);
}

/* Filled at a peak, then emptied: what a rebuild would give back. */
static void a_rebuild_gives_back_the_peak(void **state)
{
	static const struct image_table tables[] = {
		{ 2, 1024, 3, 800 }, { 2, 1024, 0, 896 }, { 2, 1024, 2, 0 }, { 2, 1024, 1, 10 }
	};
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_swiss_map(img, &t, 2, tables, 4);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);
	uint64_t bytes = 4 * (18432 + 32) + 32;

	expect_exact(m, 6, 512, bytes);
	assert_int_equal(m->rebuild_bytes, 144);
	assert_int_equal(map_gives_back(m), bytes - 144);
	assert_int_equal(map_hole_bytes(m), bytes - 6 * 136 / 8);
	assert_true(map_load(m) > 0.0014 && map_load(m) < 0.0015);
	census_free(census);
	image_free(img);
}

/* ---- Types ---- */

/* Group arrays with pointers above 512 bytes: the allocator notes the group type. */
static void types_from_headers(void **state)
{
	static const uint16_t capacities[] = { 32, 1024 };

	(void)state;
	for (size_t i = 0; i < CNT(capacities); i++) {
		struct image *img = image_new(24, "");
		struct image_type a = string_to_ptr(), b = string_to_ptr();
		const struct image_table table = { .capacity = capacities[i], .used = 20 };

		b.name = "map[string]*main.U";
		image_add_type(img, &a);
		image_add_type(img, &b);
		uint64_t map = image_swiss_map(img, &b, 0, &table, 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

		assert_int_equal(m->type_source, TYPE_HEADER);
		assert_string_equal(m->type->name, "map[string]*main.U");
		assert_int_equal(m->bucket_sz, 200);
		census_free(census);
		image_free(img);
	}
}

/* 160 KiB of groups are a large object, whose type is in its span. */
static void types_of_large_objects(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type a = string_to_ptr(), b = string_to_ptr();
	const struct image_table table = { .capacity = 1024, .used = 20 };

	(void)state;
	a.elem_sz = b.elem_sz = 64;
	b.name = "map[string]main.Large";
	image_add_type(img, &a);
	image_add_type(img, &b);
	uint64_t map = image_swiss_map(img, &b, 0, &table, 1);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);

	assert_int_equal(m->type_source, TYPE_HEADER);
	assert_string_equal(m->type->name, "map[string]main.Large");
	census_free(census);
	image_free(img);
}

/* In a span of small objects largeType is left over from its former use. */
static void leftover_large_types_mean_nothing(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type a = string_to_ptr(), b = string_to_ptr();

	(void)state;
	b.key_sz = 8;
	b.key_ptrs = 0;
	b.elem_sz = 16;
	b.elem_ptrs = 3;
	b.name = "map[int]main.Pair";
	image_add_type(img, &a);
	image_add_type(img, &b);
	uint64_t map = image_swiss_small(img, &a, 4);
	image_span_of(img, image_get_u64(img, map + 16))->large_type = b.bucket;
	image_open(img);
	struct census *census = image_census(img);
	assert_string_equal(only_row(census, map)->type->name, "map[string]*main.T");
	census_free(census);
	image_free(img);
}

/* Types of one size, told apart by the places of their pointers. */
static void pointer_bits_narrow_types(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t[] = {
			{ .name = "map[int]int", .key_sz = 8, .elem_sz = 8 },
			{ .name = "map[int]*T", .key_sz = 8, .elem_sz = 8, .elem_ptrs = 1 },
			{ .name = "map[*T]int", .key_sz = 8, .elem_sz = 8, .key_ptrs = 1 },
			{ .name = "map[*T]*T",
			  .key_sz = 8,
			  .elem_sz = 8,
			  .key_ptrs = 1,
			  .elem_ptrs = 1 },
		};
		uint64_t map[CNT(t)];

		for (size_t i = 0; i < CNT(t); i++) {
			t[i].split = versions[v].split;
			image_add_type(img, &t[i]);
		}
		for (size_t i = 0; i < CNT(t); i++)
			map[i] = image_swiss_small(img, &t[i], 3);
		image_open(img);
		struct census *census = image_census(img);
		for (size_t i = 0; i < CNT(t); i++) {
			const struct map_info *m = image_map(census, map[i]);

			assert_non_null(m->type);
			assert_string_equal(m->type->name, t[i].name);
			assert_int_equal(m->type_source, TYPE_UNIQUE_SHAPE);
			assert_int_equal(m->type_candidates, 1);
		}
		census_free(census);
		image_free(img);
	}
}

static void like_types_are_ambiguous(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type a = string_to_ptr(), b = string_to_ptr();

	(void)state;
	b.name = "map[string]*main.U";
	image_add_type(img, &a);
	image_add_type(img, &b);
	uint64_t map = image_swiss_small(img, &b, 3);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);

	assert_null(m->type);
	assert_int_equal(m->type_source, TYPE_AMBIGUOUS);
	assert_int_equal(m->type_candidates, 2);
	assert_int_equal(m->bucket_sz, 200); /* known all the same */
	assert_int_equal(m->rebuild_bytes, 208);
	census_free(census);
	image_free(img);
}

/* type Sessions map[string]*T has the groups of map[string]*T. */
static void named_types_are_shown_by_the_unnamed_one(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type named = string_to_ptr(), plain = string_to_ptr();

	(void)state;
	named.named = true;
	named.name = "main.Sessions";
	image_add_type(img, &named);
	image_add_type(img, &plain);
	image_u64(img, named.addr + 64, plain.bucket);
	uint64_t map = image_swiss_small(img, &plain, 3);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);

	assert_non_null(m->type);
	assert_string_equal(m->type->name, "map[string]*main.T");
	census_free(census);
	image_free(img);
}

/* Two group sizes that make arrays of one size class; only with the right one the
 * control words hold as many keys as the table counts. */
static void control_words_decide_between_sizes(void **state)
{
	static const uint32_t elem_sizes[] = { 0, 1 }; /* 136 or 144 bytes a group */

	(void)state;
	for (size_t i = 0; i < CNT(elem_sizes); i++) {
		struct image *img = image_new(24, "");
		struct image_type a = { .name = "map[K]struct{}", .key_sz = 16 };
		struct image_type b = { .name = "map[K]bool", .key_sz = 16, .elem_sz = 1 };
		const struct image_table table = { .capacity = 128, .used = 77, .tombstones = 9 };

		image_add_type(img, &a);
		image_add_type(img, &b);
		uint64_t map = image_swiss_map(img, i ? &b : &a, 0, &table, 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->bucket_sz, i ? 144 : 136);
		assert_string_equal(m->type->name, i ? "map[K]bool" : "map[K]struct{}");
		census_free(census);
		image_free(img);
	}
}

/* Types made at run time are in no section: the map counts, its type is unknown. */
static void maps_of_unknown_types_count(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type known = int_to_int(), unknown = string_to_ptr();
	const struct image_table table = { .capacity = 64, .used = 50 };

	(void)state;
	image_add_type(img, &known);
	image_add_type(img, &unknown);
	image_u8(img, unknown.addr + 23, 22); /* a map type no more */
	uint64_t map = image_swiss_map(img, &unknown, 0, &table, 1);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);

	expect_exact(m, 50, 8, 1792 + 32 + 8);
	assert_null(m->type);
	assert_int_equal(m->type_source, TYPE_UNKNOWN);
	assert_int_equal(m->rebuild_bytes, 0);
	census_free(census);
	image_free(img);
}

/* ---- False maps ---- */

/* A good map, for comparison, beside the one that a test spoils. */
struct pair {
	struct image *img;
	struct image_type t;
	uint64_t good;
	uint64_t bad;
};

/* The bad one: depth 2, tables with 10, 20 and 5 keys, the first of which fills two
 * entries of the directory. */
static void pair_init(struct pair *p)
{
	static const struct image_table tables[] = {
		{ 1, 64, 10, 0 },
		{ 2, 64, 20, 3 },
		{ 2, 128, 5, 0 },
	};

	p->img = image_new(24, "");
	p->t = int_to_int();
	image_add_type(p->img, &p->t);
	p->good = image_swiss_map(p->img, &p->t, 2, tables, 3);
	p->bad = image_swiss_map(p->img, &p->t, 2, tables, 3);
}

/* The bad one must be in no row, and the good one in one. */
static void pair_judge(struct pair *p, const char *what)
{
	p->img->reads = 0;
	struct census *census = image_census(p->img);

	if (image_map(census, p->bad))
		fail_msg("%s: taken for a map", what);
	expect_exact(only_row(census, p->good), 35, 8 + 8 + 16, 1152 + 1152 + 2304 + 3 * 32 + 32);
	if (census->lookalike_cnt != 1 || census->empty_cnt)
		fail_msg("%s: not counted as a look-alike", what);
	if (p->img->reads > 2000)
		fail_msg("%s: %llu reads", what, (unsigned long long)p->img->reads);
	census_free(census);
	image_free(p->img);
}

static void spoilt_tabled_maps_are_none(void **state)
{
	enum { HEADER, TABLE, TABLE_2 };
	static const struct {
		const char *what;
		int where;
		unsigned int off, sz;
		uint64_t v;
	} rows[] = {
		{ "seed of zero", HEADER, 8, 8, 0 },
		{ "small seed", HEADER, 8, 8, 4711 },
		{ "heap address as seed", HEADER, 8, 8, IMAGE_HEAP + 64 },
		{ "writing flag", HEADER, 34, 1, 2 },
		{ "used too small", HEADER, 0, 8, 34 },
		{ "used too large", HEADER, 0, 8, 36 },
		{ "used beyond all slots", HEADER, 0, 8, 4 * 1024 + 1 },
		{ "used at minus one", HEADER, 0, 8, UINT64_MAX },
		{ "directory of no power of two", HEADER, 24, 8, 3 },
		{ "directory longer than its depth", HEADER, 24, 8, 8 },
		{ "directory length at minus one", HEADER, 24, 8, UINT64_MAX },
		{ "depth", HEADER, 32, 1, 3 },
		{ "huge depth", HEADER, 32, 1, 255 },
		{ "shift", HEADER, 33, 1, 61 },
		{ "no directory", HEADER, 16, 8, 0 },
		{ "directory outside the heap", HEADER, 16, 8, IMAGE_NOWHERE },
		{ "directory in the kernel", HEADER, 16, 8, 0xffff888000000000 },
		{ "capacity 0", TABLE, 2, 2, 0 },
		{ "capacity 4", TABLE, 2, 2, 4 },
		{ "capacity of no power of two", TABLE, 2, 2, 63 },
		{ "another capacity", TABLE, 2, 2, 128 },
		{ "capacity 65535", TABLE, 2, 2, 65535 },
		{ "used beyond the capacity", TABLE, 0, 2, 65 },
		{ "used beyond the load limit", TABLE, 0, 2, 57 },
		{ "growth left beyond it", TABLE, 4, 2, 47 },
		{ "growth left at minus one", TABLE, 4, 2, 65535 },
		{ "local depth", TABLE, 6, 1, 2 },
		{ "local depth beyond the global one", TABLE, 6, 1, 3 },
		{ "local depth 255", TABLE, 6, 1, 255 },
		{ "stale index", TABLE, 8, 8, UINT64_MAX },
		{ "another index", TABLE_2, 8, 8, 1 },
		{ "length mask", TABLE, 24, 8, 15 },
		{ "length mask at minus one", TABLE, 24, 8, UINT64_MAX },
		{ "no groups", TABLE, 16, 8, 0 },
		{ "groups outside the heap", TABLE, 16, 8, IMAGE_NOWHERE },
		{ "groups at the end of everything", TABLE, 16, 8, UINT64_MAX - 7 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct pair p;

		pair_init(&p);
		uint64_t at = rows[i].where == HEADER
				      ? p.bad
				      : image_swiss_table(p.img, p.bad, rows[i].where == TABLE_2);
		image_write(p.img, at + rows[i].off, &rows[i].v, rows[i].sz);
		image_open(p.img);
		pair_judge(&p, rows[i].what);
	}
}

/* A directory of depth 40 with its length: nothing of that size is read. */
static void huge_depths_are_refused_at_once(void **state)
{
	static const unsigned int depths[] = { 25, 40, 63, 64 };

	(void)state;
	for (size_t i = 0; i < CNT(depths); i++) {
		struct pair p;

		pair_init(&p);
		image_u8(p.img, p.bad + 32, depths[i]);
		image_u8(p.img, p.bad + 33, 64 - depths[i]);
		image_u64(p.img, p.bad + 24, depths[i] < 64 ? 1ull << depths[i] : 0);
		image_open(p.img);
		pair_judge(&p, "huge depth");
	}
}

static uint64_t directory(const struct pair *p)
{
	return image_get_u64(p->img, p->bad + 16);
}

static void spoilt_directories_are_none(void **state)
{
	(void)state;
	for (int what = 0; what < 8; what++) {
		struct pair p;

		pair_init(&p);
		uint64_t dir = directory(&p), first = image_swiss_table(p.img, p.bad, 0);
		uint64_t second = image_swiss_table(p.img, p.bad, 1);
		const uint64_t entries[][4] = {
			{ first, second, first, second }, /* not in runs */
			{ first, first, first, first },
			{ 0, 0, 0, 0 },
			{ first, first, second, 0 },
			{ first, first, second, IMAGE_NOWHERE },
			{ first, first, second, second + 8 }, /* inside another table */
			{ dir, dir, dir, dir }, /* to itself */
			{ first, first, second, p.bad }, /* to the header */
		};
		image_write(p.img, dir, entries[what], sizeof(entries[what]));
		image_open(p.img);
		pair_judge(&p, "directory");
	}
}

/* Tables in a ring: each says that its groups are the other one. */
static void tables_that_point_to_each_other(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	uint64_t first = image_swiss_table(p.img, p.bad, 0);
	uint64_t second = image_swiss_table(p.img, p.bad, 1);
	image_u64(p.img, first + 16, second);
	image_u64(p.img, second + 16, first);
	image_open(p.img);
	pair_judge(&p, "ring");
}

static void groups_that_are_no_array(void **state)
{
	(void)state;
	for (int what = 0; what < 4; what++) {
		struct pair p;

		pair_init(&p);
		uint64_t table = image_swiss_table(p.img, p.bad, 0);
		uint64_t groups = image_swiss_groups(p.img, p.bad, 0);
		const uint64_t to[] = {
			groups + 8, /* inside the array */
			image_alloc_words(p.img, 4, 0), /* too small for eight groups */
			p.bad, /* the header */
			groups + (1ull << 30), /* in no span */
		};
		image_u64(p.img, table + 16, to[what]);
		image_open(p.img);
		pair_judge(&p, "groups");
	}
}

/* The directory's memory holds fewer entries than the header says. */
static void a_directory_needs_its_memory(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	uint64_t small = image_alloc_ptrs(p.img, 2), dir = directory(&p);
	for (int i = 0; i < 4; i++) /* the last two are of the next object */
		image_u64(p.img, small + 8 * i, image_get_u64(p.img, dir + 8 * i));
	image_u64(p.img, p.bad + 16, small);
	image_open(p.img);
	pair_judge(&p, "small directory");

	pair_init(&p);
	image_u64(p.img, p.bad + 16, directory(&p) + 8); /* inside the directory */
	image_open(p.img);
	pair_judge(&p, "interior directory");
}

/* Everything adds up, but no map is built like that. */
static void impossible_tables_are_none(void **state)
{
	static const struct image_table tables[] = {
		{ 0, 24, 5, 0 }, /* no power of two */
		{ 0, 2048, 5, 0 }, /* would have been split */
	};

	(void)state;
	for (size_t i = 0; i < CNT(tables); i++) {
		struct pair p;

		pair_init(&p);
		image_u64(p.img, p.bad, 0); /* in the other one's place */
		image_u64(p.img, p.bad + 8, 0);
		p.bad = image_swiss_map(p.img, &p.t, 0, &tables[i], 1);
		image_open(p.img);
		struct census *census = image_census(p.img);
		assert_null(image_map(census, p.bad));
		assert_int_equal(census->maps.len, 1);
		assert_int_equal(census->lookalike_cnt, 2);
		census_free(census);
		image_free(p.img);
	}
}

/* The keys of the tables that are left add up to the header's count. */
static void a_part_of_a_directory_is_none(void **state)
{
	static const struct {
		uint64_t dir_len, used;
	} rows[] = { { 2, 10 }, { 3, 30 } };

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct pair p;

		pair_init(&p);
		image_u64(p.img, p.bad, rows[i].used);
		image_u64(p.img, p.bad + 24, rows[i].dir_len);
		image_open(p.img);
		pair_judge(&p, "part of a directory");
	}
}

/* A table without keys changes no sum; that it is none must be seen all the same. */
static void an_empty_table_counts_as_evidence(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	uint64_t table = image_swiss_table(p.img, p.bad, 2);
	image_u16(p.img, table, 0);
	image_u64(p.img, table + 8, 77); /* its index */
	image_u64(p.img, p.bad, 30);
	image_open(p.img);
	pair_judge(&p, "empty table");
}

/* The bytes of a good part, in memory that is no object of its own. */
static void parts_are_objects(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct pair p;

		pair_init(&p);
		uint64_t dir = directory(&p), last = image_swiss_table(p.img, p.bad, 2);
		uint64_t wide = image_alloc_words(p.img, 8, 4);
		uint64_t pair = image_alloc_words(p.img, 4, 4);
		uint64_t dirs = image_alloc_ptrs(p.img, 8);
		assert_true(image_alloc_words(p.img, 4, 4) == pair + 32);
		for (int i = 0; i < 4; i++) {
			uint64_t entry = image_get_u64(p.img, dir + 8 * i);
			uint64_t word = image_get_u64(p.img, last + 8 * i);

			image_u64(p.img, dirs + 32 + 8 * i, entry);
			image_u64(p.img, wide + 8 * i, word);
			image_u64(p.img, pair + 8 + 8 * i, word);
		}
		if (what == 0) /* the second half of a directory */
			image_u64(p.img, p.bad + 16, dirs + 32);
		if (what == 1) /* a table at the start of a larger object */
			image_u64(p.img, dir + 24, wide);
		if (what == 2) /* a table across two objects of its size */
			image_u64(p.img, dir + 24, pair + 8);
		image_open(p.img);
		pair_judge(&p, "part of an object");
	}
}

static void unreadable_parts_are_no_map(void **state)
{
	(void)state;
	for (int what = 0; what < 2; what++) {
		struct image *img = image_new(24, "");
		struct image_type t = int_to_int();
		const struct image_table tables[] = { { 1, 16, 9, 0 }, { 1, 16, 5, 0 } };

		image_add_type(img, &t);
		uint64_t map = image_swiss_map(img, &t, 1, tables, 2);
		uint64_t gone = what ? image_get_u64(img, map + 16)
				     : image_swiss_table(img, map, 1);
		image_open(img);
		image_unmap(img, gone & ~0xfffull, 4096);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, 0);
		census_free(census);
		image_free(img);
	}
}

static void spoilt_small_maps_are_none(void **state)
{
	static const struct {
		const char *what;
		uint64_t used;
		uint64_t ctrl;
	} rows[] = {
		{ "fewer keys than counted", 4, 0x8080808080331f05 },
		{ "more keys than counted", 2, 0x8080808080331f05 },
		{ "a tombstone", 3, 0xfe80808080331f05 },
		{ "another control byte", 3, 0x8180808080331f05 },
		{ "all ones", 0, UINT64_MAX },
		{ "all zeroes", 8, 0 },
		{ "a small number", 8, 0x0000000000000305 },
		{ "text of one letter", 8, 0x6161616161616161 },
		{ "nine keys", 9, 0x05331f0544332211 },
		{ "keys at minus one", UINT64_MAX, 0x8080808080331f05 },
	};

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct image *img = image_new(24, "");
		struct image_type t = int_to_int();

		image_add_type(img, &t);
		uint64_t good = image_swiss_small(img, &t, 3);
		uint64_t bad = image_swiss_small(img, &t, 3);
		image_u64(img, bad, rows[i].used);
		image_u64(img, image_get_u64(img, bad + 16), rows[i].ctrl);
		image_open(img);
		struct census *census = image_census(img);
		if (image_map(census, bad))
			fail_msg("%s: taken for a map", rows[i].what);
		assert_true(only_row(census, good)->addr == good);
		census_free(census);
		image_free(img);
	}
}

static void small_maps_have_a_group_to_themselves(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t deep = image_swiss_small(img, &t, 3), inside = image_swiss_small(img, &t, 3);
	uint64_t two = image_alloc_buckets(img, &t, 2);
	for (uint64_t i = 0; i < 136; i += 8) /* the second of two groups is a good one */
		image_u64(img, two + 136 + i,
			  image_get_u64(img, image_get_u64(img, inside + 16) + i));
	image_u64(img, inside + 16, two + 136);
	image_u8(img, deep + 32, 1); /* a depth, but no directory */
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, 0);
	assert_int_equal(census->lookalike_cnt, 2);
	census_free(census);
	image_free(img);
}

/* In memory without pointers only the content can speak. */
static void groups_of_no_content_are_none(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t twice = image_swiss_small(img, &t, 3), elem = image_swiss_small(img, &t, 3);
	uint64_t group = image_get_u64(img, twice + 16);
	image_u64(img, group + 8 + 16, image_get_u64(img, group + 8)); /* a key again */
	group = image_get_u64(img, elem + 16);
	image_u64(img, group + 8 + 7 * 16 + 8, 1); /* an elem in an empty slot */
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, 0);
	assert_int_equal(census->lookalike_cnt, 2);
	census_free(census);
	image_free(img);
}

/* Every NaN is a key of its own, and they may all have the same bits. */
static void nan_keys_are_no_repetition(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = {
		.name = "map[float64]int", .key_sz = 8, .elem_sz = 8, .need_key_update = true
	};

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_swiss_small(img, &t, 3);
	for (int i = 0; i < 3; i++)
		image_u64(img, image_get_u64(img, map + 16) + 8 + i * 16, 0x7ff8000000000001);
	image_open(img);
	struct census *census = image_census(img);
	expect_exact(only_row(census, map), 3, 1, 144);
	census_free(census);
	image_free(img);
}

/* Objects of a header's size and pointers, as programs have them. */
static void look_alikes_are_none(void **state)
{
	static const uint64_t words[][6] = {
		/* word 2 is a pointer: 1 to zeroes, 2 to text, 3 to a small number,
		 * 4 to noise; others as they are */
		{ 0, 0, 1, 0, 0, 0 },
		{ 8, 1, 1, 0, 0, 0 },
		{ 8, 0x123456789abcdef0, 1, 0, 0, 0 },
		{ 8, 0x123456789abcdef0, 2, 0, 0, 0 },
		{ 8, 0x123456789abcdef0, 3, 0, 0, 0 },
		{ 5, 0x123456789abcdef0, 4, 0, 0, 0 },
		{ 0, 0x3ff0000000000000, 1, 0, 0, 0 },
		{ 8, 0x3ff0000000000000, 2, 0, 0, 0 },
		{ UINT64_MAX, UINT64_MAX, 1, UINT64_MAX, UINT64_MAX, UINT64_MAX },
		{ 3, 0x123456789abcdef0, 1, 2, 1, 0 },
		{ 3, 0x123456789abcdef0, 1, 1, 64 << 8, 0 },
		{ 1, 0x123456789abcdef0, 4, 4, 62 << 8 | 2, 0 },
	};
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int(), p = string_to_ptr();
	uint64_t to[5];

	(void)state;
	image_add_type(img, &t);
	image_add_type(img, &p);
	for (int i = 1; i < 5; i++)
		to[i] = image_alloc_words(img, 17, i % 2);
	image_write(img, to[2], "GET /api HTTP/1.1\r\nHost: example", 32);
	image_u64(img, to[3], 77);
	for (int i = 0; i < 17; i++)
		image_u64(img, to[4] + 8 * i, 0x9e3779b97f4a7c15 * (i + 1));
	for (size_t i = 0; i < CNT(words); i++) {
		uint64_t addr = image_alloc_words(img, 6, 4);

		for (int w = 0; w < 6; w++)
			image_u64(img, addr + 8 * w, w == 2 ? to[words[i][w] % 5] : words[i][w]);
	}
	image_open(img);
	struct census *census = image_census(img);
	for (size_t i = 0; i < census->maps.len; i++)
		fail_msg("look-alike %llu became a map",
			 (unsigned long long)(census_map(census, i).addr - IMAGE_HEAP));
	assert_int_equal(census->lookalike_cnt, CNT(words));
	census_free(census);
	image_free(img);
}

/* ---- Moving maps ---- */

enum { SPARE_DIRS = 7 };

struct mover {
	uint64_t map;
	uint64_t spare; /* directories for grow() */
	int reads; /* of the header so far */
	int from, to; /* reads before which it changes */
	void (*change)(struct image *img, uint64_t map, int n);
};

static void move(struct image *img, const struct mem_req *req)
{
	struct mover *m = img->hook_ctx;

	if (!image_covers(req, m->map))
		return;
	if (++m->reads >= m->from && m->reads <= m->to)
		m->change(img, m->map, m->reads);
}

/* The only row of a census during which a map changes; NULL: there is none. */
static struct map_info census_moving(struct image *img, struct mover *m, bool *found_ret)
{
	struct map_info row = { 0 };

	image_open(img);
	img->hook = move;
	img->hook_ctx = m;
	img->reads = 0;
	struct census *census = image_census(img);
	*found_ret = census->maps.len == 1;
	if (*found_ret)
		row = *only_row(census, m->map);
	assert_true(img->reads < 1000);
	census_free(census);
	image_free(img);
	return row;
}

static uint64_t tabled_map(struct image *img)
{
	struct image_type t = int_to_int();
	const struct image_table tables[] = { { 1, 64, 30, 0 }, { 1, 64, 20, 0 } };

	image_add_type(img, &t);
	return image_swiss_map(img, &t, 1, tables, 2);
}

/* One key more in header and table. */
static void insert(struct image *img, uint64_t map, int n)
{
	uint64_t table = image_swiss_table(img, map, 0);

	(void)n;
	image_u64(img, map, image_get_u64(img, map) + 1);
	image_u64(img, table, image_get_u64(img, table) + 1); /* used is its low half */
}

/* The map grew: another directory with the same tables, never the last one again. */
static void grow(struct image *img, uint64_t map, int n)
{
	uint64_t dir = image_get_u64(img, map + 16);
	uint64_t other = ((struct mover *)img->hook_ctx)->spare + 16 * (n % SPARE_DIRS);

	for (int i = 0; i < 2; i++)
		image_u64(img, other + 8 * i, image_get_u64(img, dir + 8 * i));
	image_u64(img, map + 16, other);
}

/* Room for directories, side by side. */
static uint64_t spare_dirs(struct image *img)
{
	uint64_t first = image_alloc_ptrs(img, 2);

	for (int i = 1; i < SPARE_DIRS; i++)
		assert_true(image_alloc_ptrs(img, 2) == first + 16 * i);
	return first;
}

/* A writer that lost its processor in the middle of a write: the table has a key more
 * than the map counts, or what is to come is not to be seen, and nothing moves. */
static void a_write_that_stands_still_is_moving(void **state)
{
	(void)state;
	for (uint64_t more = 0; more < 2; more++) {
		struct image *img = image_new(24, "");
		uint64_t map = tabled_map(img), table = image_swiss_table(img, map, 0);

		/* used is the lowest of its quarters, growthLeft the third one */
		image_u64(img, table, image_get_u64(img, table) + more - (more << 32));
		image_u8(img, map + 34, 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

		assert_int_equal(m->consistency, MAP_MOVING);
		assert_int_equal(m->live_keys, 50);
		assert_int_equal(m->buckets, 16);
		census_free(census);
		image_free(img);
	}
}

/* The same of a small map: that one key shows, but nothing proves the map. */
static void a_small_write_that_stands_still_is_suspect(void **state)
{
	(void)state;
	for (int writing = 0; writing < 2; writing++) {
		struct image *img = image_new(24, "");
		struct image_type t = int_to_int();

		image_add_type(img, &t);
		uint64_t map = image_swiss_small(img, &t, 5);
		image_u64(img, map, 4);
		image_u8(img, map + 34, writing);
		image_open(img);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, writing);
		assert_int_equal(census->lookalike_cnt, !writing);
		if (writing)
			assert_int_equal(census_map(census, 0).consistency, MAP_SUSPECT);
		census_free(census);
		image_free(img);
	}
}

/* Expects a heap with no map but that one, which is suspect, or is none. */
static void expect_suspect(struct image *img, uint64_t map, bool suspect, const char *what)
{
	struct census *census = image_census(img);

	if (census->maps.len != suspect || census->lookalike_cnt != !suspect)
		fail_msg("%s: %zu maps, %llu look-alikes", what, census->maps.len,
			 (unsigned long long)census->lookalike_cnt);
	if (suspect)
		assert_int_equal(only_row(census, map)->consistency, MAP_SUSPECT);
	census_free(census);
	image_free(img);
}

/* The map leads to memory that is of another use than when the heap was read. What it led
 * to then contradicts the map as much, but is no proof. */
static void what_an_outdated_span_contradicts_is_suspect(void **state)
{
	static const char *const whats[] = { "directory", "table", "groups" };

	(void)state;
	for (size_t i = 0; i < CNT(whats); i++)
		for (int freed = 0; freed < 2; freed++) {
			struct image *img = image_new(24, "");
			uint64_t map = tabled_map(img);
			uint64_t large = image_alloc_words(img, 20, 0);
			uint64_t other = image_alloc_words(img, 2, 0);
			uint64_t dir = image_get_u64(img, map + 16);
			uint64_t table = image_swiss_table(img, map, 0), bytes[4];

			if (i == 0) {
				image_u64(img, map + 16, other + 8);
			} else if (i == 1) { /* all that a table has, in a larger object */
				for (int w = 0; w < 4; w++)
					bytes[w] = image_get_u64(img, table + 8 * w);
				image_write(img, other = large, bytes, sizeof(bytes));
				image_u64(img, dir, large);
			} else {
				image_u64(img, table + 16, other);
			}
			image_open(img);
			if (freed)
				image_free_span(img, other);
			expect_suspect(img, map, freed, whats[i]);
		}
}

/* The same of the only group of a small map. */
static void a_group_of_an_outdated_span_is_no_proof(void **state)
{
	(void)state;
	for (int freed = 0; freed < 2; freed++) {
		struct image *img = image_new(24, "");
		struct image_type t = int_to_int();

		image_add_type(img, &t);
		uint64_t map = image_swiss_small(img, &t, 5);
		uint64_t group = image_get_u64(img, map + 16);

		image_u64(img, map + 16, group + 8);
		image_open(img);
		if (freed)
			image_free_span(img, group);
		expect_suspect(img, map, freed, "group");
	}
}

/* What adds up in memory that is another span's by now has no size that is known. */
static void figures_of_an_outdated_span_are_suspect(void **state)
{
	static const char *const whats[] = { "directory", "table", "groups", "small" };

	(void)state;
	for (size_t i = 0; i < CNT(whats); i++)
		for (int when = 0; when < IMAGE_SWEEP_CNT; when++)
			for (int freed = 0; freed < 2; freed++) {
				struct image *img = image_new(24, "");
				struct image_type t = int_to_int();
				uint64_t map = i < 3 ? tabled_map(img) : 0;

				if (i == 3)
					image_add_type(img, &t);
				if (i == 3)
					map = image_swiss_small(img, &t, 5);
				uint64_t dir = image_get_u64(img, map + 16);
				const uint64_t at[] = { dir, i < 3 ? image_get_u64(img, dir) : 0,
							i < 3 ? image_swiss_groups(img, map, 1) : 0,
							dir };

				image_mark(img, map);
				image_open_amid_sweep(img, at[i], when);
				if (freed)
					image_free_span(img, at[i]);
				struct census *census = image_census(img);
				if (only_row(census, map)->consistency !=
				    (freed ? MAP_SUSPECT : MAP_EXACT))
					fail_msg("%s, sweep %d, freed %d", whats[i], when, freed);
				assert_int_equal(census->totals.map_cnt, !freed);
				assert_int_equal(census->totals.garbage_cnt, 0);
				census_free(census);
				image_free(img);
			}
}

/* Of two maps in one batch only the one that rests on it. */
static void one_outdated_span_is_no_matter_of_others(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int();
	struct image_type other = { .name = "map[int32]int8", .key_sz = 4, .elem_sz = 1 };

	(void)state;
	image_add_type(img, &t);
	image_add_type(img, &other);
	uint64_t maps[] = { image_swiss_small(img, &t, 5), image_swiss_small(img, &other, 3),
			    image_swiss_small(img, &t, 2) };
	for (size_t i = 0; i < CNT(maps); i++)
		image_mark(img, maps[i]);
	uint64_t group = image_get_u64(img, maps[1] + 16);
	image_open_amid_sweep(img, group, IMAGE_SWEEP_NEXT);
	image_u8(img, image_span_of(img, group)->mspan + img->prog.layout.mspan.spanclass, 2 * 5);

	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, 3);
	for (size_t i = 0; i < CNT(maps); i++)
		assert_int_equal(image_map(census, maps[i])->consistency,
				 i == 1 ? MAP_SUSPECT : MAP_EXACT);
	assert_int_equal(census->totals.suspect_cnt, 1);
	census_free(census);
	image_free(img);
}

/* The sweeper frees a map with its table: in whichever order, it holds nothing. */
static void a_garbage_map_without_its_table_is_empty(void **state)
{
	(void)state;
	for (int freed = 0; freed < 2; freed++) {
		struct image *img = image_new(24, "");
		uint64_t map = tabled_map(img);

		image_open_amid_sweep(img, image_swiss_groups(img, map, 0), IMAGE_SWEEP_NEXT);
		if (freed)
			image_free_span(img, image_swiss_groups(img, map, 0));
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, !freed);
		assert_int_equal(census->totals.garbage_cnt, !freed);
		assert_int_equal(census->totals.suspect_cnt, 0);
		assert_int_equal(census->empty_cnt, freed);
		census_free(census);
		image_free(img);
	}
}

/* The descriptor of a span, and how often it was read since the heap was. */
struct watched {
	uint64_t mspan;
	int reads;
};

static void watch(struct image *img, const struct mem_req *req)
{
	struct watched *w = img->hook_ctx;

	w->reads += image_covers(req, w->mspan);
}

/* Nothing else is freed in a cycle: a million maps need no descriptor more. */
static void what_was_swept_is_not_read_again(void **state)
{
	(void)state;
	for (int swept = 0; swept < 2; swept++) {
		struct image *img = image_new(24, "");
		uint64_t groups = image_swiss_groups(img, tabled_map(img), 0);
		struct watched w = { image_span_of(img, groups)->mspan, 0 };

		if (!swept)
			image_span_of(img, groups)->sweepgen -= 2;
		image_open(img);
		img->hook = watch;
		img->hook_ctx = &w;
		struct census *census = image_census(img);
		assert_int_equal(census->totals.exact_cnt, 1);
		if (swept ? w.reads != 0 : w.reads == 0)
			fail_msg("swept %d: %d reads", swept, w.reads);
		census_free(census);
		image_free(img);
	}
}

/* An arena that the heap did not have when it was read: the index tells. */
static void memory_of_a_new_arena_is_no_proof(void **state)
{
	(void)state;
	for (int made = 0; made < 2; made++) {
		struct image *img = image_new(24, "");
		const uint64_t arena = IMAGE_HEAP + (7ull << ARENA_SHIFT);
		uint64_t map = tabled_map(img);

		image_u64(img, map + 16, arena + GO_PAGE_SZ);
		image_open(img);
		uint64_t index = heap_linear_address(img->heap, arena) >> ARENA_SHIFT;
		image_u64(img, IMAGE_ARENA_INDEX + 8 * index, made ? IMAGE_ARENA_METAS : 0);
		expect_suspect(img, map, made, "a new arena");
	}
}

/* A writer lost its processor between two stores to the header. */
static void a_map_that_stands_still_while_it_grows_is_suspect(void **state)
{
	(void)state;
	for (int writing = 0; writing < 2; writing++) {
		struct image *img = image_new(24, "");
		uint64_t map = tabled_map(img);

		image_u64(img, map + 24, 0); /* the directory is there, its length is not */
		image_u64(img, map, 8);
		image_u8(img, map + 32, 0);
		image_u8(img, map + 33, 0);
		image_u8(img, map + 34, writing);
		image_open(img);
		expect_suspect(img, map, writing, "small to tables");

		img = image_new(24, "");
		map = tabled_map(img);
		image_u8(img, map + 32, 2); /* the depth of the next directory */
		image_u8(img, map + 34, writing);
		image_open(img);
		expect_suspect(img, map, writing, "next depth");
	}
}

/* The map has tables since its header was read, and its only group is something else. */
static void outgrow(struct image *img, uint64_t map, int n)
{
	(void)n;
	image_u64(img, map, 50);
	image_u64(img, map + 16, ((struct mover *)img->hook_ctx)->spare);
	image_u64(img, map + 24, 2);
	image_u8(img, map + 32, 1);
	image_u8(img, map + 33, 63);
}

static void a_small_map_may_be_outgrown_while_it_is_read(void **state)
{
	struct image *img = image_new(24, "");
	struct mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = outgrow };
	bool found;

	(void)state;
	m.spare = image_get_u64(img, m.map + 16);
	image_u64(img, m.map, 8);
	image_u64(img, m.map + 16, image_alloc_words(img, 17, 0)); /* no control bytes */
	image_u64(img, m.map + 24, 0);
	image_u8(img, m.map + 32, 0);
	image_u8(img, m.map + 33, 0);
	struct map_info row = census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.live_keys, 50);
}

/* A key comes and goes, and is in the group whenever that is read but for one time, and in
 * no header. */
static void toggle(struct image *img, const struct mem_req *req)
{
	struct mover *m = img->hook_ctx;

	if (image_covers(req, m->spare))
		image_u8(img, m->spare + 5, ++m->reads == 6 ? 0x80 : 0x2b);
	else if (image_covers(req, m->map))
		image_u8(img, m->spare + 5, 0x80);
}

static void a_small_map_that_toggles_is_not_lost(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	struct mover m = { .map = image_swiss_small(img, &t, 5) };
	m.spare = image_get_u64(img, m.map + 16);
	image_open(img);
	img->hook = toggle;
	img->hook_ctx = &m;
	struct census *census = image_census(img);
	assert_int_equal(only_row(census, m.map)->live_keys, 5);
	census_free(census);
	image_free(img);
}

static void a_key_more_while_it_is_read_is_moving(void **state)
{
	struct image *img = image_new(24, "");
	struct mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = insert };
	bool found;

	(void)state;
	struct map_info row = census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_MOVING);
	assert_int_equal(row.live_keys, 51); /* as read last */
	assert_int_equal(row.buckets, 16);
	assert_true(map_counts(&row));
}

/* Changed between the scan and the tables: read again, and then it stands still. */
static void a_change_in_time_is_read_again(void **state)
{
	struct image *img = image_new(24, "");
	struct mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = grow };
	bool found;

	(void)state;
	m.spare = spare_dirs(img);
	struct map_info row = census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.live_keys, 50);
}

/* A cache deletes as often as it inserts: its count is the same at each read, and its
 * tables, read one after the other, never add up to it. */
static void churn(struct image *img, const struct mem_req *req)
{
	struct mover *m = img->hook_ctx;
	uint64_t table = image_swiss_table(img, m->map, 0);

	if (image_covers(req, table))
		image_u16(img, table, 29 - m->reads++ % 3);
}

static void a_busy_map_of_constant_len_is_moving(void **state)
{
	struct image *img = image_new(24, "");
	struct mover m = { .map = tabled_map(img) };

	(void)state;
	image_open(img);
	img->hook = churn;
	img->hook_ctx = &m;
	struct census *census = image_census(img);
	const struct map_info *row = only_row(census, m.map);
	assert_int_equal(row->consistency, MAP_MOVING);
	assert_int_equal(row->live_keys, 50);
	assert_int_equal(row->buckets, 16);
	census_free(census);
	image_free(img);
}

static void a_map_that_never_rests_is_suspect(void **state)
{
	struct image *img = image_new(24, "");
	struct mover m = { .map = tabled_map(img), .from = 2, .to = 1000, .change = grow };
	bool found;

	(void)state;
	m.spare = spare_dirs(img);
	struct map_info row = census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_SUSPECT);
	assert_false(map_counts(&row));
	assert_in_range(m.reads, 3, 20); /* it was tried again, and given up */
}

/* A small map whose count changes before each read, its group never. */
static void count_only(struct image *img, uint64_t map, int n)
{
	image_u64(img, map, n % 2 ? 4 : 5);
}

static void insert_small(struct image *img, uint64_t map, int n)
{
	uint64_t group = image_get_u64(img, map + 16);

	(void)n;
	image_u8(img, group + 3, 0x2b);
	image_u64(img, group + 8 + 3 * 16, 77);
	image_u64(img, map, 4);
}

static void small_maps_in_motion(void **state)
{
	for (int rest = 0; rest < 2; rest++) {
		struct image *img = image_new(24, "");
		struct image_type t = int_to_int();
		bool found;

		(void)state;
		image_add_type(img, &t);
		struct mover m = {
			.map = image_swiss_small(img, &t, 3),
			.from = rest ? 2 : 1,
			.to = 1000,
			.change = rest ? insert_small : count_only,
		};
		if (rest) /* the key came between the scan and the group */
			image_u8(img, image_get_u64(img, m.map + 16) + 3, 0x2b);
		struct map_info row = census_moving(img, &m, &found);
		assert_true(found);
		assert_int_equal(row.consistency, rest ? MAP_EXACT : MAP_SUSPECT);
		assert_int_equal(row.live_keys, rest ? 4 : 0);
	}
}

/* The header is freed and its memory given back in the middle. */
static void vanish(struct image *img, uint64_t map, int n)
{
	(void)n;
	image_unmap(img, map & ~0xfffull, 4096);
}

static void a_map_that_vanishes_is_never_exact(void **state)
{
	struct image *img = image_new(24, "");
	struct mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = vanish };
	bool found;

	(void)state;
	struct map_info row = census_moving(img, &m, &found);
	assert_true(!found || row.consistency == MAP_SUSPECT);
}

/* Whatever changes at whatever read: never exact with wrong figures. */
static void noise(struct image *img, uint64_t map, int n)
{
	uint64_t x = 0x9e3779b97f4a7c15 * (n + img->reads);

	image_u8(img, map + (x >> 60) * 3, x >> 32);
}

static void noise_is_never_exact(void **state)
{
	(void)state;
	for (int seed = 0; seed < 200; seed++) {
		struct image *img = image_new(24, "");
		struct mover m = { .map = tabled_map(img), .from = 1, .to = 1000, .change = noise };
		bool found;

		for (int i = 0; i < seed; i++)
			image_alloc_words(img, 3, 1);
		struct map_info row = census_moving(img, &m, &found);
		if (found && row.consistency == MAP_EXACT) {
			assert_int_equal(row.live_keys, 50);
			assert_int_equal(row.buckets, 16);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_maps_of_every_len),
		cmocka_unit_test(maps_without_a_group_are_empty),
		cmocka_unit_test(one_table),
		cmocka_unit_test(tombstones_are_what_is_neither_used_nor_left),
		cmocka_unit_test(directories_with_shared_tables),
		cmocka_unit_test(large_directories),
		cmocka_unit_test(a_directory_of_half_a_million_entries),
		cmocka_unit_test(a_rebuild_gives_back_the_peak),
		cmocka_unit_test(types_from_headers),
		cmocka_unit_test(types_of_large_objects),
		cmocka_unit_test(leftover_large_types_mean_nothing),
		cmocka_unit_test(pointer_bits_narrow_types),
		cmocka_unit_test(like_types_are_ambiguous),
		cmocka_unit_test(named_types_are_shown_by_the_unnamed_one),
		cmocka_unit_test(control_words_decide_between_sizes),
		cmocka_unit_test(maps_of_unknown_types_count),
		cmocka_unit_test(spoilt_tabled_maps_are_none),
		cmocka_unit_test(huge_depths_are_refused_at_once),
		cmocka_unit_test(spoilt_directories_are_none),
		cmocka_unit_test(tables_that_point_to_each_other),
		cmocka_unit_test(groups_that_are_no_array),
		cmocka_unit_test(a_directory_needs_its_memory),
		cmocka_unit_test(impossible_tables_are_none),
		cmocka_unit_test(a_part_of_a_directory_is_none),
		cmocka_unit_test(an_empty_table_counts_as_evidence),
		cmocka_unit_test(parts_are_objects),
		cmocka_unit_test(unreadable_parts_are_no_map),
		cmocka_unit_test(spoilt_small_maps_are_none),
		cmocka_unit_test(small_maps_have_a_group_to_themselves),
		cmocka_unit_test(groups_of_no_content_are_none),
		cmocka_unit_test(nan_keys_are_no_repetition),
		cmocka_unit_test(look_alikes_are_none),
		cmocka_unit_test(a_write_that_stands_still_is_moving),
		cmocka_unit_test(a_small_write_that_stands_still_is_suspect),
		cmocka_unit_test(what_an_outdated_span_contradicts_is_suspect),
		cmocka_unit_test(a_group_of_an_outdated_span_is_no_proof),
		cmocka_unit_test(figures_of_an_outdated_span_are_suspect),
		cmocka_unit_test(one_outdated_span_is_no_matter_of_others),
		cmocka_unit_test(a_garbage_map_without_its_table_is_empty),
		cmocka_unit_test(what_was_swept_is_not_read_again),
		cmocka_unit_test(memory_of_a_new_arena_is_no_proof),
		cmocka_unit_test(a_map_that_stands_still_while_it_grows_is_suspect),
		cmocka_unit_test(a_small_map_may_be_outgrown_while_it_is_read),
		cmocka_unit_test(a_small_map_that_toggles_is_not_lost),
		cmocka_unit_test(a_key_more_while_it_is_read_is_moving),
		cmocka_unit_test(a_change_in_time_is_read_again),
		cmocka_unit_test(a_busy_map_of_constant_len_is_moving),
		cmocka_unit_test(a_map_that_never_rests_is_suspect),
		cmocka_unit_test(small_maps_in_motion),
		cmocka_unit_test(a_map_that_vanishes_is_never_exact),
		cmocka_unit_test(noise_is_never_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
