// SPDX-License-Identifier: GPL-2.0-only
/* What maps keep alive, on heaps made by hand. */
#include <string.h>

#include "image_types.h"

#include "graph/barrier_buffers.h"
#include "graph/pinned.h"

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
	struct image_type strings; /* map[string]int, if the test has it */
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

/* The buffer of a P is found by its own addresses, and by nothing less. */
static void test_a_barrier_buffer(void **state)
{
	const uint64_t addr = 0xc000010000;
	uint64_t words[600] = { 0 };
	uint32_t first, end;

	(void)state;
	assert_false(barrier_buffer_find(words, CNT(words), addr, &first, &end));
	words[20] = addr + 8 * 22;
	words[21] = addr + 8 * (22 + 512);
	assert_true(barrier_buffer_find(words, CNT(words), addr, &first, &end));
	assert_int_equal(first, 22);
	assert_int_equal(end, 22 + 512);
	words[20] = addr + 8 * 100; /* there are notes in it */
	assert_true(barrier_buffer_find(words, CNT(words), addr, &first, &end));
	assert_false(barrier_buffer_find(words, 500, addr, &first, &end));
	words[20] = addr;
	assert_false(barrier_buffer_find(words, CNT(words), addr, &first, &end));
}

/* ---- strings that keep larger objects alive ---- */

static struct image_type string_to_int(struct fixture *f)
{
	return (struct image_type){ .name = "map[string]int",
				    .key_sz = 16,
				    .elem_sz = 8,
				    .key_ptrs = 1,
				    .key_type = image_put_string(f->img),
				    .elem_type = image_put_int(f->img) };
}

/* Sets a key of a group or bucket, and its edge. */
static void put_key(struct fixture *f, uint64_t group, unsigned int slot, uint64_t addr,
		    uint64_t len)
{
	image_u64(f->img, group + 8 + 16 * slot, addr);
	image_u64(f->img, group + 16 + 16 * slot, len);
	point(f, group, addr);
}

/* A swiss slot has its key and its value. */
static void put_swiss_key(struct fixture *f, uint64_t group, unsigned int slot, uint64_t addr,
			  uint64_t len)
{
	image_u64(f->img, group + 8 + 24 * slot, addr);
	image_u64(f->img, group + 16 + 24 * slot, len);
	point(f, group, addr);
}

static struct pinned find_pinned(struct fixture *f)
{
	const struct pinned_opts opts = { .min_bytes = 1, .budget_bytes = 1 << 20 };
	struct pinned p;

	assert_null(pinned_find(&f->r, &opts, &p));
	return p;
}

static void start_strings(struct fixture *f, unsigned int minor, uint64_t *map, uint64_t *group)
{
	start(f, minor);
	f->strings = string_to_int(f);
	image_put_map(f->img, &f->strings);
	*map = small_map(f, &f->strings, group);
	root(f, *map);
	for (unsigned int i = 0; i < 5; i++)
		if (minor < 24)
			put_key(f, *group, i, leaf(f, 16), 10);
		else
			put_swiss_key(f, *group, i, leaf(f, 16), 10);
}

/* Two objects, and keys that use a small part of each. */
static void keys_pin_objects(unsigned int minor)
{
	struct fixture f;
	uint64_t map, group;

	start_strings(&f, minor, &map, &group);
	uint64_t one = leaf(&f, 512), two = leaf(&f, 480);
	if (minor < 24) {
		put_key(&f, group, 0, one + 100, 10);
		put_key(&f, group, 1, one + 200, 20);
		put_key(&f, group, 2, two, 11);
	} else {
		put_swiss_key(&f, group, 0, one + 100, 10);
		put_swiss_key(&f, group, 1, one + 200, 20);
		put_swiss_key(&f, group, 2, two, 11);
	}
	take(&f);
	struct pinned p = find_pinned(&f);
	assert_int_equal(p.maps.len, 1);
	assert_int_equal(p.maps.data[0].row, row_of(&f, map));
	assert_true(p.maps.data[0].keys && !p.maps.data[0].values);
	assert_int_equal(p.maps.data[0].objects, 2);
	assert_int_equal(p.maps.data[0].object_bytes, 512 + 480);
	assert_int_equal(p.maps.data[0].largest_bytes, 512);
	assert_int_equal(p.maps.data[0].strings, 3);
	assert_int_equal(p.maps.data[0].string_bytes, 41);
	assert_int_equal(p.maps.data[0].gives_back_bytes, 512 + 480 - 16 - 24 - 16);
	pinned_fini(&p);
	finish(&f);
}

static void test_keys_pin_objects(void **state)
{
	(void)state;
	keys_pin_objects(19);
	keys_pin_objects(24);
}

/* No finding: keys with memory of their own, be they long; an object that a value leads to as
 * well; one that is used for the most part; one that another map leads to. */
static void test_nearly_pinned(void **state)
{
	struct fixture f;
	uint64_t map, group, other_group;

	(void)state;
	start_strings(&f, 24, &map, &group);
	uint64_t whole = leaf(&f, 512), used = leaf(&f, 512), shared = leaf(&f, 512);
	uint64_t two_maps = leaf(&f, 512), value = node(&f);

	uint64_t other = small_map(&f, &f.strings, &other_group);
	root(&f, other);
	put_swiss_key(&f, group, 0, whole, 512);
	put_swiss_key(&f, group, 1, used + 10, 260);
	put_swiss_key(&f, group, 2, shared, 10);
	put_swiss_key(&f, group, 3, two_maps, 10);
	put_swiss_key(&f, other_group, 0, two_maps, 10);
	point(&f, group, value);
	point(&f, value, shared);
	take(&f);
	struct pinned p = find_pinned(&f);
	assert_int_equal(p.maps.len, 0);
	pinned_fini(&p);
	finish(&f);
}

/* A key in a chained bucket of a classic map. */
static void test_a_chained_bucket(void **state)
{
	struct fixture f;
	uint64_t map, bucket;

	(void)state;
	start(&f, 19);
	struct image_type type = string_to_int(&f);
	image_put_map(f.img, &type);
	map = image_classic_map(f.img, &type, 0, 8);
	bucket = image_get_u64(f.img, map + 16);
	uint64_t chained = image_classic_overflow(f.img, &type, 1, 0), object = leaf(&f, 512);
	image_classic_bucket(f.img, &type, bucket, 8, IMAGE_TOP, chained);
	image_u64(f.img, map, 9);
	point(&f, map, bucket);
	point(&f, bucket, chained);
	root(&f, map);
	for (unsigned int i = 0; i < 8; i++)
		put_key(&f, bucket, i, leaf(&f, 16), 10);
	put_key(&f, chained, 0, object, 10);
	take(&f);
	struct pinned p = find_pinned(&f);
	assert_int_equal(p.maps.len, 1);
	assert_int_equal(p.maps.data[0].object_bytes, 512);
	pinned_fini(&p);
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
		cmocka_unit_test(test_a_barrier_buffer),
		cmocka_unit_test(test_keys_pin_objects),
		cmocka_unit_test(test_nearly_pinned),
		cmocka_unit_test(test_a_chained_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
