// SPDX-License-Identifier: GPL-2.0-only
#include "graph/path_search.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/table.h"

enum {
	NODES_MAX = 1 << 18,
	LINKS_MAX = 1 << 20,
	LINKS_OF_NODE_MAX = 256, /* what a widely shared object is held by says little */
	ROOTS_OF_NODE_MAX = 16,
	ROOTS_PRICED_MAX = 1024,
	EDGES_A_CHECK = 1 << 22, /* between two looks at the clock */
};

#define PATH_NONE UINT32_MAX

/* An object from which a target can be reached. */
struct path_node {
	uint32_t object;
	uint32_t links; /* the first of those that lead to it; PATH_NONE: none */
	uint32_t link_cnt;
	uint16_t price;
	uint16_t root_price; /* of its cheapest root; PATH_NO_WAY: it has none */
	uint32_t root; /* that one */
	uint32_t root_cnt;
	uint32_t target; /* it is this one; PATH_NONE: it is none */
	uint64_t targets; /* a bit for each that it leads to, as far as known */
	uint32_t near; /* price of the way to one of them that was found first */
	/* For one target: */
	uint32_t dist; /* price of the way from here on */
	uint32_t next; /* the node on that way */
	uint32_t heap_at; /* place in the queue, plus 1; 0: in none */
};

/* An edge between two nodes. */
struct path_link {
	uint32_t from;
	uint32_t next; /* of the same `to` */
	uint16_t last_price; /* what is to be paid besides if `to` is the end of the way */
};

struct path_searcher {
	const struct heap_graph *g;
	const uint32_t *targets;
	uint32_t target_cnt;
	const struct path_prices *prices;
	const struct path_search_opts *opts;
	struct found_paths *ret;

	VEC(struct path_node) nodes; /* the targets first */
	VEC(struct path_link) links;
	struct table by_object; /* index in nodes */
	uint64_t *frontier; /* a bit for each object: its referrers are looked for now */
	size_t level_first; /* the nodes of the level that is searched */
	uint32_t roots_priced;
	/* By target: more levels than these can find nothing cheaper. */
	uint32_t enough[PATH_TARGETS_MAX];
	VEC(uint32_t) queue; /* nodes, a binary heap by dist */
};

static bool path_is_late(struct path_searcher *s)
{
	const struct path_search_opts *o = s->opts;

	s->ret->late |= (o->stop && *o->stop) || (o->deadline_ns && clock_ns() >= o->deadline_ns);
	return s->ret->late;
}

/* ---- the part of the graph that leads to targets ---- */

/* Finds or adds a node; PATH_NONE: there are too many, or memory ran out. */
static uint32_t path_node_for(struct path_searcher *s, uint32_t object)
{
	size_t at = table_get(&s->by_object, object);
	struct path_node node = {
		.object = object,
		.links = PATH_NONE,
		.target = PATH_NONE,
		.root_price = PATH_NO_WAY,
		.near = UINT32_MAX,
	};

	if (at != TABLE_NONE)
		return at;
	s->ret->cut |= s->nodes.len >= NODES_MAX;
	if (s->nodes.len >= NODES_MAX)
		return PATH_NONE;
	node.price = s->prices->of_object(s->prices->ctx, object);
	if (!vec_push(&s->nodes, node) || !table_put(&s->by_object, object, s->nodes.len - 1))
		return PATH_NONE;
	return s->nodes.len - 1;
}

/* Notes that an object leads to a node. */
static void path_add_link(struct path_searcher *s, uint32_t object, uint32_t to)
{
	struct path_link link = { .next = s->nodes.data[to].links };
	struct path_node *node, *by;

	s->ret->cut |= s->links.len >= LINKS_MAX;
	if (s->links.len >= LINKS_MAX || s->nodes.data[to].link_cnt >= LINKS_OF_NODE_MAX)
		return;
	link.from = path_node_for(s, object);
	if (link.from == PATH_NONE)
		return;
	node = &s->nodes.data[to];
	by = &s->nodes.data[link.from];
	if (node->target != PATH_NONE && by->price != PATH_NO_WAY)
		link.last_price = s->prices->of_last_step(s->prices->ctx, object, node->target);
	if (!vec_push(&s->links, link))
		return;
	node->links = s->links.len - 1;
	node->link_cnt++;
	by->targets |= node->targets;
	if (node->near + by->price + link.last_price < by->near)
		by->near = node->near + by->price + link.last_price;
}

