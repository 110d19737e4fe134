// SPDX-License-Identifier: GPL-2.0-only
/* Compared with what is out of reach if a vertex is taken away, for each vertex. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/dominators.h"

struct edge {
	uint32_t from, to;
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void graph_make(struct flow_graph *g, uint32_t cnt, const struct edge *edges,
		       size_t edge_cnt, const uint32_t *roots, size_t root_cnt)
{
	uint32_t *first = calloc(cnt + 2, sizeof(*first));
	uint32_t *to = malloc((edge_cnt + 1) * sizeof(*to));

	assert_non_null(first);
	assert_non_null(to);
	for (size_t i = 0; i < edge_cnt; i++)
		first[edges[i].from + 2]++;
	for (uint32_t v = 1; v <= cnt; v++)
		first[v + 1] += first[v];
	for (size_t i = 0; i < edge_cnt; i++)
		to[first[edges[i].from + 1]++] = edges[i].to;
	*g = (struct flow_graph){ cnt, first, to, roots, root_cnt };
}

static void graph_free(struct flow_graph *g)
{
	free((void *)g->first);
	free((void *)g->to);
}

static uint64_t bytes_of(void *ctx, uint32_t vertex)
{
	(void)ctx;
	return 16 + vertex * 2654435761u % 1000;
}

/* The bytes that the roots lead to without going through a vertex. */
static uint64_t reached_without(const struct flow_graph *g, uint32_t without, bool *seen,
				uint32_t *stack)
{
	uint64_t bytes = 0;
	size_t depth = 0;

	memset(seen, 0, g->cnt);
	if (without < g->cnt)
		seen[without] = true;
	for (size_t i = 0; i < g->root_cnt; i++) {
		if (!seen[g->roots[i]])
			stack[depth++] = g->roots[i];
		seen[g->roots[i]] = true;
	}
	while (depth) {
		uint32_t v = stack[--depth];

		bytes += bytes_of(NULL, v);
		for (uint32_t at = g->first[v]; at < g->first[v + 1]; at++) {
			if (!seen[g->to[at]])
				stack[depth++] = g->to[at];
			seen[g->to[at]] = true;
		}
	}
	return bytes;
}

static uint64_t retained_by(const struct dominators *d, const uint64_t *sums, uint32_t v)
{
	if (dominators_node(d, v) == DOMINATOR_NONE)
		return 0;
	return dominators_is_leaf(d, v) ? bytes_of(NULL, v) : sums[dominators_node(d, v)];
}

static void check(const struct flow_graph *g)
{
	const struct dominators_opts opts = { 0 };
	struct dominators d;
	uint64_t *sums = NULL;
	bool *seen = malloc(g->cnt + 1);
	uint32_t *stack = malloc((g->cnt + 1) * sizeof(*stack));

	assert_null(dominators_find(g, &opts, &d));
	assert_null(dominators_sum(&d, bytes_of, NULL, &sums));
	uint64_t all = reached_without(g, UINT32_MAX, seen, stack);
	assert_int_equal(sums[0], all);
	for (uint32_t v = 0; v < g->cnt; v++)
		assert_int_equal(retained_by(&d, sums, v),
				 all - reached_without(g, v, seen, stack));
	dominators_fini(&d);
	free(sums);
	free(seen);
	free(stack);
}

/* What each object retains is what is out of reach without it. */
static void test_random_graphs(void **state)
{
	uint64_t seed = 0x1234567;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct edge edges[256];
		uint32_t roots[4], cnt = 1 + next_random(&seed) % 60;
		size_t edge_cnt = next_random(&seed) % (4 * cnt + 1);
		struct flow_graph g;

		/* Some vertices have no edges, as objects without pointers. */
		uint32_t sources = 1 + next_random(&seed) % cnt;
		for (size_t i = 0; i < edge_cnt; i++)
			edges[i] = (struct edge){ next_random(&seed) % sources,
						  next_random(&seed) % cnt };
		for (size_t i = 0; i < 4; i++)
			roots[i] = next_random(&seed) % cnt;
		graph_make(&g, cnt, edges, edge_cnt, roots, next_random(&seed) % 5);
		check(&g);
		graph_free(&g);
	}
}

/* Graphs with long paths, and edges back and across: what few random graphs have. */
static void test_random_chains(void **state)
{
	uint64_t seed = 0x7654321;

	(void)state;
	for (int round = 0; round < 300; round++) {
		enum { CNT = 150 };
		struct edge edges[3 * CNT];
		const uint32_t roots[] = { 0, next_random(&seed) % CNT };
		size_t edge_cnt = 0, extra = next_random(&seed) % CNT;
		struct flow_graph g;

		for (uint32_t v = 0; v + 1 < CNT; v++)
			edges[edge_cnt++] = (struct edge){ v, v + 1 };
		for (size_t i = 0; i < extra; i++) {
			uint32_t from = next_random(&seed) % CNT;
			uint32_t to = (from + CNT + next_random(&seed) % 21 - 10) % CNT;

			edges[edge_cnt++] = (struct edge){ from, to };
		}
		graph_make(&g, CNT, edges, edge_cnt, roots, 1 + round % 2);
		check(&g);
		graph_free(&g);
	}
}

enum { LONG = 1 << 20 };

/* The sums of a graph that is too large to be checked vertex by vertex. */
static uint64_t *sums_of(const struct flow_graph *g, struct dominators *d)
{
	const struct dominators_opts opts = { 0 };
	uint64_t *sums;

	assert_null(dominators_find(g, &opts, d));
	assert_null(dominators_sum(d, bytes_of, NULL, &sums));
	return sums;
}

