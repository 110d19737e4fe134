// SPDX-License-Identifier: GPL-2.0-only
/* Objects that are nearly classic maps, but are not. */
#include "image.h"

struct pair {
	struct image *img;
	struct image_type t;
	uint64_t good;
	uint64_t bad;
};

/* The bad map: 8 buckets with 30 keys, one of them with an overflow bucket. */
static uint64_t chained_map(struct image *img, const struct image_type *t)
{
	uint64_t map = image_classic_map(img, t, 3, 24);

	image_classic_bucket(img, t, image_classic_nth(img, map, t, 2), 8, IMAGE_TOP,
			     image_classic_overflow(img, t, 1, 0));
	image_u64(img, map, 21 + 9);
	return map;
}

static void pair_init(struct pair *p, unsigned int minor)
{
	p->img = image_new(minor, "");
	p->t = image_string_to_ptr();
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
	good = image_only_row(census, p->good);
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
	/* An array of one bucket cannot have grown from half a bucket. */
	pair_init(&p, 21);
	p.bad = image_classic_map(p.img, &p.t, 0, 3);
	image_classic_set_old(p.img, p.bad, image_classic_overflow(p.img, &p.t, 1, 0), 0);
	image_u64(p.img, p.bad, 4);
	image_u64(p.img, image_span_of(p.img, p.bad)->base + 48, 999); /* the first bad one */
	image_open(p.img);
	pair_judge(&p, "old buckets of B = -1");

	pair_init(&p, 21);
	image_classic_set_old(p.img, p.bad, image_alloc_words(p.img, 3, 1), IMAGE_SAME_SIZE_GROW);
	image_open(p.img);
	pair_judge(&p, "old buckets of 24 bytes");
}

/* The chain of one bucket leads to something else. */
static void spoilt_chains_are_none(void **state)
{
	static const unsigned int minors[] = { 19, 21, 23 };

	(void)state;
	for (size_t v = 0; v < CNT(minors); v++)
		for (int what = 0; what < 8; what++) {
			struct pair p;

			pair_init(&p, minors[v]);
			uint64_t from = image_classic_nth(p.img, p.bad, &p.t, 5);
			uint64_t self = image_classic_overflow(p.img, &p.t, 1, 0);
			uint64_t a = image_classic_overflow(p.img, &p.t, 1, 0),
				 b = image_classic_overflow(p.img, &p.t, 1, a);
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

/* The keys add up, because what is chained has none; but it is not a bucket. */
static void empty_memory_is_no_bucket(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct image *img = image_new(21, "");
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, 4, 32);
		uint64_t first = image_classic_overflow(img, &t, 0, 0);
		assert_true(image_classic_overflow(img, &t, 0, 0) == first + 208);
		const uint64_t to[] = {
			image_classic_nth(img, map, &t, 16) + 8, /* between two of the array's */
			first + 8, /* between two objects */
			first, /* for comparison: a bucket */
		};
		image_u64(img, image_classic_nth(img, map, &t, 3) + 200, to[what]);
		image_open(img);
		struct census *census = image_census(img);
		assert_int_equal(census->maps.len, what == 2);
		census_free(census);
		image_free(img);
	}
}

/* The second of two buckets would be a good array of one bucket. */
static void arrays_are_objects(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_string_to_ptr();

	(void)state;
	image_add_type(img, &t);
	uint64_t map = image_classic_map(img, &t, 1, 6);
	image_u64(img, map + 16, image_classic_nth(img, map, &t, 1));
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
		image_u64(p.img, image_classic_nth(p.img, p.bad, &p.t, i) + 200,
			  image_classic_nth(p.img, p.bad, &p.t, (i + 1) % 8));
	image_open(p.img);
	pair_judge(&p, "ring through the array");
}

static void headers_of_one_byte_are_none(void **state)
{
	struct image *img = image_new(21, "");
	struct image_type t = image_int_to_int();

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

/* A map with a chained bucket, or a part of its array, that cannot be read is counted. An array of
 * two buckets tells too little. */
static void unreadable_parts_are_suspect(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct image *img = image_new(21, "");
		struct image_type t = image_string_to_ptr();

		image_add_type(img, &t);
		uint64_t map = image_classic_map(img, &t, what == 2 ? 9 : 1, 4);
		uint64_t more = image_classic_overflow(img, &t, 1, 0);
		image_u64(img, image_classic_nth(img, map, &t, 1) + 200, more);
		image_u64(img, map, 5);
		uint64_t gone = what == 0 ? more
					  : image_classic_nth(img, map, &t, what == 1 ? 0 : 400);
		image_open(img);
		image_unmap(img, gone & ~0xfffull, 4096);
		image_judge_suspect(img, map, what != 1, "unreadable");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoilt_headers_are_none),
		cmocka_unit_test(pointers_to_other_objects_are_none),
		cmocka_unit_test(old_arrays_of_a_wrong_size_are_none),
		cmocka_unit_test(spoilt_chains_are_none),
		cmocka_unit_test(empty_memory_is_no_bucket),
		cmocka_unit_test(arrays_are_objects),
		cmocka_unit_test(a_ring_through_the_array_ends),
		cmocka_unit_test(headers_of_one_byte_are_none),
		cmocka_unit_test(unreadable_parts_are_suspect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
