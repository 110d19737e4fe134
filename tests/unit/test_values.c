// SPDX-License-Identifier: GPL-2.0-only
/* Counting zero values, in whole maps and in samples. The maps are made by hand; some are
 * hostile. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

#include "maps/buckets.h"
#include "maps/interval.h"
#include "maps/values.h"

enum { CLASSIC_MINOR = 23, SWISS_MINOR = 24, TOP = 0x77, EVACUATED_X = 2, SLOTS = 8 };
enum { CLASSIC_FLAGS = 84, CLASSIC_INDIRECT_ELEM = 2, SWISS_INDIRECT_ELEM = 8 };

static const uint64_t PLENTY = 1ull << 40;

/* Elems above 128 bytes are kept behind pointers; sz is the size of such an elem. */
static void make_indirect(struct image *img, const struct image_type *t, uint64_t sz)
{
	const struct go_layout *l = &img->prog.layout;

	image_u64(img, image_get_u64(img, t->addr + 56), sz);
	if (l->kind == MAP_CLASSIC)
		image_u32(img, t->addr + CLASSIC_FLAGS, CLASSIC_INDIRECT_ELEM);
	else
		image_u32(img, t->addr + l->maptype.flags, SWISS_INDIRECT_ELEM);
}

static uint64_t elem_at(const struct image_type *t, uint64_t bucket, unsigned int slot)
{
	return bucket + t->elems_off + slot * t->elem_stride;
}

static struct values *take(const struct census *census, uint64_t budget)
{
	struct values_opts opts = { .budget_bytes = budget, .seed = 1 };
	struct values *values = NULL;
	struct err *gone = NULL;
	struct err *err = values_take(census, &opts, &values, &gone);

	if (err || gone)
		fail_msg("%s", (err ? err : gone)->msg);
	return values;
}

/* The count of the only map of an image. */
static struct value_count count_only(struct image *img, uint64_t map, uint64_t budget)
{
	struct census *census = image_census(img);

	assert_int_equal(census->maps.len, 1);
	assert_true(census_map(census, 0).addr == map);
	struct values *values = take(census, budget);
	struct value_count row = values->rows[0];

	assert_int_equal(values->counted, row.status == VALUES_OK);
	values_free(values);
	census_free(census);
	return row;
}

static void assert_counted(struct value_count row, uint64_t zero, uint64_t of)
{
	assert_int_equal(row.status, VALUES_OK);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_false(row.sampled);
	assert_int_equal(row.zero, zero);
	assert_int_equal(row.low, zero);
	assert_int_equal(row.high, zero);
	assert_int_equal(row.read, of);
}

/* ---- Swiss maps ---- */

static void small_groups(void **state)
{
	(void)state;
	for (unsigned int used = 1; used <= SLOTS; used++) {
		struct image *img = image_new(SWISS_MINOR, "");
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_swiss_small(img, &t, used);
		uint64_t group = image_get_u64(img, map + 16);
		for (unsigned int i = 0; i < used / 2; i++)
			image_u64(img, elem_at(&t, group, i), 0xc000000000);
		image_open(img);
		assert_counted(count_only(img, map, PLENTY), used - used / 2, used);
		image_free(img);
	}
}

static uint64_t add_tables(struct image *img, struct image_type *t)
{
	static const struct image_table tables[] = { { 2, 1024, 800, 20 },
						     { 2, 16, 9, 0 },
						     { 1, 1024, 896, 0 } };

	image_add_type(img, t);
	return image_swiss_map(img, t, 2, tables, CNT(tables));
}

/* One value of each table is zero, the last one. Slots after the used ones do not count. */
static void tables_of_all_sizes(void **state)
{
	static const struct {
		unsigned int minor;
		bool split;
	} rows[] = { { 24, false }, { 26, false }, { 27, false }, { 27, true } };

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct image *img = image_new(rows[i].minor, rows[i].split ? "mapsplitgroup" : "");
		struct image_type t = image_int_to_int();

		t.split = rows[i].split;
		uint64_t map = add_tables(img, &t);
		image_u8(img,
			 elem_at(&t, image_swiss_groups(img, map, 0) + 99 * t.bucket_sz, 7) + 7, 1);
		image_u8(img, elem_at(&t, image_swiss_groups(img, map, 1) + t.bucket_sz, 0), 1);
		image_u8(img,
			 elem_at(&t, image_swiss_groups(img, map, 2) + 111 * t.bucket_sz, 7) + 3,
			 1);
		/* A deleted slot, and an empty one. */
		image_u8(img, elem_at(&t, image_swiss_groups(img, map, 0) + 100 * t.bucket_sz, 0),
			 1);
		image_u8(img, elem_at(&t, image_swiss_groups(img, map, 1) + t.bucket_sz, 1), 1);
		image_open(img);
		assert_counted(count_only(img, map, PLENTY), 1705 - 3, 1705);
		image_free(img);
	}
}