/* Looks through all edges for those that lead to the frontier. */
static void path_find_referrers(struct path_searcher *s)
{
	const struct heap_graph *g = s->g;
	uint32_t check = EDGES_A_CHECK;

	for (uint32_t i = 0; i < g->cnt; i++) {
		for (uint32_t e = g->first[i]; e < g->first[i + 1]; e++) {
			uint32_t to = g->to[e];

			if (to < g->cnt && s->frontier[to / 64] >> to % 64 & 1 && to != i)
				path_add_link(s, i, table_get(&s->by_object, to));
		}
		if (g->first[i + 1] >= check) {
			check = g->first[i + 1] + EDGES_A_CHECK;
			if (path_is_late(s))
				return;
		}
	}
}

/* ---- roots ---- */

/* A way of this price was found: one with more steps than that costs more. */
static void path_note_price(struct path_searcher *s, uint64_t targets, uint32_t price)
{
	for (uint32_t t = 0; t < s->target_cnt; t++)
		if (targets >> t & 1 && price / PATH_STEP_PRICE < s->enough[t])
			s->enough[t] = price / PATH_STEP_PRICE;
}

static void path_add_root(struct path_searcher *s, uint32_t root, struct path_node *node)
{
	uint16_t price;

	if (node->root_cnt >= ROOTS_OF_NODE_MAX || s->roots_priced >= ROOTS_PRICED_MAX)
		return;
	node->root_cnt++;
	s->roots_priced++;
	price = s->prices->of_root(s->prices->ctx, &s->g->roots.data[root]);
	if (price == PATH_NO_WAY)
		return;
	path_note_price(s, node->targets, node->near + price);
	if (price >= node->root_price)
		return;
	node->root_price = price;
	node->root = root;
}

/* The roots that lead to the frontier. */
static void path_find_roots(struct path_searcher *s)
{
	for (uint32_t r = 0; r < s->g->roots.len && !path_is_late(s); r++) {
		uint32_t object = s->g->roots.data[r].object;

		if (object < s->g->cnt && s->frontier[object / 64] >> object % 64 & 1)
			path_add_root(s, r, &s->nodes.data[table_get(&s->by_object, object)]);
	}
}

/* ---- levels ---- */

static bool path_level_is_useful(const struct path_searcher *s)
{
	if (s->level_first >= s->nodes.len || s->ret->levels >= PATH_LEVELS_MAX)
		return false;
	for (uint32_t t = 0; t < s->target_cnt; t++)
		if (s->enough[t] >= s->ret->levels)
			return true;
	return false;
}

static void path_search_level(struct path_searcher *s)
{
	size_t end = s->nodes.len;

	memset(s->frontier, 0, (s->g->cnt / 64 + 1) * sizeof(*s->frontier));
	for (size_t i = s->level_first; i < end; i++) {
		uint32_t object = s->nodes.data[i].object;

		if (s->nodes.data[i].price != PATH_NO_WAY)
			s->frontier[object / 64] |= UINT64_C(1) << object % 64;
	}
	path_find_roots(s);
	s->ret->levels++;
	path_find_referrers(s);
	s->level_first = end;
}

/* ---- the cheapest way ---- */

static bool queue_is_before(const struct path_searcher *s, uint32_t a, uint32_t b)
{
	return s->nodes.data[a].dist < s->nodes.data[b].dist;
}

static void queue_set(struct path_searcher *s, size_t at, uint32_t node)
{
	s->queue.data[at] = node;
	s->nodes.data[node].heap_at = at + 1;
}

static void queue_move_up(struct path_searcher *s, size_t at)
{
	uint32_t node = s->queue.data[at];

	for (; at && queue_is_before(s, node, s->queue.data[(at - 1) / 2]); at = (at - 1) / 2)
		queue_set(s, at, s->queue.data[(at - 1) / 2]);
	queue_set(s, at, node);
}

static void queue_move_down(struct path_searcher *s, size_t at)
{
	uint32_t node = s->queue.data[at];

	for (size_t child; (child = 2 * at + 1) < s->queue.len; at = child) {
		if (child + 1 < s->queue.len &&
		    queue_is_before(s, s->queue.data[child + 1], s->queue.data[child]))
			child++;
		if (!queue_is_before(s, s->queue.data[child], node))
			break;
		queue_set(s, at, s->queue.data[child]);
	}
	queue_set(s, at, node);
}

static uint32_t queue_take(struct path_searcher *s)
{
	uint32_t node = s->queue.data[0], last = s->queue.data[--s->queue.len];

	s->nodes.data[node].heap_at = 0;
	if (s->queue.len) {
		s->queue.data[0] = last;
		queue_move_down(s, 0);
	}
	return node;
}

