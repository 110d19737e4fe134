// SPDX-License-Identifier: GPL-2.0-only
/* Decoding classic maps that change, or whose memory does, while they are read. */
#include "image.h"

/* A writer that lost its processor in the middle of a write: the buckets have one key more than
 * the map counts, or the change cannot be seen yet; and nothing moves. */
static void a_write_that_stands_still_is_moving(void **state)
{
	(void)state;
	for (uint64_t more = 0; more < 2; more++) {
		struct image *img = image_new(21, "");
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 3, 30);
		image_u64(img, map, 30 - more);
		image_u8(img, map + 8, 4);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

		assert_int_equal(m->consistency, MAP_MOVING);
		assert_int_equal(m->live_keys, 30 - more);
		assert_int_equal(m->buckets, 8);
		census_free(census);
		image_free(img);
	}
}

/* The map leads to memory that had another use when the heap was read. What the heap says of that
 * memory contradicts the map, but it proves nothing. */
static void what_an_outdated_span_contradicts_is_suspect(void **state)
{
	static const char *const whats[] = { "buckets", "old buckets", "extra", "overflow",
					     "table of another size" };

	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++)
		for (size_t i = 0; i < CNT(whats); i++)
			for (int freed = 0; freed < 2; freed++) {
				struct image *img =
					image_new(image_classic_versions[v].minor,
						  image_classic_versions[v].experiments);
				struct image_type t = image_int_to_int();

				image_add_type(img, &t);
				uint64_t map = image_classic_map(img, &t, 3, 30);
				uint64_t other = image_alloc_words(img, 5, 0);
				const uint64_t fields[] = { map + 16, map + 24,
							    map + img->prog.layout.classic.extra,
							    image_classic_nth(img, map, &t, 2) +
								    136 };

				if (i < CNT(fields))
					image_u64(img, fields[i], other);
				else /* whose keys do not add up then */
					image_u64(img, other = image_classic_nth(img, map, &t, 0),
						  0);
				image_open(img);
				if (freed)
					image_free_span(img, other);
				image_judge_suspect(img, map, freed, whats[i]);
			}
}

/* The array of a list of 50 overflow buckets. */
static uint64_t list_of_overflow(struct image *img, uint64_t extra)
{
	return image_get_u64(img, image_classic_list(img, extra, 0, 50, 64));
}

/* What adds up in memory that is another span's by now has no known size. */
static void figures_of_an_outdated_span_are_suspect(void **state)
{
	enum { BUCKETS, OLD, OVERFLOW, LIST, PLACES };

	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++)
		for (int i = 0; i < PLACES * IMAGE_SWEEP_CNT * 2; i++) {
			int where = i % PLACES, when = i / PLACES % IMAGE_SWEEP_CNT;
			bool freed = i / (PLACES * IMAGE_SWEEP_CNT);
			struct image *img = image_new(image_classic_versions[v].minor,
						      image_classic_versions[v].experiments);
			struct image_type t = image_int_to_int();

			image_add_type(img, &t);
			uint64_t map = image_classic_map(img, &t, 3, 30);
			const uint64_t places[] = {
				[BUCKETS] = image_classic_nth(img, map, &t, 0),
				[OLD] = image_classic_array(img, &t, 2),
				[OVERFLOW] = image_classic_overflow(img, &t, 3, 0),
				[LIST] = list_of_overflow(img, image_classic_extra(img, map)),
			};
			if (where == OLD)
				image_classic_set_old(img, map, places[OLD], 0);
			if (where == OVERFLOW) {
				image_u64(img, image_classic_nth(img, map, &t, 2) + t.bucket_sz - 8,
					  places[OVERFLOW]);
				image_u64(img, map, 33);
			}
			image_mark(img, map);
			image_open_amid_sweep(img, places[where], when);
			if (freed)
				image_free_span(img, places[where]);
			struct census *census = image_census(img);
			if (image_only_row(census, map)->consistency !=
			    (freed ? MAP_SUSPECT : MAP_EXACT))
				fail_msg("place %d, sweep %d, freed %d", where, when, freed);
			assert_int_equal(census->totals.map_cnt, !freed);
			census_free(census);
			image_free(img);
		}
}