static void values_without_bytes_are_none(void **state)
{
	struct image *img = image_new(SWISS_MINOR, "");
	struct image_type t = { .name = "map[int]struct {}", .key_sz = 8 };

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_swiss_small(img, &t, 5);
	image_open(img);
	assert_int_equal(count_only(img, map, PLENTY).status, VALUES_NONE);
	image_free(img);
}

/* ---- Classic maps ---- */

static void chains_in_and_out_of_the_array(void **state)
{
	struct image *img = image_new(CLASSIC_MINOR, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 4, 16 * 8);
	uint64_t array = image_get_u64(img, map + 16);
	uint64_t inside = array + 16 * t.bucket_sz, outside = image_alloc_buckets(img, &t, 1);

	image_classic_bucket(img, &t, outside, 3, TOP, 0);
	image_classic_bucket(img, &t, inside, 8, TOP, outside);
	image_classic_bucket(img, &t, array + 5 * t.bucket_sz, 8, TOP, inside);
	image_u64(img, map, 16 * 8 + 8 + 3);
	image_u8(img, elem_at(&t, outside, 2), 1);
	image_u8(img, elem_at(&t, inside, 7), 1);
	image_u8(img, elem_at(&t, array, 0), 1);
	image_u8(img, elem_at(&t, outside, 3), 1); /* not the elem of a key */
	image_open(img);
	assert_counted(count_only(img, map, PLENTY), 139 - 3, 139);
	image_free(img);
}

/* A key is in the old array, or its slot there says that the key has moved. */
static void growing_maps(void **state)
{
	struct image *img = image_new(CLASSIC_MINOR, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 5, 0);
	uint64_t array = image_get_u64(img, map + 16);
	uint64_t old = image_classic_array(img, &t, 4);

	for (unsigned int i = 0; i < 16; i++)
		image_classic_bucket(img, &t, old + i * t.bucket_sz, 8, i < 4 ? EVACUATED_X : TOP,
				     0);
	for (unsigned int i = 0; i < 4; i++)
		image_classic_bucket(img, &t, array + i * t.bucket_sz, 8, TOP, 0);
	image_u64(img, map, 16 * 8);
	image_u64(img, map + 24, old);
	image_u8(img, elem_at(&t, old, 0), 1); /* evacuated: of no key */
	image_u8(img, elem_at(&t, old + 15 * t.bucket_sz, 7), 1);
	image_u8(img, elem_at(&t, array, 7), 1);
	image_open(img);
	assert_counted(count_only(img, map, PLENTY), 16 * 8 - 2, 16 * 8);
	image_free(img);
}

/* ---- Values behind pointers ---- */

static void values_behind_pointers(void **state)
{
	static const unsigned int minors[] = { CLASSIC_MINOR, SWISS_MINOR };
	static const uint64_t bytes[] = { 0, 256, 399 };

	(void)state;
	for (size_t v = 0; v < CNT(minors); v++) {
		struct image *img = image_new(minors[v], "");
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		make_indirect(img, &t, 400);
		uint64_t map = minors[v] == CLASSIC_MINOR ? image_classic_map(img, &t, 0, 5)
							  : image_swiss_small(img, &t, 5);
		uint64_t bucket = image_get_u64(img, map + 16);
		for (unsigned int i = 0; i < 5; i++) {
			uint64_t value = image_alloc_words(img, 50, 0);

			image_u64(img, elem_at(&t, bucket, i), value);
			image_zero(img, value, 400);
			if (i < 3) /* in the first byte, after the first read, in the last byte */
				image_u8(img, value + bytes[i], 1);
		}
		image_open(img);
		assert_counted(count_only(img, map, PLENTY), 2, 5);
		image_free(img);
	}
}

