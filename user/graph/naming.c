// SPDX-License-Identifier: GPL-2.0-only
#include "graph/naming.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "graph/static_types.h"
#include "process/pclntab.h"

enum {
	NAME_TEXT_MAX = 1024,
	USES_MAX = 1 << 16, /* remembered */
	FRAMES_NUMBERED_MAX = 256,
	HCHAN_BUF = 16, /* runtime.hchan.buf, the same in all versions */
};

void naming_fini(struct naming *n)
{
	table_fini(&n->by_use);
	vec_fini(&n->uses);
}

/* ---- texts ---- */

void naming_path(const char *path, char *buf, size_t buf_sz)
{
	size_t at = 0;

	for (; *path && at + 4 < buf_sz; path++) {
		buf[at++] = *path;
		if (*path != '[')
			continue;
		buf[at++] = '*';
		while (path[1] && path[1] != ']')
			path++;
	}
	buf[at] = '\0';
}

/* The path in the innermost named struct, or in the whole type. */
static void leaf_path(const struct cat_leaf *leaf, char *buf, size_t buf_sz)
{
	naming_path(leaf->owner ? leaf->path + leaf->owner_path : leaf->path, buf, buf_sz);
	if (buf[0] == '.')
		memmove(buf, buf + 1, strlen(buf));
}

static uint32_t naming_add(struct naming *n, struct holder *h, const struct fit *fit)
{
	h->certain = fit->certain;
	h->candidates = fit->candidates ? fit->candidates : 1;
	return holder_set_add(n->set, h);
}

/* ---- what a leaf may be ---- */

/* The map type that the type word of an interface leads to; NULL: it leads to none. */
static const struct cat_type *interface_map_type(const struct naming *n, uint64_t word)
{
	const struct cat_type *t = naming_dynamic_type(n, word);

	return t && t->kind == CAT_MAP ? t : NULL;
}

const struct cat_type *naming_dynamic_type(const struct naming *n, uint64_t word)
{
	const struct cat_type *t = catalogue_find(n->cat, word);
	uint64_t itab[2]; /* runtime.itab begins with the interface's type and the value's */

	if (t || !word || word % 8)
		return t;
	_cleanup_err_ struct err *err =
		mem_read(program_image_mem(n->heap->prog), word, itab, sizeof(itab));
	const struct cat_type *inter = err ? NULL : catalogue_find(n->cat, itab[0]);

	return inter && inter->kind == CAT_INTERFACE ? catalogue_find(n->cat, itab[1]) : NULL;
}

/* Whether a leaf can have a pointer to a map. *map_ret: of which type; NULL: it does not say. */
static bool leaf_holds_map(const struct naming *n, const struct held_word *w,
			   const struct cat_leaf *leaf, const struct cat_type **map_ret)
{
	const struct cat_type *t = leaf->type;

	*map_ret = NULL;
	if (w->indirect) {
		if (t->kind == CAT_INTERFACE && leaf->off == 8)
			t = naming_dynamic_type(n, w->word_before);
		else if (leaf->off)
			return false;
		if (!t || t->kind != CAT_POINTER || !t->elem || t->elem->kind != CAT_MAP)
			return false;
		t = t->elem;
	}
	if (t->kind == CAT_MAP && (!leaf->off || w->indirect)) {
		*map_ret = t;
		/* Named and unnamed types of the same memory cannot be told apart by that. */
		return !w->held || w->held == t || w->held->bucket == t->bucket;
	}
	if (t->kind == CAT_INTERFACE && leaf->off == 8) {
		*map_ret = interface_map_type(n, w->word_before);
		return true;
	}
	/* A pointer that unsafe code or the runtime made. */
	return t->kind == CAT_UNSAFE_POINTER && !leaf->off;
}

/* ---- objects ---- */

static uint32_t name_leaf(struct naming *n, const struct held_word *w, const char *prefix,
			  const struct cat_type *whole, const struct cat_leaf *leaf,
			  struct holder *h)
{
	char field[sizeof(leaf->path) + 8], text[NAME_TEXT_MAX];
	const struct cat_type *owner = leaf->owner ? leaf->owner : whole;

	leaf_path(leaf, field, sizeof(field));
	h->type = cat_type_name(n->cat, owner);
	h->field = field[0] ? field : NULL;
	if (field[0])
		snprintf(text, sizeof(text), "%s%s%s%s", prefix, h->type,
			 field[0] == '[' ? "" : ".", field);
	else
		snprintf(text, sizeof(text), "%s%s", prefix, h->type);
	h->text = text;
	return naming_add(n, h, w->fit);
}

