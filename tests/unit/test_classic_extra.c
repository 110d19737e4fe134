// SPDX-License-Identifier: GPL-2.0-only
/* What classic maps keep beside their buckets: mapextra and the lists of overflow buckets. */
#include "image.h"

enum { ARRAY = 1152 /* bytes of 8 buckets of map[int]int */, EXTRA = 24, SLICE = 24 };

static bool has_malloc_headers(unsigned int minor)
{
	return minor >= 22;
}

/* The only row. Frees the image. */
static struct map_info take(struct image *img, uint64_t map)
{
	image_open(img);
	struct census *census = image_census(img);
	struct map_info row = *image_only_row(census, map);

	census_free(census);
	image_free(img);
	return row;
}

static struct image *image_of_version(size_t v, struct image_type *t)
{
	struct image *img =
		image_new(image_classic_versions[v].minor, image_classic_versions[v].experiments);

	image_add_type(img, t);
	return img;
}

/* Capacities that append arrives at: they fill a size class, or some pages. */
static void lists_of_every_size(void **state)
{
	static const struct {
		uint64_t cap, bytes;
		bool headers; /* with malloc headers, which make no difference up to 512 bytes */
	} rows[] = {
		{ 0, 0, false },	{ 1, 8, false },      { 2, 16, false },
		{ 64, 512, false },	{ 128, 1024, false }, { 848, 6784, false },
		{ 5120, 40960, false }, { 143, 1152, true },  { 4095, 32768, true },
		{ 6144, 49152, true },
	};

	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++)
		for (size_t i = 0; i < CNT(rows); i++) {
			struct image_type t = image_int_to_int();
			struct image *img = image_of_version(v, &t);

			if (rows[i].cap > 64 &&
			    rows[i].headers !=
				    has_malloc_headers(image_classic_versions[v].minor)) {
				image_free(img);
				continue;
			}
			uint64_t map = image_classic_map(img, &t, 3, 30);
			image_classic_list(img, image_classic_extra(img, map), 0, rows[i].cap / 2,
					   rows[i].cap);
			struct map_info m = take(img, map);
			assert_int_equal(m.consistency, MAP_EXACT);
			assert_int_equal(m.table_bytes, ARRAY + EXTRA + SLICE + rows[i].bytes);
			assert_int_equal(m.buckets, 8);
			assert_true(m.listed);
			/* 30 keys in 8 buckets: nine are in one with hardly any chance. */
			assert_in_range(m.rebuild_bytes, ARRAY + EXTRA + SLICE,
					ARRAY + EXTRA + SLICE + 30);
		}
}

static void both_lists_of_a_growing_map(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++) {
		struct image_type t = image_int_to_int();
		struct image *img = image_of_version(v, &t);
		uint64_t map = image_classic_map(img, &t, 4, 20);

		image_classic_set_old(img, map, image_classic_old_array(img, &t, 3, 5), 0);
		image_u64(img, map, 20 + 3 * 6);
		uint64_t extra = image_classic_extra(img, map);
		image_classic_list(img, extra, 0, 1, 2);
		image_classic_list(img, extra, 1, 4, 4);
		struct map_info m = take(img, map);
		assert_int_equal(m.consistency, MAP_EXACT);
		assert_int_equal(m.old_bytes, ARRAY);
		assert_int_equal(m.table_bytes, 2688 + ARRAY + EXTRA + 2 * SLICE + 16 + 32);
	}
}

/* The mapextra of these only tells of preallocated buckets. */
static void maps_with_pointers_have_no_lists(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++) {
		struct image_type t = image_string_to_ptr();
		struct image *img = image_of_version(v, &t);
		uint64_t map = image_classic_map(img, &t, 5, 60);

		image_classic_list(img, image_classic_extra(img, map), 0, 2, 2);
		struct map_info m = take(img, map);
		assert_int_equal(m.consistency, MAP_EXACT);
		assert_int_equal(m.table_bytes, 8192 + EXTRA);
		assert_false(m.listed);
		assert_in_range(m.rebuild_bytes, 8192 / 2 + EXTRA, 8192 + EXTRA);
	}
}

/* Most of these maps share one kind of row, but not those that were ranged over. */
static void small_maps_differ_by_it(void **state)
{
	enum { N = 20 };
	struct image_type t = image_int_to_int();
	struct image *img = image_of_version(0, &t);
	uint64_t maps[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		maps[i] = image_classic_map(img, &t, 0, 5);
		if (i % 3 == 0)
			image_classic_list(img, image_classic_extra(img, maps[i]), 0, 0, 0);
	}
	image_open(img);
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, N);
	for (int i = 0; i < N; i++) {
		const struct map_info *m = image_map(census, maps[i]);

		assert_int_equal(m->consistency, MAP_EXACT);
		assert_int_equal(m->table_bytes, i % 3 ? 144 : 144 + EXTRA + SLICE);
		/* The next loop makes the list again: a rebuild gains nothing. */
		assert_int_equal(map_gives_back(m), 0);
	}
	census_free(census);
	image_free(img);
}

