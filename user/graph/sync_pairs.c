// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sync.Maps that have a read-only map and a dirty one (Go source: sync/map.go; in 1.24 and 1.25
 * with GOEXPERIMENT=nosynchashtriemap). See go-runtime facts 13.1.
 */
#include <string.h>

#include "base/cursor.h"
#include "graph/sync_search.h"

enum {
	/* sync.Map without its type: up to 1.19 the readOnly is in an interface. */
	READ_1_19 = 16,
	DIRTY_1_19 = 24,
	READ_OFF = 8,
	DIRTY_OFF = 16,
	READ_IS_POINTER_SINCE = 20,
	READ_ONLY_SZ = 16, /* sync.readOnly: the map, and a bool */
	ANY_SZ = 16,
};

/* ---- types ---- */

static bool is_sync_map_type(const struct catalogue *cat, const struct cat_type *t)
{
	return t->kind == CAT_MAP && !t->named && t->key && t->key->kind == CAT_INTERFACE &&
	       !t->key->method_cnt && !t->key->named && t->elem && t->elem->kind == CAT_POINTER &&
	       t->elem->elem && t->elem->elem->size == 8 && t->elem->elem->named &&
	       !strcmp(cat_type_name(cat, t->elem->elem), "sync.entry");
}

static const struct cat_field *type_field(const struct cat_type *t, const char *name)
{
	for (uint32_t i = 0; t->kind == CAT_STRUCT && i < t->field_cnt; i++)
		if (!strcmp(t->fields[i].name, name))
			return &t->fields[i];
	return NULL;
}

/* Takes the offsets from the type itself, which not every program has. */
static void pairs_set_offsets(struct sync_search *y, const struct cat_type *t)
{
	const struct cat_field *read = type_field(t, "read"), *dirty = type_field(t, "dirty");

	if (!t->named || !read || !dirty || dirty->type != y->map_type ||
	    strcmp(cat_type_name(y->s->cat, t), "sync.Map"))
		return;
	y->read_off = read->off + (read->type->size == ANY_SZ ? 8 : 0);
	y->dirty_off = dirty->off;
}

static void pairs_find_types(struct sync_search *y)
{
	const struct catalogue *cat = y->s->cat;
	bool old = y->s->heap->prog->image.build.minor < READ_IS_POINTER_SINCE;

	y->read_off = old ? READ_1_19 : READ_OFF;
	y->dirty_off = old ? DIRTY_1_19 : DIRTY_OFF;
	for (size_t i = 0; i < catalogue_cnt(cat) && !y->map_type; i++)
		if (is_sync_map_type(cat, catalogue_nth(cat, i)))
			y->map_type = catalogue_nth(cat, i);
	for (size_t i = 0; y->map_type && i < catalogue_cnt(cat); i++)
		if (catalogue_nth(cat, i)->kind == CAT_STRUCT)
			pairs_set_offsets(y, catalogue_nth(cat, i));
}

/* ---- the maps and what leads to them ---- */

/* Whether the map of a row is certainly of the type, by the census or by its holder. */
static bool row_is_inner(const struct sync_search *y, uint32_t row)
{
	const struct holders *h = y->s->ret;
	const struct cat_type *t = search_row_type(y->s, row);
	uint32_t no = h->by_row[row];

	if (t || no == HOLDERS_NO_HOLDER)
		return t == y->map_type;
	return h->set.list.data[no].certain && h->set.list.data[no].map_type == y->map_type->addr;
}

/* A word of the heap leads to such a map: it is of a readOnly, or the dirty field of a sync.Map. */
static struct err *pairs_note_word(struct sync_search *y, const struct leading_word *w,
				   uint32_t row)
{
	struct sync_part part = { .addr = w->word, .row = row };
	struct object o;

	if (w->span == UINT32_MAX ||
	    !span_object(y->s->heap, &y->s->heap->spans.data[w->span], w->word, &o))
		return NULL;
	if (o.size == READ_ONLY_SZ && w->word == o.start)
		return vec_push(&y->parts, part) ? NULL : err_nomem();
	if (w->word - o.start < y->dirty_off)
		return NULL;
	return vec_push(&y->pairs, w->word - y->dirty_off) ? NULL : err_nomem();
}

struct err *sync_pairs_list(struct sync_search *y)
{
	struct holder_search *s = y->s;
	struct err *err = NULL;
	_cleanup_free_ bool *inner = calloc(s->ret->row_cnt + 1, sizeof(*inner));
	bool any = false;

