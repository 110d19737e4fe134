// SPDX-License-Identifier: GPL-2.0-only
#include "graph/sync_maps.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "graph/sync_search.h"

enum {
	SYNC_TEXT_MAX = 1024,
	SYNC_REFERRERS = 40, /* a root has 16 nodes that lead back to it */
	SYNC_HEAP_SMALL = 512 << 20, /* bytes to scan that are worth it for any map */
	SYNC_MAPS_MAX = 1 << 20,
};

/* ---- who has it ---- */

/* Cuts the member off a path that ends with it. False: it does not. */
static bool path_cut(char *path, const char *member)
{
	size_t len = strlen(path), end = strlen(member);

	if (!strcmp(path, member + 1)) {
		path[0] = '\0';
		return true;
	}
	if (len < end || strcmp(path + len - end, member))
		return false;
	path[len - end] = '\0';
	return true;
}

/* Makes the holder from the type of the object that a sync.Map is in. */
static uint32_t sync_name_field(const struct sync_search *y, const struct fit *fit, uint64_t off,
				const char *member)
{
	struct holder_search *s = y->s;
	bool array = fit->kind == FIT_ARRAY;
	struct holder h = { .kind = HOLDER_FIELD, .candidates = fit->candidates };
	char text[SYNC_TEXT_MAX], field[sizeof(((struct cat_leaf *)0)->path)];
	struct cat_leaf leaf;

	if (!fit->type || !fit->type->size || (fit->kind != FIT_VALUE && !array) ||
	    !catalogue_leaf(s->cat, fit->type, off % fit->type->size, &leaf))
		return HOLDERS_NO_HOLDER;
	naming_path(leaf.path, field, sizeof(field));
	/* The type may be the sync.Map itself, or the HashTrieMap that it is. */
	if (!path_cut(field, member) && !path_cut(field, ".root.v"))
		return HOLDERS_NO_HOLDER;
	h.type = cat_type_name(s->cat, fit->type);
	h.field = field[0] ? field : NULL;
	h.certain = fit->certain;
	if (!field[0])
		h.kind = array ? HOLDER_ELEMENT : HOLDER_OBJECT;
	snprintf(text, sizeof(text), "%s%s%s%s%s", array ? "[]" : "*", h.type,
		 array && !field[0] ? "[*]" : "", field[0] && field[0] != '[' ? "." : "", field);
	h.text = text;
	return holder_set_add(&s->ret->set, &h);
}

static struct err *sync_name_in_object(struct sync_search *y, const struct object *o,
				       struct sync_map *m, const char *member, uint32_t member_off)
{
	struct object_batch *b = y->batch;
	struct fit fit;

	b->cnt = 1;
	b->objects[0] = *o;
	struct err *err = objects_read(y->s->heap, b);
	if (err || !b->ok[0])
		return err;
	fit_types(y->s->fitter, &b->read[0], NULL, &fit);
	m->holder = sync_name_field(y, &fit, m->addr + member_off - o->start, member);
	return NULL;
}

static struct err *sync_name(struct sync_search *y, struct sync_map *m, const char *member,
			     uint32_t member_off)
{
	/* No word leads to a map, as with a variable of one that outlived its frame. */
	static const struct held_word no_map = { .indirect = true };
	struct holder_search *s = y->s;
	struct object o;

	m->holder = HOLDERS_NO_HOLDER;
	if (heap_object(s->heap, m->addr, &o))
		return sync_name_in_object(y, &o, m, member, member_off);
	if (!data_roots_find(&s->roots, m->addr))
		return NULL;
	struct err *err = search_open_vars(s);
	if (!err)
		m->holder = naming_variable(&s->naming, m->addr, &no_map);
	return err;
}

/* Notes whose map the row is. False: memory ran out. */
static bool sync_claim_row(struct sync_search *y, uint32_t row)
{
	return row == UINT32_MAX || table_get(&y->by_row, row) != TABLE_NONE ||
	       table_put(&y->by_row, row, y->ret->list.len);
}

static bool sync_has_claimed_row(const struct sync_search *y, const struct sync_map *m)
{
	return (m->read_row != UINT32_MAX && table_get(&y->by_row, m->read_row) != TABLE_NONE) ||
	       (m->dirty_row != UINT32_MAX && table_get(&y->by_row, m->dirty_row) != TABLE_NONE);
}

struct err *sync_add(struct sync_search *y, struct sync_map *m, const char *member,
		     uint32_t member_off)
{
	struct sync_maps *ret = y->ret;

	if (ret->list.len >= SYNC_MAPS_MAX || table_get(&y->by_addr, m->addr) != TABLE_NONE ||
	    sync_has_claimed_row(y, m))
		return NULL;
	struct err *err = sync_name(y, m, member, member_off);
	if (!err && !(sync_claim_row(y, m->read_row) && sync_claim_row(y, m->dirty_row)))
		err = err_nomem();
	if (!err && !(table_put(&y->by_addr, m->addr, ret->list.len) && vec_push(&ret->list, *m)))
		err = err_nomem();
	return err;
}

