// SPDX-License-Identifier: GPL-2.0-only
/* All maps of a heap: what counts, what does not, and in which order. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

static const struct version {
	unsigned int minor;
	const char *experiments;
} versions[] = {
	{ 19, "" },	      { 21, "" }, { 22, "" }, { 23, "" }, { 24, "" },
	{ 25, "noswissmap" }, { 25, "" }, { 26, "" }, { 27, "" },
};

static bool is_classic(const struct image *img)
{
	return img->prog.layout.kind == MAP_CLASSIC;
}

/* A map of up to 8 keys, or one without memory. */
static uint64_t small_map(struct image *img, const struct image_type *t, unsigned int keys)
{
	return is_classic(img) ? image_classic_map(img, t, 0, keys)
			       : image_swiss_small(img, t, keys);
}

static uint64_t empty_map(struct image *img)
{
	return is_classic(img) ? image_classic_header(img, 0, 0, 0) : image_swiss_empty(img);
}

static uint64_t large_map(struct image *img, const struct image_type *t, unsigned int keys)
{
	const struct image_table table = { .capacity = 1024, .used = keys };

	return is_classic(img) ? image_classic_map(img, t, 7, keys)
			       : image_swiss_map(img, t, 0, &table, 1);
}

/* A header-like object that is not a map. */
static uint64_t look_alike(struct image *img)
{
	return is_classic(img) ? image_classic_header(img, 7, 0, IMAGE_NOWHERE)
			       : image_swiss_header(img, 7, IMAGE_NOWHERE, 0, 0);
}

static void a_mixed_heap_of_every_version(void **state)
{
	enum { N = 9000 }; /* in several parts */

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t = image_int_to_int();
		static uint64_t small[N], large[N];
		uint64_t keys = 0;

		image_add_type(img, &t);
		for (int i = 0; i < N; i++) {
			small[i] = small_map(img, &t, i % 9);
			keys += i % 9;
			large[i] = i % 100 ? 0 : large_map(img, &t, 300 + i % 7);
			keys += i % 100 ? 0 : 300 + i % 7;
			if (i % 3 == 0)
				empty_map(img);
			if (i % 5 == 0)
				look_alike(img);
		}
		image_open(img);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, N + N / 100);
		assert_int_equal(census->empty_cnt, N / 3);
		assert_int_equal(census->lookalike_cnt, N / 5);
		for (size_t i = 0; i < census->maps.len; i++) {
			keys -= census_map(census, i).live_keys;
			assert_int_equal(census_map(census, i).consistency, MAP_EXACT);
			if (i)
				assert_true(census_map(census, i - 1).addr <
					    census_map(census, i).addr);
		}
		assert_int_equal(keys, 0);
		for (int i = 0; i < N; i++) {
			assert_int_equal(image_map(census, small[i])->live_keys, i % 9);
			if (large[i])
				assert_int_equal(image_map(census, large[i])->live_keys,
						 300 + i % 7);
		}
		assert_null(image_map(census, small[0] + 8));
		assert_null(image_map(census, 0));
		census_free(census);
		image_free(img);
	}
}

static void a_heap_without_maps(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);

		image_alloc_words(img, 2, 1);
		image_open(img);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, 0);
		assert_int_equal(census->empty_cnt, 0);
		assert_int_equal(census->lookalike_cnt, 0);
		assert_null(image_map(census, IMAGE_HEAP));
		census_free(census);
		image_free(img);
	}
}

/* Better than to find no maps where there are some. */
static void a_build_with_red_zones_is_refused(void **state)
{
	struct image *img = image_new(24, "");
	struct census *census = NULL;

	(void)state;
	image_alloc_words(img, 2, 1);
	image_open(img);
	img->prog.image.build.asan = true;
	_cleanup_err_ struct err *err = census_take(img->heap, NULL, &census);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_non_null(strstr(err->msg, "-asan"));
	assert_null(census);
	image_free(img);
}