/* What a hostile program may put there does not count, and the map is still a map. */
static void what_is_no_list_does_not_count(void **state)
{
	enum { LIST, PTR, LEN, CAP };
	struct image_type t = image_int_to_int();

	(void)state;
	for (int what = 0; what < 14; what++) {
		struct image *img = image_of_version(1, &t);
		uint64_t map = image_classic_map(img, &t, 3, 30);
		uint64_t extra = image_classic_extra(img, map);
		uint64_t list = image_classic_list(img, extra, 0, 100, 128);
		const struct {
			const char *what;
			int place;
			uint64_t v;
		} rows[] = {
			{ "a list outside the heap", LIST, IMAGE_NOWHERE },
			{ "a list inside an object", LIST, list + 8 },
			{ "a list in a larger object", LIST, image_alloc_words(img, 4, 1) },
			{ "a list without pointers", LIST, image_alloc_words(img, 3, 0) },
			{ "the map itself", LIST, map },
			{ "an array outside the heap", PTR, IMAGE_NOWHERE },
			{ "an array inside an object", PTR, image_get_u64(img, list) + 8 },
			{ "an array without pointers", PTR, image_alloc_buckets(img, &t, 7) },
			{ "no array", PTR, 0 },
			{ "more than its capacity", LEN, 129 },
			{ "a length of minus one", LEN, UINT64_MAX },
			{ "less than the array", CAP, 127 },
			{ "more than the array", CAP, 129 },
			{ "more than there is memory", CAP, (1ull << 61) + 128 },
		};

		image_u64(img,
			  rows[what].place == LIST ? extra : list + 8 * (rows[what].place - PTR),
			  rows[what].v);
		struct map_info m = take(img, map);
		if (m.consistency != MAP_EXACT || m.table_bytes != ARRAY + EXTRA || m.listed)
			fail_msg("%s: %d, %llu bytes", rows[what].what, m.consistency,
				 (unsigned long long)m.table_bytes);
	}
}

/* The list was made after the heap was read: its size is not known. */
static void a_list_newer_than_the_heap_is_moving(void **state)
{
	struct image_type t = image_int_to_int();

	(void)state;
	for (int what = 0; what < 2; what++) {
		struct image *img = image_of_version(2, &t);
		uint64_t map = image_classic_map(img, &t, 3, 30);
		uint64_t extra = image_classic_extra(img, map);
		uint64_t list = image_classic_list(img, extra, 0, 1, 1);

		image_u64(img, what ? extra : list, img->heap_next + GO_PAGE_SZ);
		struct map_info m = take(img, map);
		assert_int_equal(m.consistency, MAP_MOVING);
		assert_int_equal(m.live_keys, 30);
		assert_int_equal(m.table_bytes, ARRAY + EXTRA);
	}
}

/* ... or it is in memory that was another span then. */
static void a_list_in_an_outdated_span_is_moving(void **state)
{
	struct image_type t = image_int_to_int();

	(void)state;
	for (int freed = 0; freed < 2; freed++) {
		struct image *img = image_of_version(2, &t);
		uint64_t map = image_classic_map(img, &t, 3, 30);
		uint64_t list = image_classic_list(img, image_classic_extra(img, map), 0, 1, 1);
		uint64_t other = image_alloc_words(img, 6, 0);

		image_u64(img, list, other);
		image_open(img);
		if (freed)
			image_free_span(img, other);
		struct census *census = image_census(img);
		assert_int_equal(image_only_row(census, map)->consistency,
				 freed ? MAP_MOVING : MAP_EXACT);
		census_free(census);
		image_free(img);
	}
}

/* The lists of many maps are read together. */
static void many_lists_take_few_reads(void **state)
{
	enum { N = 2000 };
	uint64_t calls[2];

	(void)state;
	for (int listed = 0; listed < 2; listed++) {
		struct image_type t = image_int_to_int();
		struct image *img = image_of_version(0, &t);
		uint64_t maps[N];

		for (int i = 0; i < N; i++)
			maps[i] = image_classic_map(img, &t, 1, 9);
		for (int i = 0; listed && i < N; i++)
			image_classic_list(img, image_classic_extra(img, maps[i]), 0, 1, 1);
		image_open(img);
		uint64_t before = img->target.mem.call_cnt;
		struct census *census = image_census(img);
		calls[listed] = img->target.mem.call_cnt - before;
		assert_int_equal(census->maps.len, N);
		assert_int_equal(census->totals.table_bytes,
				 N * (288 + (listed ? EXTRA + SLICE + 8 : 0)));
		census_free(census);
		image_free(img);
	}
	assert_in_range(calls[1], calls[0], calls[0] + 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_every_size),
		cmocka_unit_test(both_lists_of_a_growing_map),
		cmocka_unit_test(maps_with_pointers_have_no_lists),
		cmocka_unit_test(small_maps_differ_by_it),
		cmocka_unit_test(what_is_no_list_does_not_count),
		cmocka_unit_test(a_list_newer_than_the_heap_is_moving),
		cmocka_unit_test(a_list_in_an_outdated_span_is_moving),
		cmocka_unit_test(many_lists_take_few_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