static enum naming_verdict name_value(struct naming *n, const struct held_word *w, uint64_t off,
				      const char *prefix, uint32_t *ret)
{
	const struct cat_type *t = w->fit->type, *map;
	struct holder h = { .kind = HOLDER_FIELD };
	struct cat_leaf leaf;

	if (!t || !catalogue_leaf(n->cat, t, off, &leaf) || !leaf_holds_map(n, w, &leaf, &map))
		return NAMING_REFUSED;
	h.map_type = map ? map->addr : 0;
	if (t->kind == CAT_MAP && w->fit->kind == FIT_VALUE)
		return NAMING_PASSES;
	if (t->kind == CAT_INTERFACE && w->fit->kind == FIT_VALUE) {
		char text[NAME_TEXT_MAX];

		snprintf(text, sizeof(text), "%s (interface)", cat_type_name(n->cat, t));
		h.kind = HOLDER_INTERFACE;
		h.type = cat_type_name(n->cat, t);
		h.text = text;
		*ret = naming_add(n, &h, w->fit);
		return NAMING_HOLDER;
	}
	if (!leaf.owner && t->kind != CAT_STRUCT)
		h.kind = HOLDER_ELEMENT;
	*ret = name_leaf(n, w, prefix, t, &leaf, &h);
	return NAMING_HOLDER;
}

/* Whether several types fit that have nothing in common but a map in the same place: to name one
 * of them would mislead. */
static bool fit_is_vague(const struct fit *fit)
{
	return !fit->certain && fit->candidates > 1;
}

/* An array of values: those of a struct are called by their fields, others by their place. */
static enum naming_verdict name_array(struct naming *n, const struct held_word *w, uint32_t *ret)
{
	const struct cat_type *t = w->fit->type;
	struct holder h = { .kind = HOLDER_ELEMENT };
	char text[NAME_TEXT_MAX];
	const struct cat_type *map;
	struct cat_leaf leaf;
	uint64_t off = t && t->size ? w->off % t->size : 0;

	if (!t || !t->size || !catalogue_leaf(n->cat, t, off, &leaf) ||
	    !leaf_holds_map(n, w, &leaf, &map))
		return NAMING_REFUSED;
	if (leaf.path[0])
		return name_value(n, w, off, "[]", ret);
	h.map_type = map ? map->addr : 0;
	h.type = fit_is_vague(w->fit) ? NULL : cat_type_name(n->cat, t);
	if (h.type)
		snprintf(text, sizeof(text), "[]%s[*]", h.type);
	else
		snprintf(text, sizeof(text), "an array of maps");
	h.text = text;
	*ret = naming_add(n, &h, w->fit);
	return NAMING_HOLDER;
}

static enum naming_verdict name_closure(struct naming *n, const struct held_word *w, uint32_t *ret)
{
	const struct program *prog = n->heap->prog;
	struct holder h = { .kind = HOLDER_CLOSURE };
	char function[FRAME_NAME_MAX], text[NAME_TEXT_MAX];
	const struct cat_type *t = w->fit->type, *map;
	struct cat_leaf leaf;
	_cleanup_err_ struct err *err = pclntab_name(prog->funcs, program_image_mem(prog),
						     w->fit->func, function, sizeof(function));

	if (err)
		snprintf(function, sizeof(function), "?");
	/* The names of the struct's fields are made up, but their types are the variables'. */
	if (t && w->fit->certain && w->fit->candidates == 1 &&
	    catalogue_leaf(n->cat, t, w->off, &leaf)) {
		if (!leaf_holds_map(n, w, &leaf, &map))
			return NAMING_REFUSED;
		h.map_type = map ? map->addr : 0;
	}
	snprintf(text, sizeof(text), "%s (closure)", function);
	h.text = text;
	h.function = err ? NULL : function;
	*ret = naming_add(n, &h, w->fit);
	return NAMING_HOLDER;
}

const char *naming_slot_path(const char *path, bool *is_key)
{
	const char *slots = strstr(path, "slots[");
	const char *at = slots ? slots : path;

	at = strchr(at, ']');
	if (!at)
		return "";
	at++;
	*is_key = !strncmp(path, "keys[", 5) || !strncmp(at, ".key", 4);
	if (slots)
		at += strcspn(at + 1, ".[") + (*at != '\0');
	return *at == '.' ? at + 1 : at;
}

