// SPDX-License-Identifier: GPL-2.0-only
/* Fills in the other objects of the heap. */
#include "graph/holders.h"
#include "model/result_fill.h"

enum { OBJECT_GROUPS_LISTED_MAX = 200 };

static enum result_object_source result_object_source_of(enum object_source source)
{
	switch (source) {
	case OBJECTS_NOTED:
		return OBJECT_SOURCE_NOTED;
	case OBJECTS_FITTED:
		return OBJECT_SOURCE_FITTED;
	case OBJECTS_BY_SIZE:
		break;
	}
	return OBJECT_SOURCE_SIZE;
}

/* Three digits, since an estimate has no more. */
static uint64_t three_digits(uint64_t v)
{
	uint64_t unit = 1;

	while (v / unit >= 1000)
		unit *= 10;
	return (v / unit + (v % unit * 2 >= unit && unit > 1)) * unit;
}

static struct result_object_group result_object_group_of(struct pool *pool,
							 const struct object_group *g,
							 bool garbage_known)
{
	return (struct result_object_group){
		.type = pool_text(pool, g->type),
		.source = result_object_source_of(g->source),
		.slot_bytes = g->slot_bytes,
		.pointers = g->pointers,
		.certain = g->certain && g->type,
		.estimated = g->estimated,
		.count = g->estimated ? three_digits(g->cnt) : g->cnt,
		.bytes = g->bytes,
		.bytes_low = g->bytes_low,
		.bytes_high = g->bytes_high,
		.garbage_bytes = opt_if(garbage_known, g->garbage_bytes),
	};
}

void result_fill_objects(struct result *r, const struct watch *w)
{
	if (!w->snap || !w->holders || !holders_objtypes(w->holders)->taken)
		return;
	const struct objtypes *all = holders_objtypes(w->holders);
	size_t cnt = all->groups.len < OBJECT_GROUPS_LISTED_MAX ? all->groups.len
								: OBJECT_GROUPS_LISTED_MAX;

	r->objects_total = pool_alloc(&r->pool, sizeof(*r->objects_total));
	if (!r->objects_total)
		return;
	*r->objects_total = (struct result_objects_total){
		.count = all->cnt,
		.bytes = all->bytes,
		.looked_at = all->looked_at,
		.groups = all->groups.len,
	};
	pool_list(&r->pool, &r->objects, cnt);
	for (size_t i = 0; i < r->objects.len; i++)
		r->objects.data[i] =
			result_object_group_of(&r->pool, &all->groups.data[i], all->garbage_known);
}
