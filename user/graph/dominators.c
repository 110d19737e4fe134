// SPDX-License-Identifier: GPL-2.0-only
/*
 * T. Lengauer and R. E. Tarjan, "A fast algorithm for finding dominators in a flowgraph", TOPLAS
 * 1(1), 1979: the simple version, with path compression alone. Names are those of the paper.
 */
#include "graph/dominators.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"

enum { STOP_EVERY = 1 << 16 }; /* nodes or vertices between two looks at the stop flag */

struct dominator_search {
	const struct flow_graph *g;
	const struct dominators_opts *opts;
	struct dominators *d;
	uint32_t node_max; /* room for nodes */
	/*
	 * By node. Several have two meanings, one before the other:
	 * - up: the parent in the depth-first tree; then a vertex of the forest's path.
	 * - semi: the least node before it that has an edge to it; then the semidominator.
	 * - label: while walking, how many of its edges were followed; until the node is linked,
	 *   the first node of its bucket; then the label.
	 * - late: the number of edges from later nodes; then where these are in `preds`.
	 * - idoms: the next node of the same bucket; then the immediate dominator.
	 */
	uint32_t *up;
	uint32_t *semi;
	uint32_t *label;
	uint32_t *late;
	uint32_t *preds;
	uint64_t bytes; /* allocated so far */
};

static void dominator_search_fini(struct dominator_search *s)
{
	free(s->up);
	free(s->semi);
	free(s->label);
	free(s->late);
	free(s->preds);
}

static struct err *dominator_numbers(struct dominator_search *s, uint64_t cnt, bool zero,
				     uint32_t **ret)
{
	uint64_t size = cnt * sizeof(**ret);

	if (s->opts->budget_bytes && s->bytes + size > s->opts->budget_bytes)
		return err_new(ERR_UNSUPPORTED, "it takes more than %s of memory",
			       text_bytes(s->opts->budget_bytes).s);
	*ret = zero ? calloc(cnt + 1, sizeof(**ret)) : malloc(size + sizeof(**ret));
	s->bytes += size;
	return *ret ? NULL : err_nomem();
}

static bool dominator_stopped(const struct dominator_search *s, uint32_t at)
{
	return !(at % STOP_EVERY) && s->opts->stop && *s->opts->stop;
}

static struct err *dominator_stop_err(void)
{
	return err_new(ERR_STOPPED, "it was stopped");
}

/* ---- leaves ---- */

static bool vertex_is_leaf(const struct flow_graph *g, uint32_t vertex)
{
	return g->first[vertex] == g->first[vertex + 1];
}

/* Notes that `from` leads to a leaf. */
static void leaf_add_referrer(uint32_t *place, uint32_t from)
{
	if (!*place)
		*place = DOMINATORS_LEAF | from;
	else if (*place != (DOMINATORS_LEAF | from))
		*place = DOMINATORS_SHARED;
}

/* Finds the leaves with a single referrer, and how many nodes there can be. */
static struct err *dominators_place_leaves(struct dominator_search *s)
{
	const struct flow_graph *g = s->g;
	uint32_t *places = s->d->places;

	s->node_max = 1;
	for (size_t i = 0; i < g->root_cnt; i++)
		if (vertex_is_leaf(g, g->roots[i]))
			places[g->roots[i]] = DOMINATORS_SHARED;
	for (uint32_t v = 0; v < g->cnt; v++) {
		if (dominator_stopped(s, v))
			return dominator_stop_err();
		for (uint32_t at = g->first[v]; at < g->first[v + 1]; at++)
			if (vertex_is_leaf(g, g->to[at]))
				leaf_add_referrer(&places[g->to[at]], v);
	}
	for (uint32_t v = 0; v < g->cnt; v++)
		s->node_max += !vertex_is_leaf(g, v) || places[v] == DOMINATORS_SHARED;
	return NULL;
}

/* ---- the depth-first tree ---- */

/* Follows an edge from a node. Returns the node that it leads to if it is a new one, else 0. */
static uint32_t dominators_follow(struct dominator_search *s, uint32_t from, uint32_t vertex)
{
	struct dominators *d = s->d;
	uint32_t to = d->places[vertex];

	if (to && !(to & DOMINATORS_LEAF)) {
		s->late[to] += from > to;
		if (from < s->semi[to])
			s->semi[to] = from;
		return 0;
	}
	if (to && to != DOMINATORS_SHARED)
		return 0;
	to = d->cnt++;
	d->places[vertex] = to;
	d->vertices[to] = vertex;
	s->up[to] = s->semi[to] = from;
	s->label[to] = 0;
	return to;
}

/* Numbers all nodes that a new one leads to. */
static struct err *dominators_walk(struct dominator_search *s, uint32_t node)
{
	const struct flow_graph *g = s->g;

	while (node) {
		uint32_t first = g->first[s->d->vertices[node]];
		uint32_t cnt = g->first[s->d->vertices[node] + 1] - first, at = s->label[node];
		uint32_t next = 0;

		if (dominator_stopped(s, node))
			return dominator_stop_err();
		while (at < cnt && !next)
			next = dominators_follow(s, node, g->to[first + at++]);
		s->label[node] = at;
		node = next ? next : s->up[node];
	}
	return NULL;
}

static struct err *dominators_number_nodes(struct dominator_search *s)
{
	struct err *err = dominator_numbers(s, s->node_max, false, &s->d->vertices);