static enum naming_verdict name_buckets(struct naming *n, const struct held_word *w, uint32_t *ret)
{
	const struct cat_type *t = w->fit->type, *map;
	struct holder h = { .kind = HOLDER_MAP };
	char text[NAME_TEXT_MAX], field[sizeof(((struct cat_leaf *)0)->path) + 8];
	struct cat_leaf leaf;
	bool is_key = false;

	if (!t || t->kind != CAT_MAP || !t->bucket || !t->bucket->size ||
	    !catalogue_leaf(n->cat, t->bucket, w->off % t->bucket->size, &leaf) ||
	    !leaf_holds_map(n, w, &leaf, &map))
		return NAMING_REFUSED;
	naming_path(naming_slot_path(leaf.path, &is_key), field, sizeof(field));
	h.map_type = map ? map->addr : 0;
	h.type = fit_is_vague(w->fit) ? NULL : cat_type_name(n->cat, t);
	h.field = h.type && field[0] ? field : NULL;
	if (h.type)
		snprintf(text, sizeof(text), "%s[*]%s%s%s", h.type, is_key ? " (key)" : "",
			 field[0] && field[0] != '[' ? "." : "", field);
	else
		snprintf(text, sizeof(text), "a map of maps");
	h.text = text;
	*ret = naming_add(n, &h, w->fit);
	return NAMING_HOLDER;
}

uint32_t naming_channel(struct naming *n, const struct held_word *w, const struct cat_type *elem)
{
	struct holder h = { .kind = HOLDER_CHANNEL };
	char text[NAME_TEXT_MAX], field[sizeof(((struct cat_leaf *)0)->path) + 8];
	const struct cat_type *map;
	struct cat_leaf leaf;

	if (!elem->size || !catalogue_leaf(n->cat, elem, w->off % elem->size, &leaf) ||
	    !leaf_holds_map(n, w, &leaf, &map))
		return HOLDERS_NO_HOLDER;
	naming_path(leaf.path, field, sizeof(field));
	h.map_type = map ? map->addr : 0;
	h.type = cat_type_name(n->cat, elem);
	h.field = field[0] ? field : NULL;
	snprintf(text, sizeof(text), "chan %s%s%s", h.type, field[0] && field[0] != '[' ? "." : "",
		 field);
	h.text = text;
	return naming_add(n, &h, w->fit);
}

static enum naming_verdict name_channel(struct naming *n, const struct held_word *w, uint32_t *ret)
{
	struct held_word in_buffer = *w;
	uint64_t buf = w->object->bytes_len >= HCHAN_BUF + 8 ? load_u64(w->object->bytes, HCHAN_BUF)
							     : 0;

	if (!w->fit->type || buf < w->object->addr || w->object->addr + w->off < buf)
		return NAMING_REFUSED;
	in_buffer.off = w->object->addr + w->off - buf;
	*ret = naming_channel(n, &in_buffer, w->fit->type);
	return *ret == HOLDERS_NO_HOLDER ? NAMING_REFUSED : NAMING_HOLDER;
}

static enum naming_verdict name_unknown(struct naming *n, const struct held_word *w, uint32_t *ret)
{
	struct holder h = { .kind = HOLDER_OBJECT, .candidates = 0 };
	char text[64];

	snprintf(text, sizeof(text), "an object of %llu bytes",
		 (unsigned long long)w->object->size);
	h.text = text;
	*ret = holder_set_add(n->set, &h);
	return NAMING_HOLDER;
}

static enum naming_verdict name_by_fit(struct naming *n, const struct held_word *w, uint32_t *ret)
{
	switch ((enum fit_kind)w->fit->kind) {
	case FIT_NONE:
		return name_unknown(n, w, ret);
	case FIT_VALUE:
		return name_value(n, w, w->off, "*", ret);
	case FIT_ARRAY:
		return name_array(n, w, ret);
	case FIT_CLOSURE:
		return name_closure(n, w, ret);
	case FIT_CHAN:
		return name_channel(n, w, ret);
	case FIT_CHAN_BUFFER:
		*ret = w->fit->type ? naming_channel(n, w, w->fit->type) : HOLDERS_NO_HOLDER;
		return *ret == HOLDERS_NO_HOLDER ? NAMING_REFUSED : NAMING_HOLDER;
	case FIT_BUCKETS:
		return name_buckets(n, w, ret);
	case FIT_MAP_HEADER:
	case FIT_SWISS_TABLE:
	case FIT_SWISS_DIRECTORY:
		break;
	}
	return NAMING_REFUSED; /* these lead to tables, not to headers */
}

/* ---- the same again ---- */

/* The offset in one value of an array, since all values have the same name. 0 where it matters
 * otherwise. */