/* An arena that the heap did not have when it was read: the arena index tells so. */
static void memory_of_a_new_arena_is_no_proof(void **state)
{
	(void)state;
	for (int made = 0; made < 2; made++) {
		struct image *img = image_new(21, "");
		struct image_type t = image_int_to_int();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 3, 30);
		image_u64(img, map + 16, IMAGE_NEW_ARENA + GO_PAGE_SZ);
		image_open(img);
		image_index_new_arena(img, made);
		image_judge_suspect(img, map, made, "a new arena");
	}
}

/* B is the next array's, and the buckets are still the old ones: a writer lost its processor
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
		image_judge_suspect(img, map, writing, "B");
	}
}

/* One key more, in the first bucket. */
static void insert(struct image *img, struct image_mover *m)
{
	uint64_t count = image_get_u64(img, m->map);

	image_u64(img, m->map, count + 1);
	image_u8(img, m->place + 7, IMAGE_TOP);
}

static void count_only(struct image *img, struct image_mover *m)
{
	image_u64(img, m->map, 100 + m->reads);
}

/* The map grew: it has other buckets, and the count goes on. */
static void regrow(struct image *img, struct image_mover *m)
{
	image_u64(img, m->map + 16, m->place + m->reads % 7 * 1152);
}

static struct image_mover mover_of(struct image *img, const struct image_type *t, int from, int to,
				   void (*change)(struct image *img, struct image_mover *m))
{
	struct image_mover m = { .from = from, .to = to, .change = change };

	m.map = image_classic_map(img, t, 3, 40);
	m.place = image_get_u64(img, m.map + 16);
	for (int i = 1; i < 7; i++) { /* copies of the buckets, side by side */
		uint64_t other = image_classic_map(img, t, 3, 40);

		assert_true(image_get_u64(img, other + 16) == m.place + i * 1152u);
		image_u64(img, other + 16, 0);
		image_u64(img, other, 0);
	}
	return m;
}

static void a_key_more_while_it_is_read_is_moving(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = mover_of(img, &t, 2, 2, insert);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_MOVING);
	assert_int_equal(row.live_keys, 41);
	assert_int_equal(row.buckets, 8);
	assert_int_equal(row.bucket_sz, 144);
}

/* More keys than the buckets that were read have slots: the map has other buckets by now. */
static void insert_at_second_read(struct image *img, const struct mem_req *req)
{
	struct image_mover *m = img->hook_ctx;

	if (image_covers(req, m->map) && ++m->reads == 2)
		insert(img, m);
}

/* The same for a map of one bucket, whose row was known from the kind of another map's. */
static void a_key_more_in_the_only_bucket_is_moving(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(image_classic_versions); v++) {
		const struct image_version *version = &image_classic_versions[v];
		struct image *img = image_new(version->minor, version->experiments);
		struct image_type t = image_int_to_int();
		struct image_mover m = { 0 };

		image_add_type(img, &t);
		uint64_t quiet = image_classic_map(img, &t, 0, 3);
		m.map = image_classic_map(img, &t, 0, 3);
		m.place = image_get_u64(img, m.map + 16);
		image_open(img);
		img->hook = insert_at_second_read;
		img->hook_ctx = &m;
		struct census *census = image_census(img);
		image_expect_exact(image_map(census, quiet), 3, 1, 144);
		const struct map_info *row = image_map(census, m.map);
		assert_int_equal(row->consistency, MAP_MOVING);
		assert_int_equal(row->live_keys, 4);
		assert_int_equal(row->buckets, 1);
		assert_int_equal(row->table_bytes, 144);
		assert_int_equal(row->bucket_sz, 144);
		census_free(census);
		image_free(img);
	}
}

static void overfill(struct image *img, struct image_mover *m)
{
	image_u64(img, m->map, 8 * BUCKET_SLOTS + 1);
}

static void more_keys_than_slots_are_suspect(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = mover_of(img, &t, 2, 2, overfill);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_SUSPECT);
}

/* The header counts keys that the buckets do not have, and another number each time. */
static void counts_that_never_fit_are_not_exact(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = mover_of(img, &t, 1, 1000, count_only);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(!found || row.consistency != MAP_EXACT);
	assert_in_range(m.reads, 2, 20);
}

/* A cache deletes as often as it inserts: its count is the same at each read, but its buckets,
 * which are read one after the other, never have as many keys. */
