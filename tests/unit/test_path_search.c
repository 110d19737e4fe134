// SPDX-License-Identifier: GPL-2.0-only
/* Ways from roots to objects, in graphs that are made by hand or at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/path_search.h"

enum { OBJECTS_MAX = 4096, EDGES_MAX = 16384, ROOTS_MAX = 64 };

struct fixture {
	struct heap_graph g;
	uint32_t first[OBJECTS_MAX + 1];
	uint32_t to[EDGES_MAX];
	struct graph_root roots[ROOTS_MAX];
	uint16_t object_price[OBJECTS_MAX];
	uint16_t root_price[ROOTS_MAX];
	uint32_t dear_last; /* the object that nobody wants as the last step */
	uint64_t asked;
	struct found_paths found;
};

static uint16_t price_of_root(void *ctx, const struct graph_root *root)
{
	struct fixture *f = ctx;

	f->asked++;
	return f->root_price[root - f->roots];
}

static uint16_t price_of_object(void *ctx, uint32_t object)
{
	return ((struct fixture *)ctx)->object_price[object];
}

static uint16_t price_of_last_step(void *ctx, uint32_t object, uint32_t target)
{
	(void)target;
	return ((struct fixture *)ctx)->dear_last == object ? 50 : 0;
}

static struct fixture *fixture_new(uint32_t cnt)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->g = (struct heap_graph){ .cnt = cnt, .first = f->first, .to = f->to };
	f->g.roots.data = f->roots;
	f->dear_last = UINT32_MAX;
	for (size_t i = 0; i < OBJECTS_MAX; i++)
		f->object_price[i] = PATH_STEP_PRICE;
	return f;
}

/* Edges come in ascending order of `from`. */
static void edge(struct fixture *f, uint32_t from, uint32_t to)
{
	f->to[f->first[f->g.cnt]] = to;
	for (uint32_t i = from + 1; i <= f->g.cnt; i++)
		f->first[i]++;
}

static void root(struct fixture *f, uint32_t object, uint16_t price)
{
	f->root_price[f->g.roots.len] = price;
	f->roots[f->g.roots.len++] = (struct graph_root){ .object = object };
}

static void search_with(struct fixture *f, const uint32_t *targets, uint32_t cnt,
			const struct path_search_opts *opts)
{
	const struct path_prices prices = { f, price_of_root, price_of_object, price_of_last_step };

	assert_null(paths_search(&f->g, targets, cnt, &prices, opts, &f->found));
}

static void search(struct fixture *f, const uint32_t *targets, uint32_t cnt)
{
	search_with(f, targets, cnt, &(struct path_search_opts){ .stop = NULL });
}

static bool has_edge(const struct fixture *f, uint32_t from, uint32_t to)
{
	for (uint32_t e = f->first[from]; e < f->first[from + 1]; e++)
		if (f->to[e] == to)
			return true;
	return false;
}

/* The price of a way; it has to be one. */
static uint64_t price_of(const struct fixture *f, const struct found_path *p, uint32_t target)
{
	uint64_t price = f->root_price[p->root];

	assert_true(p->len > 0);
	assert_int_equal(p->objects[p->len - 1], target);
	assert_int_equal(f->roots[p->root].object, p->objects[0]);
	for (uint32_t i = 0; i + 1 < p->len; i++) {
		assert_true(has_edge(f, p->objects[i], p->objects[i + 1]));
		price += f->object_price[p->objects[i]];
	}
	if (p->len > 1 && p->objects[p->len - 2] == f->dear_last)
		price += 50;
	return price;
}

static void expect(const struct found_path *p, uint32_t cnt, const uint32_t *objects)
{
	assert_true(p->found);
	assert_int_equal(p->len, cnt);
	assert_memory_equal(p->objects, objects, cnt * sizeof(*objects));
}

