// SPDX-License-Identifier: GPL-2.0-only
/* What maps keep alive, on heaps made by hand. */
#include <string.h>

#include "image.h"

#include "graph/retained.h"

/* By addresses. */
struct edge {
	uint64_t from, to;
};

struct fixture {
	struct image *img;
	struct census *census;
	struct objects objs;
	struct heap_graph graph;
	VEC(struct edge) edges;
	VEC(uint64_t) roots;
	struct retained r;
};

static void start(struct fixture *f, unsigned int minor)
{
	*f = (struct fixture){ .img = image_new(minor, "") };
}

static void point(struct fixture *f, uint64_t from, uint64_t to)
{
	assert_true(vec_push(&f->edges, ((struct edge){ from, to })));
}

static void root(struct fixture *f, uint64_t to)
{
	assert_true(vec_push(&f->roots, to));
}

/* A string of that many bytes, or anything else without pointers. */
static uint64_t leaf(struct fixture *f, unsigned int bytes)
{
	return image_alloc_words(f->img, (bytes + 7) / 8, 0);
}

static uint64_t node(struct fixture *f)
{
	return image_alloc_words(f->img, 4, 0xf);
}

/* A map with one group or bucket. */
static uint64_t small_map(struct fixture *f, const struct image_type *type, uint64_t *table_ret)
{
	bool swiss = f->img->prog.layout.kind == MAP_SWISS;
	uint64_t map = swiss ? image_swiss_small(f->img, type, 5)
			     : image_classic_map(f->img, type, 0, 5);

	*table_ret = image_get_u64(f->img, map + 16);
	point(f, map, *table_ret);
	return map;
}

static void number_objects(struct fixture *f)
{
	const struct heap *heap = f->img->heap;
	size_t cnt = heap->spans.len;

	f->objs.heap = f->img->heap;
	f->objs.first = calloc(cnt + 1, sizeof(*f->objs.first));
	for (size_t i = 0; i < cnt; i++) {
		const struct span *s = &heap->spans.data[i];

		f->objs.first[i + 1] =
			f->objs.first[i] + (s->state == SPAN_IN_USE ? span_slots(s) : 0);
	}
	f->objs.cnt = f->objs.first[cnt];
}

static void make_graph(struct fixture *f)
{
	struct heap_graph *g = &f->graph;
	size_t at = 0;

	g->cnt = f->objs.cnt;
	g->first = calloc(g->cnt + 1, sizeof(*g->first));
	g->to = calloc(f->edges.len + 1, sizeof(*g->to));
	for (uint32_t v = 0; v < g->cnt; v++) {
		g->first[v] = at;
		for (size_t i = 0; i < f->edges.len; i++)
			if (objects_number(&f->objs, f->edges.data[i].from) == v)
				g->to[at++] = objects_number(&f->objs, f->edges.data[i].to);
	}
	g->first[g->cnt] = at;
	for (size_t i = 0; i < f->roots.len; i++) {
		struct graph_root to = { objects_number(&f->objs, f->roots.data[i]), 0, 0 };

		assert_int_not_equal(to.object, OBJECT_NO_NUMBER);
		assert_true(vec_push(&g->roots, to));
	}
}

static void take(struct fixture *f)
{
	const struct dominators_opts opts = { 0 };

	image_open(f->img);
	f->census = image_census(f->img);
	number_objects(f);
	make_graph(f);
	assert_null(retained_init(&f->r, &f->objs, &f->graph, f->census, &opts));
}

static void finish(struct fixture *f)
{
	retained_fini(&f->r);
	free(f->objs.first);
	free(f->graph.first);
	free(f->graph.to);
	vec_fini(&f->graph.roots);
	vec_fini(&f->edges);
	vec_fini(&f->roots);
	census_free(f->census);
	image_free(f->img);
}

static size_t row_of(struct fixture *f, uint64_t map)
{
	ssize_t row = rows_find(&f->census->maps, map);

	assert_int_not_equal(row, ROWS_NONE);
	return row;
}

static uint64_t retained(struct fixture *f, uint64_t map)
{
	return retained_of(&f->r, row_of(f, map));
}

/* Header, table, keys, and what the values lead to; not what others hold, too. */
static void retains_what_only_it_leads_to(unsigned int minor)
{
	struct image_type type = image_string_to_ptr();
	struct fixture f;
	uint64_t group;

	start(&f, minor);
	image_add_type(f.img, &type);
	uint64_t table_sz = type.bucket_sz <= 208 ? 208 : 224;
	uint64_t map = small_map(&f, &type, &group), value = node(&f), other = node(&f);
	uint64_t shared = leaf(&f, 512);

	point(&f, group, leaf(&f, 128));
	point(&f, group, value);
	point(&f, value, leaf(&f, 256));
	point(&f, value, shared);
	point(&f, other, shared);
	root(&f, map);
	root(&f, other);
	take(&f);
	assert_int_equal(retained(&f, map), 48 + table_sz + 128 + 32 + 256);
	finish(&f);
}