static uint64_t offset_in_value(const struct held_word *w)
{
	const struct cat_type *t = w->fit->type;
	uint64_t size = t && (w->fit->kind == FIT_ARRAY || w->fit->kind == FIT_CHAN_BUFFER)
				? t->size
			: t && w->fit->kind == FIT_BUCKETS && t->bucket ? t->bucket->size
									: 0;

	return size ? w->off % size : w->off;
}

/* What an interface holds is not told by its own type. */
static bool naming_is_interface(const struct naming *n, const struct held_word *w)
{
	struct cat_leaf leaf;

	return (w->fit->kind == FIT_VALUE || w->fit->kind == FIT_ARRAY) && w->fit->type &&
	       w->fit->type->size &&
	       catalogue_leaf(n->cat, w->fit->type, offset_in_value(w), &leaf) &&
	       leaf.type->kind == CAT_INTERFACE;
}

static bool can_be_remembered(const struct naming *n, const struct held_word *w)
{
	return w->fit->kind != FIT_CHAN && w->fit->kind != FIT_NONE && n->uses.len < USES_MAX &&
	       !naming_is_interface(n, w);
}

static uint64_t use_hash(const struct held_word *w, uint64_t off)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;
	uint64_t h = (uintptr_t)w->fit->type * odd;

	h = (h ^ w->fit->func ^ h >> 29) * odd;
	h = (h ^ (uintptr_t)w->held ^ h >> 29) * odd;
	h = (h ^ off ^ (uint64_t)w->indirect << 63 ^ h >> 29) * odd;
	return (h ^ (uint64_t)w->fit->candidates << 8 ^ (uint64_t)w->fit->kind << 1 ^
		w->fit->certain) *
	       odd;
}

static bool use_equals(const struct naming_use *u, const struct held_word *w, uint64_t off)
{
	return u->fit.type == w->fit->type && u->fit.func == w->fit->func &&
	       u->fit.candidates == w->fit->candidates && u->fit.kind == w->fit->kind &&
	       u->fit.certain == w->fit->certain && u->off == off && u->held == w->held &&
	       u->indirect == w->indirect;
}

enum naming_verdict naming_object(struct naming *n, const struct held_word *w, uint32_t *ret)
{
	uint64_t off = offset_in_value(w), hash = use_hash(w, off);
	bool remember = can_be_remembered(n, w);
	size_t at = remember ? table_get(&n->by_use, hash) : TABLE_NONE;

	if (at != TABLE_NONE && use_equals(&n->uses.data[at], w, off)) {
		*ret = n->uses.data[at].holder;
		return NAMING_HOLDER;
	}
	enum naming_verdict verdict = name_by_fit(n, w, ret);
	struct naming_use use = { *w->fit, off, w->held, w->indirect, *ret };
	if (verdict == NAMING_HOLDER && remember && at == TABLE_NONE && vec_push(&n->uses, use) &&
	    !table_put(&n->by_use, hash, n->uses.len - 1))
		n->uses.len--;
	return verdict;
}

/* ---- variables and frames ---- */

/* The length of the package in a function's name: "github.com/gogo/protobuf/proto" of
 * "github.com/gogo/protobuf/proto.RegisterType". */
static size_t package_len(const char *function)
{
	size_t end = strcspn(function, "([{");
	size_t start = 0;

	for (size_t i = 0; i < end; i++)
		if (function[i] == '/')
			start = i + 1;
	return start + strcspn(function + start, ".");
}

/* Whether a function is of a package. Dots in the last part of a path are written %2e in the names
 * of functions. */
static bool is_of_package(const char *function, size_t len, const char *package)
{
	for (size_t i = 0; i < len; i++, package++) {
		if (!strncmp(function + i, "%2e", 3) && *package == '.')
			i += 2;
		else if (function[i] != *package)
			return false;
	}
	return *package == '\0';
}

/* The part of a function's name after its package, if that is the variable's, too. */
static const char *without_package(const char *function, const char *package)
{
	size_t len = package_len(function);

	return package && function[len] == '.' && is_of_package(function, len, package)
		       ? function + len + 1
		       : function;
}

void naming_variable_text(const struct varref *v, char *buf, size_t buf_sz)
{
	int at;

	if (v->name) {
		snprintf(buf, buf_sz, "%s%s%s", v->package ? v->package : "", v->package ? "." : "",
			 v->name);
		return;
	}
	at = v->package ? snprintf(buf, buf_sz, "%s.<var>", v->package)
			: snprintf(buf, buf_sz, "a package variable");
	for (uint32_t i = 0; i < v->used_by_cnt && at > 0 && (size_t)at < buf_sz; i++)
		at += snprintf(buf + at, buf_sz - at, "%s%s", i ? ", " : " used by ",
			       without_package(v->used_by[i], v->package));
}

