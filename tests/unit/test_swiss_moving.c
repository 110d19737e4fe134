// SPDX-License-Identifier: GPL-2.0-only
/* Decoding swiss maps that change, or whose memory does, while they are read. */
#include "image.h"

enum { SPARE_DIRS = 7 };

static uint64_t tabled_map(struct image *img)
{
	struct image_type t = image_int_to_int();
	const struct image_table tables[] = { { 1, 64, 30, 0 }, { 1, 64, 20, 0 } };

	image_add_type(img, &t);
	return image_swiss_map(img, &t, 1, tables, 2);
}

/* One key more in header and table. */
static void insert(struct image *img, struct image_mover *m)
{
	uint64_t table = image_swiss_table(img, m->map, 0);

	image_u64(img, m->map, image_get_u64(img, m->map) + 1);
	image_u64(img, table, image_get_u64(img, table) + 1); /* used is its low half */
}

/* The map grew: it has another directory with the same tables, never the one before it. */
static void grow(struct image *img, struct image_mover *m)
{
	uint64_t dir = image_get_u64(img, m->map + 16);
	uint64_t other = m->place + 16 * (m->reads % SPARE_DIRS);

	for (int i = 0; i < 2; i++)
		image_u64(img, other + 8 * i, image_get_u64(img, dir + 8 * i));
	image_u64(img, m->map + 16, other);
}

/* Room for directories, side by side. */
static uint64_t spare_dirs(struct image *img)
{
	uint64_t first = image_alloc_ptrs(img, 2);

	for (int i = 1; i < SPARE_DIRS; i++)
		assert_true(image_alloc_ptrs(img, 2) == first + 16 * i);
	return first;
}

/* A writer that lost its processor in the middle of a write: the table has one key more than
 * the map counts, or the change cannot be seen yet; and nothing moves. */
static void a_write_that_stands_still_is_moving(void **state)
{
	(void)state;
	for (uint64_t more = 0; more < 2; more++) {
		struct image *img = image_new(24, "");
		uint64_t map = tabled_map(img), table = image_swiss_table(img, map, 0);

		/* used is the lowest 16 bits, growthLeft the third ones */
		image_u64(img, table, image_get_u64(img, table) + more - (more << 32));
		image_u8(img, map + 34, 1);
		image_open(img);
		struct census *census = image_census(img);
		const struct map_info *m = image_only_row(census, map);

		assert_int_equal(m->consistency, MAP_MOVING);
		assert_int_equal(m->live_keys, 50);
		assert_int_equal(m->buckets, 16);
		census_free(census);
		image_free(img);
	}
}

/* The same for a small map: the key can be seen, but nothing proves the map. */
static void a_small_write_that_stands_still_is_suspect(void **state)
{
	(void)state;
	for (int writing = 0; writing < 2; writing++) {
		struct image *img = image_new(24, "");
		struct image_type t = image_int_to_int();

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

/* The map leads to memory that had another use when the heap was read. What the heap says of that
 * memory contradicts the map, but it proves nothing. */
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
			} else if (i == 1) { /* all the words of a table, in a larger object */
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
			image_judge_suspect(img, map, freed, whats[i]);
		}
}

/* The same for the only group of a small map. */
static void a_group_of_an_outdated_span_is_no_proof(void **state)
{
	(void)state;
	for (int freed = 0; freed < 2; freed++) {
		struct image *img = image_new(24, "");
		struct image_type t = image_int_to_int();

		image_add_type(img, &t);
		uint64_t map = image_swiss_small(img, &t, 5);
		uint64_t group = image_get_u64(img, map + 16);

		image_u64(img, map + 16, group + 8);
		image_open(img);
		if (freed)
			image_free_span(img, group);
		image_judge_suspect(img, map, freed, "group");
	}
}

/* What adds up in memory that is another span's by now has no known size. */
static void figures_of_an_outdated_span_are_suspect(void **state)
{
	static const char *const whats[] = { "directory", "table", "groups", "small" };

	(void)state;
	for (size_t i = 0; i < CNT(whats); i++)
		for (int when = 0; when < IMAGE_SWEEP_CNT; when++)
			for (int freed = 0; freed < 2; freed++) {
				struct image *img = image_new(24, "");
				struct image_type t = image_int_to_int();
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
				if (image_only_row(census, map)->consistency !=
				    (freed ? MAP_SUSPECT : MAP_EXACT))
					fail_msg("%s, sweep %d, freed %d", whats[i], when, freed);
				assert_int_equal(census->totals.map_cnt, !freed);
				assert_int_equal(census->totals.garbage_cnt, 0);
				census_free(census);
				image_free(img);
			}
}

