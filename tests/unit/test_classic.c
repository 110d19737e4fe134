// SPDX-License-Identifier: GPL-2.0-only
/* Decoding classic maps, true and false ones, standing still and moving. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

#define CNT(a) (sizeof(a) / sizeof((a)[0]))

/* Cells of a bucket: go-runtime facts 1.2. */
enum { EMPTY_REST = 0, EMPTY_ONE = 1, EVACUATED_X = 2, EVACUATED_Y = 3, EVACUATED_EMPTY = 4 };
enum { TOP = 0x77, TOP_MIN = 5 };
enum { SAME_SIZE_GROW = 8 };

static const struct version {
	unsigned int minor;
	const char *experiments;
} versions[] = { { 19, "" }, { 21, "" },	   { 22, "" },
		 { 23, "" }, { 24, "noswissmap" }, { 25, "noswissmap" } };

/* map[int]int, without pointers: buckets of 144 bytes. */
static struct image_type int_to_int(void)
{
	return (struct image_type){ .name = "map[int]int", .key_sz = 8, .elem_sz = 8 };
}

/* map[string]*T: buckets of 208 bytes. */
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

static uint64_t bucket(struct image *img, uint64_t map, const struct image_type *t, uint64_t i)
{
	return image_get_u64(img, map + 16) + i * t->bucket_sz;
}

/* An overflow bucket outside of any array. */
static uint64_t overflow(struct image *img, const struct image_type *t, unsigned int filled,
			 uint64_t next)
{
	uint64_t addr = image_alloc_buckets(img, t, 1);

	image_classic_bucket(img, t, addr, filled, TOP, next);
	return addr;
}

static void set_old(struct image *img, uint64_t map, uint64_t oldbuckets, uint8_t flags)
{
	image_u64(img, map + 24, oldbuckets);
	image_u8(img, map + 8, flags);
}

/* ---- True maps ---- */

static void arrays_of_every_size(void **state)
{
	static const struct {
		unsigned int b;
		uint64_t keys;
		uint64_t bytes; /* of 144-byte buckets, overflow buckets included */
	} rows[] = {
		{ 0, 0, 144 },	 { 0, 5, 144 },	  { 0, 8, 144 },    { 1, 9, 288 },
		{ 3, 52, 1152 }, { 4, 60, 2688 }, { 5, 100, 5376 }, { 9, 3000, 81920 },
	};

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++)
		for (size_t i = 0; i < CNT(rows); i++) {
			struct image *img = image_new(versions[v].minor, versions[v].experiments);
			struct image_type t = int_to_int();

			image_add_type(img, &t);
			uint64_t map = image_classic_map(img, &t, rows[i].b, rows[i].keys);
			image_open(img);
			struct census *census = image_census(img);
			const struct map_info *m = only_row(census, map);

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

/* With pointers: in 1.22 and later the array starts behind a malloc header. */
static void arrays_with_pointers(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++)
		for (unsigned int b = 0; b < 10; b += 3) {
			struct image *img = image_new(versions[v].minor, versions[v].experiments);
			struct image_type t = string_to_ptr(), u = int_to_int();

			u.elem_ptrs = 1;
			u.name = "map[int]*main.T";
			image_add_type(img, &u);
			image_add_type(img, &t);
			uint64_t map = image_classic_map(img, &t, b, 5ull << b);
			image_open(img);
			struct census *census = image_census(img);
			const struct map_info *m = only_row(census, map);

			assert_int_equal(m->consistency, MAP_EXACT);
			assert_int_equal(m->live_keys, 5ull << b);
			assert_int_equal(m->bucket_sz, 208);
			assert_non_null(m->type);
			assert_string_equal(m->type->name, "map[string]*main.T");
			if (versions[v].minor >= 22 && b >= 3)
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

/* Deleted cells count as empty, whatever remains in them. */
static void empty_cells_hold_no_keys(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 0, 8);
	uint64_t b = bucket(img, map, &t, 0);
	image_u8(img, b + 2, EMPTY_ONE);
	image_u8(img, b + 6, EMPTY_ONE);
	image_u8(img, b + 7, EMPTY_REST);
	image_u8(img, b + 0, TOP_MIN);
	image_u64(img, map, 5);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, 5);
	census_free(census);
	image_free(img);
}