/* The type of the map that a variable has, as its code says. */
static const struct cat_type *variable_map_type(const struct naming *n, uint64_t addr)
{
	const struct cat_type *t = n->vars ? catalogue_find(n->cat, varrefs_map_type(n->vars, addr))
					   : NULL;

	return t && t->kind == CAT_MAP ? t : NULL;
}

/* A variable that is a struct: its type, and the field that the word is in. */
struct variable_field {
	const struct cat_type *type; /* NULL: not known */
	const struct cat_type *map; /* of the field; NULL: it does not say */
	char path[sizeof(((struct cat_leaf *)0)->path) + 8];
};

static void variable_find_field(const struct naming *n, uint64_t addr, const struct held_word *w,
				const struct varref *v, struct variable_field *ret)
{
	struct static_type part;
	struct cat_leaf leaf;

	/* With a name the path begins where the variable does. */
	if (!static_type_find(n, addr, &part) || (v->name && part.base != addr - v->name_off) ||
	    !catalogue_leaf(n->cat, part.type, addr - part.base, &leaf) || !leaf.path[0] ||
	    !leaf_holds_map(n, w, &leaf, &ret->map))
		return;
	ret->type = part.type;
	naming_path(leaf.path, ret->path, sizeof(ret->path));
}

/* "main.srv.tables.by", "main.<var>.(main.server).tables.by used by serve". */
static void variable_text(const struct naming *n, const struct varref *v,
			  const struct variable_field *f, char *buf, size_t buf_sz)
{
	char name[NAME_TEXT_MAX], users[NAME_TEXT_MAX];
	const char *rest;

	naming_variable_text(v, name, sizeof(name));
	rest = v->name ? NULL : strstr(name, " used by ");
	snprintf(users, sizeof(users), "%s", rest ? rest : "");
	if (rest)
		name[rest - name] = '\0';
	if (v->name)
		snprintf(buf, buf_sz, "%s.%s", name, f->path);
	else
		snprintf(buf, buf_sz, "%s.(%s).%s%s", name, cat_type_name(n->cat, f->type), f->path,
			 users);
}

uint32_t naming_variable(struct naming *n, uint64_t addr, const struct held_word *w)
{
	const struct cat_type *map = interface_map_type(n, w->word_before);
	struct holder h = { .kind = HOLDER_VARIABLE, .candidates = 1 };
	struct variable_field field = { 0 };
	char text[4 * NAME_TEXT_MAX];
	struct varref v = { 0 };

	if (n->vars)
		varrefs_find(n->vars, addr, &v);
	naming_variable_text(&v, text, sizeof(text));
	variable_find_field(n, addr, w, &v, &field);
	if (field.type) {
		variable_text(n, &v, &field, text, sizeof(text));
		h.type = cat_type_name(n->cat, field.type);
		h.field = field.path;
	}
	if (!map && !w->held && !w->indirect)
		map = field.map ? field.map : variable_map_type(n, addr);
	h.text = text;
	h.package = v.package;
	h.map_type = map ? map->addr : 0;
	h.map_type_sure = map != NULL; /* where the variable is, is known in any case */
	h.certain = v.certain || v.name;
	h.used_by_cnt = v.used_by_cnt < HOLDER_USERS_MAX ? v.used_by_cnt : HOLDER_USERS_MAX;
	for (uint32_t i = 0; i < h.used_by_cnt; i++)
		h.used_by[i] = v.used_by[i];
	return holder_set_add(n->set, &h);
}

uint32_t naming_frame(struct naming *n, const struct frame_place *place, bool own)
{
	struct holder h = { .kind = HOLDER_FRAME, .candidates = 1 };
	char text[NAME_TEXT_MAX];

	/* With very many goroutines the number of one tells nothing. */
	if (n->frame_cnt++ < FRAMES_NUMBERED_MAX && place->goid)
		snprintf(text, sizeof(text), "goroutine %llu%s%s%s",
			 (unsigned long long)place->goid, place->function[0] ? " " : "",
			 place->function, place->running ? " (running)" : "");
	else
		snprintf(text, sizeof(text), "a goroutine%s%s%s", place->function[0] ? " in " : "",
			 place->function, place->running ? " (running)" : "");
	h.text = text;
	h.function = place->function[0] ? place->function : NULL;
	h.certain = own && !place->running;
	return holder_set_add(n->set, &h);
}