/* 0 and 4 are roots: 0 -> 3 is short and dear, 4 -> 5 -> 6 -> 3 is long and cheap. */
static void a_long_way_from_a_good_root_is_better(void **state)
{
	struct fixture *f = fixture_new(7);

	(void)state;
	edge(f, 0, 3);
	edge(f, 4, 5);
	edge(f, 5, 6);
	edge(f, 6, 3);
	root(f, 0, 40);
	root(f, 4, 0);
	search(f, (uint32_t[]){ 3 }, 1);
	expect(&f->found.by_target[0], 4, (uint32_t[]){ 4, 5, 6, 3 });
	f->root_price[0] = 6; /* 9 in all, as the other one */
	f->object_price[6] = 4;
	search(f, (uint32_t[]){ 3 }, 1);
	expect(&f->found.by_target[0], 2, (uint32_t[]){ 0, 3 });
	free(f);
}

static void a_target_may_be_a_root_itself(void **state)
{
	struct fixture *f = fixture_new(3);

	(void)state;
	edge(f, 0, 1);
	root(f, 0, 10);
	root(f, 1, 0);
	search(f, (uint32_t[]){ 1, 0, 2, 99 }, 4);
	expect(&f->found.by_target[0], 1, (uint32_t[]){ 1 });
	expect(&f->found.by_target[1], 1, (uint32_t[]){ 0 });
	assert_false(f->found.by_target[2].found); /* nothing leads to it */
	assert_false(f->found.by_target[3].found); /* it is not in the graph */
	free(f);
}

static void an_object_may_be_closed(void **state)
{
	struct fixture *f = fixture_new(4);

	(void)state;
	edge(f, 0, 1);
	edge(f, 0, 2);
	edge(f, 1, 3);
	edge(f, 2, 3);
	root(f, 0, 0);
	f->object_price[1] = PATH_NO_WAY;
	search(f, (uint32_t[]){ 3 }, 1);
	expect(&f->found.by_target[0], 3, (uint32_t[]){ 0, 2, 3 });
	f->object_price[1] = PATH_STEP_PRICE;
	f->dear_last = 2;
	search(f, (uint32_t[]){ 3 }, 1);
	expect(&f->found.by_target[0], 3, (uint32_t[]){ 0, 1, 3 });
	f->root_price[0] = PATH_NO_WAY;
	search(f, (uint32_t[]){ 3 }, 1);
	assert_false(f->found.by_target[0].found);
	free(f);
}

/* Objects that nothing but a circle leads to have no way. */
static void circles_end(void **state)
{
	struct fixture *f = fixture_new(5);

	(void)state;
	edge(f, 0, 1);
	edge(f, 1, 2);
	edge(f, 2, 0);
	edge(f, 2, 3);
	root(f, 4, 0);
	search(f, (uint32_t[]){ 3 }, 1);
	assert_false(f->found.by_target[0].found);
	assert_true(f->found.levels < 6);
	free(f);
}

static void a_way_that_is_too_long_is_none(void **state)
{
	struct fixture *f = fixture_new(100);

	(void)state;
	for (uint32_t i = 0; i + 1 < 100; i++)
		edge(f, i, i + 1);
	root(f, 0, 0);
	search(f, (uint32_t[]){ 99, PATH_LEVELS_MAX - 1 }, 2);
	assert_false(f->found.by_target[0].found);
	assert_true(f->found.by_target[1].found);
	assert_int_equal(f->found.levels, PATH_LEVELS_MAX);
	free(f);
}

/* Whatever thousands of objects point to is followed through some of them. */
static void shared_objects_cost_no_more(void **state)
{
	struct fixture *f = fixture_new(OBJECTS_MAX);

	(void)state;
	root(f, 1, 30);
	for (uint32_t i = 1; i < OBJECTS_MAX; i++)
		edge(f, i, 0);
	search(f, (uint32_t[]){ 0 }, 1);
	expect(&f->found.by_target[0], 2, (uint32_t[]){ 1, 0 });
	assert_false(f->found.cut);
	free(f);
}