/* A list, each element of which also leads to one leaf: the work must not grow with the square of
 * its length. The first also leads to the leaf, so it dominates that. */
static void test_a_long_list(void **state)
{
	struct edge *edges = malloc(2 * LONG * sizeof(*edges));
	const uint32_t root = 0;
	struct dominators d;
	struct flow_graph g;
	size_t cnt = 0;

	(void)state;
	for (uint32_t v = 0; v < LONG; v++) {
		if (v + 1 < LONG)
			edges[cnt++] = (struct edge){ v, v + 1 };
		edges[cnt++] = (struct edge){ v, LONG };
	}
	graph_make(&g, LONG + 1, edges, cnt, &root, 1);
	uint64_t *sums = sums_of(&g, &d), bytes = 0;
	for (uint32_t v = LONG; v-- > 1;) {
		bytes += bytes_of(NULL, v);
		assert_int_equal(sums[dominators_node(&d, v)], bytes);
	}
	assert_int_equal(sums[dominators_node(&d, 0)],
			 bytes + bytes_of(NULL, 0) + bytes_of(NULL, LONG));
	assert_int_equal(dominators_idom(&d, LONG), dominators_node(&d, 0));
	dominators_fini(&d);
	graph_free(&g);
	free(sums);
	free(edges);
}

/* A list with a payload for each element, which an array leads to, too. A walk from each payload up
 * to its dominator would take half of LONG * LONG steps. */
static void test_a_long_list_that_shares(void **state)
{
	struct edge *edges = malloc(4 * LONG * sizeof(*edges));
	const uint32_t roots[] = { 0, 2 * LONG };
	struct dominators d;
	struct flow_graph g;
	size_t cnt = 0;

	(void)state;
	for (uint32_t v = 0; v < LONG; v++) {
		if (v + 1 < LONG)
			edges[cnt++] = (struct edge){ v, v + 1 };
		edges[cnt++] = (struct edge){ v, LONG + v };
		edges[cnt++] = (struct edge){ 2 * LONG, LONG + v };
	}
	graph_make(&g, 2 * LONG + 1, edges, cnt, roots, 2);
	uint64_t *sums = sums_of(&g, &d), bytes = 0;
	for (uint32_t v = LONG; v--;) {
		bytes += bytes_of(NULL, v);
		assert_int_equal(sums[dominators_node(&d, v)], bytes);
		assert_int_equal(dominators_idom(&d, LONG + v), DOMINATOR_ROOTS);
	}
	assert_int_equal(sums[dominators_node(&d, 2 * LONG)], bytes_of(NULL, 2 * LONG));
	dominators_fini(&d);
	graph_free(&g);
	free(sums);
	free(edges);
}

/* One object that leads to very many leaves: these are not even nodes. */
static void test_a_wide_graph(void **state)
{
	struct edge *edges = malloc(LONG * sizeof(*edges));
	const uint32_t root = 0;
	struct dominators d;
	struct flow_graph g;

	(void)state;
	for (uint32_t v = 0; v < LONG; v++)
		edges[v] = (struct edge){ 0, 1 + v };
	graph_make(&g, LONG + 1, edges, LONG, &root, 1);
	uint64_t *sums = sums_of(&g, &d), bytes = 0;
	for (uint32_t v = 0; v <= LONG; v++) {
		bytes += bytes_of(NULL, v);
		assert_int_equal(dominators_is_leaf(&d, v), v > 0);
	}
	assert_int_equal(d.cnt, 2);
	assert_int_equal(sums[dominators_node(&d, 0)], bytes);
	assert_true(d.peak_bytes < 5 * LONG);
	dominators_fini(&d);
	graph_free(&g);
	free(sums);
	free(edges);
}

static void test_a_budget(void **state)
{
	const struct edge edges[] = { { 0, 1 }, { 1, 2 }, { 2, 0 } };
	const uint32_t root = 0;
	const struct dominators_opts opts = { .budget_bytes = 80 };
	struct dominators d;
	struct flow_graph g;

	(void)state;
	graph_make(&g, 3, edges, 3, &root, 1);
	struct err *err = dominators_find(&g, &opts, &d);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_string_equal(err->msg, "it takes more than 80 B of memory");
	err_free(err);
	dominators_fini(&d);
	graph_free(&g);
}

static void test_a_stop(void **state)
{
	const struct edge edges[] = { { 0, 1 } };
	const uint32_t root = 0;
	const volatile bool stop = true;
	const struct dominators_opts opts = { .stop = &stop };
	struct dominators d;
	struct flow_graph g;

	(void)state;
	graph_make(&g, 2, edges, 1, &root, 1);
	struct err *err = dominators_find(&g, &opts, &d);
	assert_true(err_is(err, ERR_STOPPED));
	err_free(err);
	dominators_fini(&d);
	graph_free(&g);
}

static void test_nothing(void **state)
{
	struct flow_graph g;

	(void)state;
	graph_make(&g, 0, NULL, 0, NULL, 0);
	check(&g);
	graph_free(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_random_graphs),
		cmocka_unit_test(test_random_chains),
		cmocka_unit_test(test_a_long_list),
		cmocka_unit_test(test_a_long_list_that_shares),
		cmocka_unit_test(test_a_wide_graph),
		cmocka_unit_test(test_a_budget),
		cmocka_unit_test(test_a_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
