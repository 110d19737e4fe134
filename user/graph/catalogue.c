// SPDX-License-Identifier: GPL-2.0-only
#include "graph/catalogue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/vec.h"
#include "graph/catalogue_priv.h"

enum {
	CAT_SECTIONS_SZ_MAX = 1 << 30, /* bytes of all modules */
	CAT_NAME_MAX = 4096,
	CAT_NAME_PARTS_MAX = 256,
};

/* ---- Reading ---- */

struct cat_sections {
	VEC(struct type_range) ranges;
	uint64_t bytes;
};

static void cat_sections_fini(struct cat_sections *s)
{
	for (size_t i = 0; i < s->ranges.len; i++)
		free((void *)s->ranges.data[i].data);
	vec_fini(&s->ranges);
}

static bool cat_sections_overlap(const struct cat_sections *s, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < s->ranges.len; i++)
		if (start < s->ranges.data[i].addr + s->ranges.data[i].len &&
		    end > s->ranges.data[i].addr)
			return true;
	return false;
}

static struct err *cat_sections_add(struct cat_sections *s, struct mem *mem,
				    const struct moduledata *md)
{
	struct type_range r = { .addr = md->types, .mem = mem };

	if (md->types >= md->etypes || md->etypes - md->types > CAT_SECTIONS_SZ_MAX - s->bytes ||
	    cat_sections_overlap(s, md->types, md->etypes))
		return err_new(ERR_FORMAT,
			       "types at 0x%" PRIx64 " are too many, or another module's",
			       md->types);
	r.len = md->etypes - md->types;
	uint8_t *data = malloc(r.len);
	if (!data)
		return err_nomem();
	r.data = data;
	struct err *err = mem_read(mem, r.addr, data, r.len);
	if (!err && !vec_push(&s->ranges, r))
		err = err_nomem();
	if (err)
		free(data);
	else
		s->bytes += r.len;
	return err;
}

static int cmp_cat_range(const void *a, const void *b)
{
	uint64_t x = ((const struct type_range *)a)->addr;
	uint64_t y = ((const struct type_range *)b)->addr;

	return x < y ? -1 : x > y;
}

/* A plugin that cannot be read is left out. */
static struct err *cat_sections_read(struct cat_sections *s, const struct program *prog)
{
	struct mem *mem = prog->image.mapped ? &prog->image.mapped->mem : &prog->target->mem;
	struct err *err = cat_sections_add(s, mem, &prog->md);

	for (size_t i = 0; !err && i < prog->plugins.len; i++) {
		const struct plugin *p = &prog->plugins.data[i];
		struct err *skip = cat_sections_add(s, p->mem, &p->md);

		if (skip && skip->kind != ERR_FORMAT && skip->kind != ERR_FAULT)
			return skip;
		if (skip)
			log_debug("types of a plugin are left out: %s", skip->msg);
		err_free(skip);
	}
	vec_sort(&s->ranges, cmp_cat_range);
	return err;
}

struct err *catalogue_open(const struct program *prog, struct catalogue **ret)
{
	_cleanup_(cat_sections_fini) struct cat_sections read = { 0 };
	struct catalogue *cat = calloc(1, sizeof(*cat));
	struct err *err = cat ? cat_sections_read(&read, prog) : err_nomem();
	const struct section s = { read.ranges.data, read.ranges.len, &prog->layout };

	if (!err)
		err = catalogue_parse(cat, &s);
	if (err) {
		catalogue_close(cat);
		return err_wrap(err, "reading the types");
	}
	*ret = cat;
	return NULL;
}

void catalogue_close(struct catalogue *cat)
{
	if (!cat)
		return;
	table_fini(&cat->by_addr);
	pool_fini(&cat->pool);
	free(cat->types);
	free(cat->texts);
	free(cat);
}

const struct cat_type *catalogue_find(const struct catalogue *cat, uint64_t addr)
{
	size_t i = table_get(&cat->by_addr, addr);

	return i == TABLE_NONE ? NULL : &cat->types[i];
}

size_t catalogue_cnt(const struct catalogue *cat)
{
	return cat->cnt;
}

const struct cat_type *catalogue_nth(const struct catalogue *cat, size_t nth)
{
	return nth < cat->cnt ? &cat->types[nth] : NULL;
}

/* ---- Names ---- */

struct cat_name {
	const struct catalogue *cat;
	FILE *out;
	unsigned int parts;
};

/* "scrape.scrapeCache" with the path in place of "scrape". A dot in brackets belongs to the
 * argument of a generic type, which has its path already. */
static void cat_name_print_named(struct cat_name *n, const struct cat_text *text)
{
	size_t head = strcspn(text->linked, "[");
	const char *dot = memrchr(text->linked, '.', head);

	if (text->package && dot)
		fprintf(n->out, "%s%s", text->package, dot);
	else
		fputs(text->linked, n->out);
}

static void cat_name_print(struct cat_name *n, const struct cat_type *t)
{
	const struct cat_text *text = &n->cat->texts[t->nth];

	for (; !t->named && n->parts++ < CAT_NAME_PARTS_MAX; text = &n->cat->texts[t->nth]) {
		if (t->kind == CAT_POINTER)
			putc('*', n->out);
		else if (t->kind == CAT_SLICE)
			fputs("[]", n->out);
		else if (t->kind == CAT_ARRAY)
			fprintf(n->out, "[%" PRIu64 "]", t->len);
		else if (t->kind == CAT_CHAN)
			fputs(!strncmp(text->linked, "<-", 2)	    ? "<-chan "
			      : !strncmp(text->linked, "chan<-", 6) ? "chan<- "
								    : "chan ",
			      n->out);
		else if (t->kind == CAT_MAP) {
			fputs("map[", n->out);
			cat_name_print(n, t->key);
			putc(']', n->out);
		} else
			break;
		t = t->elem;
	}
	cat_name_print_named(n, text);
}