/* Unreachable maps that the sweeper has not reached either are in no sum. */
static void garbage_is_told(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t = image_int_to_int();

		image_add_type(img, &t);
		uint64_t live = small_map(img, &t, 3), dead = small_map(img, &t, 4);
		uint64_t large = large_map(img, &t, 300);
		image_span_of(img, live)->sweepgen = IMAGE_SWEEPGEN - 2;
		image_mark(img, live);
		image_open(img);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, 3);
		assert_false(image_map(census, live)->garbage);
		assert_true(map_counts(image_map(census, live)));
		assert_true(image_map(census, dead)->garbage);
		assert_false(map_counts(image_map(census, dead)));
		assert_true(image_map(census, large)->garbage);
		census_free(census);
		image_free(img);
	}
}

/* Maps of one shape with the same number of keys have rows of one kind, unless they are dead. */
static void alike_but_dead(void **state)
{
	enum { N = 40 };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t = image_int_to_int();
		uint64_t map[N];

		image_add_type(img, &t);
		for (int i = 0; i < N; i++)
			map[i] = small_map(img, &t, 3);
		image_span_of(img, map[0])->sweepgen = IMAGE_SWEEPGEN - 2;
		for (int i = 0; i < N; i += 2)
			image_mark(img, map[i]);
		image_open(img);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, N);
		for (int i = 0; i < N; i++)
			assert_int_equal(image_map(census, map[i])->garbage, i % 2);
		assert_int_equal(census->totals.map_cnt, N / 2);
		census_free(census);
		image_free(img);
	}
}

/* Some maps are read a second time, and get their rows late. */
static void settle_late(struct image *img, const struct mem_req *req)
{
	const uint64_t *map = img->hook_ctx;

	for (int i = 0; i < 9; i += 3)
		if (image_covers(req, map[i]) && req->len < IMAGE_PAGE_SZ) /* not the scan */
			image_u64(img, map[i], 3);
}

static void rows_stay_in_order(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++) {
		struct image *img = image_new(v ? 24 : 21, "");
		struct image_type t = image_int_to_int();
		uint64_t map[9];

		image_add_type(img, &t);
		for (int i = 0; i < 9; i++)
			map[i] = small_map(img, &t, 3);
		for (int i = 0; i < 9; i += 3)
			image_u64(img, map[i], 5);
		image_open(img);
		img->hook = settle_late;
		img->hook_ctx = map;
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, 9);
		for (int i = 0; i < 9; i++) {
			assert_true(census_map(census, i).addr == map[i]);
			assert_int_equal(image_map(census, map[i])->live_keys, 3);
		}
		census_free(census);
		image_free(img);
	}
}

/* ... and unless less of them is in memory. */
static void alike_but_swapped(void **state)
{
	enum { PAGES = (1 << ARENA_SHIFT) / IMAGE_PAGE_SZ, N = 200 };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t = image_int_to_int();
		struct census *census = NULL;
		uint64_t *present = calloc(PAGES / 64, 8), map[N], resident = 0, whole = 0;
		struct residency_arena arena = { .base = IMAGE_HEAP, .present = present };
		struct residency r = { .page_sz = IMAGE_PAGE_SZ,
				       .arenas = { (void *)&arena, 1, 1 },
				       .pagemap = { .fd = -1 } };

		assert_non_null(present);
		memset(present, 0x55, PAGES / 8); /* every other page */
		image_add_type(img, &t);
		for (int i = 0; i < N; i++)
			map[i] = small_map(img, &t, 3);
		image_open(img);
		assert_null(census_take(img->heap, &r, &census));
		for (int i = 0; i < N; i++) {
			const struct map_info *m = image_map(census, map[i]);
			uint64_t start = image_get_u64(img, map[i] + 16) - IMAGE_HEAP, bytes = 0;

			for (uint64_t at = start; at < start + m->table_bytes; at++)
				bytes += at / IMAGE_PAGE_SZ % 2 == 0;
			assert_int_equal(m->resident_bytes, bytes);
			resident += bytes;
			whole += bytes == m->table_bytes;
		}
		assert_true(whole > 0 && whole < N);
		assert_int_equal(census->totals.resident_bytes, resident);
		census_free(census);
		free(present);
		image_free(img);
	}
}

