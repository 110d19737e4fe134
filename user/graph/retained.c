// SPDX-License-Identifier: GPL-2.0-only
#include "graph/retained.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

uint64_t object_sizes_get(struct object_sizes *sizes, uint32_t object)
{
	const uint32_t *first = sizes->objs->first;

	if (object < first[sizes->span])
		sizes->span = 0;
	while (object >= first[sizes->span + 1])
		sizes->span++;
	return span_elemsize(&sizes->objs->heap->spans.data[sizes->span]);
}

static uint64_t retained_vertex_bytes(void *ctx, uint32_t vertex)
{
	return object_sizes_get(ctx, vertex);
}

/* ---- tables ---- */

uint32_t retained_header(const struct retained *r, size_t row)
{
	const struct map_row *at = &r->census->maps.data[row];

	return objects_number(r->objs, row_addr(at));
}

enum { TABLE_EDGES_MAX = 4 }; /* a table of a swiss map is four words */

struct table_visit {
	const struct heap_graph *g;
	retained_table_fn visit;
	void *ctx;
	uint64_t left; /* objects that may still be visited */
};

/* Visits what an object leads to. */
static void table_visit_edges(struct table_visit *v, uint32_t object, retained_table_fn deeper,
			      void *ctx)
{
	const struct heap_graph *g = v->g;

	for (uint32_t at = g->first[object]; at < g->first[object + 1] && v->left; at++) {
		/* Entries of a directory that lead to the same table are neighbours. */
		if (at > g->first[object] && g->to[at] == g->to[at - 1])
			continue;
		v->left--;
		v->visit(v->ctx, g->to[at]);
		if (deeper)
			deeper(ctx, g->to[at]);
	}
}

/* The next two are retained_table_fn, too: what a table and a directory lead to. */
static void table_visit_groups(void *ctx, uint32_t table)
{
	struct table_visit *v = ctx;

	if (v->g->first[table + 1] - v->g->first[table] <= TABLE_EDGES_MAX)
		table_visit_edges(v, table, NULL, NULL);
}

static void table_visit_directory(void *ctx, uint32_t directory)
{
	table_visit_edges(ctx, directory, table_visit_groups, ctx);
}

uint64_t retained_visit_tables(const struct retained *r, size_t row, uint64_t max,
			       retained_table_fn visit, void *ctx)
{
	uint32_t header = retained_header(r, row);
	struct map_info m = census_map(r->census, row);
	bool deep = r->objs->heap->prog->layout.kind == MAP_SWISS && !m.small;
	struct table_visit v = { r->graph, visit, ctx, max };

	if (header != OBJECT_NO_NUMBER && map_counts(&m))
		table_visit_edges(&v, header, deep ? table_visit_directory : NULL, &v);
	return max - v.left;
}

/* ---- roots ---- */

/* Objects that roots lead to, and what to put in their place. */
struct root_objects {
	struct table by_object; /* index in places */
	VEC(uint32_t) places;
	uint32_t header; /* of the map whose tables are visited */
};

static void root_objects_fini(struct root_objects *o)
{
	table_fini(&o->by_object);
	vec_fini(&o->places);
}

static struct err *root_objects_init(struct root_objects *o, const struct heap_graph *g)
{
	*o = (struct root_objects){ 0 };
	for (size_t i = 0; i < g->roots.len; i++) {
		uint32_t object = g->roots.data[i].object;

		if (table_get(&o->by_object, object) != TABLE_NONE)
			continue;
		if (!table_put(&o->by_object, object, o->places.len) ||
		    !vec_push(&o->places, object))
			return err_nomem();
	}
	return NULL;
}

/* A retained_table_fn. */
static void root_objects_see_table(void *ctx, uint32_t object)
{
	struct root_objects *o = ctx;
	size_t at = table_get(&o->by_object, object);

	if (at != TABLE_NONE)
		o->places.data[at] = o->header;
}

/* Lists the roots, with the headers of maps in place of their tables. */
static struct err *retained_list_roots(struct retained *r, struct root_objects *o)
{
	const struct graph_roots *roots = &r->graph->roots;
	struct err *err = root_objects_init(o, r->graph);

	if (err)
		return err;
	/* Each table belongs to one map, so a sane heap needs no more visits than this. */
	uint64_t left = r->graph->first[r->graph->cnt];
	for (size_t row = 0; row < r->census->maps.len && roots->len; row++) {
		o->header = retained_header(r, row);
		left -= retained_visit_tables(r, row, left, root_objects_see_table, o);
	}
	r->roots = malloc((roots->len + 1) * sizeof(*r->roots));
	if (!r->roots)
		return err_nomem();
	for (size_t i = 0; i < roots->len; i++)
		r->roots[i] = o->places.data[table_get(&o->by_object, roots->data[i].object)];
	return NULL;
}

/* ---- single maps ---- */

struct err *retained_init(struct retained *r, const struct objects *objs,
			  const struct heap_graph *graph, const struct census *census,
			  const struct dominators_opts *opts)
{
	_cleanup_(root_objects_fini) struct root_objects objects = { 0 };
	struct object_sizes sizes = { objs, 0 };
	uint64_t start = clock_ns();

	*r = (struct retained){ .objs = objs, .graph = graph, .census = census };
	struct err *err = retained_list_roots(r, &objects);
	if (err)
		return err;
	const struct flow_graph flow = { graph->cnt, graph->first, graph->to, r->roots,
					 graph->roots.len };
	err = dominators_find(&flow, opts, &r->doms);
	if (!err)
		err = dominators_sum(&r->doms, retained_vertex_bytes, &sizes, &r->sums);
	r->peak_bytes = r->doms.peak_bytes + graph->roots.len * sizeof(*r->roots);
	r->duration_ns = clock_ns() - start;
	return err;
}