const char *cat_type_name(const struct catalogue *cat, const struct cat_type *type)
{
	struct cat_text *text = &cat->texts[type->nth];
	struct catalogue *own = (struct catalogue *)cat; /* the caller's is a view of ours */
	char buf[CAT_NAME_MAX] = "";

	if (text->full)
		return text->full;
	struct cat_name n = { .cat = cat, .out = fmemopen(buf, sizeof(buf), "w") };
	if (n.out) {
		cat_name_print(&n, type);
		fclose(n.out);
	}
	buf[sizeof(buf) - 1] = 0;
	text->full = pool_text(&own->pool, *buf ? buf : text->linked);
	return text->full ? text->full : "?";
}

const char *cat_type_linked_name(const struct catalogue *cat, const struct cat_type *type)
{
	return cat->texts[type->nth].linked;
}

/* ---- Leaves ---- */

static void cat_path_add(struct cat_leaf *l, size_t *len, const char *fmt, const char *name,
			 uint64_t index)
{
	size_t room = sizeof(l->path) - *len;
	int n = name ? snprintf(l->path + *len, room, fmt, name)
		     : snprintf(l->path + *len, room, fmt, index);

	*len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
	if (n >= 0 && (size_t)n >= room)
		memcpy(l->path + sizeof(l->path) - 4, "...", 4);
}

/* The field that has the byte at off. Fields without bytes have none. */
static const struct cat_field *cat_field_at(const struct cat_type *t, uint64_t off)
{
	uint32_t lo = 0, hi = t->field_cnt;

	while (lo < hi) { /* finds the first one that begins after off */
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->fields[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo && !t->fields[lo - 1].type->size)
		lo--;
	return lo && off - t->fields[lo - 1].off < t->fields[lo - 1].type->size ? &t->fields[lo - 1]
										: NULL;
}

/* Appends the field to the path, and goes on in it. */
static void cat_leaf_enter_field(struct cat_leaf *l, size_t *len, const struct cat_type *in,
				 const struct cat_field *f, uint64_t at)
{
	if (in->named) {
		l->owner = in;
		l->owner_off = at;
		l->owner_path = *len + (*len ? 1 : 0);
	}
	if (*len)
		cat_path_add(l, len, ".%s", f->name, 0);
	else
		cat_path_add(l, len, "%s", f->name, 0);
}

bool catalogue_leaf(const struct catalogue *cat, const struct cat_type *type, uint64_t off,
		    struct cat_leaf *ret)
{
	uint64_t start = off;
	size_t len = 0;

	(void)cat;
	*ret = (struct cat_leaf){ .type = type };
	if (off >= type->size)
		return false;
	for (int depth = 0; depth < CAT_DEPTH_MAX; depth++) {
		if (type->kind == CAT_STRUCT) {
			const struct cat_field *f = cat_field_at(type, off);

			if (!f)
				return false;
			cat_leaf_enter_field(ret, &len, type, f, start - off);
			off -= f->off;
			type = f->type;
		} else if (type->kind == CAT_ARRAY) {
			if (!type->elem->size)
				return false;
			cat_path_add(ret, &len, "[%" PRIu64 "]", NULL, off / type->elem->size);
			off %= type->elem->size;
			type = type->elem;
		} else {
			ret->type = type;
			ret->off = off;
			return true;
		}
	}
	return false;
}

/* ---- Masks ---- */

struct cat_mask {
	uint64_t *bits;
	uint64_t words;
	uint64_t visits; /* of types; those without pointers are not visited */
};

enum { CAT_MASK_VISITS_A_WORD = 2 * CAT_DEPTH_MAX };

static void cat_mask_set(struct cat_mask *m, uint64_t word)
{
	if (word < m->words)
		m->bits[word / 64] |= 1ull << word % 64;
}

static bool cat_mask_add(struct cat_mask *m, const struct cat_type *t, uint64_t off, int depth);

static bool cat_mask_add_parts(struct cat_mask *m, const struct cat_type *t, uint64_t off,
			       int depth)
{
	bool ok = true;

	for (uint32_t i = 0; ok && t->kind == CAT_STRUCT && i < t->field_cnt; i++)
		ok = cat_mask_add(m, t->fields[i].type, off + t->fields[i].off, depth);
	for (uint64_t i = 0; ok && t->kind == CAT_ARRAY && i < t->len; i++) {
		uint64_t at = off + i * t->elem->size;

		if (at / 8 >= m->words)
			break;
		ok = cat_mask_add(m, t->elem, at, depth);
	}
	return ok;
}

/* The collector does not look at the first word of an interface, which points to a type or a
 * table of methods (Go source: cmd/compile/internal/typebits/typebits.go SetNoCheck). */
static bool cat_mask_add(struct cat_mask *m, const struct cat_type *t, uint64_t off, int depth)
{
	if (!t->ptr_bytes || off / 8 >= m->words)
		return true;
	if (depth == CAT_DEPTH_MAX || off % 8 || !m->visits--)
		return false;
	switch (t->kind) {
	case CAT_STRUCT:
	case CAT_ARRAY:
		return cat_mask_add_parts(m, t, off, depth + 1);
	case CAT_INTERFACE:
		cat_mask_set(m, off / 8 + 1);
		return true;
	}
	cat_mask_set(m, off / 8);
	return true;
}

bool cat_type_mask(const struct cat_type *type, uint64_t *ret, size_t words)
{
	struct cat_mask m = { ret, words, (uint64_t)(words + 1) * CAT_MASK_VISITS_A_WORD };

	memset(ret, 0, (words + 63) / 64 * sizeof(*ret));
	return cat_mask_add(&m, type, 0, 0);
}
