// SPDX-License-Identifier: GPL-2.0-only
#include "model/map_ids.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/vec.h"
#include "graph/holders.h"
#include "maps/rows.h"
#include "process/gotypes.h"

enum { OUTER_MAPS_MAX = 16 }; /* maps in maps in maps */

struct ids_work {
	const struct map_rows *rows;
	const struct holders *holders;
	const struct gotypes *types;
	VEC(struct map_identity) identities;
	struct table by_hash; /* index in identities */
	uint32_t *of_row; /* index in identities */
	uint64_t *of_holder; /* hashes; 0: not made yet */
	uint64_t *of_kind; /* the same, of the types of maps, by kind of the rows */
};

/* ---- hashes ---- */

/* FNV-1a, with a zero after each text. Ids are compared with those of other versions of maptrace,
 * so this must stay as it is. */
static uint64_t id_add(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3;
	return h * 0x100000001b3;
}

static uint64_t id_add_number(uint64_t h, uint64_t v)
{
	for (int i = 0; i < 64; i += 8)
		h = (h ^ (v >> i & 0xff)) * 0x100000001b3;
	return h;
}

static const uint64_t id_start = 0xcbf29ce484222325;

/* ---- what is known of a map ---- */

/* The type of a map as the census knows it. Types with the same buckets are one: which of them it
 * is may be known in one process, and not in another. */
static uint64_t id_of_type(const struct map_info *m, const struct gotypes *types)
{
	bool sure = m->type && m->type_source != TYPE_CONTENTS;
	const struct map_type *t = sure ? gotypes_by_bucket(types, m->type->bucket) : NULL;

	if (!sure)
		return id_add_number(id_add(id_start, "slots"), m->bucket_sz);
	return id_add(id_add(id_start, "type"), t ? t->name : m->type->name);
}

static uint64_t id_of_row_type(const struct ids_work *w, size_t row)
{
	uint64_t *hash = &w->of_kind[w->rows->data[row].kind];
	struct map_info m = rows_get(w->rows, row);

	if (!*hash)
		*hash = id_of_type(&m, w->types);
	return *hash;
}

static int cmp_id_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint64_t id_of_variable(const struct holder *h)
{
	uint64_t hash = id_add(id_add(id_start, "variable"), h->package);
	const char *users[HOLDER_USERS_MAX];

	/* With a symbol table it has a name. The field is left out: what says that there is one
	 * may come after the start of the program. */
	if (!h->used_by_cnt || !strstr(h->text, " used by ")) {
		size_t len = strlen(h->text), tail = h->field ? strlen(h->field) + 1 : 0;
		_cleanup_free_ char *name = strndup(h->text, tail < len ? len - tail : len);

		return id_add(hash, name);
	}
	memcpy(users, h->used_by, sizeof(users));
	qsort(users, h->used_by_cnt, sizeof(*users), cmp_id_texts);
	for (uint32_t i = 0; i < h->used_by_cnt; i++)
		hash = id_add(hash, users[i]);
	return hash;
}

/* What code and types say of a holder is the same each time. */
static bool id_holder_is_certain(const struct holder *h)
{
	return h->kind == HOLDER_VARIABLE || (h->certain && h->kind != HOLDER_OBJECT);
}

/* What a holder of its own, without the map that it may be a part of, says. */
static uint64_t id_of_holder(const struct ids_work *w, size_t row)
{
	uint64_t *hash = &w->of_holder[holders_number(w->holders, row)];
	const struct holder *h = holders_of(w->holders, row);
	const struct map_type *t = h->map_type ? gotypes_find(w->types, h->map_type) : NULL;

	if (*hash)
		return *hash;
	*hash = h->kind == HOLDER_VARIABLE ? id_of_variable(h) : id_add_number(id_start, h->kind);
	bool has_field = h->kind != HOLDER_VARIABLE;
	*hash = id_add(id_add(*hash, has_field ? h->type : NULL), has_field ? h->field : NULL);
	*hash = id_add(*hash, h->function);
	*hash = id_add(*hash, t ? t->name : NULL);
	return *hash;
}