	if (!err)
		err = dominator_numbers(s, s->node_max, false, &s->up);
	if (!err)
		err = dominator_numbers(s, s->node_max, false, &s->semi);
	if (!err)
		err = dominator_numbers(s, s->node_max, false, &s->label);
	if (!err)
		err = dominator_numbers(s, s->node_max, true, &s->late);
	if (!err)
		err = dominator_numbers(s, s->node_max, false, &s->d->idoms);
	if (err)
		return err;
	s->d->cnt = 1;
	s->up[0] = s->semi[0] = s->label[0] = s->d->idoms[0] = 0;
	for (size_t i = 0; !err && i < s->g->root_cnt; i++)
		err = dominators_walk(s, dominators_follow(s, 0, s->g->roots[i]));
	return err;
}

/* Lists the edges from later nodes, by the node that they lead to. */
static struct err *dominators_list_late(struct dominator_search *s)
{
	const struct flow_graph *g = s->g;
	struct dominators *d = s->d;
	uint32_t all = 0;

	for (uint32_t v = 0; v < d->cnt; v++) {
		all += s->late[v];
		s->late[v] = all;
	}
	struct err *err = dominator_numbers(s, all, false, &s->preds);
	if (err)
		return err;
	s->late[d->cnt] = all; /* there is room for one more than node_max */
	for (uint32_t v = 1; v < d->cnt; v++) {
		uint32_t vertex = d->vertices[v];

		if (dominator_stopped(s, v))
			return dominator_stop_err();
		for (uint32_t at = g->first[vertex]; at < g->first[vertex + 1]; at++) {
			uint32_t to = d->places[g->to[at]];

			if (!(to & DOMINATORS_LEAF) && v > to)
				s->preds[--s->late[to]] = v;
		}
	}
	return NULL;
}

/* ---- dominators ---- */

/* The node with the least semidominator on the path from a node up to, without, the first one that
 * is not linked: linked are those after `done`. Shortens the path. While it goes up it turns the
 * links around, to find its way back. */
static uint32_t dominators_eval(struct dominator_search *s, uint32_t node, uint32_t done)
{
	uint32_t *up = s->up, *label = s->label, below = 0, x = node;

	while (up[x] > done) {
		uint32_t above = up[x];

		up[x] = below;
		below = x;
		x = above;
	}
	for (uint32_t top = up[x]; below;) {
		uint32_t y = below;

		below = up[y];
		if (s->semi[label[x]] < s->semi[label[y]])
			label[y] = label[x];
		up[y] = top;
		x = y;
	}
	return label[node];
}

/* The dominators of the nodes in the bucket of `parent`, whose children from w on are linked. */
static void dominators_empty_bucket(struct dominator_search *s, uint32_t parent, uint32_t w)
{
	uint32_t *idoms = s->d->idoms;

	for (uint32_t v = s->label[parent], next; v; v = next) {
		uint32_t u = dominators_eval(s, v, w - 1);

		next = idoms[v];
		idoms[v] = s->semi[u] < s->semi[v] ? u : parent;
	}
	s->label[parent] = 0;
}

static struct err *dominators_link_all(struct dominator_search *s)
{
	uint32_t *idoms = s->d->idoms;

	memset(s->label, 0, s->d->cnt * sizeof(*s->label));
	for (uint32_t w = s->d->cnt - 1; w; w--) {
		uint32_t semi = s->semi[w];

		if (dominator_stopped(s, w))
			return dominator_stop_err();
		for (uint32_t i = s->late[w]; i < s->late[w + 1]; i++) {
			uint32_t u = dominators_eval(s, s->preds[i], w);

			if (s->semi[u] < semi)
				semi = s->semi[u];
		}
		s->semi[w] = semi;
		idoms[w] = s->label[semi];
		s->label[semi] = w;
		s->label[w] = w; /* its bucket is empty: its last child emptied it */
		dominators_empty_bucket(s, s->up[w], w);
	}
	for (uint32_t w = 1; w < s->d->cnt; w++)
		if (idoms[w] != s->semi[w])
			idoms[w] = idoms[idoms[w]];
	return NULL;
}

struct err *dominators_find(const struct flow_graph *g, const struct dominators_opts *opts,
			    struct dominators *ret)
{
	_cleanup_(dominator_search_fini) struct dominator_search s = {
		.g = g,
		.opts = opts,
		.d = ret,
	};

	*ret = (struct dominators){ .vertex_cnt = g->cnt };
	if (g->cnt >= DOMINATORS_VERTICES_MAX)
		return err_new(ERR_UNSUPPORTED, "there are too many objects");
	struct err *err = dominator_numbers(&s, g->cnt, true, &ret->places);
	if (!err)
		err = dominators_place_leaves(&s);
	if (!err)
		err = dominators_number_nodes(&s);
	if (!err)
		err = dominators_list_late(&s);
	if (!err)
		err = dominators_link_all(&s);
	ret->peak_bytes = s.bytes;
	return err;
}

void dominators_fini(struct dominators *d)
{
	free(d->places);
	free(d->vertices);
	free(d->idoms);
	*d = (struct dominators){ 0 };
}

/* ---- sums ---- */

struct err *dominators_sum(const struct dominators *d, vertex_bytes_fn bytes, void *ctx,
			   uint64_t **ret)
{
	uint64_t *sums = calloc(d->cnt + 1, sizeof(*sums));

	if (!sums)
		return err_nomem();
	for (uint32_t v = 0; v < d->vertex_cnt; v++) {
		uint32_t node = dominators_node(d, v);

		if (node != DOMINATOR_NONE)
			sums[node] += bytes(ctx, v);
	}
	for (uint32_t v = d->cnt - 1; v; v--)
		sums[d->idoms[v]] += sums[v];
	*ret = sums;
	return NULL;
}