/* Pointers that do not lead to a value: nothing is read there, and the count is not exact. */
static void bad_pointers_to_values(void **state)
{
	struct image *img = image_new(SWISS_MINOR, "");
	struct image_type t = image_string_to_ptr();

	(void)state;
	image_add_type(img, &t);
	make_indirect(img, &t, 400);
	uint64_t map = image_swiss_small(img, &t, 4);
	uint64_t group = image_get_u64(img, map + 16);
	uint64_t value = image_alloc_words(img, 50, 0), shorter = image_alloc_words(img, 20, 0);

	image_u64(img, elem_at(&t, group, 0), IMAGE_NOWHERE);
	image_u64(img, elem_at(&t, group, 1), value + 8);
	image_u64(img, elem_at(&t, group, 2), shorter);
	image_u64(img, elem_at(&t, group, 3), value);
	image_zero(img, value, 400);
	image_open(img);
	struct value_count row = count_only(img, map, PLENTY);
	assert_int_equal(row.status, VALUES_OK);
	assert_int_equal(row.zero, 1);
	assert_int_equal(row.consistency, MAP_MOVING);
	image_free(img);
}

/* Slots may have values that are pointers, or pointers to values. Only the former may be nil. */
static void only_a_nil_tells_pointers(void **state)
{
	(void)state;
	for (int nils = 0; nils < 2; nils++) {
		struct image *img = image_new(SWISS_MINOR, "");
		struct image_type t = image_string_to_ptr(), u = image_string_to_ptr();

		u.name = "map[string]main.Large";
		image_add_type(img, &t);
		image_add_type(img, &u);
		make_indirect(img, &u, 400);
		uint64_t map = image_swiss_small(img, &t, 4);
		uint64_t group = image_get_u64(img, map + 16);
		for (int i = nils; i < 4; i++)
			image_u64(img, elem_at(&t, group, i), image_alloc_words(img, 50, 0));
		image_open(img);
		struct value_count row = count_only(img, map, PLENTY);
		if (nils)
			assert_counted(row, 1, 4);
		else
			assert_int_equal(row.status, VALUES_TYPE_AMBIGUOUS);
		image_free(img);
	}
}

/* ---- Types ---- */

static void types_that_keep_values_alike_will_do(void **state)
{
	static const struct {
		uint32_t key_sz, elem_sz;
		enum value_status status;
	} other[] = { { 8, 8, VALUES_OK }, { 4, 12, VALUES_TYPE_AMBIGUOUS } };

	(void)state;
	for (size_t i = 0; i < CNT(other); i++) {
		struct image *img = image_new(CLASSIC_MINOR, "");
		struct image_type t = image_int_to_int(), u = {
			.name = "map[uint]uint",
			.key_sz = other[i].key_sz,
			.elem_sz = other[i].elem_sz,
		};

		image_add_type(img, &t);
		image_add_type(img, &u);
		uint64_t map = image_classic_map(img, &t, 3, 40);
		image_open(img);
		struct value_count row = count_only(img, map, PLENTY);
		assert_int_equal(row.status, other[i].status);
		if (row.status == VALUES_OK)
			assert_counted(row, 40, 40);
		image_free(img);
	}
}

static void unknown_types_are_not_counted(void **state)
{
	struct image *img = image_new(CLASSIC_MINOR, "");
	struct image_type known = image_string_to_ptr(), t = image_int_to_int();

	(void)state;
	image_add_type(img, &known);
	t.elems_off = 8 + 8 * 8;
	t.elem_stride = 8;
	t.bucket_sz = 144;
	uint64_t map = image_classic_map(img, &t, 3, 40);
	image_open(img);
	assert_int_equal(count_only(img, map, PLENTY).status, VALUES_TYPE_UNKNOWN);
	image_free(img);
}