/* From B == 4 on the array ends in preallocated overflow buckets. */
static void chains_inside_the_array(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t = string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 5, 64);
		uint64_t first = bucket(img, map, &t, 32), second = bucket(img, map, &t, 33);
		image_classic_bucket(img, &t, bucket(img, map, &t, 7), 8, TOP, first);
		image_classic_bucket(img, &t, first, 8, TOP, second);
		image_classic_bucket(img, &t, second, 3, TOP, 0);
		image_u64(img, map, 62 + 19);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

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
	for (size_t v = 0; v < CNT(versions); v++)
		for (int noscan = 0; noscan < 2; noscan++) {
			struct image *img = image_new(versions[v].minor, versions[v].experiments);
			struct image_type t = noscan ? int_to_int() : string_to_ptr();

			image_add_type(img, &t);
			uint64_t map = image_classic_map(img, &t, 2, 16);
			uint64_t third = overflow(img, &t, 2, 0);
			uint64_t second = overflow(img, &t, 8, third);
			uint64_t first = overflow(img, &t, 8, second);
			uint64_t other = overflow(img, &t, 1, 0);
			image_classic_bucket(img, &t, bucket(img, map, &t, 0), 8, TOP, first);
			image_classic_bucket(img, &t, bucket(img, map, &t, 3), 8, TOP, other);
			image_u64(img, map, 4 + 4 + 8 + 8 + 18 + 1);
			image_open(img);
			struct census *census = image_census(img);
			const struct map_info *m = only_row(census, map);

			assert_int_equal(m->consistency, MAP_EXACT);
			assert_int_equal(m->live_keys, 43);
			assert_int_equal(m->overflow_buckets, 4);
			assert_int_equal(m->buckets, 8);
			assert_int_equal(m->table_bytes, noscan ? 576 + 4 * 144 : 896 + 4 * 208);
			census_free(census);
			image_free(img);
		}
}

/* Long, as hashing never makes it, but no cycle: all keys are found. */
static void a_long_chain_is_walked(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();
	uint64_t next = 0;

	(void)state;
	image_add_type(img, &t);
	for (int i = 0; i < 50; i++)
		next = overflow(img, &t, 8, next);
	uint64_t map = image_classic_map(img, &t, 0, 8);
	image_classic_bucket(img, &t, bucket(img, map, &t, 0), 8, TOP, next);
	image_u64(img, map, 51 * 8);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, 51 * 8);
	assert_int_equal(m->overflow_buckets, 50);
	census_free(census);
	image_free(img);
}

/* Small arrays are read ahead, many in one call, up to 4 MiB; here are 8. */
static void more_arrays_than_are_read_ahead(void **state)
{
	enum { N = 2000 };
	struct image *img = image_new(21, "");
	struct image_type t = string_to_ptr();

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

/* An old array whose first `evacuated` buckets moved on; the others keep 6 keys each. */
static uint64_t old_array(struct image *img, const struct image_type *t, unsigned int b,
			  uint64_t evacuated)
{
	uint64_t array = image_classic_array(img, t, b);

	for (uint64_t i = 0; i < 1ull << b; i++) {
		uint64_t addr = array + i * t->bucket_sz;

		if (i >= evacuated) {
			image_classic_bucket(img, t, addr, 6, TOP, 0);
			continue;
		}
		for (int cell = 0; cell < 8; cell++)
			image_u8(img, addr + cell, EVACUATED_X + cell % 3);
	}
	return array;
}

static void growing_to_double(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t = int_to_int();

		image_add_type(img, &t);
		/* Five of eight old buckets evacuated, into 20 keys of the new ones. */
		uint64_t map = image_classic_map(img, &t, 4, 20);
		set_old(img, map, old_array(img, &t, 3, 5), 0);
		image_u64(img, map, 20 + 3 * 6);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

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
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 3, 10);
	set_old(img, map, old_array(img, &t, 3, 2), SAME_SIZE_GROW);
	image_u64(img, map, 10 + 6 * 6);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);
	assert_int_equal(m->consistency, MAP_EXACT);
	assert_int_equal(m->live_keys, 46);
	assert_int_equal(m->old_bytes, 1152);
	census_free(census);
	image_free(img);
}

