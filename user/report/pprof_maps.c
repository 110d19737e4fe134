// SPDX-License-Identifier: GPL-2.0-only
/*
 * Samples of maps. The stack of a map is, from the leaf on: its type, what holds it, how the
 * program gets there as far as a path is known, and the calls that fill it.
 */
#include "report/pprof_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/printable.h"
#include "base/table.h"
#include "base/units.h"

/* What maps with one same_no have in common. */
struct pprof_same {
	bool counts; /* it is neither garbage nor suspect */
	bool sized; /* the next three are known */
	uint64_t live;
	uint64_t holes;
	uint64_t rebuild;
	uint64_t location; /* of the type */
};

struct pprof_walk {
	struct pprof *p;
	struct table by_same_no;
	VEC(struct pprof_same) sames;
};

/* ---- strings and locations ---- */

uint64_t pprof_string(struct pprof *p, const char *s)
{
	_cleanup_free_ char *copy = strdup(s ? s : "");

	if (!copy) {
		p->failed = true;
		return 0;
	}
	printable_make(copy);
	return intern_add(&p->strings, copy, strlen(copy));
}

static uint64_t pprof_location_of(struct pprof *p, const char *name, const char *file,
				  uint64_t line)
{
	struct pprof_function f = { .name = pprof_string(p, name), .file = pprof_string(p, file) };
	struct pprof_location l = { .function = intern_add(&p->functions, &f, sizeof(f)),
				    .line = line };

	return intern_add(&p->locations, &l, sizeof(l));
}

static void stack_push(struct pprof_stack *s, uint64_t location)
{
	if (s->depth < PPROF_DEPTH)
		s->locations[s->depth++] = location;
}

static void stack_push_frame(struct pprof *p, struct pprof_stack *s, const struct result_frame *f)
{
	if (f && f->function)
		stack_push(s, pprof_location_of(p, f->function, f->file, f->line));
}

/* ---- stacks ---- */

/* The way from the holder to the root: the last step of a path is the holder. */
static void stack_push_holders(struct pprof *p, struct pprof_stack *s, const struct map_view *m)
{
	if (m->path)
		for (size_t i = m->path->steps.len; i > 0; i--)
			stack_push(s,
				   pprof_location_of(p, m->path->steps.data[i - 1].text, NULL, 0));
	else if (m->holder)
		stack_push(s, pprof_location_of(p, m->holder->text, NULL, 0));
}

/* The calls that insert most, else those that made the map grow, or made it. */
static const struct result_caller *site_of(const struct map_view *m)
{
	static const enum map_op ops[] = { MAP_OP_INSERT, MAP_OP_GROW, MAP_OP_MAKE };

	for (size_t i = 0; m->activity && i < sizeof(ops) / sizeof(ops[0]); i++)
		if (m->activity->ops[ops[i]].caller)
			return m->activity->ops[ops[i]].caller;
	return NULL;
}

static void stack_push_site(struct pprof *p, struct pprof_stack *s, const struct map_view *m)
{
	const struct result_caller *c = site_of(m);

	if (!c || !c->function)
		return;
	stack_push(s, pprof_location_of(p, c->function, c->at ? c->at->file : NULL,
					c->at ? c->at->line : 0));
	for (size_t i = 0; i < c->inlined_into.len; i++)
		stack_push_frame(p, s, &c->inlined_into.data[i]);
	for (size_t i = 0; i < c->stack.len; i++)
		stack_push_frame(p, s, &c->stack.data[i]);
}

/* An id without the number that tells maps of one identity apart; 0: there is none. */
static uint64_t identity_of(struct pprof *p, const char *id)
{
	char identity[64];
	size_t len = id ? strcspn(id, ".-") : 0;

	if (!len || len >= sizeof(identity))
		return 0;
	memcpy(identity, id, len);
	identity[len] = 0;
	return pprof_string(p, identity);
}

/* ---- samples ---- */

static void pprof_add(struct pprof *p, const struct pprof_stack *s, const struct pprof_sums *values)
{
	size_t len = offsetof(struct pprof_stack, locations) + s->depth * sizeof(s->locations[0]);
	size_t no = intern_add(&p->stacks, s, len);

	if (no == p->sums.len && !vec_push(&p->sums, ((struct pprof_sums){ 0 })))
		p->failed = true;
	for (int i = 0; i < PPROF_VALUES && no < p->sums.len; i++)
		p->sums.data[no].v[i] += values->v[i];
}

