// SPDX-License-Identifier: GPL-2.0-only
/* Decoding classic maps: what they hold, and which types they have. */
#include <stdio.h>

#include "image.h"

/* ---- True maps ---- */

static void arrays_of_every_size(void **state)
{
	static const struct {
		unsigned int b;
		uint64_t keys;
		uint64_t bytes; /* of 144-byte buckets, including overflow buckets */
	} rows[] = {
		{ 0, 0, 144 },	 { 0, 5, 144 },	  { 0, 8, 144 },    { 1, 9, 288 },
		{ 3, 52, 1152 }, { 4, 60, 2688 }, { 5, 100, 5376 }, { 9, 3000, 81920 },
	};

	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++)
		for (size_t i = 0; i < CNT(rows); i++) {
			struct image *img = image_new(image_classic_versions[v].minor,
						      image_classic_versions[v].experiments);
			struct image_type t = image_int_to_int();

			image_add_type(img, &t);
			uint64_t map = image_classic_map(img, &t, rows[i].b, rows[i].keys);
			image_open(img);
			struct census *census = image_census(img);
			const struct map_info *m = image_only_row(census, map);

			assert_int_equal(m->consistency, MAP_EXACT);
			assert_int_equal(m->live_keys, rows[i].keys);
			assert_int_equal(m->buckets, 1 << rows[i].b);
			assert_int_equal(m->table_bytes, rows[i].bytes);
			assert_int_equal(m->overflow_buckets, 0);
			assert_int_equal(m->old_bytes, 0);
			assert_int_equal(m->tombstones, 0);
			assert_int_equal(m->bucket_sz, 144);
			assert_int_equal(m->table_cnt, 1);
			assert_non_null(m->type);
			assert_string_equal(m->type->name, "map[int]int");
			census_free(census);
			image_free(img);
		}
}

/* With pointers: from 1.22 on the array starts after a malloc header. */
static void arrays_with_pointers(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++)
		for (unsigned int b = 0; b < 10; b += 3) {
			struct image *img = image_new(image_classic_versions[v].minor,
						      image_classic_versions[v].experiments);
			struct image_type t = image_string_to_ptr(), u = image_int_to_int();

			u.elem_ptrs = 1;
			u.name = "map[int]*main.T";
			image_add_type(img, &u);
			image_add_type(img, &t);
			uint64_t map = image_classic_map(img, &t, b, 5ull << b);
			image_open(img);
			struct census *census = image_census(img);
			const struct map_info *m = image_only_row(census, map);

			assert_int_equal(m->consistency, MAP_EXACT);
			assert_int_equal(m->live_keys, 5ull << b);
			assert_int_equal(m->bucket_sz, 208);
			assert_non_null(m->type);
			assert_string_equal(m->type->name, "map[string]*main.T");
			if (image_classic_versions[v].minor >= 22 && b >= 3)
				assert_int_equal(m->type_source, TYPE_HEADER);
			else
				assert_int_equal(m->type_source, TYPE_UNIQUE_SHAPE);
			census_free(census);
			image_free(img);
		}
}

static void headers_without_buckets_are_empty(void **state)
{
	struct image *img = image_new(21, "");

	(void)state;
	image_classic_header(img, 0, 0, 0);
	image_classic_header(img, 0, 3, 0); /* made with a hint, not used yet */
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, 0);
	assert_int_equal(census->empty_cnt, 2);
	census_free(census);
	image_free(img);
}

/* Deleted cells count as empty, no matter what is left in them. */
static void empty_cells_hold_no_keys(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 0, 8);
	uint64_t b = image_classic_nth(img, map, &t, 0);
	image_u8(img, b + 2, IMAGE_EMPTY_ONE);
	image_u8(img, b + 6, IMAGE_EMPTY_ONE);
	image_u8(img, b + 7, IMAGE_EMPTY_REST);
	image_u8(img, b + 0, IMAGE_TOP_MIN);
	image_u64(img, map, 5);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, 5);
	census_free(census);
	image_free(img);
}