static void old_overflow_buckets_hold_keys_too(void **state)
{
	struct image *img = image_new(19, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 1, 0);
	uint64_t old = old_array(img, &t, 0, 0), more = overflow(img, &t, 1, 0);
	image_classic_bucket(img, &t, old, 8, TOP, more);
	set_old(img, map, old, 0);
	image_u64(img, map, 9);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);
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
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
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

/* Arrays of one size class from buckets of two sizes: only one adds up. */
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
		const struct map_info *m = only_row(census, map);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->bucket_sz, i ? 152 : 144);
		assert_non_null(m->type);
		assert_string_equal(m->type->name, i ? "map[K]bool" : "map[K]struct{}");
		census_free(census);
		image_free(img);
	}
}

static void like_types_are_ambiguous(void **state)
{
	struct image *img = image_new(19, "");
	struct image_type a = string_to_ptr(), b = string_to_ptr();

	(void)state;
	b.name = "map[string]*main.U";
	image_add_type(img, &a);
	image_add_type(img, &b);
	uint64_t map = image_classic_map(img, &b, 6, 300);
	image_open(img);
	struct census *census = image_census(img);
	const struct map_info *m = only_row(census, map);
	assert_null(m->type);
	assert_int_equal(m->type_source, TYPE_AMBIGUOUS);
	assert_int_equal(m->type_candidates, 2);
	assert_int_equal(m->bucket_sz, 208);
	assert_true(m->rebuild_bytes > 0);
	census_free(census);
	image_free(img);
}

/* Types made at run time are in no section: the size is found by its content. */
static void maps_of_unknown_types_count(void **state)
{
	(void)state;
	for (unsigned int b = 0; b < 8; b++) {
		struct image *img = image_new(21, "");
		struct image_type known = string_to_ptr(), unknown = int_to_int();

		unknown.elem_sz = 24;
		image_add_type(img, &known);
		image_add_type(img, &unknown);
		image_u8(img, unknown.addr + 23, 22); /* a map type no more */
		uint64_t map = image_classic_map(img, &unknown, b, 5ull << b);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->live_keys, 5ull << b);
		assert_null(m->type);
		assert_int_equal(m->type_source, TYPE_UNKNOWN);
		census_free(census);
		image_free(img);
	}
}

/* ---- False maps ---- */

struct pair {
	struct image *img;
	struct image_type t;
	uint64_t good;
	uint64_t bad;
};

/* The bad one: 8 buckets with 30 keys, one of them with an overflow bucket. */
static uint64_t chained_map(struct image *img, const struct image_type *t)
{
	uint64_t map = image_classic_map(img, t, 3, 24);

	image_classic_bucket(img, t, bucket(img, map, t, 2), 8, TOP, overflow(img, t, 1, 0));
	image_u64(img, map, 21 + 9);
	return map;
}

static void pair_init(struct pair *p, unsigned int minor)
{
	p->img = image_new(minor, "");
	p->t = string_to_ptr();
	image_add_type(p->img, &p->t);
	p->good = chained_map(p->img, &p->t);
	p->bad = chained_map(p->img, &p->t);
}