static void test_swiss(void **state)
{
	(void)state;
	retains_what_only_it_leads_to(24);
}

static void test_classic(void **state)
{
	(void)state;
	retains_what_only_it_leads_to(19);
}

/* A root that leads to a table, as a word of an insert on a stack does, holds the map, but shares
 * nothing with it. */
static void test_a_root_to_a_table(void **state)
{
	const struct image_table tables[] = { { 1, 16, 9, 0 }, { 1, 16, 9, 0 } };
	struct image_type type = image_string_to_ptr();
	struct fixture f;

	(void)state;
	start(&f, 24);
	image_add_type(f.img, &type);
	uint64_t map = image_swiss_map(f.img, &type, 1, tables, 2);
	uint64_t dir = image_get_u64(f.img, map + 16), groups = image_swiss_groups(f.img, map, 1);

	point(&f, map, dir);
	for (size_t i = 0; i < 2; i++) {
		point(&f, dir, image_swiss_table(f.img, map, i));
		point(&f, image_swiss_table(f.img, map, i), image_swiss_groups(f.img, map, i));
	}
	point(&f, groups, leaf(&f, 448));
	root(&f, groups);
	take(&f);
	uint64_t tables_sz = census_map(f.census, row_of(&f, map)).table_bytes;
	assert_int_equal(retained(&f, map), 48 + tables_sz + 448);
	finish(&f);
}

/* What nothing leads to retains nothing that is known, and holds nothing. */
static void test_garbage(void **state)
{
	struct image_type type = image_string_to_ptr();
	struct fixture f;
	uint64_t held_group, dead_group;

	(void)state;
	start(&f, 24);
	image_add_type(f.img, &type);
	uint64_t held = small_map(&f, &type, &held_group), dead = small_map(&f, &type, &dead_group);
	uint64_t value = leaf(&f, 128);

	point(&f, held_group, value);
	point(&f, dead_group, value);
	root(&f, held);
	take(&f);
	assert_int_equal(retained(&f, held), 48 + 208 + 128);
	assert_true(retained(&f, dead) == RETAINED_UNKNOWN);
	finish(&f);
}

/* Two maps with the same values, and one with others: what two sets keep. */
static void test_sets(void **state)
{
	struct image_type type = image_string_to_ptr();
	struct fixture f;
	uint64_t maps[4], groups[4];
	uint8_t set_of[4];
	uint64_t sums[2];

	(void)state;
	start(&f, 24);
	image_add_type(f.img, &type);
	for (size_t i = 0; i < 4; i++) {
		maps[i] = small_map(&f, &type, &groups[i]);
		root(&f, maps[i]);
	}
	uint64_t ab = leaf(&f, 128), all = leaf(&f, 256), value = node(&f), c = leaf(&f, 512);
	point(&f, groups[0], ab);
	point(&f, groups[1], ab);
	for (size_t i = 0; i < 3; i++)
		point(&f, groups[i], all);
	point(&f, groups[2], value);
	point(&f, value, c);
	point(&f, value, maps[3]); /* a root leads there, too */
	take(&f);
	assert_int_equal(retained(&f, maps[0]), 256);
	assert_int_equal(retained(&f, maps[2]), 256 + 32 + 512);
	memset(set_of, RETAINED_NO_SET, sizeof(set_of));
	set_of[row_of(&f, maps[0])] = set_of[row_of(&f, maps[1])] = 0;
	set_of[row_of(&f, maps[2])] = set_of[row_of(&f, maps[3])] = 1;
	assert_null(retained_sum_sets(&f.r, set_of, 2, sums));
	assert_int_equal(sums[0], 2 * 256 + 128);
	assert_int_equal(sums[1], 2 * 256 + 32 + 512);
	set_of[row_of(&f, maps[2])] = 0;
	assert_null(retained_sum_sets(&f.r, set_of, 2, sums));
	assert_int_equal(sums[0], 3 * 256 + 128 + 256 + 32 + 512);
	assert_int_equal(sums[1], 256);
	finish(&f);
}

/* A map that another one of its set holds is in the sum once; the inner one alone is not kept by
 * itself. */
static void test_a_map_in_a_map(void **state)
{
	struct image_type type = image_string_to_ptr();
	struct fixture f;
	uint64_t outer_group, inner_group, sum;
	const uint8_t set_of[2] = { 0, 0 };

	(void)state;
	start(&f, 24);
	image_add_type(f.img, &type);
	uint64_t outer = small_map(&f, &type, &outer_group);
	uint64_t inner = small_map(&f, &type, &inner_group);

	point(&f, outer_group, inner);
	point(&f, inner_group, leaf(&f, 128));
	root(&f, outer);
	take(&f);
	assert_int_equal(retained(&f, inner), 256 + 128);
	assert_int_equal(retained(&f, outer), 512 + 128);
	assert_null(retained_sum_sets(&f.r, set_of, 1, &sum));
	assert_int_equal(sum, 512 + 128);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swiss),
		cmocka_unit_test(test_classic),
		cmocka_unit_test(test_a_root_to_a_table),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_a_map_in_a_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