/* From B == 4 on the array ends in preallocated overflow buckets. */
static void chains_inside_the_array(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++) {
		struct image *img = image_new(image_classic_versions[v].minor,
					      image_classic_versions[v].experiments);
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 5, 64);
		uint64_t first = image_classic_nth(img, map, &t, 32),
			 second = image_classic_nth(img, map, &t, 33);
		image_classic_bucket(img, &t, image_classic_nth(img, map, &t, 7), 8, IMAGE_TOP,
				     first);
		image_classic_bucket(img, &t, first, 8, IMAGE_TOP, second);
		image_classic_bucket(img, &t, second, 3, IMAGE_TOP, 0);
		image_u64(img, map, 62 + 19);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->live_keys, 81);
		assert_int_equal(m->overflow_buckets, 2);
		assert_int_equal(m->buckets, 34);
		assert_int_equal(m->table_bytes, 8192); /* 34 buckets of 208 bytes, no more */
		census_free(census);
		image_free(img);
	}
}

static void chains_outside_the_array(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++)
		for (int noscan = 0; noscan < 2; noscan++) {
			struct image *img = image_new(image_classic_versions[v].minor,
						      image_classic_versions[v].experiments);
			struct image_type t = noscan ? image_int_to_int() : image_string_to_ptr();

			image_add_type(img, &t);
			uint64_t map = image_classic_map(img, &t, 2, 16);
			uint64_t third = image_classic_overflow(img, &t, 2, 0);
			uint64_t second = image_classic_overflow(img, &t, 8, third);
			uint64_t first = image_classic_overflow(img, &t, 8, second);
			uint64_t other = image_classic_overflow(img, &t, 1, 0);
			image_classic_bucket(img, &t, image_classic_nth(img, map, &t, 0), 8,
					     IMAGE_TOP, first);
			image_classic_bucket(img, &t, image_classic_nth(img, map, &t, 3), 8,
					     IMAGE_TOP, other);
			image_u64(img, map, 4 + 4 + 8 + 8 + 18 + 1);
			image_open(img);
			struct census *census = image_census(img);
			const struct map_info *m = image_only_row(census, map);

			assert_int_equal(m->consistency, MAP_EXACT);
			assert_int_equal(m->live_keys, 43);
			assert_int_equal(m->overflow_buckets, 4);
			assert_int_equal(m->buckets, 8);
			assert_int_equal(m->table_bytes, noscan ? 576 + 4 * 144 : 896 + 4 * 208);
			census_free(census);
			image_free(img);
		}
}

/* Hashing never makes such a long chain, but it is not a cycle: all keys are found. */
static void a_long_chain_is_walked(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();
	uint64_t next = 0;

	(void)state;
	image_add_type(img, &t);
	for (int i = 0; i < 50; i++)
		next = image_classic_overflow(img, &t, 8, next);
	uint64_t map = image_classic_map(img, &t, 0, 8);
	image_classic_bucket(img, &t, image_classic_nth(img, map, &t, 0), 8, IMAGE_TOP, next);
	image_u64(img, map, 51 * 8);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, 51 * 8);
	assert_int_equal(m->overflow_buckets, 50);
	census_free(census);
	image_free(img);
}

/* Small arrays are read ahead, up to 4 MiB in one call. Here are 8 MiB. */
static void more_arrays_than_are_read_ahead(void **state)
{
	enum { N = 2000 };
	struct image *img = image_new(21, "");
	struct image_type t = image_string_to_ptr();

	(void)state;
	image_add_type(img, &t);
	for (int i = 0; i < N; i++)
		image_classic_map(img, &t, 4, 50 + i % 70);
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, N);
	for (int i = 0; i < N; i++) {
		const struct map_info row = census_map(census, i), *m = &row;

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->table_bytes, 4096);
		assert_int_equal(m->live_keys, 50 + i % 70);
	}
	census_free(census);
	image_free(img);
}

/* ---- Growing ---- */

static void growing_to_double(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++) {
		struct image *img = image_new(image_classic_versions[v].minor,
					      image_classic_versions[v].experiments);
		struct image_type t = image_int_to_int();

		image_add_type(img, &t);
		/* Five of eight old buckets are evacuated; their 20 keys are in new ones. */
		uint64_t map = image_classic_map(img, &t, 4, 20);
		image_classic_set_old(img, map, image_classic_old_array(img, &t, 3, 5), 0);
		image_u64(img, map, 20 + 3 * 6);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->live_keys, 38);
		assert_int_equal(m->buckets, 16);
		assert_int_equal(m->old_bytes, 1152);
		assert_int_equal(m->table_bytes, 2688 + 1152);
		census_free(census);
		image_free(img);
	}
}