static void pair_judge(struct pair *p, const char *what)
{
	p->img->reads = 0;
	struct census *census = image_census(p->img);
	const struct map_info *good;

	if (image_map(census, p->bad))
		fail_msg("%s: taken for a map", what);
	good = only_row(census, p->good);
	assert_int_equal(good->consistency, MAP_EXACT);
	assert_int_equal(good->live_keys, 30);
	assert_int_equal(good->overflow_buckets, 1);
	if (p->img->reads > 300000)
		fail_msg("%s: %llu reads", what, (unsigned long long)p->img->reads);
	census_free(census);
	image_free(p->img);
}

static void spoilt_headers_are_none(void **state)
{
	static const struct {
		const char *what;
		unsigned int off, sz;
		uint64_t v;
	} rows[] = {
		{ "count too small", 0, 8, 29 },
		{ "count too large", 0, 8, 31 },
		{ "count at minus one", 0, 8, UINT64_MAX },
		{ "flags", 8, 1, 16 },
		{ "B too large for the array", 9, 1, 5 },
		{ "B of 41", 9, 1, 41 },
		{ "B of 63", 9, 1, 63 },
		{ "B of 64", 9, 1, 64 },
		{ "B of 255", 9, 1, 255 },
		{ "no hash seed", 12, 4, 0 },
		{ "no buckets", 16, 8, 0 },
		{ "buckets outside the heap", 16, 8, IMAGE_NOWHERE },
		{ "buckets in the kernel", 16, 8, 0xffff888000000000 },
		{ "old buckets outside the heap", 24, 8, IMAGE_NOWHERE },
		{ "extra outside the heap", 40, 8, IMAGE_NOWHERE },
	};
	static const unsigned int minors[] = { 19, 21, 23 };

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++)
		for (size_t v = 0; v < CNT(minors); v++) {
			struct pair p;

			pair_init(&p, minors[v]);
			image_write(p.img, p.bad + rows[i].off, &rows[i].v, rows[i].sz);
			image_open(p.img);
			pair_judge(&p, rows[i].what);
		}
}

static void pointers_to_other_objects_are_none(void **state)
{
	(void)state;
	for (int what = 0; what < 5; what++) {
		struct pair p;

		pair_init(&p, 21);
		uint64_t array = image_get_u64(p.img, p.bad + 16);
		uint64_t small = image_alloc_words(p.img, 8, 1), other = p.good;
		const struct {
			const char *what;
			unsigned int off;
			uint64_t v;
		} rows[] = {
			{ "buckets inside an array", 16, array + 208 },
			{ "buckets in a small object", 16, small },
			{ "buckets in a header", 16, other },
			{ "old buckets inside an array", 24, array + 208 },
			{ "extra in a larger object", 40, small },
		};
		image_u64(p.img, p.bad + rows[what].off, rows[what].v);
		image_open(p.img);
		pair_judge(&p, rows[what].what);
	}
}

static void old_arrays_of_a_wrong_size_are_none(void **state)
{
	struct pair p;

	(void)state;
	/* One bucket cannot have come from half of one. */
	pair_init(&p, 21);
	p.bad = image_classic_map(p.img, &p.t, 0, 3);
	set_old(p.img, p.bad, overflow(p.img, &p.t, 1, 0), 0);
	image_u64(p.img, p.bad, 4);
	image_u64(p.img, image_span_of(p.img, p.bad)->base + 48, 999); /* the first bad one */
	image_open(p.img);
	pair_judge(&p, "old buckets of B = -1");

	pair_init(&p, 21);
	set_old(p.img, p.bad, image_alloc_words(p.img, 3, 1), SAME_SIZE_GROW);
	image_open(p.img);
	pair_judge(&p, "old buckets of 24 bytes");
}

