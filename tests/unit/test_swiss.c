// SPDX-License-Identifier: GPL-2.0-only
/* Decoding swiss maps: what they hold, and which types they have. */
#include "image.h"

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
			struct image_type t = image_int_to_int(), p = image_string_to_ptr();

			t.split = p.split = versions[v].split;
			image_add_type(img, &t);
			image_add_type(img, &p);
			uint64_t a = image_swiss_small(img, &t, len);
			uint64_t b = image_swiss_small(img, &p, len);
			image_open(img);
			struct census *census = image_census(img);
			const struct map_info *m = image_map(census, a);

			assert_int_equal(census->maps.len, 2);
			image_expect_exact(m, len, 1, 144);
			assert_true(m->small);
			assert_int_equal(m->tombstones, 0);
			assert_int_equal(m->bucket_sz, 136);
			assert_string_equal(m->type->name, "map[int]int");
			assert_int_equal(m->type_source, TYPE_UNIQUE_SHAPE);
			assert_int_equal(m->rebuild_bytes, len ? 144 : 0);
			m = image_map(census, b);
			image_expect_exact(m, len, 1, 208);
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
		struct image_type t = image_int_to_int();
		const struct image_table table = { .capacity = 16, .used = 9 };

		t.split = versions[v].split;
		image_add_type(img, &t);
		uint64_t map = image_swiss_map(img, &t, 0, &table, 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

		/* Two groups of 136 bytes, the table, a directory of one pointer. */
		image_expect_exact(m, 9, 2, 288 + 32 + 8);
		assert_false(m->small);
		assert_int_equal(m->table_cnt, 1);
		assert_int_equal(m->tombstones, 0);
		assert_int_equal(m->rebuild_bytes, m->table_bytes);
		assert_int_equal(map_gives_back(m), 0);
		census_free(census);
		image_free(img);
	}
}

/* Table capacities from 8 to 1024, with the least and the most tombstones that they can have. */
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
		struct image_type t = image_int_to_int();

		image_add_type(img, &t);
		uint64_t map = image_swiss_map(img, &t, 0, &tables[i], 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

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
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_swiss_map(img, &t, 3, tables, CNT(tables));
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);
	image_expect_exact(m, 600 + 400 + 5 + 896, 128 + 64 + 8 + 128,
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
	struct image_type t = image_int_to_int();
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
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_swiss_map(img, &t, 19, &one, 1);
	image_open(img);
	struct census *census = image_census(img);
	image_expect_exact(image_only_row(census, map), 9, 2, 288 + 32 + (8 << 19));
	census_free(census);
	image_free(img);
}

/* A map that was filled at a peak, and then emptied. */
static void a_rebuild_gives_back_the_peak(void **state)
{
	static const struct image_table tables[] = {
		{ 2, 1024, 3, 800 }, { 2, 1024, 0, 896 }, { 2, 1024, 2, 0 }, { 2, 1024, 1, 10 }
	};
	struct image *img = image_new(24, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_swiss_map(img, &t, 2, tables, 4);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);
	uint64_t bytes = 4 * (18432 + 32) + 32;

	image_expect_exact(m, 6, 512, bytes);
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
		struct image_type a = image_string_to_ptr(), b = image_string_to_ptr();
		const struct image_table table = { .capacity = capacities[i], .used = 20 };

		b.name = "map[string]*main.U";
		image_add_type(img, &a);
		image_add_type(img, &b);
		uint64_t map = image_swiss_map(img, &b, 0, &table, 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

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
	struct image_type a = image_string_to_ptr(), b = image_string_to_ptr();
	const struct image_table table = { .capacity = 1024, .used = 20 };

	(void)state;
	a.elem_sz = b.elem_sz = 64;
	b.name = "map[string]main.Large";
	image_add_type(img, &a);
	image_add_type(img, &b);
	uint64_t map = image_swiss_map(img, &b, 0, &table, 1);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);

	assert_int_equal(m->type_source, TYPE_HEADER);
	assert_string_equal(m->type->name, "map[string]main.Large");
	census_free(census);
	image_free(img);
}

/* In a span of small objects largeType is left over from its former use. */
static void leftover_large_types_mean_nothing(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type a = image_string_to_ptr(), b = image_string_to_ptr();

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
	assert_string_equal(image_only_row(census, map)->type->name, "map[string]*main.T");
	census_free(census);
	image_free(img);
}

/* Types of one size, told apart by where they have pointers. */
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
	struct image_type a = image_string_to_ptr(), b = image_string_to_ptr();

	(void)state;
	b.name = "map[string]*main.U";
	image_add_type(img, &a);
	image_add_type(img, &b);
	uint64_t map = image_swiss_small(img, &b, 3);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);

	assert_null(m->type);
	assert_int_equal(m->type_source, TYPE_AMBIGUOUS);
	assert_int_equal(m->type_candidates, 2);
	assert_int_equal(m->bucket_sz, 200); /* known although the type is not */
	assert_int_equal(m->rebuild_bytes, 208);
	census_free(census);
	image_free(img);
}

/* type Sessions map[string]*T has the groups of map[string]*T. */
static void named_types_are_shown_by_the_unnamed_one(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type named = image_string_to_ptr(), plain = image_string_to_ptr();

	(void)state;
	named.named = true;
	named.name = "main.Sessions";
	image_add_type(img, &named);
	image_add_type(img, &plain);
	image_u64(img, named.addr + 64, plain.bucket);
	uint64_t map = image_swiss_small(img, &plain, 3);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);

	assert_non_null(m->type);
	assert_string_equal(m->type->name, "map[string]*main.T");
	census_free(census);
	image_free(img);
}

/* Two group sizes make arrays of one size class. Only with the right one the control words have as
 * many keys as the table counts. */
static void control_words_decide_between_sizes(void **state)
{
	static const uint32_t elem_sizes[] = { 0, 1 }; /* 136 or 144 bytes per group */

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
		const struct map_info *m = image_only_row(census, map);

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
	struct image_type known = image_int_to_int(), unknown = image_string_to_ptr();
	const struct image_table table = { .capacity = 64, .used = 50 };

	(void)state;
	image_add_type(img, &known);
	image_add_type(img, &unknown);
	image_u8(img, unknown.addr + 23, 22); /* not a map type any more */
	uint64_t map = image_swiss_map(img, &unknown, 0, &table, 1);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);

	image_expect_exact(m, 50, 8, 1792 + 32 + 8);
	assert_null(m->type);
	assert_int_equal(m->type_source, TYPE_UNKNOWN);
	assert_int_equal(m->rebuild_bytes, 0);
	census_free(census);
	image_free(img);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
