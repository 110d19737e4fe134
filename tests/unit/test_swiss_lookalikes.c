// SPDX-License-Identifier: GPL-2.0-only
/* Objects that are nearly swiss maps, but are not. */
#include "image.h"

/* A good map for comparison, and the bad one, which a test spoils. */
struct pair {
	struct image *img;
	struct image_type t;
	uint64_t good;
	uint64_t bad;
};

/* The bad map has depth 2, and tables with 10, 20 and 5 keys. The first table fills two entries
 * of the directory. */
static void pair_init(struct pair *p)
{
	static const struct image_table tables[] = {
		{ 1, 64, 10, 0 },
		{ 2, 64, 20, 3 },
		{ 2, 128, 5, 0 },
	};

	p->img = image_new(24, "");
	p->t = image_int_to_int();
	image_add_type(p->img, &p->t);
	p->good = image_swiss_map(p->img, &p->t, 2, tables, 3);
	p->bad = image_swiss_map(p->img, &p->t, 2, tables, 3);
}

/* The good map must have a row, and the bad one none. */
static void pair_judge(struct pair *p, const char *what)
{
	p->img->reads = 0;
	struct census *census = image_census(p->img);

	if (image_map(census, p->bad))
		fail_msg("%s: taken for a map", what);
	image_expect_exact(image_only_row(census, p->good), 35, 8 + 8 + 16,
			   1152 + 1152 + 2304 + 3 * 32 + 32);
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

/* A directory of depth 40 with a length that fits: nothing of that size is read. */
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

/* What a long directory is filled with after one real table. */
enum filling { OUTSIDE, OTHER_SIZE, NO_POINTERS, FREE_PAGES, SAME_TABLE, FILLINGS };

static uint64_t fill(struct image *img, enum filling what, uint64_t i, uint64_t first)
{
	const uint64_t at[] = {
		[OUTSIDE] = IMAGE_NOWHERE + i * GO_PAGE_SZ,
		[OTHER_SIZE] = image_alloc_words(img, 3, 1),
		[NO_POINTERS] = image_alloc_words(img, 4, 0),
		[FREE_PAGES] = IMAGE_HEAP + (32ull << 20) + i * GO_PAGE_SZ,
		[SAME_TABLE] = i % 2 ? first : image_alloc_words(img, 4, 1 << 2),
	};

	return at[what];
}

/* Each bad address would end a system call, and there are several rounds. */
static void no_directory_costs_a_read_an_entry(void **state)
{
	enum { DEPTH = 11 };

	(void)state;
	for (enum filling what = 0; what < FILLINGS; what++) {
		struct pair p;

		pair_init(&p);
		uint64_t first = image_swiss_table(p.img, p.bad, 1);
		uint64_t dir = image_alloc_ptrs(p.img, 1 << DEPTH);

		image_u64(p.img, first + 8, 0); /* its index */
		image_u8(p.img, first + 6, DEPTH);
		image_u64(p.img, dir, first);
		for (uint64_t i = 1; i < 1 << DEPTH; i++)
			image_u64(p.img, dir + 8 * i, fill(p.img, what, i, first));
		image_u64(p.img, p.bad + 16, dir);
		image_u64(p.img, p.bad + 24, 1 << DEPTH);
		image_u8(p.img, p.bad + 32, DEPTH);
		image_u8(p.img, p.bad + 33, 64 - DEPTH);
		image_open(p.img);
		p.img->reads = 0;
		struct census *census = image_census(p.img);
		image_only_row(census, p.good);
		if (p.img->reads > 400)
			fail_msg("%d: %llu reads", what, (unsigned long long)p.img->reads);
		census_free(census);
		image_free(p.img);
	}
}

/* Two tables in a ring: each says that the other one is its groups. */
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

/* The memory of the directory has room for fewer entries than the header says. */
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
		{ 0, 24, 5, 0 }, /* not a power of two */
		{ 0, 2048, 5, 0 }, /* would have been split */
	};

	(void)state;
	for (size_t i = 0; i < CNT(tables); i++) {
		struct pair p;

		pair_init(&p);
		image_u64(p.img, p.bad, 0); /* where the other table belongs */
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

/* A table without keys changes no sum. It must be seen all the same that it is not a table. */
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

/* The bytes of a good part, in memory that is not an object of its own. */
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

static void maps_with_unreadable_parts_are_suspect(void **state)
{
	(void)state;
	for (int what = 0; what < 2; what++) {
		struct image *img = image_new(24, "");
		struct image_type t = image_int_to_int();
		const struct image_table tables[] = { { 1, 16, 9, 0 }, { 1, 16, 5, 0 } };

		image_add_type(img, &t);
		uint64_t map = image_swiss_map(img, &t, 1, tables, 2);
		uint64_t gone = what ? image_get_u64(img, map + 16)
				     : image_swiss_table(img, map, 1);
		image_open(img);
		image_unmap(img, gone & ~0xfffull, 4096);
		struct census *census = image_census(img);
		assert_int_equal(image_only_row(census, map)->consistency, MAP_SUSPECT);
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
		struct image_type t = image_int_to_int();

		image_add_type(img, &t);
		uint64_t good = image_swiss_small(img, &t, 3);
		uint64_t bad = image_swiss_small(img, &t, 3);
		image_u64(img, bad, rows[i].used);
		image_u64(img, image_get_u64(img, bad + 16), rows[i].ctrl);
		image_open(img);
		struct census *census = image_census(img);
		if (image_map(census, bad))
			fail_msg("%s: taken for a map", rows[i].what);
		assert_true(image_only_row(census, good)->addr == good);
		census_free(census);
		image_free(img);
	}
}

static void small_maps_have_a_group_to_themselves(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = image_int_to_int();

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

/* In memory without pointers there is no evidence but the contents. */
static void groups_of_no_content_are_none(void **state)
{
	struct image *img = image_new(24, "");
	struct image_type t = image_int_to_int();

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

/* Every NaN is a different key, though all may have the same bits. */
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
	image_expect_exact(image_only_row(census, map), 3, 1, 144);
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
	struct image_type t = image_int_to_int(), p = image_string_to_ptr();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoilt_tabled_maps_are_none),
		cmocka_unit_test(huge_depths_are_refused_at_once),
		cmocka_unit_test(spoilt_directories_are_none),
		cmocka_unit_test(no_directory_costs_a_read_an_entry),
		cmocka_unit_test(tables_that_point_to_each_other),
		cmocka_unit_test(groups_that_are_no_array),
		cmocka_unit_test(a_directory_needs_its_memory),
		cmocka_unit_test(impossible_tables_are_none),
		cmocka_unit_test(a_part_of_a_directory_is_none),
		cmocka_unit_test(an_empty_table_counts_as_evidence),
		cmocka_unit_test(parts_are_objects),
		cmocka_unit_test(maps_with_unreadable_parts_are_suspect),
		cmocka_unit_test(spoilt_small_maps_are_none),
		cmocka_unit_test(small_maps_have_a_group_to_themselves),
		cmocka_unit_test(groups_of_no_content_are_none),
		cmocka_unit_test(nan_keys_are_no_repetition),
		cmocka_unit_test(look_alikes_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