/* Where the chain of one bucket leads. */
static void spoilt_chains_are_none(void **state)
{
	static const unsigned int minors[] = { 19, 21, 23 };

	(void)state;
	for (size_t v = 0; v < CNT(minors); v++)
		for (int what = 0; what < 8; what++) {
			struct pair p;

			pair_init(&p, minors[v]);
			uint64_t from = bucket(p.img, p.bad, &p.t, 5);
			uint64_t self = overflow(p.img, &p.t, 1, 0);
			uint64_t a = overflow(p.img, &p.t, 1, 0), b = overflow(p.img, &p.t, 1, a);
			image_u64(p.img, self + 200, self);
			image_u64(p.img, a + 200, b);
			const struct {
				const char *what;
				uint64_t to;
			} rows[] = {
				{ "a bucket that chains itself", self },
				{ "a ring of two", a },
				{ "a base bucket that chains itself", from },
				{ "outside the heap", IMAGE_NOWHERE },
				{ "at the end of everything", UINT64_MAX - 7 },
				{ "inside a bucket", self + 8 },
				{ "between two buckets of the array", from + 8 },
				{ "an object of another size", image_alloc_words(p.img, 8, 1) },
			};
			image_u64(p.img, from + 200, rows[what].to);
			image_open(p.img);
			pair_judge(&p, rows[what].what);
		}
}

/* The keys add up, because what is chained holds none; but it is no bucket. */
static void empty_memory_is_no_bucket(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct image *img = image_new(21, "");
		struct image_type t = string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 4, 32);
		uint64_t first = overflow(img, &t, 0, 0);
		assert_true(overflow(img, &t, 0, 0) == first + 208);
		const uint64_t to[] = {
			bucket(img, map, &t, 16) + 8, /* between two of the array's */
			first + 8, /* between two objects */
			first, /* for comparison: a bucket */
		};
		image_u64(img, bucket(img, map, &t, 3) + 200, to[what]);
		image_open(img);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, what == 2);
		census_free(census);
		image_free(img);
	}
}

/* The second of two buckets would be a good array of one. */
static void arrays_are_objects(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = string_to_ptr();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 1, 6);
	image_u64(img, map + 16, bucket(img, map, &t, 1));
	image_u8(img, map + 9, 0);
	image_u64(img, map, 3);
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, 0);
	census_free(census);
	image_free(img);
}

/* Every bucket of an array chains the next one, the last one the first. */
static void a_ring_through_the_array_ends(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 21);
	for (int i = 0; i < 8; i++)
		image_u64(p.img, bucket(p.img, p.bad, &p.t, i) + 200,
			  bucket(p.img, p.bad, &p.t, (i + 1) % 8));
	image_open(p.img);
	pair_judge(&p, "ring through the array");
}

static void headers_of_one_byte_are_none(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	for (int byte = 0; byte < 256; byte++) {
		uint64_t map = image_classic_header(img, 0, 0, 0);

		for (int i = 0; i < 48; i++)
			image_u8(img, map + i, byte);
	}
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, 0);
	assert_int_equal(census->empty_cnt, 1); /* all zeroes: no buckets */
	assert_int_equal(census->lookalike_cnt, 255);
	census_free(census);
	image_free(img);
}

static void unreadable_parts_are_no_map(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct image *img = image_new(21, "");
		struct image_type t = string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, what == 2 ? 9 : 1, 4);
		uint64_t more = overflow(img, &t, 1, 0);
		image_u64(img, bucket(img, map, &t, 1) + 200, more);
		image_u64(img, map, 5);
		uint64_t gone = what == 0 ? more : bucket(img, map, &t, what == 1 ? 0 : 400);
		image_open(img);
		image_unmap(img, gone & ~0xfffull, 4096);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, 0);
		census_free(census);
		image_free(img);
	}
}

/* ---- Moving maps ---- */

/* A writer that lost its processor in the middle of a write: the buckets have a key
 * more than the map counts, or what is to come is not to be seen, and nothing moves. */