static uint64_t type_location_of(struct pprof *p, const struct map_same *m)
{
	char text[64];

	if (m->type->name)
		return pprof_location_of(p, m->type->name, NULL, 0);
	snprintf(text, sizeof(text), "map (%s)",
		 m->type_candidates ? text_counted(m->type_candidates, "possible type").s
				    : "its type is not known");
	return pprof_location_of(p, text, NULL, 0);
}

static struct pprof_same pprof_same_of(struct pprof *p, const struct map_same *m)
{
	struct pprof_same same = {
		.counts = !m->garbage && strcmp(m->consistency ? m->consistency : "", "suspect"),
		.sized = m->hole_bytes.known && m->gives_back_bytes.known &&
			 m->hole_bytes.v <= m->table_bytes,
		.location = type_location_of(p, m),
	};

	if (same.sized) {
		same.live = m->table_bytes - m->hole_bytes.v;
		same.holes = m->hole_bytes.v;
		same.rebuild = m->part_of ? 0 : m->gives_back_bytes.v; /* see map_same.part_of */
	}
	return same;
}

/* Makes a view of a map with what it has in common with others, which may be known already. */
static struct pprof_same walk_view(struct pprof_walk *w, size_t i, struct map_view *m)
{
	struct result_maps *maps = w->p->r->maps;

	result_map(maps, i, /* wants_same= */ false, m);
	bool shared = m->same_no != MAP_SAME_NONE;
	size_t at = shared ? table_get(&w->by_same_no, m->same_no) : TABLE_NONE;
	if (at != TABLE_NONE)
		return w->sames.data[at];

	result_map(maps, i, /* wants_same= */ true, m);
	struct pprof_same same = pprof_same_of(w->p, m->same);
	if (shared && (!vec_push(&w->sames, same) ||
		       !table_put(&w->by_same_no, m->same_no, w->sames.len - 1)))
		w->p->failed = true;
	return same;
}

static void walk_map(struct pprof_walk *w, size_t i, struct pprof_sums *sum)
{
	struct pprof *p = w->p;
	struct pprof_stack s;
	struct map_view m;
	struct pprof_same same = walk_view(w, i, &m);

	if (!same.counts)
		return;
	p->sizeless += !same.sized;
	s.identity = identity_of(p, m.id);
	s.depth = 0;
	stack_push(&s, same.location);
	stack_push_holders(p, &s, &m);
	stack_push_site(p, &s, &m);

	const struct pprof_sums values = { {
		[PPROF_LIVE] = same.live,
		[PPROF_HOLES] = same.holes,
		[PPROF_REBUILD] = same.rebuild,
		[PPROF_MAPS] = 1,
		[PPROF_RETAINED] = m.retained_bytes.v,
	} };
	pprof_add(p, &s, &values);
	for (int v = 0; v < PPROF_VALUES; v++)
		sum->v[v] += values.v[v];
}

static uint64_t left(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

/* What a report lacks whose maps were cut with --top, in one sample. */
static void pprof_add_unlisted(struct pprof *p, const struct pprof_sums *listed)
{
	const struct result_totals *t = &p->r->census.taken->totals;
	struct pprof_stack s = { .identity = 0 };
	struct pprof_sums rest = { {
		[PPROF_LIVE] = left(left(t->table_bytes, t->hole_bytes), listed->v[PPROF_LIVE]),
		[PPROF_HOLES] = left(t->hole_bytes, listed->v[PPROF_HOLES]),
		[PPROF_REBUILD] = left(t->gives_back_bytes, listed->v[PPROF_REBUILD]),
		[PPROF_MAPS] = left(t->maps, listed->v[PPROF_MAPS]),
	} };

	if (!rest.v[PPROF_MAPS])
		return;
	stack_push(&s, pprof_location_of(p, "maps that are not listed (--top)", NULL, 0));
	pprof_add(p, &s, &rest);
}

void pprof_add_maps(struct pprof *p)
{
	struct pprof_walk w = { .p = p };
	struct pprof_sums listed = { 0 };

	for (size_t i = 0; i < result_maps_cnt(p->r->maps) && !p->failed; i++)
		walk_map(&w, i, &listed);
	if (p->r->census.taken && result_maps_cnt(p->r->maps) < result_maps_total(p->r->maps))
		pprof_add_unlisted(p, &listed);
	p->failed |= p->strings.failed || p->functions.failed || p->locations.failed ||
		     p->stacks.failed;
	table_fini(&w.by_same_no);
	vec_fini(&w.sames);
}
