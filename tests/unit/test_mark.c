// SPDX-License-Identifier: GPL-2.0-only
/* The edges of heaps made by hand, and what can be reached over them. */
#include <string.h>

#include "image.h"

#include "graph/mark.h"

/* ---- marking ---- */

/* 0 -> 1 -> 2 -> 0, 3 -> 3 and 4, 5 alone. */
static uint32_t first[] = { 0, 1, 2, 3, 5, 5, 5 };
static uint32_t to[] = { 1, 2, 0, 3, 4 };
static const struct heap_graph by_hand = { .cnt = 6, .first = first, .to = to };

static void marks_what_a_root_leads_to(void **state)
{
	struct marks m;

	(void)state;
	assert_null(marks_init(&m, by_hand.cnt));
	assert_null(marks_add(&m, &by_hand, 1));
	assert_int_equal(m.marked, 3);
	for (uint32_t i = 0; i < by_hand.cnt; i++)
		assert_int_equal(marks_has(&m, i), i < 3);
	assert_null(marks_add(&m, &by_hand, 3));
	assert_int_equal(m.marked, 5);
	assert_false(marks_has(&m, 5));
	marks_fini(&m);
}

static void numbers_that_are_not_there_are_ignored(void **state)
{
	uint32_t wrong[] = { 7, UINT32_MAX };
	uint32_t begin[] = { 0, 2 };
	const struct heap_graph g = { .cnt = 1, .first = begin, .to = wrong };
	struct marks m;

	(void)state;
	assert_null(marks_init(&m, g.cnt));
	assert_null(marks_add(&m, &g, 0));
	assert_null(marks_add(&m, &g, OBJECT_NO_NUMBER));
	assert_int_equal(m.marked, 1);
	marks_fini(&m);
}

/* A list is as deep as it is long: a mark that calls itself would not survive it. */
static void a_long_list_is_marked(void **state)
{
	enum { N = 1 << 20 };
	struct heap_graph g = { .cnt = N };
	struct marks m;

	(void)state;
	g.first = malloc((N + 1) * sizeof(*g.first));
	g.to = malloc(N * sizeof(*g.to));
	assert_true(g.first && g.to);
	for (uint32_t i = 0; i < N; i++) {
		g.first[i] = i;
		g.to[i] = (i + 1) % N;
	}
	g.first[N] = N;
	assert_null(marks_init(&m, N));
	assert_null(marks_add(&m, &g, 5));
	assert_int_equal(m.marked, N);
	marks_fini(&m);
	heap_graph_fini(&g);
}

/* ---- reading ---- */

struct fixture {
	struct image *img;
	struct objects objs;
	struct heap_graph graph;
};

static void read_graph(struct fixture *f)
{
	struct graph_opts opts = { 0 };

	image_open(f->img);
	assert_null(objects_init(&f->objs, f->img->heap));
	assert_null(heap_graph_read(&f->objs, &opts, &f->graph));
}

static void finish(struct fixture *f)
{
	heap_graph_fini(&f->graph);
	objects_fini(&f->objs);
	image_free(f->img);
}

static size_t edges_between(const struct fixture *f, uint64_t from, uint64_t to_addr)
{
	uint32_t a = objects_number(&f->objs, from), b = objects_number(&f->objs, to_addr);
	size_t n = 0;

	assert_int_not_equal(a, OBJECT_NO_NUMBER);
	assert_int_not_equal(b, OBJECT_NO_NUMBER);
	for (uint32_t i = f->graph.first[a]; i < f->graph.first[a + 1]; i++)
		n += f->graph.to[i] == b;
	return n;
}

static void reads_edges_of(unsigned int minor)
{
	struct fixture f = { .img = image_new(minor, "") };
	uint64_t a = image_alloc_words(f.img, 4, 0xf), b = image_alloc_words(f.img, 6, 0x3f);
	uint64_t leaf = image_alloc_words(f.img, 16, 0);

	image_u64(f.img, a + 8, b);
	image_u64(f.img, a + 16, leaf + 40); /* into the middle */
	image_u64(f.img, b, a);
	image_u64(f.img, b + 8, a);
	image_u64(f.img, b + 16, b); /* itself: left out */
	image_u64(f.img, leaf, a); /* an object without pointers leads nowhere */
	read_graph(&f);
	assert_int_equal(edges_between(&f, a, b), 1);
	assert_int_equal(edges_between(&f, a, leaf), 1);
	assert_int_equal(edges_between(&f, b, a), 2);
	assert_int_equal(edges_between(&f, b, b), 0);
	assert_int_equal(edges_between(&f, leaf, a), 0);
	finish(&f);
}

static void reads_the_edges_of_each_version(void **state)
{
	(void)state;
	reads_edges_of(19);
	reads_edges_of(21);
	reads_edges_of(22);
	reads_edges_of(24);
	reads_edges_of(27);
}

/* From 1.22 on the allocator says which words of small objects are pointers. */
static void numbers_that_look_like_addresses_are_no_edges(void **state)
{
	struct fixture f = { .img = image_new(24, "") };
	uint64_t a = image_alloc_words(f.img, 4, 0x1), b = image_alloc_words(f.img, 4, 0x1);

	(void)state;
	image_u64(f.img, a + 8, b);
	read_graph(&f);
	assert_int_equal(edges_between(&f, a, b), 0);
	finish(&f);
}

static void a_number_stands_for_an_object(void **state)
{
	struct fixture f = { .img = image_new(24, "") };
	uint64_t a = image_alloc_words(f.img, 4, 0xf);
	struct object o;

	(void)state;
	read_graph(&f);
	uint32_t nth = objects_number(&f.objs, a + 17);
	assert_true(objects_is_used(&f.objs, nth));
	objects_get(&f.objs, nth, &o);
	assert_int_equal(o.start, a);
	assert_int_equal(o.size, 32);
	assert_int_equal(objects_number(&f.objs, 0x1000), OBJECT_NO_NUMBER);
	finish(&f);
}

static void too_little_memory_is_a_reason(void **state)
{
	struct fixture f = { .img = image_new(24, "") };
	const struct graph_opts opts = { .memory_max = 16 };

	(void)state;
	image_alloc_words(f.img, 4, 0xf);
	image_open(f.img);
	assert_null(objects_init(&f.objs, f.img->heap));
	struct err *err = heap_graph_read(&f.objs, &opts, &f.graph);
	assert_true(err_is(err, ERR_UNSUPPORTED));
	assert_non_null(strstr(err->msg, "needs more than 16 B"));
	err_free(err);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_what_a_root_leads_to),
		cmocka_unit_test(numbers_that_are_not_there_are_ignored),
		cmocka_unit_test(a_long_list_is_marked),
		cmocka_unit_test(reads_the_edges_of_each_version),
		cmocka_unit_test(numbers_that_look_like_addresses_are_no_edges),
		cmocka_unit_test(a_number_stands_for_an_object),
		cmocka_unit_test(too_little_memory_is_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