static void a_write_that_stands_still_is_moving(void **state)
{
	(void)state;
	for (uint64_t more = 0; more < 2; more++) {
		struct image *img = image_new(21, "");
		struct image_type t = string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 3, 30);
		image_u64(img, map, 30 - more);
		image_u8(img, map + 8, 4);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = only_row(census, map);

		assert_int_equal(m->consistency, MAP_MOVING);
		assert_int_equal(m->live_keys, 30 - more);
		assert_int_equal(m->buckets, 8);
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
	static const char *const whats[] = { "buckets", "old buckets", "extra", "overflow",
					     "table of another size" };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++)
		for (size_t i = 0; i < CNT(whats); i++)
			for (int freed = 0; freed < 2; freed++) {
				struct image *img =
					image_new(versions[v].minor, versions[v].experiments);
				struct image_type t = int_to_int();

				image_add_type(img, &t);
				uint64_t map = image_classic_map(img, &t, 3, 30);
				uint64_t other = image_alloc_words(img, 5, 0);
				const uint64_t fields[] = { map + 16, map + 24,
							    map + img->prog.layout.classic.extra,
							    bucket(img, map, &t, 2) + 136 };

				if (i < CNT(fields))
					image_u64(img, fields[i], other);
				else /* of which the keys don't add up, then */
					image_u64(img, other = bucket(img, map, &t, 0), 0);
				image_open(img);
				if (freed)
					image_free_span(img, other);
				expect_suspect(img, map, freed, whats[i]);
			}
}

/* What adds up in memory that is another span's by now has no size that is known. */
static void figures_of_an_outdated_span_are_suspect(void **state)
{
	enum { BUCKETS, OLD, OVERFLOW, PLACES };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++)
		for (int i = 0; i < PLACES * IMAGE_SWEEP_CNT * 2; i++) {
			int where = i % PLACES, when = i / PLACES % IMAGE_SWEEP_CNT;
			bool freed = i / (PLACES * IMAGE_SWEEP_CNT);
			struct image *img = image_new(versions[v].minor, versions[v].experiments);
			struct image_type t = int_to_int();

			image_add_type(img, &t);
			uint64_t map = image_classic_map(img, &t, 3, 30);
			const uint64_t places[] = {
				[BUCKETS] = bucket(img, map, &t, 0),
				[OLD] = image_classic_array(img, &t, 2),
				[OVERFLOW] = overflow(img, &t, 3, 0),
			};
			if (where == OLD)
				set_old(img, map, places[OLD], 0);
			if (where == OVERFLOW) {
				image_u64(img, bucket(img, map, &t, 2) + t.bucket_sz - 8,
					  places[OVERFLOW]);
				image_u64(img, map, 33);
			}
			image_mark(img, map);
			image_open_amid_sweep(img, places[where], when);
			if (freed)
				image_free_span(img, places[where]);
			struct census *census = image_census(img);
			if (only_row(census, map)->consistency != (freed ? MAP_SUSPECT : MAP_EXACT))
				fail_msg("place %d, sweep %d, freed %d", where, when, freed);
			assert_int_equal(census->totals.map_cnt, !freed);
			census_free(census);
			image_free(img);
		}
}

/* An arena that the heap did not have when it was read: the index tells. */
static void memory_of_a_new_arena_is_no_proof(void **state)
{
	(void)state;
	for (int made = 0; made < 2; made++) {
		struct image *img = image_new(21, "");
		struct image_type t = int_to_int();
		const uint64_t arena = IMAGE_HEAP + (7ull << ARENA_SHIFT);

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 3, 30);
		image_u64(img, map + 16, arena + GO_PAGE_SZ);
		image_open(img);
		uint64_t index = heap_linear_address(img->heap, arena) >> ARENA_SHIFT;
		image_u64(img, IMAGE_ARENA_INDEX + 8 * index, made ? IMAGE_ARENA_METAS : 0);
		expect_suspect(img, map, made, "a new arena");
	}
}

/* B is that of the next array, the buckets are the old ones: a writer lost its processor
 * between two stores. */
static void a_map_that_stands_still_while_it_doubles_is_suspect(void **state)
{
	(void)state;
	for (int writing = 0; writing < 2; writing++) {
		struct image *img = image_new(21, "");
		struct image_type t = { .name = "map[uint8]struct{}", .key_sz = 1 };

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 3, 52);
		image_u8(img, map + 8, writing ? 4 : 0);
		image_u8(img, map + 9, 4);
		image_open(img);
		expect_suspect(img, map, writing, "B");
	}
}