/* Resident bytes are those of the tables' pages, not of the header's. */
static void resident_bytes_of_tables(void **state)
{
	enum { PAGES = (1 << ARENA_SHIFT) / IMAGE_PAGE_SZ };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v].minor, versions[v].experiments);
		struct image_type t = image_int_to_int();
		struct census *census = NULL;
		uint64_t *present = calloc(PAGES / 64, 8);
		struct residency_arena arena = { .base = IMAGE_HEAP, .present = present };
		struct residency r = { .page_sz = IMAGE_PAGE_SZ,
				       .arenas = { (void *)&arena, 1, 1 },
				       .pagemap = { .fd = -1 } };

		assert_non_null(present);
		image_add_type(img, &t);
		uint64_t map = large_map(img, &t, 300), small = small_map(img, &t, 5);
		uint64_t array = is_classic(img) ? image_get_u64(img, map + 16)
						 : image_swiss_groups(img, map, 0);
		uint64_t page = (array - IMAGE_HEAP) / IMAGE_PAGE_SZ + 1; /* the second one */
		present[page / 64] |= 1ull << page % 64;
		image_open(img);
		assert_null(census_take(img->heap, &r, &census));
		assert_int_equal(image_map(census, map)->resident_bytes, IMAGE_PAGE_SZ);
		assert_int_equal(image_map(census, small)->resident_bytes, 0);
		memset(present, 0xff, PAGES / 8);
		census_free(census);
		assert_null(census_take(img->heap, &r, &census));
		const struct map_info *m = image_map(census, map);
		assert_int_equal(m->resident_bytes, m->table_bytes);
		m = image_map(census, small);
		assert_int_equal(m->resident_bytes, m->table_bytes);
		census_free(census);
		free(present);
		image_free(img);
	}
}

/* More types of maps than the cache of shapes has room for: each map still gets its own type. */
static void many_types_are_told_apart(void **state)
{
	enum { TYPES = 300 };

	(void)state;
	for (int v = 0; v < 2; v++) {
		struct image *img = image_new(v ? 24 : 21, "");
		static struct image_type t[TYPES];
		static char names[TYPES][32];
		static uint64_t map[2 * TYPES];

		for (int i = 0; i < TYPES; i++) {
			snprintf(names[i], sizeof(names[i]), "map[[%d]uint8]int", i);
			/* Twelve sizes, with pointers in 25 patterns. */
			t[i] = (struct image_type){ .name = names[i],
						    .key_sz = 40,
						    .elem_sz = 8 * (i % 12 + 1),
						    .key_ptrs = i / 12 + 1,
						    .elem_ptrs = i % 12 == 11 };
			image_add_type(img, &t[i]);
		}
		for (int i = 0; i < 2 * TYPES; i++)
			map[i] = small_map(img, &t[i % TYPES], 1 + i % 5);
		image_open(img);
		struct census *census = image_census(img);
		for (int i = 0; i < 2 * TYPES; i++) {
			const struct map_info *m = image_map(census, map[i]);

			assert_non_null(m);
			assert_int_equal(m->bucket_sz, t[i % TYPES].bucket_sz);
			/* Above 512 bytes the type is in a malloc header from 1.22 on; up to
			 * 1.21 the pointer bits of the whole bucket tell it. */
			assert_non_null(m->type);
			assert_string_equal(m->type->name, names[i % TYPES]);
		}
		census_free(census);
		image_free(img);
	}
}

static void a_process_that_exits_ends_it(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = image_int_to_int();
	struct census *census = NULL;

	(void)state;
	image_add_type(img, &t);
	small_map(img, &t, 3);
	image_open(img);
	img->gone = true;
	_cleanup_err_ struct err *err = census_take(img->heap, NULL, &census);
	assert_true(err_is(err, ERR_GONE));
	assert_string_equal(err->msg, "taking the census: the process has exited");
	assert_null(census);
	image_free(img);
}

/* The process exits at the first read, the second and so on: no crash, and no row of half a
 * map. */
static uint64_t exit_at;

static void exit_there(struct image *img, const struct mem_req *req)
{
	(void)req;
	if (img->reads == exit_at)
		img->gone = true;
}