/* The type is struct { a int8; _ int16; b int64 }: only bytes 0 and 8 to 15 are data. */
static void padding_is_no_value(void **state)
{
	enum { FIELDS = 3, KIND_INT8 = 3, KIND_STRUCT = 25 };
	static const struct {
		const char *name;
		uint64_t sz, off;
	} fields[FIELDS] = { { "a", 1, 0 }, { "_", 2, 2 }, { "b", 8, 8 } };
	struct image *img = image_new(SWISS_MINOR, "");
	struct image_type t = { .name = "map[int]main.T", .key_sz = 8, .elem_sz = 16 };
	uint64_t at = IMAGE_TYPES + 0x10000;

	(void)state;
	image_add_type(img, &t);
	image_zero(img, at, 0x1000);
	for (int i = 0; i < FIELDS; i++) {
		uint64_t type = at + 0x100 + i * 0x40, name = at + 0x300 + i * 8;
		uint8_t text[] = { 0, 1, fields[i].name[0] };

		image_u64(img, type, fields[i].sz);
		image_u8(img, type + 23, KIND_INT8);
		image_write(img, name, text, sizeof(text));
		image_u64(img, at + 0x200 + i * 24, name);
		image_u64(img, at + 0x200 + i * 24 + 8, type);
		image_u64(img, at + 0x200 + i * 24 + 16, fields[i].off);
	}
	image_u64(img, at, 16);
	image_u8(img, at + 23, KIND_STRUCT);
	image_u64(img, at + 56, at + 0x200);
	image_u64(img, at + 64, FIELDS);
	image_u64(img, t.addr + 56, at);

	uint64_t map = image_swiss_small(img, &t, 4);
	uint64_t group = image_get_u64(img, map + 16);
	image_u8(img, elem_at(&t, group, 0), 1);
	image_u8(img, elem_at(&t, group, 1) + 15, 1);
	image_u8(img, elem_at(&t, group, 2) + 1, 1); /* padding */
	image_u8(img, elem_at(&t, group, 3) + 3, 1); /* blank */
	image_open(img);
	assert_counted(count_only(img, map, PLENTY), 2, 4);
	image_free(img);
}

/* A struct that contains itself, a field beyond the end, fields that cannot be read: then all
 * bytes count, and nothing runs for ever. */
static void structs_that_are_none(void **state)
{
	(void)state;
	for (int how = 0; how < 4; how++) {
		struct image *img = image_new(SWISS_MINOR, "");
		struct image_type t = { .name = "map[int]main.T", .key_sz = 8, .elem_sz = 16 };
		uint64_t at = IMAGE_TYPES + 0x10000;

		image_add_type(img, &t);
		image_zero(img, at, 0x1000);
		image_u64(img, at, 16);
		image_u8(img, at + 23, 25);
		image_u64(img, at + 56, how == 0 ? IMAGE_NOWHERE : at + 0x200);
		image_u64(img, at + 64, how == 1 ? UINT64_MAX : 2);
		for (int i = 0; i < 2; i++) {
			image_u64(img, at + 0x200 + i * 24, at + 0x300);
			image_u64(img, at + 0x200 + i * 24 + 8, at);
			image_u64(img, at + 0x200 + i * 24 + 16, how == 2 ? UINT64_MAX - 4 : 0);
		}
		image_u64(img, t.addr + 56, at);
		uint64_t map = image_swiss_small(img, &t, 4);
		uint64_t group = image_get_u64(img, map + 16);
		image_u8(img, elem_at(&t, group, 1) + 9, 1);
		image_open(img);
		assert_counted(count_only(img, map, PLENTY), 3, 4);
		image_free(img);
	}
}

/* ---- Hostile and moving memory ---- */

struct spoiler {
	uint64_t when; /* when this address is read for the values, */
	uint64_t addr; /* the word at addr changes to */
	uint64_t to;
	bool armed;
};

static void spoil(struct image *img, const struct mem_req *req)
{
	struct spoiler *s = img->hook_ctx;

	if (s->armed && image_covers(req, s->when))
		image_u64(img, s->addr, s->to);
}

static struct value_count count_spoilt(struct image *img, struct spoiler s)
{
	struct census *census = image_census(img);

	img->hook = spoil;
	img->hook_ctx = &s;
	s.armed = true;
	struct values *values = take(census, PLENTY);
	struct value_count row = values->rows[0];

	img->hook = NULL;
	values_free(values);
	census_free(census);
	return row;
}

static void a_header_that_changes_is_not_exact(void **state)
{
	struct image *img = image_new(SWISS_MINOR, "");
	struct image_type t = image_int_to_int();
	uint64_t map = add_tables(img, &t);

	(void)state;
	image_open(img);
	uint64_t groups = image_swiss_groups(img, map, 1);
	struct value_count row = count_spoilt(img, (struct spoiler){ groups, map, 1706, false });
	assert_int_equal(row.status, VALUES_OK);
	assert_int_equal(row.consistency, MAP_MOVING);
	assert_int_equal(row.zero, 1705);
	image_free(img);
}