struct mover {
	uint64_t map;
	uint64_t array;
	int reads; /* of the header so far */
	int from, to; /* reads before which it changes */
	void (*change)(struct image *img, struct mover *m);
};

static void move(struct image *img, const struct mem_req *req)
{
	struct mover *m = img->hook_ctx;

	if (!image_covers(req, m->map))
		return;
	if (++m->reads >= m->from && m->reads <= m->to)
		m->change(img, m);
}

static struct map_info census_moving(struct image *img, struct mover *m, bool *found_ret)
{
	struct map_info row = { 0 };

	image_open(img);
	img->hook = move;
	img->hook_ctx = m;
	struct census *census = image_census(img);
	*found_ret = census->maps.len == 1;
	if (*found_ret)
		row = *only_row(census, m->map);
	census_free(census);
	image_free(img);
	return row;
}

/* One key more, in the first bucket. */
static void insert(struct image *img, struct mover *m)
{
	uint64_t count = image_get_u64(img, m->map);

	image_u64(img, m->map, count + 1);
	image_u8(img, m->array + 7, TOP);
}

static void count_only(struct image *img, struct mover *m)
{
	image_u64(img, m->map, 100 + m->reads);
}

/* The map grew: other buckets, and the count goes on. */
static void regrow(struct image *img, struct mover *m)
{
	image_u64(img, m->map + 16, m->array + m->reads % 7 * 1152);
}

static struct mover mover_of(struct image *img, const struct image_type *t, int from, int to,
			     void (*change)(struct image *img, struct mover *m))
{
	struct mover m = { .from = from, .to = to, .change = change };

	m.map = image_classic_map(img, t, 3, 40);
	m.array = image_get_u64(img, m.map + 16);
	for (int i = 1; i < 7; i++) { /* others of the same content, side by side */
		uint64_t other = image_classic_map(img, t, 3, 40);

		assert_true(image_get_u64(img, other + 16) == m.array + i * 1152u);
		image_u64(img, other + 16, 0);
		image_u64(img, other, 0);
	}
	return m;
}

static void a_key_more_while_it_is_read_is_moving(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct mover m = mover_of(img, &t, 2, 2, insert);
	struct map_info row = census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_MOVING);
	assert_int_equal(row.live_keys, 41);
	assert_int_equal(row.buckets, 8);
	assert_int_equal(row.bucket_sz, 144);
}

/* The header counts what the buckets do not hold, and something else each time. */
static void counts_that_never_fit_are_not_exact(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct mover m = mover_of(img, &t, 1, 1000, count_only);
	struct map_info row = census_moving(img, &m, &found);
	assert_true(!found || row.consistency != MAP_EXACT);
	assert_in_range(m.reads, 2, 20);
}

/* A cache deletes as often as it inserts: its count is the same at each read, and its
 * buckets, read one after the other, never hold as many keys. */
static void churn(struct image *img, const struct mem_req *req)
{
	struct mover *m = img->hook_ctx;

	if (image_covers(req, m->array))
		image_u8(img, m->array + 1 + m->reads++ % 3, EMPTY_ONE);
}

static void a_busy_map_of_constant_len_is_moving(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();

	(void)state;
	image_add_type(img, &t);
	struct mover m = mover_of(img, &t, 0, 0, NULL);
	image_open(img);
	img->hook = churn;
	img->hook_ctx = &m;
	struct census *census = image_census(img);
	const struct map_info *row = only_row(census, m.map);
	assert_int_equal(row->consistency, MAP_MOVING);
	assert_int_equal(row->live_keys, 40);
	assert_int_equal(row->bucket_sz, 144);
	census_free(census);
	image_free(img);
}

static void a_map_that_never_rests_is_suspect(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct mover m = mover_of(img, &t, 2, 1000, regrow);
	struct map_info row = census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_SUSPECT);
	assert_false(map_counts(&row));
	assert_in_range(m.reads, 3, 20);
}