static void a_search_can_be_stopped(void **state)
{
	struct fixture *f = fixture_new(3);
	volatile bool stop = true;

	(void)state;
	edge(f, 0, 1);
	edge(f, 1, 2);
	root(f, 0, 0);
	search_with(f, (uint32_t[]){ 2 }, 1, &(struct path_search_opts){ .stop = &stop });
	assert_false(f->found.by_target[0].found);
	assert_true(f->found.late);
	search_with(f, (uint32_t[]){ 2 }, 1, &(struct path_search_opts){ .deadline_ns = 1 });
	assert_true(f->found.late);
	free(f);
}

/* ---- at random ---- */

static void make_random(struct fixture *f)
{
	uint32_t cnt = f->g.cnt;

	for (uint32_t i = 0; i < cnt; i++) {
		f->object_price[i] = PATH_STEP_PRICE + rand() % 4;
		for (int e = rand() % 4; e; e--)
			edge(f, i, rand() % (cnt + 2)); /* some lead out of the graph */
	}
	for (int r = 1 + rand() % 5; r; r--)
		root(f, rand() % (cnt + 2), rand() % 30);
	f->dear_last = rand() % cnt;
}

/* The price of the cheapest way from any root to the target, by trying all edges again and again. */
static uint64_t cheapest(const struct fixture *f, uint32_t target)
{
	uint32_t cnt = f->g.cnt;
	uint64_t dist[64], best = UINT64_MAX;

	for (uint32_t i = 0; i < cnt; i++)
		dist[i] = i == target ? 0 : UINT64_MAX / 2;
	for (uint32_t round = 0; round < cnt; round++)
		for (uint32_t i = 0; i < cnt; i++)
			for (uint32_t e = f->first[i]; e < f->first[i + 1]; e++) {
				uint32_t to = f->to[e];
				uint64_t price = f->object_price[i];

				if (to >= cnt || i == target)
					continue;
				price += to == target && i == f->dear_last ? 50 : 0;
				if (dist[to] + price < dist[i])
					dist[i] = dist[to] + price;
			}
	for (size_t r = 0; r < f->g.roots.len; r++) {
		uint32_t object = f->roots[r].object;

		if (object < cnt && dist[object] < UINT64_MAX / 2 &&
		    dist[object] + f->root_price[r] < best)
			best = dist[object] + f->root_price[r];
	}
	return best;
}

static void the_cheapest_way_is_found(void **state)
{
	uint64_t found = 0, none = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < 3000; i++) {
		struct fixture *f = fixture_new(2 + rand() % 18);
		uint32_t target = rand() % f->g.cnt;
		const struct found_path *p = &f->found.by_target[0];

		make_random(f);
		uint64_t price = cheapest(f, target);
		search(f, &target, 1);
		assert_int_equal(p->found, price != UINT64_MAX);
		if (p->found)
			assert_int_equal(price_of(f, p, target), price);
		found += p->found;
		none += !p->found;
		free(f);
	}
	assert_true(found > 500 && none > 200);
}

/* With several targets each has a way if it has one alone. */
static void targets_do_not_disturb_each_other(void **state)
{
	(void)state;
	srand(2);
	for (int i = 0; i < 500; i++) {
		struct fixture *f = fixture_new(20);
		uint32_t targets[20];

		make_random(f);
		for (uint32_t t = 0; t < 20; t++)
			targets[t] = t;
		search(f, targets, 20);
		for (uint32_t t = 0; t < 20; t++) {
			const struct found_path *p = &f->found.by_target[t];

			assert_int_equal(p->found, cheapest(f, t) != UINT64_MAX);
			if (p->found)
				price_of(f, p, t);
		}
		free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_way_from_a_good_root_is_better),
		cmocka_unit_test(a_target_may_be_a_root_itself),
		cmocka_unit_test(an_object_may_be_closed),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(a_way_that_is_too_long_is_none),
		cmocka_unit_test(shared_objects_cost_no_more),
		cmocka_unit_test(a_search_can_be_stopped),
		cmocka_unit_test(the_cheapest_way_is_found),
		cmocka_unit_test(targets_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