static struct map_identity id_of_row(const struct ids_work *w, size_t row, int depth);

/* A value of another map: that map tells it apart. */
static struct map_identity id_of_value(const struct ids_work *w, size_t row, int depth)
{
	uint32_t outer = holders_place(w->holders, row);
	struct map_identity id = { .hash = id_start };

	if (outer < w->rows->len && outer != row && depth < OUTER_MAPS_MAX)
		id = id_of_row(w, outer, depth + 1);
	id.hash = id_add_number(id.hash, id_of_holder(w, row));
	return id;
}

static struct map_identity id_of_row(const struct ids_work *w, size_t row, int depth)
{
	const struct holder *h = holders_of(w->holders, row);
	struct map_identity id = { .certain = h && id_holder_is_certain(h) };

	if (id.certain && h->kind == HOLDER_MAP)
		return id_of_value(w, row, depth);
	id.hash = id.certain ? id_of_holder(w, row) : id_of_row_type(w, row);
	if (h && !id.certain && h->kind == HOLDER_FRAME)
		id.hash = id_add(id_add(id.hash, "frame"), h->function);
	return id;
}

static bool ids_find_identities(struct ids_work *w)
{
	for (size_t row = 0; row < w->rows->len; row++) {
		struct map_identity id = id_of_row(w, row, 0);
		size_t at = table_get(&w->by_hash, id.hash);

		if (at == TABLE_NONE) {
			at = w->identities.len;
			if (!vec_push(&w->identities, id) || !table_put(&w->by_hash, id.hash, at))
				return false;
		}
		w->of_row[row] = at;
	}
	return true;
}

/* ---- several maps of one identity ---- */

struct id_order {
	uint32_t index; /* in an array, or of a variable */
	uint32_t row;
	uint64_t keys;
};

