// SPDX-License-Identifier: GPL-2.0-only
#include "graph/path_steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "process/pclntab.h"

enum {
	STEP_TEXT_MAX = 1024,
	CANDIDATES_NAMED_MAX = 8,
	HCHAN_BUF = 16, /* runtime.hchan.buf, the same in all versions */
	STEPS_MAX = PATH_LEVELS_MAX + 2,
};

/* ---- the text ---- */

/* A way while it is named. */
struct path_text {
	struct path_namer *n;
	char text[PATH_TEXT_MAX];
	size_t len;
	bool is_open; /* the text ends with a colon: no dot comes next */
	struct path_step steps[STEPS_MAX];
	size_t step_cnt;
	/* What is known of the next object: */
	const struct cat_type *expected; /* its type; NULL: nothing */
	bool sure; /* that is certain */
	bool by_chan; /* it is the buffer of a channel of these */
	/* Before the last object was named: to take that back. */
	size_t len_before;
	size_t step_cnt_before;
	bool was_open;
	uint64_t size_before; /* of that object */
	struct path_fault *fault;
	uint32_t object; /* that is named */
	const struct cat_type *map_type; /* it is a table of such a map; NULL: not known */
	bool in_map; /* it is a table of some map */
	bool map_sure;
};

static void put_text(struct path_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put_text(struct path_text *t, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(t->text + t->len, sizeof(t->text) - t->len, fmt, args);
	va_end(args);
	if (len > 0)
		t->len += len;
	if (t->len >= sizeof(t->text))
		t->len = sizeof(t->text) - 1;
}

static void add_step(struct path_text *t, enum holder_kind kind, const char *text, const char *type,
		     const char *field, bool certain)
{
	struct pool *pool = t->n->pool;

	if (t->step_cnt < STEPS_MAX)
		t->steps[t->step_cnt++] = (struct path_step){
			.kind = kind,
			.text = pool_text(pool, text),
			.type = pool_text(pool, type),
			.field = field && field[0] ? pool_text(pool, field) : NULL,
			.certain = certain,
		};
}

/* The type of an object that nothing before has said: ".(*main.server)". */
static void put_type(struct path_text *t, const char *lead, const char *type, const char *trail)
{
	put_text(t, "%s(%s%s%s)", t->is_open ? " " : ".", lead, type, trail);
	t->is_open = false;
}

static void put_field(struct path_text *t, const char *field)
{
	if (field[0])
		put_text(t, "%s%s", field[0] == '[' || t->is_open ? "" : ".", field);
	t->is_open = false;
}

/* ---- what follows from a word ---- */

static void expect_of_interface(struct path_text *t, uint64_t type_word, bool sure)
{
	const struct cat_type *dynamic = naming_dynamic_type(&t->n->s->naming, type_word);

	t->expected = dynamic && dynamic->kind == CAT_POINTER ? dynamic->elem : dynamic;
	t->sure = sure;
}

/* Notes what a leaf says of the object that the word leads to. */
static void expect_by_leaf(struct path_text *t, const struct cat_leaf *leaf,
			   const uint64_t words[2], const struct object *to, bool sure)
{
	const struct cat_type *type = leaf->type;

	t->sure = sure;
	if ((type->kind == CAT_POINTER || type->kind == CAT_SLICE) && !leaf->off &&
	    (words[1] == to->start || type->kind == CAT_SLICE)) {
		t->expected = type->elem;
	} else if (type->kind == CAT_MAP && !leaf->off) {
		t->expected = type;
	} else if (type->kind == CAT_INTERFACE && leaf->off == 8 && words[1] == to->start) {
		expect_of_interface(t, words[0], sure);
	}
}

/* Whether a guess is as good as none: too many types fit, or what it says of the word any would. */
static bool guess_is_vague(const struct fit *fit, const struct cat_leaf *leaf)
{
	return !fit->certain &&
	       (fit->candidates > CANDIDATES_NAMED_MAX || leaf->type->kind == CAT_UNSAFE_POINTER);
}

static bool leaf_is_pointer(const struct cat_leaf *leaf)
{
	switch ((enum cat_kind)leaf->type->kind) {
	case CAT_INTERFACE:
		return true;
	case CAT_CHAN:
	case CAT_FUNC:
	case CAT_MAP:
	case CAT_POINTER:
	case CAT_SLICE:
	case CAT_STRING:
	case CAT_UNSAFE_POINTER:
		return !leaf->off;
	case CAT_BOOL:
	case CAT_INT:
	case CAT_COMPLEX128:
	case CAT_ARRAY:
	case CAT_STRUCT:
		break;
	}
	return false;
}

static void path_blame(struct path_text *t, enum path_verdict verdict, uint32_t object)
{
	if (verdict > t->fault->verdict)
		*t->fault = (struct path_fault){ verdict, object };
}

/* ---- objects of each kind ---- */

/* An object on the way, and its word that leads to the next one. */
struct path_object {
	const struct fit_object *o;
	struct fit fit;
	uint64_t off;
	uint64_t words[2]; /* the word before that one, and that one */
	const struct object *to;
	bool told; /* its type is what the text so far says */
};

static void name_unknown_step(struct path_text *t, uint64_t size)
{
	char text[64];

	path_blame(t, PATH_UNTYPED, t->object);
	snprintf(text, sizeof(text), "an object of %llu bytes", (unsigned long long)size);
	put_type(t, "", "?", "");
	add_step(t, HOLDER_OBJECT, text, NULL, NULL, false);
}

/* An interface that outlived its frame looks like other types of two words. */
static bool is_interface_box(const struct path_text *t, const struct path_object *p)
{
	return p->o->size == 16 && p->off == 8 && !p->fit.certain &&
	       naming_dynamic_type(&t->n->s->naming, p->words[0]);
}

static void name_value_step(struct path_text *t, const struct path_object *p, bool array)
{
	const struct catalogue *cat = t->n->s->cat;
	const struct cat_type *type = p->fit.type;
	char field[sizeof(((struct cat_leaf *)0)->path) + 8], text[STEP_TEXT_MAX];
	const char *name = type ? cat_type_name(cat, type) : NULL;
	struct cat_leaf leaf;

	if (!type || !type->size ||
	    !catalogue_leaf(cat, type, array ? p->off % type->size : p->off, &leaf) ||
	    !leaf_is_pointer(&leaf) || guess_is_vague(&p->fit, &leaf)) {
		name_unknown_step(t, p->o->size);
		return;
	}
	expect_by_leaf(t, &leaf, p->words, p->to, p->fit.certain);
	/* A variable that outlived its frame says nothing but what it leads to. */
	if (!array && !leaf.path[0])
		return;
	naming_path(leaf.path, field, sizeof(field));
	if (!p->told)
		put_type(t, array ? "[]" : "*", name, "");
	if (array)
		put_text(t, "[*]");
	put_field(t, field);
	snprintf(text, sizeof(text), "%s%s%s%s%s", array ? "[]" : "*", name,
		 array && !field[0] ? "[*]" : "", field[0] && field[0] != '[' ? "." : "", field);
	if (!p->fit.certain)
		path_blame(t, PATH_GUESSED, t->object);
	add_step(t, field[0] ? HOLDER_FIELD : HOLDER_ELEMENT, text, name, field, p->fit.certain);
}

static void name_closure_step(struct path_text *t, const struct path_object *p)
{
	const struct program *prog = t->n->s->heap->prog;
	const struct cat_type *type = p->fit.certain ? p->fit.type : NULL;
	char function[FRAME_NAME_MAX], text[STEP_TEXT_MAX];
	struct cat_leaf leaf;
	_cleanup_err_ struct err *err = pclntab_name(prog->funcs, program_image_mem(prog),
						     p->fit.func, function, sizeof(function));

	if (err)
		snprintf(function, sizeof(function), "?");
	if (type && catalogue_leaf(t->n->s->cat, type, p->off, &leaf) && leaf_is_pointer(&leaf))
		expect_by_leaf(t, &leaf, p->words, p->to, true);
	put_type(t, "", function, " closure");
	snprintf(text, sizeof(text), "%s (closure)", function);
	add_step(t, HOLDER_CLOSURE, text, NULL, NULL, p->fit.certain && !err);
}

/* A channel, or its buffer. */
static void name_channel_step(struct path_text *t, const struct path_object *p)
{
	const struct catalogue *cat = t->n->s->cat;
	const struct cat_type *elem = p->fit.type;
	char field[sizeof(((struct cat_leaf *)0)->path) + 8], text[STEP_TEXT_MAX];
	bool is_header = p->fit.kind == FIT_CHAN;
	uint64_t off = p->off, buf;
	struct cat_leaf leaf;

	if (elem && is_header && off == HCHAN_BUF && p->words[1] == p->to->start) {
		t->expected = elem; /* the buffer is an object of its own */
		t->sure = p->fit.certain;
		t->by_chan = true;
		return;
	}
	buf = is_header && p->o->bytes_len >= HCHAN_BUF + 8 ? load_u64(p->o->bytes, HCHAN_BUF)
							    : p->o->addr;
	off -= buf - p->o->addr;
	if (!elem || !elem->size || off >= p->o->size ||
	    !catalogue_leaf(cat, elem, off % elem->size, &leaf) || !leaf_is_pointer(&leaf)) {
		name_unknown_step(t, p->o->size);
		return;
	}
	expect_by_leaf(t, &leaf, p->words, p->to, p->fit.certain);
	naming_path(leaf.path, field, sizeof(field));
	put_type(t, "chan ", cat_type_name(cat, elem), "");
	put_field(t, field);
	snprintf(text, sizeof(text), "chan %s%s%s", cat_type_name(cat, elem),
		 field[0] && field[0] != '[' ? "." : "", field);
	add_step(t, HOLDER_CHANNEL, text, cat_type_name(cat, elem), field, p->fit.certain);
}

/* A table of buckets or groups. */
static void name_buckets_step(struct path_text *t, const struct path_object *p)
{
	const struct catalogue *cat = t->n->s->cat;
	const struct cat_type *map = p->fit.type, *bucket = map ? map->bucket : NULL;
	char field[sizeof(((struct cat_leaf *)0)->path) + 8], text[STEP_TEXT_MAX];
	struct cat_leaf leaf;
	bool is_key = false;

	if (!bucket || !bucket->size ||
	    !catalogue_leaf(cat, bucket, p->off % bucket->size, &leaf) || !leaf_is_pointer(&leaf)) {
		put_text(t, "[*]");
		add_step(t, HOLDER_MAP, "a map", NULL, NULL, false);
		return;
	}
	if (!strcmp(leaf.path, "overflow")) { /* the next bucket of the same chain */
		t->in_map = true;
		t->map_type = map;
		t->map_sure = p->fit.certain;
		return;
	}
	expect_by_leaf(t, &leaf, p->words, p->to, p->fit.certain);
	naming_path(naming_slot_path(leaf.path, &is_key), field, sizeof(field));
	put_text(t, "[*]%s", is_key ? "(key)" : "");
	t->is_open = false;
	put_field(t, field);
	snprintf(text, sizeof(text), "%s[*]%s%s%s", cat_type_name(cat, map), is_key ? " (key)" : "",
		 field[0] && field[0] != '[' ? "." : "", field);
	add_step(t, HOLDER_MAP, text, cat_type_name(cat, map), field, p->fit.certain);
}

static void name_object_step(struct path_text *t, const struct path_object *p)
{
	if (is_interface_box(t, p)) {
		expect_of_interface(t, p->words[0], true);
		return;
	}
	switch ((enum fit_kind)p->fit.kind) {
	case FIT_VALUE:
		name_value_step(t, p, /* array= */ false);
		return;
	case FIT_ARRAY:
		name_value_step(t, p, /* array= */ true);
		return;
	case FIT_CLOSURE:
		name_closure_step(t, p);
		return;
	case FIT_CHAN:
	case FIT_CHAN_BUFFER:
		name_channel_step(t, p);
		return;
	case FIT_BUCKETS:
		name_buckets_step(t, p);
		return;
	case FIT_MAP_HEADER:
	case FIT_SWISS_TABLE:
	case FIT_SWISS_DIRECTORY:
		t->in_map = true;
		return;
	case FIT_NONE:
		break;
	}
	name_unknown_step(t, p->o->size);
}

/* ---- fits ---- */

/* The row whose header the object is; UINT32_MAX: none. */
static uint32_t path_header_row(const struct path_namer *n, uint64_t addr)
{
	ssize_t row = rows_find(&n->s->census->maps, addr);

	return row == ROWS_NONE ? UINT32_MAX : (uint32_t)row;
}

static const struct cat_type *path_map_type(const struct path_namer *n, uint32_t row)
{
	const struct cat_type *type = search_row_type(n->s, row);
	const struct holder *h = holders_of(n->s->ret, row);

	return type ? type : h && h->certain ? catalogue_find(n->s->cat, h->map_type) : NULL;
}

/* Whether a type's own name tells that the runtime made it. */
static bool is_runtime_type(const struct path_namer *n, const struct cat_type *type)
{
	const char *name = type && type->kind == CAT_STRUCT ? cat_type_name(n->s->cat, type) : "";

	return !strncmp(name, "runtime.", 8) || !strcmp(name, "time.Timer");
}

static void fit_path_object(struct path_text *t, const struct fit_object *o, struct fit *fit)
{
	const struct cat_type *expected = t->in_map ? t->map_type : t->expected;
	bool sure = t->in_map ? t->map_sure : t->sure;

	if (t->by_chan) {
		*fit = (struct fit){ .kind = FIT_CHAN_BUFFER,
				     .type = t->expected,
				     .candidates = 1,
				     .certain = sure,
				     .source = FIT_BY_PARENT };
		return;
	}
	fit_types(t->n->s->fitter, o, expected, fit);
	if (fit->source == FIT_BY_PARENT)
		fit->certain &= sure;
	if (t->in_map && fit->kind != FIT_SWISS_TABLE && fit->kind != FIT_SWISS_DIRECTORY &&
	    fit->kind != FIT_BUCKETS)
		*fit = (struct fit){ .kind = FIT_BUCKETS,
				     .type = t->map_type,
				     .candidates = 1,
				     .certain = t->map_type && sure,
				     .source = FIT_BY_PARENT };
}

/* Whether a value of the type begins with one of another, as those with an embedded struct do. */
static bool type_begins_with(const struct cat_type *type, const struct cat_type *with)
{
	while (type && type != with)
		type = type->kind == CAT_ARRAY ? type->elem
		       : type->kind == CAT_STRUCT && type->field_cnt && !type->fields[0].off
			       ? type->fields[0].type
			       : NULL;
	return type;
}

/* Whether what the last object was guessed to be says that this one is of another type. */
static bool guess_was_wrong(const struct path_text *t, const struct fit *fit)
{
	bool agrees = fit->source == FIT_BY_PARENT || type_begins_with(fit->type, t->expected);

	return t->expected && !t->sure && !t->in_map && fit->type && !agrees &&
	       t->step_cnt > t->step_cnt_before;
}

static void take_guess_back(struct path_text *t)
{
	t->len = t->len_before;
	t->text[t->len] = '\0';
	t->step_cnt = t->step_cnt_before;
	t->is_open = t->was_open;
	t->expected = NULL;
	name_unknown_step(t, t->size_before);
}

/* A map's header: tables of it come next. */
static void enter_map(struct path_text *t, uint32_t row)
{
	t->map_type = path_map_type(t->n, row);
	t->map_sure = t->map_type != NULL;
	t->in_map = true;
	t->expected = NULL;
}

static void name_path_object(struct path_text *t, struct path_object *p)
{
	bool in_table;

	fit_path_object(t, p->o, &p->fit);
	if (guess_was_wrong(t, &p->fit))
		take_guess_back(t);
	p->told = t->expected && p->fit.type == t->expected;
	if (is_runtime_type(t->n, p->fit.type))
		path_blame(t, PATH_OF_TIMER, t->object);
	if (p->fit.kind == FIT_CLOSURE && t->step_cnt == 1 && t->steps[0].kind == HOLDER_VARIABLE)
		path_blame(t, PATH_CLOSURE, t->object);
	in_table = p->fit.kind == FIT_SWISS_TABLE || p->fit.kind == FIT_SWISS_DIRECTORY;
	t->expected = NULL;
	t->sure = t->by_chan = false;
	t->in_map &= in_table;
	t->len_before = t->len;
	t->step_cnt_before = t->step_cnt;
	t->was_open = t->is_open;
	t->size_before = p->o->size;
	name_object_step(t, p);
}

/* Names the step through an object to the next one. */
static struct err *path_name_object(struct path_text *t, uint32_t object, uint32_t next)
{
	struct path_namer *n = t->n;
	struct object to;
	struct path_object p = { .o = &n->batch->read[0], .to = &to };
	bool ok;
	struct err *err = path_read_object(n, object, &ok);

	t->object = object;
	objects_get(n->objs, next, &to);
	if (!err && ok)
		err = path_find_word(n, &to, &p.off, p.words);
	if (err)
		return err;
	if (!ok || p.off == PATH_NO_WORD) {
		path_blame(t, PATH_STALE, object);
		return NULL;
	}
	uint32_t row = t->in_map ? UINT32_MAX : path_header_row(n, p.o->addr);
	if (row != UINT32_MAX)
		enter_map(t, row);
	else
		name_path_object(t, &p);
	return NULL;
}

/* ---- a way ---- */

struct err *path_name(struct path_namer *n, const struct found_path *way, uint32_t row,
		      struct map_path *ret, struct path_fault *fault)
{
	struct path_text t = { .n = n, .fault = fault };
	struct path_root root;
	struct err *err = path_root_name(n, &n->graph->roots.data[way->root], &root);

	*fault = (struct path_fault){ .verdict = PATH_NAMED };
	if (err)
		return err;
	put_text(&t, "%s%s", root.name, root.kind == HOLDER_VARIABLE ? "" : ":");
	t.is_open = root.kind != HOLDER_VARIABLE;
	add_step(&t, root.kind, root.text, NULL, NULL, root.certain);
	for (uint32_t i = 0; !err && i + 1 < way->len && fault->verdict != PATH_STALE; i++)
		err = path_name_object(&t, way->objects[i], way->objects[i + 1]);
	if (err)
		return err;
	if (t.text[t.len - 1] == ':')
		t.text[t.len - 1] = '\0';
	*ret = (struct map_path){ .row = row, .text = pool_text(n->pool, t.text), .certain = true };
	ret->steps = pool_alloc(n->pool, t.step_cnt * sizeof(*ret->steps));
	if (ret->steps)
		memcpy(ret->steps, t.steps, t.step_cnt * sizeof(*ret->steps));
	ret->step_cnt = ret->steps ? t.step_cnt : 0;
	for (size_t i = 0; i < ret->step_cnt; i++)
		ret->certain &= ret->steps[i].certain;
	return n->pool->failed ? err_nomem() : NULL;
}
