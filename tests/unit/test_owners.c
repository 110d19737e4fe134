// SPDX-License-Identifier: GPL-2.0-only
/* Headers that lead to the tables of another map: they cost little, and are in no sum. */
#include "image.h"
#include "maps/owners.h"

static const struct version {
	unsigned int minor;
	const char *experiments;
} versions[] = {
	{ 19, "" }, { 22, "" }, { 23, "" }, { 24, "" }, { 25, "noswissmap" }, { 27, "" },
};

static bool is_classic(const struct image *img)
{
	return img->prog.layout.kind == MAP_CLASSIC;
}

static struct image *new_image(size_t v, struct image_type *t)
{
	struct image *img = image_new(versions[v].minor, versions[v].experiments);

	*t = image_int_to_int();
	image_add_type(img, t);
	return img;
}

static uint64_t small_map(struct image *img, const struct image_type *t)
{
	return is_classic(img) ? image_classic_map(img, t, 0, 5) : image_swiss_small(img, t, 5);
}

/* A map with two tables, so that walks of its directory are counted. */
static uint64_t large_map(struct image *img, const struct image_type *t)
{
	const struct image_table tables[] = { { 1, 1024, 400, 0 }, { 1, 1024, 300, 0 } };

	return is_classic(img) ? image_classic_map(img, t, 7, 700)
			       : image_swiss_map(img, t, 1, tables, 2);
}

/* Another object with the words of that header. */
static uint64_t copy(struct image *img, uint64_t map)
{
	uint64_t c = is_classic(img) ? image_classic_header(img, 0, 0, 0) : image_swiss_empty(img);

	for (unsigned int i = 0; i < 6; i++)
		image_u64(img, c + 8 * i, image_get_u64(img, map + 8 * i));
	return c;
}

static struct census *open_census(struct image *img)
{
	image_open(img);
	img->reads = 0;
	return image_census(img);
}

static void end(struct image *img, struct census *census)
{
	census_free(census);
	image_free(img);
}

/* The owner is not known, no matter where it is among the copies. */
static void copies_of_a_large_map_are_suspect(void **state)
{
	enum { EACH = 40 };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image_type t;
		struct image *img = new_image(v, &t);
		uint64_t other = large_map(img, &t), map = large_map(img, &t);

		for (int i = 0; i < EACH; i++)
			copy(img, map);
		struct census *census = open_census(img);
		assert_int_equal(census->maps.len, 2 + EACH);
		assert_int_equal(image_map(census, other)->consistency, MAP_EXACT);
		assert_int_equal(image_map(census, map)->consistency, MAP_SUSPECT);
		assert_int_equal(census->totals.map_cnt, 1);
		assert_int_equal(census->totals.suspect_cnt, 1 + EACH);
		assert_int_equal(census->totals.live_keys, 700);
		assert_int_equal(census->totals.table_bytes, image_map(census, other)->table_bytes);
		end(img, census);
	}
}

/* Copies in many parts of the heap, which different threads take. */
static void copies_in_all_parts_are_suspect(void **state)
{
	enum { COPIES = 20000 };

	(void)state;
	for (size_t v = 2; v < 4; v++) {
		struct image_type t;
		struct image *img = new_image(v, &t);
		uint64_t map = large_map(img, &t);

		for (int i = 0; i < COPIES; i++)
			copy(img, map);
		struct census *census = open_census(img);
		assert_int_equal(census->totals.map_cnt, 0);
		assert_int_equal(census->totals.table_bytes, 0);
		/* The first candidates of a part may be refused before one is known as a map. */
		assert_int_equal(census->maps.len + census->lookalike_cnt, 1 + COPIES);
		assert_true(census->totals.suspect_cnt > COPIES / 2);
		end(img, census);
	}
}

/* The keys of the array do not add up: it is walked for some of the headers only. */
static void headers_of_one_array_are_no_work(void **state)
{
	enum { EACH = 500 };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image_type t;
		struct image *img = new_image(v, &t);
		uint64_t map = large_map(img, &t), other = large_map(img, &t);

		image_u64(img, map, 699);
		for (int i = 0; i < EACH; i++)
			copy(img, map);
		struct census *census = open_census(img);
		image_only_row(census, other);
		assert_int_equal(census->lookalike_cnt, 1 + EACH);
		if (img->reads > 1500)
			fail_msg("%zu: %llu reads", v, (unsigned long long)img->reads);
		end(img, census);
	}
}