	pairs_find_types(y);
	if (!inner)
		return err_nomem();
	for (size_t i = 0; y->map_type && i < s->ret->row_cnt; i++)
		any |= inner[i] = row_is_inner(y, i);
	if (!any)
		return NULL;
	for (size_t i = 0; !err && i < s->words.len; i++) {
		const struct leading_word *w = &s->words.data[i];

		if (w->target < s->header_cnt && inner[s->target_rows.data[w->target]])
			err = pairs_note_word(y, w, s->target_rows.data[w->target]);
	}
	for (size_t i = 0; !err && i < s->root_words.len; i++) {
		const struct root_word *w = &s->root_words.data[i];

		if (w->target < s->header_cnt && inner[s->target_rows.data[w->target]] &&
		    !vec_push(&y->pairs, w->word - y->dirty_off))
			err = err_nomem();
	}
	return err ? err : sync_find_expunged(y);
}

/* ---- one sync.Map ---- */

/* Reads the two pointers. False: they cannot be read. */
static struct err *pair_read(const struct sync_search *y, uint64_t addr, uint64_t *read,
			     uint64_t *dirty, bool *ok_ret)
{
	struct mem *mem = &y->s->heap->prog->target->mem;
	struct mem_req reqs[] = {
		{ addr + y->read_off, 8, false, read },
		{ addr + y->dirty_off, 8, false, dirty },
	};
	struct err *err = mem->read_reqs(mem, reqs, 2);

	*ok_ret = !err && reqs[0].ok && reqs[1].ok;
	return err;
}

/* A readOnly without a map is that of a sync.Map whose keys are all in the dirty one. */
static struct err *pair_read_only(struct sync_search *y, uint64_t addr, struct sync_map *m)
{
	uint32_t at = addr ? targets_find(&y->part_targets, addr) : TARGET_NONE;
	uint64_t map = 0;

	if (!addr)
		return NULL;
	if (at != TARGET_NONE) {
		y->parts.data[at].found = true;
		m->read_row = y->parts.data[at].row;
		return NULL;
	}
	struct mem *mem = &y->s->heap->prog->target->mem;
	struct mem_req req = { addr, 8, false, &map };
	struct err *err = mem->read_reqs(mem, &req, 1);
	m->moving |= !req.ok || map;
	return err;
}

/* part: a readOnly that it had a moment ago; NULL: none. */
static struct err *pair_add(struct sync_search *y, uint64_t addr, const struct sync_part *part)
{
	struct sync_map m = {
		.addr = addr,
		.kind = SYNC_MAP,
		.form = SYNC_OF_MAPS,
		.read_row = UINT32_MAX,
		.dirty_row = UINT32_MAX,
	};
	uint64_t read, dirty;
	bool ok;

	if (addr % 8 || table_get(&y->by_addr, addr) != TABLE_NONE)
		return NULL;
	struct err *err = pair_read(y, addr, &read, &dirty, &ok);
	if (err || !ok)
		return err;
	ssize_t row = dirty ? rows_find(&y->s->census->maps, dirty) : ROWS_NONE;
	if (row != ROWS_NONE && row_is_inner(y, row))
		m.dirty_row = row;
	/* A new map may have no table yet, and then it is in no row. */
	err = pair_read_only(y, read, &m);
	if (m.read_row == UINT32_MAX && part) {
		m.read_row = part->row;
		m.moving = true;
	}
	if (err || (m.dirty_row == UINT32_MAX && m.read_row == UINT32_MAX))
		return err;
	err = sync_entries_count(y, &m);
	return err ? err : sync_add(y, &m, ".dirty", y->dirty_off);
}

struct err *sync_pairs_add(struct sync_search *y, uint64_t word, struct sync_part *part)
{
	struct object o;
	bool in_heap = heap_object(y->s->heap, word, &o);

	if (in_heap ? word - o.start < y->read_off : !data_roots_find(&y->s->roots, word))
		return NULL;
	return part->found ? NULL : pair_add(y, word - y->read_off, part);
}

struct err *sync_pairs_add_known(struct sync_search *y)
{
	struct err *err = NULL;

	for (size_t i = 0; !err && i < y->pairs.len && !search_is_late(y->s); i++)
		err = pair_add(y, y->pairs.data[i], NULL);
	return err;
}