static void tables_that_go_bad_are_not_counted(void **state)
{
	static const struct {
		uint32_t off; /* in the second table */
		uint64_t to;
	} rows[] = { { 0, 0 },
		     { 8, 0 }, /* index */
		     { 16, IMAGE_NOWHERE }, /* groups */
		     { 16, 0 },
		     { 24, UINT64_MAX } }; /* mask */

	(void)state;
	for (size_t i = 0; i < CNT(rows); i++) {
		struct image *img = image_new(SWISS_MINOR, "");
		struct image_type t = image_int_to_int();
		uint64_t map = add_tables(img, &t);
		uint64_t table = image_swiss_table(img, map, 1);

		image_open(img);
		struct value_count row = count_spoilt(
			img, (struct spoiler){ map, table + rows[i].off, rows[i].to, false });
		assert_int_equal(row.status, VALUES_CHANGED);
		image_free(img);
	}
}

static void chains_that_go_bad_are_not_counted(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		struct image *img = image_new(CLASSIC_MINOR, "");
		struct image_type t = image_int_to_int();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 4, 100);
		uint64_t array = image_get_u64(img, map + 16);
		/* The chain becomes a ring, or leads into a bucket, or out of the heap. */
		uint64_t to[] = { array, array + 8, IMAGE_NOWHERE };

		image_open(img);
		struct value_count row = count_spoilt(
			img, (struct spoiler){ map, array + t.bucket_sz - 8, to[how], false });
		assert_int_equal(row.status, VALUES_CHANGED);
		image_free(img);
	}
}

static void memory_that_goes_away_is_not_counted(void **state)
{
	struct image *img = image_new(CLASSIC_MINOR, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 9, 3000);
	image_open(img);
	struct census *census = image_census(img);

	image_unmap(img, image_get_u64(img, map + 16) + 8 * IMAGE_PAGE_SZ, IMAGE_PAGE_SZ);
	struct values *values = take(census, PLENTY);
	assert_int_equal(values->rows[0].status, VALUES_CHANGED);
	values_free(values);
	census_free(census);
	image_free(img);
}

static void a_target_that_exits_leaves_rows_without_figures(void **state)
{
	struct image *img = image_new(SWISS_MINOR, "");
	struct image_type t = image_int_to_int();
	struct values_opts opts = { .budget_bytes = PLENTY };
	struct values *values;
	struct err *gone = NULL;

	(void)state;
	add_tables(img, &t);
	image_open(img);
	struct census *census = image_census(img);
	img->gone = true;
	assert_null(values_take(census, &opts, &values, &gone));
	assert_true(err_is(gone, ERR_GONE));
	assert_int_equal(values->rows[0].status, VALUES_GONE);
	assert_int_equal(values->counted, 0);
	err_free(gone);
	values_free(values);
	census_free(census);
	image_free(img);
}

/* ---- Samples ---- */

/* Every third value of a large map is zero: 1 << 15 buckets of 4 keys. */
static uint64_t add_large(struct image *img, struct image_type *t)
{
	image_add_type(img, t);
	uint64_t map = image_classic_map(img, t, 15, 4 << 15);
	uint64_t array = image_get_u64(img, map + 16);

	for (uint64_t key = 0; key < 4 << 15; key++)
		if (key % 3)
			image_u8(img, elem_at(t, array + key / 4 * t->bucket_sz, key % 4), 1);
	return map;
}

static void large_maps_are_sampled(void **state)
{
	enum { ALL = 4 << 15, BUDGET = 1 << 20 };
	struct image *img = image_new(CLASSIC_MINOR, "");
	struct image_type t = image_int_to_int();
	uint64_t map = add_large(img, &t);

	(void)state;
	image_open(img);
	struct value_count row = count_only(img, map, BUDGET);
	assert_int_equal(row.status, VALUES_OK);
	assert_true(row.sampled);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_in_range(row.read, ALL / 6, ALL / 4);
	assert_in_range(row.zero, row.low, row.high);
	assert_in_range(ALL / 3, row.low, row.high);
	assert_in_range(row.high - row.low, 1, ALL / 30);
	image_free(img);
}

