// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tries of Go 1.24 and later: internal/sync.HashTrieMap, which sync.Map is, and those of the
 * package unique. See go-runtime facts 13.2.
 *
 * A node has 16 children: nodes that lead back to it, or entries. A node without a parent is a root
 * if a HashTrieMap leads to it. All offsets come from the types of the nodes.
 */
#include <string.h>

#include "base/cursor.h"
#include "graph/sync_search.h"
#include "heap/liveness.h"
#include "heap/sizeclass.h"

enum {
	NODES_A_READ = 256,
	CHILD_CNT_MAX = 16,
	NODE_WORDS_MAX = 32,
	NODE_SZ_MAX = NODE_WORDS_MAX * 8,
	CHILD_HEAD_SZ = 24, /* of a child, with the words that say what it is */
	ENTRY_OVERFLOW = 8,
	ENTRY_TYPES_MAX = 4096,
	DEPTH_MAX = 17, /* a level takes 4 of the 64 bits of a hash */
	/* internal/sync.HashTrieMap, and unique.canonMap (1.25 and later): */
	TRIE_INITED = 0, /* uint32, 1 */
	TRIE_ROOT = 16,
	TRIE_HASH = 24, /* a function */
	CANON_HASH = 8,
	ENTRIES_ASKED = 4, /* an entry may be gone */
	TRIE_ENTRY_SZ = 48, /* of [any,any] */
};

/* ---- types ---- */

static const struct cat_field *node_field(const struct cat_type *t, const char *name)
{
	for (uint32_t i = 0; i < t->field_cnt; i++)
		if (!strcmp(t->fields[i].name, name))
			return &t->fields[i];
	return NULL;
}

static bool node_form_is_new(const struct sync_search *y, const struct sync_node_form *f)
{
	for (uint32_t i = 0; i < y->form_cnt; i++)
		if (y->forms[i].mask == f->mask && y->forms[i].of_unique == f->of_unique)
			return false;
	return y->form_cnt < SYNC_FORMS_MAX;
}

static void tries_note_node(struct sync_search *y, const struct cat_type *t, bool of_unique)
{
	const struct cat_field *parent = node_field(t, "parent");
	const struct cat_field *children = node_field(t, "children");
	struct sync_node_form f = { .type = t, .of_unique = of_unique };

	if (!parent || !children || children->type->kind != CAT_ARRAY ||
	    children->type->len > CHILD_CNT_MAX || t->size > NODE_SZ_MAX ||
	    !cat_type_mask(t, &f.mask, t->size / 8))
		return;
	f.parent_off = parent->off;
	f.children_off = children->off;
	f.child_cnt = children->type->len;
	if (node_form_is_new(y, &f))
		y->forms[y->form_cnt++] = f;
}

static struct err *tries_note_entry(struct sync_search *y, const struct cat_type *t, bool of_unique)
{
	const struct cat_field *overflow = node_field(t, "overflow");
	const char *args = strchr(cat_type_linked_name(y->s->cat, t), '[');
	struct sync_entry_type e = { .type = t, .of_unique = of_unique };

	if (!overflow || overflow->off != ENTRY_OVERFLOW || t->size < CHILD_HEAD_SZ ||
	    t->size / 8 > 64 || y->entry_types.len >= ENTRY_TYPES_MAX ||
	    !cat_type_mask(t, &e.mask, t->size / 8))
		return NULL;
	e.of_sync_map = !of_unique && args && !strcmp(args, "[interface {},interface {}]");
	return vec_push(&y->entry_types, e) ? NULL : err_nomem();
}

static bool begins_with(const char *s, const char *start)
{
	return !strncmp(s, start, strlen(start));
}

static struct err *tries_find_types(struct sync_search *y)
{
	const struct catalogue *cat = y->s->cat;
	struct err *err = NULL;

	for (size_t i = 0; !err && i < catalogue_cnt(cat); i++) {
		const struct cat_type *t = catalogue_nth(cat, i);
		const char *name = t->kind == CAT_STRUCT && t->named ? cat_type_linked_name(cat, t)
								     : "";
		bool of_unique = begins_with(name, "unique.");

		/* Those of other packages of the same name have no such nodes. */
		if ((!of_unique && !begins_with(name, "sync.")) || strstr(name, "go.shape."))
			continue;
		if (begins_with(strchr(name, '.'), ".indirect["))
			tries_note_node(y, t, of_unique);
		else if (begins_with(strchr(name, '.'), ".entry["))
			err = tries_note_entry(y, t, of_unique);
	}
	return err;
}

/* ---- roots ---- */

static bool object_mask_is(const struct fit_object *o, uint64_t mask)
{
	return o->mask_known && o->ptr_mask[0] == mask;
}