/* The tables are too small to look for their owner. The span bounds what copies add up to. */
static void copies_of_small_maps_fill_their_span_at_most(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image_type t;
		struct image *img = new_image(v, &t);
		uint64_t map = small_map(img, &t), table = image_get_u64(img, map + 16);

		for (int i = 0; i < 3000; i++)
			copy(img, map);
		uint64_t slots = image_span_of(img, table)->nelems;
		struct census *census = open_census(img);
		assert_int_equal(census->maps.len, 3001);
		assert_int_equal(census->totals.map_cnt, slots);
		assert_int_equal(census->totals.suspect_cnt, 3001 - slots);
		end(img, census);
	}
}

/* All slots of a span may be tables of maps. */
static void a_swarm_of_small_maps_is_none_of_this(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image_type t;
		struct image *img = new_image(v, &t);

		for (int i = 0; i < 3000; i++)
			small_map(img, &t);
		struct census *census = open_census(img);
		assert_int_equal(census->totals.exact_cnt, 3000);
		assert_int_equal(census->maps.len, 3000);
		end(img, census);
	}
}

/* Each header has a directory of its own, or even tables of its own. */
static void directories_of_the_same_tables(void **state)
{
	(void)state;
	for (int own_tables = 0; own_tables < 2; own_tables++) {
		struct image_type t;
		struct image *img = new_image(3, &t);
		const struct image_table table = { 0, 1024, 400, 0 };
		uint64_t map = image_swiss_map(img, &t, 0, &table, 1);

		for (int i = 0; i < 100; i++) {
			uint64_t c = copy(img, map), dir = image_alloc_ptrs(img, 1);
			uint64_t first = image_swiss_table(img, map, 0), own = first;

			if (own_tables)
				own = image_alloc_words(img, 4, 1 << 2);
			for (int w = 0; w < 4; w++)
				image_u64(img, own + 8 * w, image_get_u64(img, first + 8 * w));
			image_u64(img, dir, own);
			image_u64(img, c + 16, dir);
		}
		uint64_t room = image_span_of(img, image_swiss_groups(img, map, 0))->nelems;
		struct census *census = open_census(img);
		assert_int_equal(census->maps.len, 101);
		assert_int_equal(census->totals.map_cnt, room);
		end(img, census);
	}
}

/* Each header has a bucket of its own, and all of these chain the same buckets. */
static void chains_of_the_same_buckets(void **state)
{
	enum { MAPS = 400, CHAIN = 20 };

	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image_type t;
		struct image *img = new_image(v, &t);
		uint64_t chain = 0, room = 0;

		if (!is_classic(img)) {
			image_free(img);
			continue;
		}
		for (int i = 0; i < CHAIN; i++)
			chain = image_classic_overflow(img, &t, 8, chain);
		for (int i = 0; i < MAPS; i++) {
			uint64_t bucket = image_classic_array(img, &t, 0);

			image_classic_bucket(img, &t, bucket, 8, IMAGE_TOP, chain);
			image_classic_header(img, 8 * (1 + CHAIN), 0, bucket);
		}
		const struct image_span *of = image_span_of(img, chain);
		for (size_t i = 0; i < img->spans.len; i++)
			if (img->spans.data[i].spanclass == of->spanclass)
				room += img->spans.data[i].nelems;
		struct census *census = open_census(img);
		uint64_t n = census->totals.map_cnt;
		assert_int_equal(census->maps.len, MAPS);
		assert_true(n && n * CHAIN <= room + CHAIN && n < MAPS);
		end(img, census);
	}
}

/* A map that the last collection found to be dead does not count as another owner. */
static void garbage_contests_nothing(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image_type t;
		struct image *img = new_image(v, &t);
		uint64_t map = large_map(img, &t), dead = copy(img, map);

		image_span_of(img, map)->sweepgen = IMAGE_SWEEPGEN - 2;
		image_mark(img, map);
		struct census *census = open_census(img);
		assert_int_equal(census->maps.len, 2);
		assert_int_equal(image_map(census, map)->consistency, MAP_EXACT);
		assert_true(image_map(census, dead)->garbage);
		assert_int_equal(census->totals.map_cnt, 1);
		end(img, census);
	}
}

/* The first of two maps grows while the second is found. It has other tables then. */
static void grow_first(struct image *img, const struct mem_req *req)
{
	const uint64_t *words = img->hook_ctx;

	if (req->addr == words[0] + 16 && req->len == 8)
		image_u64(img, words[0] + 16, words[1]);
}