/* Too many overflow buckets: the array is replaced by one of the same size. */
static void growing_to_the_same_size(void **state)
{
	struct image *img = image_new(23, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 3, 10);
	image_classic_set_old(img, map, image_classic_old_array(img, &t, 3, 2),
			      IMAGE_SAME_SIZE_GROW);
	image_u64(img, map, 10 + 6 * 6);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, 46);
	assert_int_equal(m->old_bytes, 1152);
	census_free(census);
	image_free(img);
}

static void old_overflow_buckets_hold_keys_too(void **state)
{
	struct image *img = image_new(19, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 1, 0);
	uint64_t old = image_classic_old_array(img, &t, 0, 0),
		 more = image_classic_overflow(img, &t, 1, 0);
	image_classic_bucket(img, &t, old, 8, IMAGE_TOP, more);
	image_classic_set_old(img, map, old, 0);
	image_u64(img, map, 9);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, 9);
	assert_int_equal(m->table_bytes, 288 + 144 + 144);
	census_free(census);
	image_free(img);
}

/* ---- Types ---- */

static void pointer_bits_narrow_types(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++) {
		struct image *img = image_new(image_classic_versions[v].minor,
					      image_classic_versions[v].experiments);
		struct image_type t[] = {
			{ .name = "map[int]*T", .key_sz = 8, .elem_sz = 8, .elem_ptrs = 1 },
			{ .name = "map[*T]int", .key_sz = 8, .elem_sz = 8, .key_ptrs = 1 },
			{ .name = "map[*T]*T",
			  .key_sz = 8,
			  .elem_sz = 8,
			  .key_ptrs = 1,
			  .elem_ptrs = 1 },
		};
		uint64_t map[CNT(t)];

		for (size_t i = 0; i < CNT(t); i++)
			image_add_type(img, &t[i]);
		for (size_t i = 0; i < CNT(t); i++)
			map[i] = image_classic_map(img, &t[i], i, 4);
		image_open(img);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, CNT(t));
		for (size_t i = 0; i < CNT(t); i++) {
			const struct map_info *m = image_map(census, map[i]);

			assert_non_null(m->type);
			assert_string_equal(m->type->name, t[i].name);
		}
		census_free(census);
		image_free(img);
	}
}

/* Buckets of two sizes make arrays of one size class: only one of the sizes adds up. */
static void keys_decide_between_sizes(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct image *img = image_new(21, "");
		struct image_type a = { .name = "map[K]struct{}", .key_sz = 16 };
		struct image_type b = { .name = "map[K]bool", .key_sz = 16, .elem_sz = 1 };

		image_add_type(img, &a);
		image_add_type(img, &b);
		uint64_t map = image_classic_map(img, i ? &b : &a, 4, 77);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->bucket_sz, i ? 152 : 144);
		assert_non_null(m->type);
		assert_string_equal(m->type->name, i ? "map[K]bool" : "map[K]struct{}");
		census_free(census);
		image_free(img);
	}
}

/* Buckets of 152 and of 160 bytes, whose arrays take the same memory. */
static void add_two_sizes(struct image *img, struct image_type types[2])
{
	types[0] = (struct image_type){ .name = "map[K]bool", .key_sz = 16, .elem_sz = 1 };
	types[1] = (struct image_type){ .name = "map[K]uint16", .key_sz = 16, .elem_sz = 2 };
	image_add_type(img, &types[0]);
	image_add_type(img, &types[1]);
}

/* The row says what is known, and nothing else. */
static void expect_two_sizes(const struct map_info *m)
{
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_null(m->type);
	assert_int_equal(m->type_source, TYPE_AMBIGUOUS);
	assert_int_equal(m->type_candidates, 2);
	assert_int_equal(m->bucket_sz, 0);
	assert_int_equal(m->rebuild_bytes, 0);
}

static void one_bucket_may_be_of_several_sizes(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++) {
		const struct image_version *version = &image_classic_versions[v];
		struct image *img = image_new(version->minor, version->experiments);
		struct image_type t[2];
		uint64_t map[2];

		add_two_sizes(img, t);
		for (int i = 0; i < 2; i++)
			map[i] = image_classic_map(img, &t[i], 0, 5);
		image_open(img);
		struct census *census = image_census(img);
		for (int i = 0; i < 2; i++) {
			const struct map_info *m = image_map(census, map[i]);

			image_expect_exact(m, 5, 1, 160);
			expect_two_sizes(m);
		}
		census_free(census);
		image_free(img);
	}
}