void retained_fini(struct retained *r)
{
	free(r->roots);
	free(r->sums);
	dominators_fini(&r->doms);
	*r = (struct retained){ 0 };
}

/* The node of a row's map; DOMINATOR_NONE: what it retains is not known. A header without an edge
 * is not the one that the census saw. */
static uint32_t retained_node(const struct retained *r, size_t row)
{
	uint32_t header = retained_header(r, row);

	if (header == OBJECT_NO_NUMBER || dominators_is_leaf(&r->doms, header))
		return DOMINATOR_NONE;
	return dominators_node(&r->doms, header);
}

uint64_t retained_of(const struct retained *r, size_t row)
{
	uint32_t node = retained_node(r, row);

	return node == DOMINATOR_NONE ? RETAINED_UNKNOWN : r->sums[node];
}

/* ---- sets of maps ---- */

/*
 * For each node the sets without whose maps it can still be reached, as bits. Starts with the
 * roots, which all sets leave alone, and goes on until nothing changes. What the roots lead to
 * without any of the maps comes first, so that most nodes are visited once.
 */
struct set_walk {
	const struct retained *r;
	uint32_t all; /* the bits of all sets */
	uint32_t *without; /* by node */
	uint32_t *own; /* by node: the bit of its set, if it is a map of one */
	VEC(uint32_t) todo; /* nodes whose bits changed */
	VEC(uint32_t) later; /* the same, for those with some of the bits only */
	uint64_t *waits; /* a bit for each node that is in one of these lists */
};

static void set_walk_fini(struct set_walk *w)
{
	free(w->without);
	free(w->own);
	free(w->waits);
	vec_fini(&w->todo);
	vec_fini(&w->later);
}

static struct err *set_walk_init(struct set_walk *w, const struct retained *r,
				 const uint8_t *set_of, size_t set_cnt)
{
	*w = (struct set_walk){ .r = r };
	w->all = set_cnt < 32 ? (1u << set_cnt) - 1 : UINT32_MAX;
	w->without = calloc(r->doms.cnt, sizeof(*w->without));
	w->own = calloc(r->doms.cnt, sizeof(*w->own));
	w->waits = calloc(r->doms.cnt / 64 + 1, sizeof(*w->waits));
	if (!w->without || !w->own || !w->waits)
		return err_nomem();
	for (size_t row = 0; row < r->census->maps.len; row++) {
		uint32_t node = set_of[row] < set_cnt ? retained_node(r, row) : DOMINATOR_NONE;

		if (node != DOMINATOR_NONE)
			w->own[node] |= 1u << set_of[row];
	}
	return NULL;
}

/* Says that an object can be reached without these sets. False: out of memory. */
static bool set_walk_reach(struct set_walk *w, uint32_t object, uint32_t without)
{
	const struct dominators *d = &w->r->doms;

	if (dominators_is_leaf(d, object))
		return true;
	uint32_t node = dominators_node(d, object);
	without &= ~w->own[node];
	if (!(without & ~w->without[node]))
		return true;
	w->without[node] |= without;
	if (w->waits[node / 64] >> node % 64 & 1)
		return true;
	w->waits[node / 64] |= 1ull << node % 64;
	return w->without[node] == w->all ? vec_push(&w->todo, node) : vec_push(&w->later, node);
}

static bool set_walk_follow(struct set_walk *w, uint32_t node)
{
	const struct heap_graph *g = w->r->graph;
	uint32_t object = w->r->doms.vertices[node];
	bool room = true;

	w->waits[node / 64] &= ~(1ull << node % 64);
	for (uint32_t at = g->first[object]; room && at < g->first[object + 1]; at++)
		room = set_walk_reach(w, g->to[at], w->without[node]);
	return room;
}

static struct err *set_walk_run(struct set_walk *w)
{
	bool room = true;

	for (size_t i = 0; room && i < w->r->graph->roots.len; i++)
		room = set_walk_reach(w, w->r->roots[i], w->all);
	while (room && (w->todo.len || w->later.len))
		room = set_walk_follow(w, w->todo.len ? w->todo.data[--w->todo.len]
						      : w->later.data[--w->later.len]);
	return room ? NULL : err_nomem();
}

/* The sets that keep an object: those without which it cannot be reached. */
static uint32_t set_walk_keepers(const struct set_walk *w, uint32_t object)
{
	uint32_t node = dominators_node(&w->r->doms, object);

	return node == DOMINATOR_NONE ? 0 : w->all & ~w->without[node];
}

struct err *retained_sum_sets(const struct retained *r, const uint8_t *set_of, size_t set_cnt,
			      uint64_t *sums_ret)
{
	_cleanup_(set_walk_fini) struct set_walk w = { 0 };
	struct object_sizes sizes = { r->objs, 0 };
	struct err *err = set_walk_init(&w, r, set_of, set_cnt);

	if (!err)
		err = set_walk_run(&w);
	if (err)
		return err;
	memset(sums_ret, 0, set_cnt * sizeof(*sums_ret));
	for (uint32_t object = 0; object < r->graph->cnt; object++) {
		uint32_t keepers = set_walk_keepers(&w, object);
		uint64_t bytes = keepers ? object_sizes_get(&sizes, object) : 0;

		for (; keepers; keepers &= keepers - 1)
			sums_ret[__builtin_ctz(keepers)] += bytes;
	}
	return NULL;
}