static void what_is_over_the_budget_is_not_counted(void **state)
{
	struct image *img = image_new(CLASSIC_MINOR, "");
	struct image_type t = image_int_to_int();
	uint64_t map = add_large(img, &t);

	(void)state;
	image_open(img);
	assert_int_equal(count_only(img, map, 100 << 10).status, VALUES_OVER_BUDGET);
	image_free(img);
}

static uint64_t random_state;

static double uniform(void)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (random_state >> 11) * 0x1p-53;
}

/* Draws `take` of `all` clusters, and says whether the truth is in the interval. The share of
 * hits of a cluster differs from that of all by at most `spread`. */
static bool interval_holds(unsigned int all, unsigned int take, double share, double spread)
{
	struct cluster_sample sample = { .all = all };
	uint64_t hits = 0, slots = 0;

	for (unsigned int c = 0; c < all; c++) {
		double p = share + (uniform() < 0.5 ? -spread : spread);
		uint64_t z = 0, n = 150 + 100 * uniform();

		for (uint64_t i = 0; i < n; i++)
			z += uniform() < p;
		if (uniform() * (all - c) < take - sample.taken)
			cluster_sample_add(&sample, n, z);
		hits += z;
		slots += n;
	}
	struct interval got = cluster_sample_estimate(&sample, slots);
	assert_in_range(got.estimate, got.low, got.high);
	assert_true(got.low >= sample.hits && got.high <= slots - (sample.slots - sample.hits));
	return got.low <= hits && hits <= got.high;
}

/* In 95 % of the cases, for few and many clusters, and when clusters differ more than by
 * chance. */
static void intervals_hold_the_truth(void **state)
{
	enum { ROUNDS = 400 };
	static const struct {
		unsigned int all, take;
		double share, spread;
	} rows[] = {
		{ 200, 32, 0.5, 0 },	{ 200, 32, 0.02, 0 },	{ 200, 128, 0.9, 0 },
		{ 200, 190, 0.3, 0 },	{ 400, 16, 0.5, 0.3 },	{ 400, 32, 0.2, 0.15 },
		{ 300, 100, 0.5, 0.5 }, { 200, 32, 0.0005, 0 },
	};

	(void)state;
	random_state = 1;
	for (size_t r = 0; r < CNT(rows); r++) {
		int in = 0;

		for (int i = 0; i < ROUNDS; i++)
			in += interval_holds(rows[r].all, rows[r].take, rows[r].share,
					     rows[r].spread);
		if (in < ROUNDS * 92 / 100)
			fail_msg("row %zu: %d of %d", r, in, ROUNDS);
	}
}

static void a_whole_sample_is_exact(void **state)
{
	struct cluster_sample sample = { .all = 3 };

	(void)state;
	for (int i = 0; i < 3; i++)
		cluster_sample_add(&sample, 100, 10 * i);
	struct interval got = cluster_sample_estimate(&sample, 300);
	assert_int_equal(got.estimate, 30);
	assert_int_equal(got.low, 30);
	assert_int_equal(got.high, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_groups),
		cmocka_unit_test(tables_of_all_sizes),
		cmocka_unit_test(values_without_bytes_are_none),
		cmocka_unit_test(chains_in_and_out_of_the_array),
		cmocka_unit_test(growing_maps),
		cmocka_unit_test(values_behind_pointers),
		cmocka_unit_test(bad_pointers_to_values),
		cmocka_unit_test(only_a_nil_tells_pointers),
		cmocka_unit_test(types_that_keep_values_alike_will_do),
		cmocka_unit_test(unknown_types_are_not_counted),
		cmocka_unit_test(padding_is_no_value),
		cmocka_unit_test(structs_that_are_none),
		cmocka_unit_test(a_header_that_changes_is_not_exact),
		cmocka_unit_test(tables_that_go_bad_are_not_counted),
		cmocka_unit_test(chains_that_go_bad_are_not_counted),
		cmocka_unit_test(memory_that_goes_away_is_not_counted),
		cmocka_unit_test(a_target_that_exits_leaves_rows_without_figures),
		cmocka_unit_test(large_maps_are_sampled),
		cmocka_unit_test(what_is_over_the_budget_is_not_counted),
		cmocka_unit_test(intervals_hold_the_truth),
		cmocka_unit_test(a_whole_sample_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