static void roots_note(struct sync_search *y, const struct fit_object *o, bool *ok)
{
	for (uint32_t f = 0; f < y->form_cnt; f++) {
		const struct sync_node_form *form = &y->forms[f];
		struct sync_part part = { .addr = o->addr, .row = UINT32_MAX, .form = f };

		/* Not an entry, not dead, no parent. */
		if (alloc_size(form->type->size, false, false) != o->size ||
		    !object_mask_is(o, form->mask) || load_u64(o->bytes, 0) ||
		    load_u64(o->bytes, form->parent_off))
			continue;
		*ok = vec_push(&y->parts, part);
		return;
	}
}

static struct err *roots_flush(struct sync_search *y)
{
	struct object_batch *b = y->batch;
	enum liveness live[OBJECTS_A_READ];
	struct err *err = b->cnt ? liveness_read(y->s->heap, b->objects, b->cnt, live) : NULL;
	bool ok = true;

	if (!err && b->cnt)
		err = objects_read(y->s->heap, b);
	for (size_t i = 0; !err && i < b->cnt && ok; i++)
		if (b->ok[i] && live[i] == OBJECT_LIVE)
			roots_note(y, &b->read[i], &ok);
	b->cnt = 0;
	return err || ok ? err : err_nomem();
}

/* Whether the objects of a span can be nodes. */
static bool span_has_nodes(const struct sync_search *y, const struct span *s)
{
	for (uint32_t f = 0; f < y->form_cnt; f++)
		if (s->state == SPAN_IN_USE && !span_noscan(s) &&
		    span_elemsize(s) == alloc_size(y->forms[f].type->size, false, false))
			return true;
	return false;
}

/* Reads the first words of a span's objects, and keeps those that may be roots. */
static struct err *roots_list_span(struct sync_search *y, const struct span *s, uint8_t *buf)
{
	struct mem *mem = &y->s->heap->prog->target->mem;
	struct mem_req req = { span_base(s), span_bytes(s), false, buf };
	struct err *err = span_bytes(s) <= GO_PAGE_SZ ? mem->read_reqs(mem, &req, 1) : NULL;

	for (uint32_t i = 0; !err && req.ok && i < span_slots(s); i++) {
		const uint8_t *at = buf + i * span_elemsize(s);
		bool parent = true;

		for (uint32_t f = 0; f < y->form_cnt; f++)
			parent &= load_u64(at, y->forms[f].parent_off) != 0;
		if (parent || load_u64(at, 0) ||
		    !span_object(y->s->heap, s, req.addr + i * span_elemsize(s),
				 &y->batch->objects[y->batch->cnt]))
			continue;
		if (++y->batch->cnt == OBJECTS_A_READ)
			err = roots_flush(y);
	}
	return err;
}

struct err *sync_tries_list(struct sync_search *y)
{
	const struct heap *heap = y->s->heap;
	_cleanup_free_ uint8_t *buf = malloc(GO_PAGE_SZ);
	struct err *err = buf ? tries_find_types(y) : err_nomem();

	y->batch->cnt = 0;
	for (size_t i = 0; !err && y->form_cnt && i < heap->spans.len; i++) {
		if (i % 1024 == 0 && search_is_late(y->s))
			break;
		if (span_has_nodes(y, &heap->spans.data[i]))
			err = roots_list_span(y, &heap->spans.data[i], buf);
	}
	return err ? err : roots_flush(y);
}

/* ---- the walk ---- */

struct trie_node {
	uint64_t addr;
	uint32_t depth;
};

struct trie_child {
	uint64_t addr;
	uint64_t parent;
	uint32_t depth;
	bool overflow; /* of an entry: it must be one */
};

struct trie_walk {
	struct sync_search *y;
	const struct sync_node_form *form;
	struct sync_map *m;
	VEC(struct trie_node) nodes; /* to be read */
	VEC(struct trie_child) children; /* of the nodes that were read */
	uint64_t limit; /* objects of a sane trie */
	uint64_t seen;
	uint64_t entry_bytes; /* of an entry */
	uint64_t entries[ENTRIES_ASKED]; /* the first ones */
	uint32_t entry_cnt;
};

static void trie_walk_fini(struct trie_walk *w)
{
	vec_fini(&w->nodes);
	vec_fini(&w->children);
}

/* What a child takes; 0: no object can be there. One in a span that is newer than the heap, as it was
 * read, takes what others do. */
static uint64_t trie_child_bytes(struct trie_walk *w, uint64_t addr, bool entry)
{
	const struct heap *heap = w->y->s->heap;
	struct object o;

	if (heap_object(heap, addr, &o)) {
		w->entry_bytes = entry && o.start == addr ? o.size : w->entry_bytes;
		return o.start == addr ? o.size : 0;
	}
	if (!heap_is_unread(heap, addr) || addr % 8)
		return 0;
	w->m->moving = true;
	return entry ? w->entry_bytes : alloc_size(w->form->type->size, false, false);
}