static int cmp_id_order(const void *a, const void *b)
{
	const struct id_order *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (x->keys != y->keys)
		return x->keys > y->keys ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* Whether the place of a map is an index to be shown. */
static bool id_shows_place(const struct ids_work *w, size_t row)
{
	const struct holder *h = holders_of(w->holders, row);

	return h && id_holder_is_certain(h) && h->kind != HOLDER_VARIABLE && h->kind != HOLDER_MAP;
}

static struct id_order id_order_of(const struct ids_work *w, size_t row)
{
	const struct holder *h = holders_of(w->holders, row);
	bool has_place = h && id_holder_is_certain(h) && h->kind != HOLDER_MAP;

	return (struct id_order){
		.index = has_place ? holders_place(w->holders, row) : HOLDERS_NO_PLACE,
		.row = row,
		.keys = rows_get(w->rows, row).live_keys,
	};
}

/* Whether two maps of one identity differ in nothing that an id says. */
static bool ids_collide(const struct ids_work *w, const struct id_order *a,
			const struct id_order *b)
{
	return !id_shows_place(w, a->row) || a->index == b->index;
}

/* Numbers the maps of one identity, which are in order. */
static void ids_number(const struct ids_work *w, const struct id_order *order, size_t cnt,
		       uint32_t identity, struct map_id *by_row)
{
	uint32_t nth = 0;

	for (size_t i = 0; i < cnt; i++) {
		const struct holder *h = holders_of(w->holders, order[i].row);
		bool follows = i && ids_collide(w, &order[i - 1], &order[i]);
		bool precedes = i + 1 < cnt && ids_collide(w, &order[i], &order[i + 1]);
		bool in_order = h && h->kind == HOLDER_VARIABLE;

		nth = follows ? nth + 1 : 1;
		by_row[order[i].row] = (struct map_id){
			.identity = identity,
			.index = id_shows_place(w, order[i].row) ? order[i].index : MAP_ID_NO_INDEX,
			.nth = nth,
			.ranked = (follows || precedes) && !in_order,
		};
	}
}

/* Sorts the rows by identity, and numbers those of each. */
static bool ids_order(const struct ids_work *w, struct map_id *by_row)
{
	size_t cnt = w->identities.len, rows = w->rows->len;
	_cleanup_free_ size_t *ends = calloc(cnt + 1, sizeof(*ends));
	_cleanup_free_ struct id_order *order = malloc((rows + 1) * sizeof(*order));

	if (!ends || !order)
		return false;
	for (size_t row = 0; row < rows; row++)
		ends[w->of_row[row] + 1]++;
	for (size_t i = 0; i < cnt; i++)
		ends[i + 1] += ends[i];
	for (size_t row = 0; row < rows; row++)
		order[ends[w->of_row[row]]++] = id_order_of(w, row);
	for (size_t i = 0, first = 0; i < cnt; first = ends[i], i++) {
		qsort(order + first, ends[i] - first, sizeof(*order), cmp_id_order);
		ids_number(w, order + first, ends[i] - first, i, by_row);
	}
	return true;
}

/* ---- all of it ---- */

static bool ids_work_init(struct ids_work *w)
{
	w->of_row = malloc((w->rows->len + 1) * sizeof(*w->of_row));
	w->of_holder = calloc(holders_cnt(w->holders) + 1, sizeof(*w->of_holder));
	w->of_kind = calloc(w->rows->kinds.len + 1, sizeof(*w->of_kind));
	return w->of_row && w->of_holder && w->of_kind;
}

static void ids_work_fini(struct ids_work *w)
{
	vec_fini(&w->identities);
	table_fini(&w->by_hash);
	free(w->of_row);
	free(w->of_holder);
	free(w->of_kind);
}

void map_ids_make(struct map_ids *ids, struct pool *pool, const struct map_rows *rows,
		  const struct holders *holders, const struct gotypes *types)
{
	_cleanup_(ids_work_fini) struct ids_work w = {
		.rows = rows,
		.holders = holders,
		.types = types,
	};
	bool ok = ids_work_init(&w) && ids_find_identities(&w);

	*ids = (struct map_ids){ 0 };
	pool_list(pool, &ids->identities, ok ? w.identities.len : 0);
	pool_list(pool, &ids->by_row, ok ? rows->len : 0);
	if (ids->identities.len)
		memcpy(ids->identities.data, w.identities.data,
		       w.identities.len * sizeof(*w.identities.data));
	if (ok && !pool->failed && ids_order(&w, ids->by_row.data))
		return;
	pool->failed = true;
	ids->by_row.len = 0;
}

bool map_id_text(const struct map_ids *ids, size_t row, char buf[MAP_ID_SZ])
{
	const struct map_id *id = row < ids->by_row.len ? &ids->by_row.data[row] : NULL;
	int at;

	if (!id)
		return false;
	at = snprintf(buf, MAP_ID_SZ, "%016" PRIx64, ids->identities.data[id->identity].hash);
	if (id->index != MAP_ID_NO_INDEX)
		at += snprintf(buf + at, MAP_ID_SZ - at, ".%" PRIu32, id->index);
	if (id->nth > 1)
		snprintf(buf + at, MAP_ID_SZ - at, "-%" PRIu32, id->nth);
	return true;
}

bool map_id_is_certain(const struct map_ids *ids, size_t row)
{
	return row < ids->by_row.len && !ids->by_row.data[row].ranked &&
	       ids->identities.data[ids->by_row.data[row].identity].certain;
}

void map_id_of_kind(const struct map_info *m, char buf[MAP_ID_SZ])
{
	uint64_t hash = id_add(id_add(id_start, "group"), m->type ? m->type->name : NULL);

	if (!m->type)
		hash = id_add_number(id_add_number(hash, m->bucket_sz), m->shape_candidates);
	snprintf(buf, MAP_ID_SZ, "%016" PRIx64, hash);
}