/* ---- what leads to the parts ---- */

static struct err *sync_add_word(struct sync_search *y, uint64_t word, uint32_t target)
{
	struct sync_part *part = &y->parts.data[target];

	if (part->found)
		return NULL;
	return part->row == UINT32_MAX ? sync_tries_add(y, word, part)
				       : sync_pairs_add(y, word, part);
}

static struct err *sync_index_parts(struct sync_search *y)
{
	for (size_t i = 0; i < y->parts.len; i++)
		if (!vec_push(&y->part_targets.addrs, y->parts.data[i].addr))
			return err_nomem();
	return targets_index(&y->part_targets) ? NULL : err_nomem();
}

static struct err *sync_search_roots(struct sync_search *y)
{
	struct root_words words = { 0 };
	struct err *err = search_root_words(y->s, &y->part_targets, &words);

	for (size_t i = 0; !err && i < words.len && !search_is_late(y->s); i++)
		err = sync_add_word(y, words.data[i].word, words.data[i].target);
	vec_fini(&words);
	return err;
}

/* What the parts without a sync.Map keep, about: a small one in a large heap is not worth a pass. */
static uint64_t sync_stake(const struct sync_search *y)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < y->parts.len; i++) {
		const struct sync_part *p = &y->parts.data[i];

		if (p->found)
			continue;
		/* How large a trie is, is not known yet. */
		bytes += p->row == UINT32_MAX ? SYNC_SMALL
					      : census_map(y->s->census, p->row).table_bytes;
	}
	return bytes;
}

static uint64_t sync_scan_bytes(const struct heap *heap)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < heap->spans.len; i++)
		if (heap->spans.data[i].state == SPAN_IN_USE && !span_noscan(&heap->spans.data[i]))
			bytes += span_bytes(&heap->spans.data[i]);
	return bytes;
}

static struct err *sync_search_heap(struct sync_search *y)
{
	struct holder_search *s = y->s;
	uint64_t stake = sync_stake(y);
	struct pass_opts opts = {
		.spans = PASS_REST,
		.residency = s->census->residency,
		.deadline_ns = s->deadline_ns,
		.most = SYNC_REFERRERS,
	};
	struct referrers found = { 0 };

	if (!stake || (stake < SYNC_SMALL && sync_scan_bytes(s->heap) > SYNC_HEAP_SMALL))
		return NULL;
	struct err *err = referrers_find(s->heap, &y->part_targets, &opts, &found);
	for (size_t i = 0; !err && i < found.list.len && !search_is_late(s); i++)
		err = sync_add_word(y, found.list.data[i].word, found.list.data[i].target);
	referrers_fini(&found);
	return err;
}

/* ---- all of it ---- */

static int cmp_sync_maps(const void *a, const void *b)
{
	const struct sync_map *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int cmp_sync_parts(const void *a, const void *b)
{
	const struct sync_part *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* One object may lead to its map by several words that were seen. */
static void sync_sort_parts(struct sync_search *y)
{
	size_t kept = 0;

	vec_sort(&y->parts, cmp_sync_parts);
	for (size_t i = 0; i < y->parts.len; i++)
		if (!kept || y->parts.data[kept - 1].addr != y->parts.data[i].addr)
			y->parts.data[kept++] = y->parts.data[i];
	y->parts.len = kept;
}

static struct err *sync_run(struct sync_search *y)
{
	struct err *err = sync_pairs_list(y);

	if (!err)
		err = sync_tries_list(y);
	if (err)
		return err;
	sync_sort_parts(y);
	err = sync_index_parts(y);
	if (!err)
		err = sync_pairs_add_known(y);
	if (!err && y->parts.len)
		err = sync_search_roots(y);
	if (!err && y->parts.len)
		err = sync_search_heap(y);
	for (size_t i = 0; i < y->parts.len; i++)
		y->ret->unlisted += !y->parts.data[i].found;
	return err;
}

struct err *sync_maps_find(struct holder_search *s, struct sync_maps *ret)
{
	struct sync_search y = { .s = s, .ret = ret, .batch = object_batch_new() };
	struct err *err = y.batch ? sync_run(&y) : err_nomem();

	object_batch_free(y.batch);
	vec_fini(&y.parts);
	table_fini(&y.by_row);
	vec_fini(&y.pairs);
	table_fini(&y.by_addr);
	vec_fini(&y.expunged);
	vec_fini(&y.entry_types);
	targets_fini(&y.part_targets);
	vec_sort(&ret->list, cmp_sync_maps);
	log_debug("sync.Maps: %zu, and %llu parts of none", ret->list.len,
		  (unsigned long long)ret->unlisted);
	return err;
}

void sync_maps_fini(struct sync_maps *m)
{
	vec_fini(&m->list);
}