/* When one of two maps in a batch depends on such a span, the other one is not suspect. */
static void one_outdated_span_is_no_matter_of_others(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = image_int_to_int();
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

/* The sweeper frees a map and its table, in whichever order: the map holds nothing then. */
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

/* The descriptor of a span, and how often it was read after the heap was. */
struct watched {
	uint64_t mspan;
	int reads;
};

static void watch(struct image *img, const struct mem_req *req)
{
	struct watched *w = img->hook_ctx;

	w->reads += image_covers(req, w->mspan);
}

/* A span that was swept stays in this cycle: a million maps need no more reads of descriptors. */
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

/* An arena that the heap did not have when it was read: the arena index tells so. */
static void memory_of_a_new_arena_is_no_proof(void **state)
{
	(void)state;
	for (int made = 0; made < 2; made++) {
		struct image *img = image_new(24, "");
		uint64_t map = tabled_map(img);

		image_u64(img, map + 16, IMAGE_NEW_ARENA + GO_PAGE_SZ);
		image_open(img);
		image_index_new_arena(img, made);
		image_judge_suspect(img, map, made, "a new arena");
	}
}

/* A writer lost its processor between two stores to the header. */
static void a_map_that_stands_still_while_it_grows_is_suspect(void **state)
{
	(void)state;
	for (int writing = 0; writing < 2; writing++) {
		struct image *img = image_new(24, "");
		uint64_t map = tabled_map(img);

		image_u64(img, map + 24, 0); /* the directory is set, its length is not yet */
		image_u64(img, map, 8);
		image_u8(img, map + 32, 0);
		image_u8(img, map + 33, 0);
		image_u8(img, map + 34, writing);
		image_open(img);
		image_judge_suspect(img, map, writing, "small to tables");

		img = image_new(24, "");
		map = tabled_map(img);
		image_u8(img, map + 32, 2); /* the depth of the next directory */
		image_u8(img, map + 34, writing);
		image_open(img);
		image_judge_suspect(img, map, writing, "next depth");
	}
}

/* The map got tables after its header was read, and its only group is something else now. */
static void outgrow(struct image *img, struct image_mover *m)
{
	image_u64(img, m->map, 50);
	image_u64(img, m->map + 16, m->place);
	image_u64(img, m->map + 24, 2);
	image_u8(img, m->map + 32, 1);
	image_u8(img, m->map + 33, 63);
}

static void a_small_map_may_be_outgrown_while_it_is_read(void **state)
{
	struct image *img = image_new(24, "");
	struct image_mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = outgrow };
	bool found;

	(void)state;
	m.place = image_get_u64(img, m.map + 16);
	image_u64(img, m.map, 8);
	image_u64(img, m.map + 16, image_alloc_words(img, 17, 0)); /* no control bytes */
	image_u64(img, m.map + 24, 0);
	image_u8(img, m.map + 32, 0);
	image_u8(img, m.map + 33, 0);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.live_keys, 50);
}

/* A key comes and goes. It is in the group at every read of the group except one, and in no header
 * that is read. */
static void toggle(struct image *img, const struct mem_req *req)
{
	struct image_mover *m = img->hook_ctx;

	if (image_covers(req, m->place))
		image_u8(img, m->place + 5, ++m->reads == 6 ? 0x80 : 0x2b);
	else if (image_covers(req, m->map))
		image_u8(img, m->place + 5, 0x80);
}

static void a_small_map_that_toggles_is_not_lost(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = image_int_to_int();

	(void)state;
	image_add_type(img, &t);
	struct image_mover m = { .map = image_swiss_small(img, &t, 5) };
	m.place = image_get_u64(img, m.map + 16);
	image_open(img);
	img->hook = toggle;
	img->hook_ctx = &m;
	struct census *census = image_census(img);
	assert_int_equal(image_only_row(census, m.map)->live_keys, 5);
	census_free(census);
	image_free(img);
}

static void a_key_more_while_it_is_read_is_moving(void **state)
{
	struct image *img = image_new(24, "");
	struct image_mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = insert };
	bool found;

	(void)state;
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_MOVING);
	assert_int_equal(row.live_keys, 51); /* as it was at the last read */
	assert_int_equal(row.buckets, 16);
	assert_true(map_counts(&row));
}

/* More keys than the tables that were read have slots: they are not the map's tables any more. */
static void overfill(struct image *img, struct image_mover *m)
{
	image_u64(img, m->map, 16 * 8 + 1);
}

static void more_keys_than_slots_are_suspect(void **state)
{
	struct image *img = image_new(24, "");
	struct image_mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = overfill };
	bool found;

	(void)state;
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_SUSPECT);
}

/* The map changed between the scan and the reads of its tables. Read again it stands still. */
static void a_change_in_time_is_read_again(void **state)
{
	struct image *img = image_new(24, "");
	struct image_mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = grow };
	bool found;

	(void)state;
	m.place = spare_dirs(img);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_EXACT);
	assert_int_equal(row.live_keys, 50);
}

