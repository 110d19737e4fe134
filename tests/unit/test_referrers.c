// SPDX-License-Identifier: GPL-2.0-only
/* Which words of the heap lead to some objects. */
#include <string.h>

#include "image.h"

#include "graph/referrers.h"
#include "graph/table_owners.h"

static const unsigned int versions[] = { 19, 21, 22, 24, 26, 27 };

/* Finds the referrers of one object in objects of more than a word. */
static struct referrers find(struct image *img, uint64_t target, enum pass_spans spans)
{
	struct pass_targets targets = { 0 };
	struct pass_opts opts = { .spans = spans };
	struct referrers found = { 0 };

	assert_true(vec_push(&targets.addrs, target));
	assert_true(targets_index(&targets));
	assert_null(referrers_find(img->heap, &targets, &opts, &found));
	targets_fini(&targets);
	return found;
}

static void expect_words(struct referrers found, const uint64_t *words, size_t cnt)
{
	assert_int_equal(found.list.len, cnt);
	for (size_t i = 0; i < cnt; i++) {
		assert_true(found.list.data[i].word == words[i]);
		assert_int_equal(found.list.data[i].target, 0);
	}
	referrers_fini(&found);
}

/* Words that are pointers count, whatever the version notes about them; others don't. */
static void words_that_are_pointers(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v], "");
		uint64_t target = image_alloc_words(img, 6, 0x3f);
		uint64_t holder = image_alloc_words(img, 4, 5),
			 other = image_alloc_words(img, 4, 5);

		image_u64(img, holder + 16, target);
		image_u64(img, other, target + 8); /* into it */
		image_u64(img, other + 16, holder);
		image_open(img);
		expect_words(find(img, target, PASS_REST), (uint64_t[]){ holder + 16 }, 1);
		image_free(img);
	}
}

/* From 1.22 on the bits are in the span, and cost no read. */
static void words_that_are_no_pointers(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v], "");
		uint64_t target = image_alloc_words(img, 6, 0x3f);
		uint64_t holder = image_alloc_words(img, 4, 5);

		if (versions[v] >= 22)
			image_u64(img, holder + 8, target);
		image_u64(img, image_alloc_words(img, 4, 0), target);
		image_open(img);
		expect_words(find(img, target, PASS_REST), NULL, 0);
		image_free(img);
	}
}

/* Objects of one word have a pass of their own. */
static void variables_of_one_word(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v], "");
		uint64_t target = image_alloc_words(img, 6, 0x3f);
		uint64_t variable = image_alloc_words(img, 1, 1);

		image_u64(img, variable, target);
		image_open(img);
		expect_words(find(img, target, PASS_WORDS), (uint64_t[]){ variable }, 1);
		expect_words(find(img, target, PASS_REST), NULL, 0);
		image_free(img);
	}
}

/* What is in a slot that is free, or that the collector did not mark, holds nothing. */
static void objects_that_are_gone(void **state)
{
	(void)state;
	for (int unswept = 0; unswept < 2; unswept++) {
		struct image *img = image_new(22, "");
		uint64_t target = image_alloc_words(img, 6, 0x3f);
		uint64_t first = image_alloc_words(img, 4, 1),
			 second = image_alloc_words(img, 4, 1);
		struct image_span *span = image_span_of(img, first);

		image_u64(img, first, target);
		image_u64(img, second, target);
		if (unswept)
			span->sweepgen = IMAGE_SWEEPGEN - 2;
		else
			image_u8(img, span->alloc_bits, 1);
		image_open(img);
		if (unswept)
			image_mark(img, first);
		expect_words(find(img, target, PASS_REST), (uint64_t[]){ first }, 1);
		image_free(img);
	}
}

/* More referrers than anybody looks at are dropped, and counted. */
static void many_referrers(void **state)
{
	struct image *img = image_new(24, "");
	uint64_t target = image_alloc_words(img, 6, 0x3f);

	(void)state;
	for (int i = 0; i < PASS_REFERRERS_MAX + 3; i++)
		image_u64(img, image_alloc_words(img, 4, 1), target);
	image_open(img);
	struct referrers found = find(img, target, PASS_REST);
	assert_int_equal(found.list.len, PASS_REFERRERS_MAX);
	assert_int_equal(found.dropped, 3);
	referrers_fini(&found);
	image_free(img);
}

/* Each target is found by its address alone, however far apart they are. */
static void targets_are_found(void **state)
{
	struct pass_targets t = { 0 };

	(void)state;
	assert_true(targets_index(&t));
	assert_int_equal(targets_find(&t, IMAGE_HEAP), TARGET_NONE);
	for (uint64_t i = 0; i < 5000; i++)
		assert_true(vec_push(&t.addrs, IMAGE_HEAP + i * i * 48));
	assert_true(vec_push(&t.addrs, UINT64_MAX - 7));
	assert_true(targets_index(&t));
	for (uint64_t i = 0; i < t.addrs.len; i++) {
		assert_int_equal(targets_find(&t, t.addrs.data[i]), i);
		assert_int_equal(targets_find(&t, t.addrs.data[i] + 1), TARGET_NONE);
	}
	targets_fini(&t);
}

/* The arrays that headers lead to are those maps' tables. */
static void owners_of_tables(void **state)
{
	(void)state;
	for (size_t v = 0; v < CNT(versions); v++) {
		struct image *img = image_new(versions[v], "");
		struct image_type type = image_string_to_ptr();
		const struct image_table tables[] = { { .capacity = 16, .used = 9 } };
		struct pass_targets t = { 0 };
		uint32_t rows[2] = { 7, 7 };
		uint64_t map;

		image_add_type(img, &type);
		if (img->prog.layout.kind == MAP_SWISS)
			map = image_swiss_map(img, &type, 0, tables, 1);
		else
			map = image_classic_map(img, &type, 1, 9);
		image_open(img);
		struct census *census = image_census(img);
		uint64_t table = img->prog.layout.kind == MAP_SWISS
					 ? image_swiss_groups(img, map, 0)
					 : image_classic_nth(img, map, &type, 0);
		assert_true(vec_push(&t.addrs, table) && vec_push(&t.addrs, map));
		assert_true(targets_index(&t));
		assert_null(table_owners_find(img->heap, census, &t, rows));
		assert_int_equal(rows[0], 0);
		assert_int_equal(rows[1], 7);
		targets_fini(&t);
		census_free(census);
		image_free(img);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_that_are_pointers),
		cmocka_unit_test(words_that_are_no_pointers),
		cmocka_unit_test(variables_of_one_word),
		cmocka_unit_test(objects_that_are_gone),
		cmocka_unit_test(many_referrers),
		cmocka_unit_test(targets_are_found),
		cmocka_unit_test(owners_of_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
