// SPDX-License-Identifier: GPL-2.0-only
#include "graph/pinned.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "maps/buckets.h"
#include "maps/kinds.h"

enum {
	PINNED_MAPS_MAX = 1024, /* those that retain most besides their tables */
	PINNED_OBJECT_MIN = 256, /* bytes; smaller objects are not worth a copy */
	PINNED_CLIMB_MAX = 64, /* dominators between an object and a map's header */
};

/* An object that strings of a map point into. */
struct pinned_object {
	uint32_t object;
	uint32_t map; /* index in the maps of the search */
	uint64_t slot; /* its address */
	uint64_t size; /* of the slot */
	uint64_t strings;
	uint64_t string_bytes;
	uint64_t copy_bytes; /* slots of copies of these strings */
	bool keys;
	bool values;
	bool outside; /* something else than the map's tables leads to it */
};

struct pinned_search {
	const struct retained *r;
	const struct pinned_opts *opts;
	const struct map_kind_ops *ops;
	VEC(struct pinned_candidate {
		size_t row;
		uint64_t besides; /* retained bytes beside the tables */
	})
	maps;
	struct table owners; /* of tables: index in maps, by object */
	VEC(struct pinned_object) objects;
	struct table by_object; /* index in objects */
	uint64_t *wanted; /* a bit for each object that is in `objects` */
	bool failed; /* memory ran out */
	uint32_t map; /* the one at hand */
	const struct map_type *type; /* its type */
};

static void pinned_search_fini(struct pinned_search *s)
{
	vec_fini(&s->maps);
	table_fini(&s->owners);
	vec_fini(&s->objects);
	table_fini(&s->by_object);
	free(s->wanted);
}

/* ---- which maps to look at ---- */

static bool type_has_strings(const struct map_type *type)
{
	for (uint32_t i = 0; i < type->word_cnt; i++)
		if (type->words[i].kind == WORD_STRING)
			return true;
	return false;
}