static void a_change_in_time_is_read_again(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct mover m = mover_of(img, &t, 3, 3, insert); /* behind the first round */
	image_u64(img, m.map, 39); /* which did not fit */
	image_u8(img, m.array + 7, TOP);
	image_u8(img, m.array + 6, TOP);
	image_u8(img, m.array + 5, TOP);
	image_u64(img, m.map, 42);
	struct map_info row = census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.live_keys, 43);
}

/* The last bucket is evacuated, and the old array dropped. */
static void end_growth(struct image *img, struct mover *m)
{
	image_u64(img, m->map + 24, 0);
	for (int i = 0; i < 16; i++)
		image_u64(img, m->array + i * 144, 0x7777);
}

static void growth_may_end_while_it_is_read(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct mover m = { .from = 2, .to = 2, .change = end_growth };
	m.map = image_classic_map(img, &t, 4, 14);
	m.array = bucket(img, m.map, &t, 0);
	set_old(img, m.map, old_array(img, &t, 3, 5), 0);
	image_u64(img, m.map, 14 + 3 * 6);
	struct map_info row = census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.live_keys, 32);
	assert_int_equal(row.old_bytes, 0);
	assert_int_equal(row.table_bytes, 2688);
}

/* Two sizes are possible, and with neither the keys add up, because the map moves:
 * the size is the right one, or not known. */
static void a_moving_map_has_no_wrong_size(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct image *img = image_new(21, "");
		struct image_type a = { .name = "map[K]struct{}", .key_sz = 16 };
		struct image_type b = { .name = "map[K]bool", .key_sz = 16, .elem_sz = 1 };
		bool found;

		image_add_type(img, &a);
		image_add_type(img, &b);
		struct mover m = { .from = 1, .to = 2, .change = count_only };
		m.map = image_classic_map(img, i ? &b : &a, 4, 77);
		struct map_info row = census_moving(img, &m, &found);
		assert_true(found);
		assert_int_equal(row.consistency, MAP_MOVING);
		assert_int_equal(row.overflow_buckets, 0);
		if (row.bucket_sz)
			assert_int_equal(row.bucket_sz, i ? 152 : 144);
		if (row.type)
			assert_string_equal(row.type->name, i ? "map[K]bool" : "map[K]struct{}");
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
		cmocka_unit_test(like_types_are_ambiguous),
		cmocka_unit_test(maps_of_unknown_types_count),
		cmocka_unit_test(spoilt_headers_are_none),
		cmocka_unit_test(pointers_to_other_objects_are_none),
		cmocka_unit_test(old_arrays_of_a_wrong_size_are_none),
		cmocka_unit_test(spoilt_chains_are_none),
		cmocka_unit_test(empty_memory_is_no_bucket),
		cmocka_unit_test(arrays_are_objects),
		cmocka_unit_test(a_ring_through_the_array_ends),
		cmocka_unit_test(headers_of_one_byte_are_none),
		cmocka_unit_test(a_write_that_stands_still_is_moving),
		cmocka_unit_test(unreadable_parts_are_no_map),
		cmocka_unit_test(what_an_outdated_span_contradicts_is_suspect),
		cmocka_unit_test(figures_of_an_outdated_span_are_suspect),
		cmocka_unit_test(memory_of_a_new_arena_is_no_proof),
		cmocka_unit_test(a_map_that_stands_still_while_it_doubles_is_suspect),
		cmocka_unit_test(a_key_more_while_it_is_read_is_moving),
		cmocka_unit_test(counts_that_never_fit_are_not_exact),
		cmocka_unit_test(a_busy_map_of_constant_len_is_moving),
		cmocka_unit_test(a_map_that_never_rests_is_suspect),
		cmocka_unit_test(a_change_in_time_is_read_again),
		cmocka_unit_test(growth_may_end_while_it_is_read),
		cmocka_unit_test(a_moving_map_has_no_wrong_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