static void a_process_may_exit_at_any_read(void **state)
{
	(void)state;
	for (int v = 0; v < 2; v++)
		for (exit_at = 1; exit_at < 40; exit_at++) {
			struct image *img = image_new(v ? 24 : 21, "");
			struct image_type t = image_int_to_int();
			struct census *census = NULL;

			image_add_type(img, &t);
			small_map(img, &t, 3);
			large_map(img, &t, 300);
			look_alike(img);
			image_open(img);
			img->reads = 0;
			img->hook = exit_there;
			_cleanup_err_ struct err *err = census_take(img->heap, NULL, &census);
			if (err)
				assert_true(err_is(err, ERR_GONE));
			else
				assert_int_equal(census->maps.len, 2);
			census_free(census);
			image_free(img);
		}
}

/* A lock around the image, which serves one reader at a time. */
static struct {
	pthread_mutex_t lock;
	struct err *(*read_reqs)(struct mem *mem, struct mem_req *reqs, size_t n);
	uint64_t reads_left;
} door = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct err *read_in_turn(struct mem *mem, struct mem_req *reqs, size_t n)
{
	pthread_mutex_lock(&door.lock);
	struct err *err = door.reads_left ? door.read_reqs(mem, reqs, n)
					  : err_new(ERR_GONE, "process 1 has exited");
	door.reads_left -= door.reads_left > 0;
	pthread_mutex_unlock(&door.lock);
	return err;
}

enum { CROWD = 60000 }; /* more than a crew of one thread is used for (crew.c) */

static struct image *crowd(uint64_t maps[CROWD])
{
	struct image *img = image_new(24, "");
	struct image_type t = image_int_to_int();

	image_add_type(img, &t);
	for (int i = 0; i < CROWD; i++) {
		maps[i] = small_map(img, &t, i % 9);
		if (i % 5 == 0)
			empty_map(img);
		if (i % 7 == 0)
			look_alike(img);
	}
	image_open(img);
	door.read_reqs = img->target.mem.read_reqs;
	door.reads_left = UINT64_MAX;
	img->target.mem.read_reqs = read_in_turn;
	return img;
}

static void several_threads_take_a_large_heap(void **state)
{
	static uint64_t maps[CROWD];
	struct image *img = crowd(maps);
	uint64_t calls = img->target.mem.call_cnt, last = 0;

	(void)state;
	struct census *census = image_census(img);
	assert_int_equal(census->maps.len, CROWD);
	assert_int_equal(census->empty_cnt, CROWD / 5);
	assert_int_equal(census->lookalike_cnt, (CROWD + 6) / 7);
	for (size_t i = 0; i < CROWD; i++) {
		assert_true(last < census_map(census, i).addr);
		last = census_map(census, i).addr;
		assert_int_equal(image_map(census, maps[i])->live_keys, i % 9);
	}
	assert_int_equal(img->target.mem.call_cnt - calls, UINT64_MAX - door.reads_left);
	census_free(census);
	image_free(img);
}

static void an_exit_ends_all_threads(void **state)
{
	static uint64_t maps[CROWD];
	struct image *img = crowd(maps);

	(void)state;
	for (uint64_t reads = 1; reads < 200; reads += 7) {
		struct census *census = NULL;

		door.reads_left = reads;
		_cleanup_err_ struct err *err = census_take(img->heap, NULL, &census);
		assert_true(err_is(err, ERR_GONE));
		assert_null(census);
	}
	image_free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mixed_heap_of_every_version),
		cmocka_unit_test(a_heap_without_maps),
		cmocka_unit_test(a_build_with_red_zones_is_refused),
		cmocka_unit_test(garbage_is_told),
		cmocka_unit_test(alike_but_dead),
		cmocka_unit_test(alike_but_swapped),
		cmocka_unit_test(rows_stay_in_order),
		cmocka_unit_test(resident_bytes_of_tables),
		cmocka_unit_test(many_types_are_told_apart),
		cmocka_unit_test(a_process_that_exits_ends_it),
		cmocka_unit_test(a_process_may_exit_at_any_read),
		cmocka_unit_test(several_threads_take_a_large_heap),
		cmocka_unit_test(an_exit_ends_all_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