static int cmp_pinned_candidates(const void *a, const void *b)
{
	const struct pinned_candidate *x = a, *y = b;

	if (x->besides != y->besides)
		return x->besides < y->besides ? 1 : -1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static struct err *pinned_list_maps(struct pinned_search *s)
{
	const struct census *census = s->r->census;
	uint64_t min = s->opts->min_bytes;

	for (size_t row = 0; row < census->maps.len; row++) {
		uint64_t retained = retained_of(s->r, row);

		if (retained == RETAINED_UNKNOWN || retained < min)
			continue;
		struct map_info m = census_map(census, row);
		if (!map_counts(&m) || !m.type || m.bucket_sz != m.type->bucket_sz ||
		    !type_has_strings(m.type) || retained < m.table_bytes ||
		    retained - m.table_bytes < min)
			continue;
		struct pinned_candidate c = { row, retained - m.table_bytes };
		if (!vec_push(&s->maps, c))
			return err_nomem();
	}
	vec_sort(&s->maps, cmp_pinned_candidates);
	if (s->maps.len > PINNED_MAPS_MAX)
		s->maps.len = PINNED_MAPS_MAX;
	return NULL;
}

/* ---- the strings of a map ---- */

/* Notes an object as a table of the map at hand. A retained_table_fn. */
static void pinned_own(void *ctx, uint32_t object)
{
	struct pinned_search *s = ctx;

	if (table_get(&s->owners, object) == TABLE_NONE)
		s->failed |= !table_put(&s->owners, object, s->map);
}

static struct pinned_object *pinned_object_of(struct pinned_search *s, const struct object *found)
{
	uint32_t object = objects_number(s->r->objs, found->slot);
	size_t at = table_get(&s->by_object, object);

	if (at == TABLE_NONE) {
		struct pinned_object o = {
			.object = object,
			.map = s->map,
			.slot = found->slot,
			.size = found->size,
		};

		at = s->objects.len;
		if (!vec_push(&s->objects, o) || !table_put(&s->by_object, object, at)) {
			s->failed = true;
			return NULL;
		}
		s->wanted[object / 64] |= 1ull << object % 64;
	}
	return &s->objects.data[at];
}

static void pinned_see_string(struct pinned_search *s, uint64_t addr, uint64_t len, bool in_key)
{
	const struct heap *heap = s->r->objs->heap;
	struct object o;

	if (!len || !heap_object(heap, addr, &o) || o.size < PINNED_OBJECT_MIN ||
	    !span_noscan(o.span) || len > o.slot + o.size - addr)
		return;
	struct pinned_object *p = pinned_object_of(s, &o);
	if (!p || p->map != s->map)
		return;
	p->strings++;
	p->string_bytes += len;
	p->copy_bytes += alloc_size(len, /* noscan= */ true, heap_malloc_headers(heap));
	p->keys |= in_key;
	p->values |= !in_key;
}

static void pinned_see_slot(struct pinned_search *s, const uint8_t *bucket, uint32_t slot)
{
	const struct map_type *type = s->type;
	const struct slots *slots = &type->slots;

	for (uint32_t i = 0; i < type->word_cnt; i++) {
		const struct word_type *w = &type->words[i];
		uint64_t off = w->off + (uint64_t)slot * w->stride;
		bool in_key = w->off >= slots->keys_off && w->off < slots->keys_off + slots->key_sz;

		if (w->kind == WORD_STRING && off + 16 <= type->bucket_sz)
			pinned_see_string(s, load_u64(bucket, off), load_u64(bucket, off + 8),
					  in_key);
	}
}

/* A classic bucket ends with the address of a chained one, which is a table, too. */
static void pinned_see_chained(struct pinned_search *s, const uint8_t *bucket)
{
	uint64_t addr = load_u64(bucket, s->type->bucket_sz - 8);
	uint32_t object = addr ? objects_number(s->r->objs, addr) : OBJECT_NO_NUMBER;

	if (object != OBJECT_NO_NUMBER)
		pinned_own(s, object);
}

/* A buckets_visit_fn. */
static bool pinned_see_buckets(void *ctx, const uint8_t *buckets, size_t n)
{
	struct pinned_search *s = ctx;
	bool classic = s->r->objs->heap->prog->layout.kind == MAP_CLASSIC;

	for (; n && !s->failed; n--, buckets += s->type->bucket_sz) {
		if (classic)
			pinned_see_chained(s, buckets);
		for (uint32_t i = 0; i < BUCKET_SLOTS; i++)
			if (slot_is_full(s->ops, buckets[i]))
				pinned_see_slot(s, buckets, i);
	}
	return !s->failed;
}

static struct err *pinned_read_map(struct pinned_search *s, const struct map_info *m, uint8_t *buf)
{
	struct heap *heap = s->r->objs->heap;
	struct bucket_visitor visitor = { pinned_see_buckets, s, buf };
	struct buckets b = { 0 };
	bool found = false, whole;

	s->type = m->type;
	retained_visit_tables(s->r, s->maps.data[s->map].row, s->r->graph->first[s->r->graph->cnt],
			      pinned_own, s);
	struct err *err = buckets_init(&b, heap, s->opts->residency, m, &found);
	/* What could not be read has strings that are not counted. Then too much would seem to
	 * come back, though no more than is there. */
	if (!err && found && b.cnt * b.bucket_sz <= 2 * m->table_bytes)
		err = buckets_visit(&b, 0, b.cnt, &visitor, &whole);
	buckets_fini(&b);
	return !err && s->failed ? err_nomem() : err;
}

static struct err *pinned_read_maps(struct pinned_search *s, struct pinned *ret)
{
	_cleanup_free_ uint8_t *buf = malloc(BUCKETS_READ_SZ);
	uint64_t left = s->opts->budget_bytes;
	struct err *err = NULL;

	s->wanted = calloc(s->r->graph->cnt / 64 + 1, sizeof(*s->wanted));
	if (!buf || !s->wanted)
		return err_nomem();
	for (s->map = 0; !err && s->map < s->maps.len; s->map++) {
		struct map_info m = census_map(s->r->census, s->maps.data[s->map].row);

		if (m.table_bytes > left) {
			ret->unread++;
			continue;
		}
		left -= m.table_bytes;
		err = pinned_read_map(s, &m, buf);
	}
	return err;
}

/* ---- which objects the tables alone keep ---- */

/* Whether an object belongs to a map: its tables and directories do. */
static bool pinned_is_owned(const struct pinned_search *s, uint32_t object, uint32_t map)
{
	return table_get(&s->owners, object) == map;
}

/* Looks for references from elsewhere than the tables of an object's map. */
static void pinned_find_outside(struct pinned_search *s)
{
	const struct heap_graph *g = s->r->graph;
	const struct dominators *d = &s->r->doms;

	for (uint32_t node = 1; node < d->cnt && s->objects.len; node++) {
		uint32_t from = d->vertices[node];

		for (uint32_t at = g->first[from]; at < g->first[from + 1]; at++) {
			uint32_t to = g->to[at];

			if (!(s->wanted[to / 64] >> to % 64 & 1))
				continue;
			struct pinned_object *o = &s->objects.data[table_get(&s->by_object, to)];
			o->outside |= !pinned_is_owned(s, from, o->map);
		}
	}
}

/* Whether all paths to an object go through its map's header, and only tables are between. */
static bool pinned_is_kept(const struct pinned_search *s, const struct pinned_object *o)
{
	const struct dominators *d = &s->r->doms;
	uint32_t header = dominators_node(d, retained_header(s->r, s->maps.data[o->map].row));

	if (o->outside || dominators_node(d, o->object) == DOMINATOR_NONE)
		return false;
	uint32_t node = dominators_idom(d, o->object);
	for (int i = 0; i < PINNED_CLIMB_MAX && node != DOMINATOR_ROOTS; i++) {
		if (node == header)
			return true;
		if (!pinned_is_owned(s, d->vertices[node], o->map))
			return false;
		node = d->idoms[node];
	}
	return false;
}

static void pinned_add(const struct pinned_search *s, const struct pinned_object *p,
		       struct pinned_map *to)
{
	const struct residency *residency = s->opts->residency;
	uint64_t resident = residency ? residency_bytes(residency, p->slot, p->size) : 0;

	if (2 * p->copy_bytes > p->size || !pinned_is_kept(s, p))
		return;
	to->keys |= p->keys;
	to->values |= p->values;
	to->objects++;
	to->object_bytes += p->size;
	to->strings += p->strings;
	to->string_bytes += p->string_bytes;
	to->gives_back_bytes += p->size - p->copy_bytes;
	to->gives_back_resident_bytes += resident > p->copy_bytes ? resident - p->copy_bytes : 0;
	if (p->size > to->largest_bytes)
		to->largest_bytes = p->size;
}

static int cmp_pinned_maps(const void *a, const void *b)
{
	size_t x = ((const struct pinned_map *)a)->row, y = ((const struct pinned_map *)b)->row;

	return x < y ? -1 : x > y;
}

static struct err *pinned_sum(const struct pinned_search *s, struct pinned *ret)
{
	_cleanup_free_ struct pinned_map *maps = calloc(s->maps.len + 1, sizeof(*maps));

	if (!maps)
		return err_nomem();
	for (size_t i = 0; i < s->objects.len; i++)
		pinned_add(s, &s->objects.data[i], &maps[s->objects.data[i].map]);
	for (size_t i = 0; i < s->maps.len; i++) {
		maps[i].row = s->maps.data[i].row;
		if (maps[i].objects && maps[i].gives_back_bytes >= s->opts->min_bytes &&
		    !vec_push(&ret->maps, maps[i]))
			return err_nomem();
	}
	vec_sort(&ret->maps, cmp_pinned_maps);
	return NULL;
}

struct err *pinned_find(const struct retained *r, const struct pinned_opts *opts,
			struct pinned *ret)
{
	_cleanup_(pinned_search_fini) struct pinned_search s = {
		.r = r,
		.opts = opts,
		.ops = kinds_ops_of(r->objs->heap),
	};

	*ret = (struct pinned){ 0 };
	struct err *err = pinned_list_maps(&s);
	if (!err)
		err = pinned_read_maps(&s, ret);
	if (err)
		return err;
	pinned_find_outside(&s);
	return pinned_sum(&s, ret);
}

void pinned_fini(struct pinned *p)
{
	vec_fini(&p->maps);
	*p = (struct pinned){ 0 };
}