/* A child: an entry, or a node of this parent. */
static struct err *trie_look_at_child(struct trie_walk *w, const struct trie_child *c,
				      const uint8_t *head)
{
	bool entry = head[0] == 1;
	uint64_t bytes = trie_child_bytes(w, c->addr, entry);

	if (!bytes || ++w->seen > w->limit || head[0] > 1 || (c->overflow && !entry)) {
		w->m->moving = true;
		return NULL;
	}
	if (entry) {
		uint64_t next = load_u64(head, ENTRY_OVERFLOW);
		struct trie_child overflow = { next, 0, c->depth, true };

		if (w->entry_cnt < ENTRIES_ASKED && heap_span(w->y->s->heap, c->addr))
			w->entries[w->entry_cnt++] = c->addr;
		w->m->live++;
		w->m->bytes += bytes;
		return !next || vec_push(&w->children, overflow) ? NULL : err_nomem();
	}
	if (load_u64(head, w->form->parent_off) != c->parent || c->depth >= DEPTH_MAX) {
		w->m->moving = true;
		return NULL;
	}
	struct trie_node node = { c->addr, c->depth };
	w->m->nodes++;
	w->m->bytes += bytes;
	return vec_push(&w->nodes, node) ? NULL : err_nomem();
}

static struct err *trie_read_children(struct trie_walk *w)
{
	enum { CNT = 1024 };
	struct mem_req reqs[CNT];
	uint8_t heads[CNT][CHILD_HEAD_SZ];
	struct trie_child some[CNT];
	struct err *err = NULL;

	while (!err && w->children.len && !search_is_late(w->y->s)) {
		size_t n = w->children.len < CNT ? w->children.len : CNT;

		w->children.len -= n;
		memcpy(some, w->children.data + w->children.len, n * sizeof(*some));
		for (size_t i = 0; i < n; i++)
			reqs[i] = (struct mem_req){ some[i].addr, CHILD_HEAD_SZ, false, heads[i] };
		err = mem_gather(&w->y->s->heap->prog->target->mem, reqs, n);
		for (size_t i = 0; !err && i < n; i++) {
			size_t at = ((uint8_t(*)[CHILD_HEAD_SZ])reqs[i].dst) - heads;

			if (reqs[i].ok)
				err = trie_look_at_child(w, &some[at], heads[at]);
			else
				w->m->moving = true;
		}
	}
	return err;
}

static struct err *trie_list_children(struct trie_walk *w, const struct trie_node *node,
				      const uint8_t *bytes)
{
	for (uint32_t i = 0; i < w->form->child_cnt; i++) {
		struct trie_child c = { load_u64(bytes, w->form->children_off + 8 * i), node->addr,
					node->depth + 1, false };

		if (c.addr && !vec_push(&w->children, c))
			return err_nomem();
	}
	return NULL;
}

static struct err *trie_read_nodes(struct trie_walk *w)
{
	struct mem_req reqs[NODES_A_READ];
	uint8_t bytes[NODES_A_READ][NODE_SZ_MAX];
	struct trie_node some[NODES_A_READ];
	size_t n = w->nodes.len < NODES_A_READ ? w->nodes.len : NODES_A_READ;

	w->nodes.len -= n;
	memcpy(some, w->nodes.data + w->nodes.len, n * sizeof(*some));
	for (size_t i = 0; i < n; i++)
		reqs[i] = (struct mem_req){ some[i].addr, w->form->type->size, false, bytes[i] };
	struct err *err = mem_gather(&w->y->s->heap->prog->target->mem, reqs, n);
	for (size_t i = 0; !err && i < n; i++) {
		size_t at = ((uint8_t(*)[NODE_SZ_MAX])reqs[i].dst) - bytes;

		w->m->moving |= !reqs[i].ok;
		if (reqs[i].ok)
			err = trie_list_children(w, &some[at], bytes[at]);
	}
	return err ? err : trie_read_children(w);
}

/* A trie has no more objects than there are in the heap. */
static uint64_t trie_limit(const struct heap *heap)
{
	uint64_t objects = 0;

	for (size_t i = 0; i < heap->spans.len; i++)
		if (heap->spans.data[i].state == SPAN_IN_USE && !span_noscan(&heap->spans.data[i]))
			objects += heap->spans.data[i].alloc_count;
	return objects;
}

static struct err *trie_walk_all(struct trie_walk *w, uint64_t root)
{
	struct err *err = vec_push(&w->nodes, ((struct trie_node){ root, 0 })) ? NULL : err_nomem();