static void churn(struct image *img, const struct mem_req *req)
{
	struct image_mover *m = img->hook_ctx;

	if (image_covers(req, m->place))
		image_u8(img, m->place + 1 + m->reads++ % 3, IMAGE_EMPTY_ONE);
}

static void a_busy_map_of_constant_len_is_moving(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = mover_of(img, &t, 0, 0, NULL);
	image_open(img);
	img->hook = churn;
	img->hook_ctx = &m;
	struct census *census = image_census(img);
	const struct map_info *row = image_only_row(census, m.map);
	assert_int_equal(row->consistency, MAP_MOVING);
	assert_int_equal(row->live_keys, 40);
	assert_int_equal(row->bucket_sz, 144);
	census_free(census);
	image_free(img);
}

static void a_map_that_never_rests_is_suspect(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = mover_of(img, &t, 2, 1000, regrow);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_SUSPECT);
	assert_false(map_counts(&row));
	assert_in_range(m.reads, 3, 20);
}

static void a_change_in_time_is_read_again(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = mover_of(img, &t, 3, 3, insert); /* after the first round */
	image_u64(img, m.map, 39); /* which did not add up */
	image_u8(img, m.place + 7, IMAGE_TOP);
	image_u8(img, m.place + 6, IMAGE_TOP);
	image_u8(img, m.place + 5, IMAGE_TOP);
	image_u64(img, m.map, 42);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.live_keys, 43);
}

/* The first loop over the map makes a list. */
static void range_over(struct image *img, struct image_mover *m)
{
	image_u64(img, m->map + 40, m->place);
}

static void what_is_kept_beside_the_buckets_may_come_late(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = { .from = 2, .to = 2, .change = range_over };
	m.map = image_classic_map(img, &t, 3, 40);
	m.place = image_classic_extra(img, m.map);
	image_classic_list(img, m.place, 0, 0, 0);
	image_u64(img, m.map + 40, 0);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.table_bytes, 1152 + 24 + 24);
}

/* The last bucket is evacuated, and the old array dropped. */
static void end_growth(struct image *img, struct image_mover *m)
{
	image_u64(img, m->map + 24, 0);
	for (int i = 0; i < 16; i++)
		image_u64(img, m->place + i * 144, 0x7777);
}

static void growth_may_end_while_it_is_read(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();
	bool found;

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = { .from = 2, .to = 2, .change = end_growth };
	m.map = image_classic_map(img, &t, 4, 14);
	m.place = image_classic_nth(img, m.map, &t, 0);
	image_classic_set_old(img, m.map, image_classic_old_array(img, &t, 3, 5), 0);
	image_u64(img, m.map, 14 + 3 * 6);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.live_keys, 32);
	assert_int_equal(row.old_bytes, 0);
	assert_int_equal(row.table_bytes, 2688);
}

/* Two bucket sizes are possible, and the keys add up with neither, because the map moves: the
 * size is the right one, or it is not known. */
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
		struct image_mover m = { .from = 1, .to = 2, .change = count_only };
		m.map = image_classic_map(img, i ? &b : &a, 4, 77);
		struct map_info row = image_census_moving(img, &m, &found);
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
		cmocka_unit_test(a_write_that_stands_still_is_moving),
		cmocka_unit_test(what_an_outdated_span_contradicts_is_suspect),
		cmocka_unit_test(figures_of_an_outdated_span_are_suspect),
		cmocka_unit_test(memory_of_a_new_arena_is_no_proof),
		cmocka_unit_test(a_map_that_stands_still_while_it_doubles_is_suspect),
		cmocka_unit_test(a_key_more_while_it_is_read_is_moving),
		cmocka_unit_test(a_key_more_in_the_only_bucket_is_moving),
		cmocka_unit_test(more_keys_than_slots_are_suspect),
		cmocka_unit_test(counts_that_never_fit_are_not_exact),
		cmocka_unit_test(a_busy_map_of_constant_len_is_moving),
		cmocka_unit_test(a_map_that_never_rests_is_suspect),
		cmocka_unit_test(a_change_in_time_is_read_again),
		cmocka_unit_test(what_is_kept_beside_the_buckets_may_come_late),
		cmocka_unit_test(growth_may_end_while_it_is_read),
		cmocka_unit_test(a_moving_map_has_no_wrong_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