/* A way from `node` through `next` costs that much. False: out of memory. */
static bool path_relax(struct path_searcher *s, uint32_t node, uint32_t dist, uint32_t next)
{
	struct path_node *n = &s->nodes.data[node];

	if (dist >= n->dist)
		return true;
	n->dist = dist;
	n->next = next;
	if (!n->heap_at) {
		if (!vec_push(&s->queue, node))
			return false;
		n->heap_at = s->queue.len;
	}
	queue_move_up(s, n->heap_at - 1);
	return true;
}

static bool path_relax_referrers(struct path_searcher *s, uint32_t to, uint32_t target)
{
	bool is_last = s->nodes.data[to].object == s->targets[target];
	const struct path_node *n = &s->nodes.data[to];
	bool ok = true;

	for (uint32_t l = n->links; ok && l != PATH_NONE; l = s->links.data[l].next) {
		uint32_t from = s->links.data[l].from;
		uint32_t price = s->nodes.data[from].price;

		if (price == PATH_NO_WAY)
			continue;
		if (is_last)
			price += s->links.data[l].last_price;
		ok = path_relax(s, from, n->dist + price, to);
	}
	return ok;
}

/* The node with the cheapest root; PATH_NONE: none has any. *ok: memory did not run out. */
static uint32_t path_find_start(struct path_searcher *s, uint32_t target, uint32_t to, bool *ok)
{
	uint32_t best = PATH_NONE, best_price = UINT32_MAX;

	for (size_t i = 0; i < s->nodes.len; i++)
		s->nodes.data[i].dist = UINT32_MAX;
	s->queue.len = 0;
	*ok = path_relax(s, to, 0, PATH_NONE);
	while (*ok && s->queue.len) {
		uint32_t node = queue_take(s);
		const struct path_node *n = &s->nodes.data[node];

		if (n->dist >= best_price)
			break;
		if (n->root_price != PATH_NO_WAY && n->dist + n->root_price < best_price) {
			best = node;
			best_price = n->dist + n->root_price;
		}
		*ok = path_relax_referrers(s, node, target);
	}
	while (s->queue.len)
		queue_take(s);
	return best;
}

static bool path_find_way(struct path_searcher *s, uint32_t target, uint32_t to)
{
	struct found_path *path = &s->ret->by_target[target];
	bool ok;
	uint32_t node = path_find_start(s, target, to, &ok);

	if (!ok || node == PATH_NONE)
		return ok;
	path->root = s->nodes.data[node].root;
	for (; node != PATH_NONE && path->len <= PATH_LEVELS_MAX; node = s->nodes.data[node].next)
		path->objects[path->len++] = s->nodes.data[node].object;
	path->found = node == PATH_NONE;
	return true;
}

/* ---- all of it ---- */

/* The nodes of the targets; equal ones are there once. */
static bool path_add_targets(struct path_searcher *s, uint32_t node_of[PATH_TARGETS_MAX])
{
	for (uint32_t t = 0; t < s->target_cnt; t++) {
		node_of[t] = PATH_NONE;
		s->enough[t] = 0;
		if (s->targets[t] >= s->g->cnt)
			continue;
		node_of[t] = path_node_for(s, s->targets[t]);
		if (node_of[t] == PATH_NONE)
			return false;
		s->nodes.data[node_of[t]].targets |= UINT64_C(1) << t;
		s->nodes.data[node_of[t]].target = t;
		s->nodes.data[node_of[t]].near = 0;
		s->enough[t] = PATH_LEVELS_MAX;
	}
	return true;
}

static void path_searcher_fini(struct path_searcher *s)
{
	vec_fini(&s->nodes);
	vec_fini(&s->links);
	vec_fini(&s->queue);
	table_fini(&s->by_object);
	free(s->frontier);
}

struct err *paths_search(const struct heap_graph *g, const uint32_t *targets, uint32_t cnt,
			 const struct path_prices *prices, const struct path_search_opts *opts,
			 struct found_paths *ret)
{
	_cleanup_(path_searcher_fini) struct path_searcher s = {
		.g = g,
		.targets = targets,
		.target_cnt = cnt < PATH_TARGETS_MAX ? cnt : PATH_TARGETS_MAX,
		.prices = prices,
		.opts = opts,
		.ret = ret,
		.frontier = calloc(g->cnt / 64 + 1, sizeof(*s.frontier)),
	};
	uint32_t node_of[PATH_TARGETS_MAX];

	memset(ret, 0, sizeof(*ret));
	if (!s.frontier || !path_add_targets(&s, node_of))
		return err_nomem();
	while (path_level_is_useful(&s) && !path_is_late(&s))
		path_search_level(&s);
	for (uint32_t t = 0; t < s.target_cnt; t++)
		if (node_of[t] != PATH_NONE && !path_find_way(&s, t, node_of[t]))
			return err_nomem();
	return NULL;
}