/* A map that was emptied has no key in any bucket; where its chains go on tells more. */
static void chains_decide_between_sizes(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool chained = i >= 2;
		struct image *img = image_new(23, "");
		struct image_type types[2], *t = &types[i % 2];

		add_two_sizes(img, types);
		uint64_t map = image_classic_map(img, t, 2, 0);
		if (chained) {
			uint64_t next = image_classic_overflow(img, t, 0, 0);

			image_classic_bucket(img, t, image_classic_nth(img, map, t, 1), 0, 0, next);
			image_u16(img, map + 10, 1);
		}
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);
		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->live_keys, 0);
		assert_int_equal(m->overflow_buckets, chained);
		assert_int_equal(m->buckets, 4 + chained);
		assert_int_equal(m->table_bytes, 640 + chained * 160);
		if (chained)
			assert_int_equal(m->bucket_sz, t->bucket_sz);
		else
			expect_two_sizes(m);
		census_free(census);
		image_free(img);
	}
}

/* Many sizes fit the memory of one array, more than one might think. */
static void the_size_is_found_among_many(void **state)
{
	enum { N = 32 };
	struct image *img = image_new(19, "");
	struct image_type t[N];
	char names[N][32];
	uint64_t map[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "map[int64][%d]uint8", 215 + i);
		t[i] = (struct image_type){ .name = names[i], .key_sz = 8, .elem_sz = 215 + i };
		image_add_type(img, &t[i]);
	}
	for (int i = 0; i < N; i++)
		map[i] = image_classic_map(img, &t[i], 1, 13);
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, N);
	for (int i = 0; i < N; i++) {
		const struct map_info *m = image_map(census, map[i]);

		image_expect_exact(m, 13, 2, 4096);
		assert_int_equal(m->bucket_sz, 1800 + 8 * i);
		assert_string_equal(m->type->name, names[i]);
		assert_int_equal(m->type_source, TYPE_UNIQUE_SHAPE);
	}
	census_free(census);
	image_free(img);
}

static void like_types_are_ambiguous(void **state)
{
	struct image *img = image_new(19, "");
	struct image_type a = image_string_to_ptr(), b = image_string_to_ptr();

	(void)state;
	b.name = "map[string]*main.U";
	image_add_type(img, &a);
	image_add_type(img, &b);
	uint64_t map = image_classic_map(img, &b, 6, 300);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = image_only_row(census, map);
	assert_null(m->type);
	assert_int_equal(m->type_source, TYPE_AMBIGUOUS);
	assert_int_equal(m->type_candidates, 2);
	assert_int_equal(m->bucket_sz, 208);
	assert_true(m->rebuild_bytes > 0);
	census_free(census);
	image_free(img);
}

/* Types made at run time are in no section: the bucket size is found by what the buckets hold. */
static void maps_of_unknown_types_count(void **state)
{
	(void)state;
	for (unsigned int b = 0; b < 8; b++) {
		struct image *img = image_new(21, "");
		struct image_type known = image_string_to_ptr(), unknown = image_int_to_int();

		unknown.elem_sz = 24;
		image_add_type(img, &known);
		image_add_type(img, &unknown);
		image_u8(img, unknown.addr + 23, 22); /* not a map type any more */
		uint64_t map = image_classic_map(img, &unknown, b, 5ull << b);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->live_keys, 5ull << b);
		assert_null(m->type);
		assert_int_equal(m->type_source, TYPE_UNKNOWN);
		census_free(census);
		image_free(img);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_of_every_size),
		cmocka_unit_test(arrays_with_pointers),
		cmocka_unit_test(headers_without_buckets_are_empty),
		cmocka_unit_test(empty_cells_hold_no_keys),
		cmocka_unit_test(chains_inside_the_array),
		cmocka_unit_test(chains_outside_the_array),
		cmocka_unit_test(a_long_chain_is_walked),
		cmocka_unit_test(more_arrays_than_are_read_ahead),
		cmocka_unit_test(growing_to_double),
		cmocka_unit_test(growing_to_the_same_size),
		cmocka_unit_test(old_overflow_buckets_hold_keys_too),
		cmocka_unit_test(pointer_bits_narrow_types),
		cmocka_unit_test(keys_decide_between_sizes),
		cmocka_unit_test(one_bucket_may_be_of_several_sizes),
		cmocka_unit_test(chains_decide_between_sizes),
		cmocka_unit_test(the_size_is_found_among_many),
		cmocka_unit_test(like_types_are_ambiguous),
		cmocka_unit_test(maps_of_unknown_types_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