static void a_table_may_be_handed_on(void **state)
{
	(void)state;
	for (size_t v = 2; v < 4; v++) {
		struct image_type t;
		struct image *img = new_image(v, &t);
		uint64_t map = large_map(img, &t), next = copy(img, map);
		uint64_t words[] = { map, image_get_u64(img, large_map(img, &t) + 16) };

		/* A collection between the two leaves both. */
		image_mark(img, map);
		image_mark(img, next);
		image_open(img);
		image_u32(img, IMAGE_MHEAP + img->prog.layout.mheap.sweepgen, IMAGE_SWEEPGEN + 2);
		img->hook = grow_first;
		img->hook_ctx = words;
		struct census *census = image_census(img);
		assert_int_equal(image_map(census, map)->consistency, MAP_EXACT);
		assert_int_equal(image_map(census, next)->consistency, MAP_EXACT);
		assert_false(image_map(census, next)->garbage);
		end(img, census);
	}
}

/* Takes n slots, one by one; returns how many of them there were. */
static uint64_t take(struct owners *o, struct image *img, uint64_t addr, uint64_t n)
{
	uint32_t span = heap_span(img->heap, addr) - img->heap->spans.data;
	uint64_t got = 0;
	bool free = true;

	while (got < n && free) {
		assert_null(owners_take(o, &img->target.mem, span, &free));
		got += free;
	}
	return got;
}

/* A slot is for one map, and after each collection for one more. */
static void slots_are_taken_once_a_cycle(void **state)
{
	struct image_type t;
	struct image *img = new_image(3, &t);
	uint64_t group = image_alloc_buckets(img, &t, 1);
	uint64_t tiny = image_alloc_words(img, 2, 0);

	(void)state;
	image_open(img);
	uint64_t sweepgen = IMAGE_MHEAP + img->prog.layout.mheap.sweepgen;
	uint32_t slots = span_slots(heap_span(img->heap, group));
	struct owners *o = owners_new(img->heap);
	assert_non_null(o);
	assert_int_equal(take(o, img, group, slots + 1), slots);
	assert_int_equal(take(o, img, group, 1), 0);
	image_u32(img, sweepgen, IMAGE_SWEEPGEN + 2);
	assert_int_equal(take(o, img, group, slots + 1), slots);
	image_u32(img, sweepgen, IMAGE_SWEEPGEN);
	/* Two groups of 8 bytes share a slot of the tiny allocator. */
	assert_int_equal(take(o, img, tiny, 1025), 1024);
	/* A program that does nothing but collect does not make the count overflow. */
	image_u32(img, sweepgen, IMAGE_SWEEPGEN + 2000000);
	uint64_t n = take(o, img, group, 1 << 20);
	assert_true(n > 10000 && n < UINT16_MAX);
	owners_free(o);
	image_free(img);
}

static void walks_are_counted(void **state)
{
	struct image_type t;
	struct image *img = new_image(3, &t);
	bool may, owned;

	(void)state;
	image_alloc_words(img, 4, 0);
	image_open(img);
	struct owners *o = owners_new(img->heap);
	assert_non_null(o);
	for (uint64_t table = 8; table <= 8000; table += 8)
		for (int i = 0; i <= OWNERS_WALKS_MAX; i++) {
			assert_null(owners_walk(o, table, &may, &owned));
			assert_int_equal(may, i < OWNERS_WALKS_MAX);
			assert_false(owned);
		}
	assert_null(owners_add(o, &img->target.mem, 80, IMAGE_NOWHERE, 16, &may));
	assert_true(may);
	assert_null(owners_walk(o, 80, &may, &owned));
	assert_true(!may && owned);
	assert_int_equal(o->suspects.list.len, 0);
	owners_free(o);
	image_free(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_a_large_map_are_suspect),
		cmocka_unit_test(copies_in_all_parts_are_suspect),
		cmocka_unit_test(headers_of_one_array_are_no_work),
		cmocka_unit_test(copies_of_small_maps_fill_their_span_at_most),
		cmocka_unit_test(a_swarm_of_small_maps_is_none_of_this),
		cmocka_unit_test(directories_of_the_same_tables),
		cmocka_unit_test(chains_of_the_same_buckets),
		cmocka_unit_test(garbage_contests_nothing),
		cmocka_unit_test(a_table_may_be_handed_on),
		cmocka_unit_test(slots_are_taken_once_a_cycle),
		cmocka_unit_test(walks_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