/* A cache deletes as often as it inserts: its count is the same at each read, but its tables,
 * which are read one after the other, never add up to it. */
static void churn(struct image *img, const struct mem_req *req)
{
	struct image_mover *m = img->hook_ctx;
	uint64_t table = image_swiss_table(img, m->map, 0);

	if (image_covers(req, table))
		image_u16(img, table, 29 - m->reads++ % 3);
}

static void a_busy_map_of_constant_len_is_moving(void **state)
{
	struct image *img = image_new(24, "");
	struct image_mover m = { .map = tabled_map(img) };

	(void)state;
	image_open(img);
	img->hook = churn;
	img->hook_ctx = &m;
	struct census *census = image_census(img);
	const struct map_info *row = image_only_row(census, m.map);
	assert_int_equal(row->consistency, MAP_MOVING);
	assert_int_equal(row->live_keys, 50);
	assert_int_equal(row->buckets, 16);
	census_free(census);
	image_free(img);
}

static void a_map_that_never_rests_is_suspect(void **state)
{
	struct image *img = image_new(24, "");
	struct image_mover m = { .map = tabled_map(img), .from = 2, .to = 1000, .change = grow };
	bool found;

	(void)state;
	m.place = spare_dirs(img);
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(found);
	assert_int_equal(row.consistency, MAP_SUSPECT);
	assert_false(map_counts(&row));
	assert_in_range(m.reads, 3, 20); /* it was tried again, and then given up */
}

/* A small map whose count changes before each read, while its group does not. */
static void count_only(struct image *img, struct image_mover *m)
{
	image_u64(img, m->map, m->reads % 2 ? 4 : 5);
}

static void insert_small(struct image *img, struct image_mover *m)
{
	uint64_t group = image_get_u64(img, m->map + 16);

	image_u8(img, group + 3, 0x2b);
	image_u64(img, group + 8 + 3 * 16, 77);
	image_u64(img, m->map, 4);
}

static void small_maps_in_motion(void **state)
{
	for (int rest = 0; rest < 2; rest++) {
		struct image *img = image_new(24, "");
		struct image_type t = image_int_to_int();
		bool found;

		(void)state;
		image_add_type(img, &t);
		struct image_mover m = {
			.map = image_swiss_small(img, &t, 3),
			.from = rest ? 2 : 1,
			.to = 1000,
			.change = rest ? insert_small : count_only,
		};
		if (rest) /* the key came between the scan and the group */
			image_u8(img, image_get_u64(img, m.map + 16) + 3, 0x2b);
		struct map_info row = image_census_moving(img, &m, &found);
		assert_true(found);
		assert_int_equal(row.consistency, rest ? MAP_EXACT : MAP_SUSPECT);
		assert_int_equal(row.live_keys, rest ? 4 : 0);
	}
}

/* The header is freed and its memory given back in the middle. */
static void vanish(struct image *img, struct image_mover *m)
{
	image_unmap(img, m->map & ~0xfffull, 4096);
}

static void a_map_that_vanishes_is_never_exact(void **state)
{
	struct image *img = image_new(24, "");
	struct image_mover m = { .map = tabled_map(img), .from = 2, .to = 2, .change = vanish };
	bool found;

	(void)state;
	struct map_info row = image_census_moving(img, &m, &found);
	assert_true(!found || row.consistency == MAP_SUSPECT);
}

/* Anything may change at any read: a map with wrong figures is never exact. */
static void noise(struct image *img, struct image_mover *m)
{
	uint64_t x = 0x9e3779b97f4a7c15 * (m->reads + img->reads);

	image_u8(img, m->map + (x >> 60) * 3, x >> 32);
}

static void noise_is_never_exact(void **state)
{
	(void)state;
	for (int seed = 0; seed < 200; seed++) {
		struct image *img = image_new(24, "");
		struct image_mover m = {
			.map = tabled_map(img), .from = 1, .to = 1000, .change = noise
		};
		bool found;

		for (int i = 0; i < seed; i++)
			image_alloc_words(img, 3, 1);
		struct map_info row = image_census_moving(img, &m, &found);
		if (found && row.consistency == MAP_EXACT) {
			assert_int_equal(row.live_keys, 50);
			assert_int_equal(row.buckets, 16);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(more_keys_than_slots_are_suspect),
		cmocka_unit_test(a_change_in_time_is_read_again),
		cmocka_unit_test(a_busy_map_of_constant_len_is_moving),
		cmocka_unit_test(a_map_that_never_rests_is_suspect),
		cmocka_unit_test(small_maps_in_motion),
		cmocka_unit_test(a_map_that_vanishes_is_never_exact),
		cmocka_unit_test(noise_is_never_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