	w->m->nodes = 1;
	w->m->bytes = alloc_size(w->form->type->size, false, false);
	while (!err && w->nodes.len && !search_is_late(w->y->s))
		err = trie_read_nodes(w);
	w->m->moving |= w->nodes.len || w->children.len;
	return err;
}

/* ---- what it is ---- */

static bool entry_may_be(const struct trie_walk *w, const struct fit_object *o,
			 const struct sync_entry_type *e)
{
	return e->of_unique == w->form->of_unique && object_mask_is(o, e->mask) &&
	       alloc_size(e->type->size, false, false) == o->size;
}

/* The type of an entry: the only one that its words allow, or else its values. */
static const struct sync_entry_type *entry_type_of(const struct trie_walk *w,
						   const struct fit_object *o)
{
	const struct sync_search *y = w->y;
	const struct sync_entry_type *only = NULL, *fitting = NULL;
	struct fit fit;
	size_t cnt = 0;

	fit_types(y->s->fitter, o, NULL, &fit);
	for (size_t i = 0; i < y->entry_types.len; i++) {
		const struct sync_entry_type *e = &y->entry_types.data[i];

		if (!entry_may_be(w, o, e))
			continue;
		only = e;
		fitting = fit.candidates == 1 && fit.type == e->type ? e : fitting;
		cnt++;
	}
	return cnt == 1 ? only : fitting;
}

static struct err *trie_set_type(struct trie_walk *w, uint64_t entry)
{
	struct sync_search *y = w->y;
	struct object_batch *b = y->batch;

	b->cnt = 1;
	if (!heap_object(y->s->heap, entry, &b->objects[0]))
		return NULL;
	struct err *err = objects_read(y->s->heap, b);
	const struct sync_entry_type *e = !err && b->ok[0] ? entry_type_of(w, &b->read[0]) : NULL;
	if (!e)
		return err;
	const char *args = strchr(cat_type_linked_name(y->s->cat, e->type), '[');
	w->m->type = pool_text(&y->s->ret->set.pool, args);
	if (e->of_sync_map)
		w->m->kind = SYNC_MAP;
	else if (w->form->of_unique || (args && strstr(args, ",weak.Pointer[")))
		w->m->kind = SYNC_UNIQUE;
	return NULL;
}

/* Whether the word leads to a function, as a variable with one does. */
static bool leads_to_function(const struct sync_search *y, uint64_t word)
{
	struct mem *mem = program_image_mem(y->s->heap->prog);
	uint64_t func;
	struct mem_req req = { word, 8, false, &func };
	_cleanup_err_ struct err *err = word ? mem->read_reqs(mem, &req, 1) : NULL;

	return word && !err && req.ok && fit_is_function(y->s->fitter, func);
}

/* Finds the start of the HashTrieMap or canonMap whose root the word is. 0: it is of neither. */
static struct err *trie_start(const struct sync_search *y, uint64_t word, bool of_unique,
			      uint64_t *ret)
{
	struct mem *mem = &y->s->heap->prog->target->mem;
	uint64_t words[4] = { 0 }; /* from the start on */
	uint32_t root = of_unique ? 0 : TRIE_ROOT, hash = of_unique ? CANON_HASH : TRIE_HASH;
	struct mem_req req = { word - root, hash + 8, false, words };
	struct object o;
	bool in_heap = heap_object(y->s->heap, word, &o);

	*ret = 0;
	if (in_heap && word - o.start < root)
		return NULL;
	struct err *err = mem->read_reqs(mem, &req, 1);
	bool inited = of_unique || (uint32_t)words[TRIE_INITED / 8] == 1;
	if (!err && req.ok && inited && leads_to_function(y, words[hash / 8]))
		*ret = word - root;
	return err;
}

struct err *sync_tries_add(struct sync_search *y, uint64_t word, struct sync_part *part)
{
	struct sync_map m = {
		.kind = SYNC_TRIE,
		.form = SYNC_OF_NODES,
		.read_row = UINT32_MAX,
		.dirty_row = UINT32_MAX,
	};
	_cleanup_(trie_walk_fini) struct trie_walk w = {
		.y = y,
		.form = &y->forms[part->form],
		.m = &m,
		.limit = trie_limit(y->s->heap),
		.entry_bytes = TRIE_ENTRY_SZ,
	};
	struct err *err = trie_start(y, word, w.form->of_unique, &m.addr);

	if (err || !m.addr)
		return err;
	part->found = true;
	err = trie_walk_all(&w, part->addr);
	for (uint32_t i = 0; !err && i < w.entry_cnt && !m.type; i++)
		err = trie_set_type(&w, w.entries[i]);
	/* Without an entry it is not known what it is, nor does it take much. */
	if (err || !m.live)
		return err;
	return sync_add(y, &m, m.kind == SYNC_MAP ? ".m.root.v" : ".root.v",
			w.form->of_unique ? 0 : TRIE_ROOT);
}
