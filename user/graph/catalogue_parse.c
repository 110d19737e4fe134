// SPDX-License-Identifier: GPL-2.0-only
/*
 * catalogue_parse.c - finds type descriptors in the bytes of the type sections.
 *
 * First each address that is a multiple of 8 is looked at by itself. What may be a type is a
 * candidate, and refers to others: elem, key, bucket, types of fields. A candidate that refers to
 * something else is dropped, and so is what refers to it. Real types are never dropped this way,
 * as long as each test here holds for every type: one wrong test would drop all types around it.
 */
#include <ctype.h>
#include <string.h>

#include "base/log.h"
#include "base/vec.h"
#include "graph/catalogue_priv.h"
#include "process/typenames.h"

enum {
	CAT_TYPES_MAX = 1 << 21,
	CAT_REFS_MAX = 1 << 24, /* of all candidates together */
	CAT_TEXT_MAX = 4096, /* longer names are cut */
	CAT_SAME_HASH_MAX = 64, /* a type is compared with at most this many of its hash */
	TFLAG_UNCOMMON = 1,
	TFLAG_MAX = 63,
	NAME_FLAGS_MAX = 15,
	ALIGN_MAX = 64,
	CHAN_TYPE_SZ = 64,
	FUNC_TYPE_SZ = 56,
	POINTER_TYPE_SZ = 56, /* also of slices */
	ARRAY_TYPE_SZ = 72,
	IFACE_TYPE_SZ = 80,
	IFACE_METHOD_CNT = 64,
	STRUCT_FIELD_CAP = 72,
};

struct cat_candidate {
	uint64_t addr;
	const uint8_t *bytes;
	const struct type_range *range;
	uint32_t first_ref; /* its references: first_ref to first_ref + ref_cnt - 1 */
	uint32_t ref_cnt;
	uint32_t nth; /* of the type that it becomes */
	bool dropped;
};

#define CAT_NOWHERE UINT32_MAX

struct cat_parser {
	struct catalogue *cat;
	const struct section *s;
	VEC(struct cat_candidate) found; /* ascending by address */
	struct table by_addr; /* their indexes */
	VEC(uint64_t) refs; /* addresses that candidates refer to, in the order of the fields */
	uint32_t *targets; /* the candidates there, or CAT_NOWHERE */
	uint32_t *twins; /* for each candidate the one that stands for it */
	size_t cnt; /* types that are left */
};

static void cat_parser_fini(struct cat_parser *p)
{
	vec_fini(&p->found);
	vec_fini(&p->refs);
	table_fini(&p->by_addr);
	free(p->targets);
	free(p->twins);
}

/* ---- One descriptor by itself ---- */

/* Bytes of the descriptor, without what comes after it for types with methods. */
static uint64_t cat_type_sz(const struct section *s, uint8_t kind)
{
	switch (kind) {
	case CAT_ARRAY:
		return ARRAY_TYPE_SZ;
	case CAT_CHAN:
		return CHAN_TYPE_SZ;
	case CAT_FUNC:
		return FUNC_TYPE_SZ;
	case CAT_INTERFACE:
		return IFACE_TYPE_SZ;
	case CAT_MAP:
		return s->layout->maptype.size;
	case CAT_POINTER:
	case CAT_SLICE:
		return POINTER_TYPE_SZ;
	case CAT_STRUCT:
		return STRUCT_TYPE_SZ;
	}
	return TYPE_SZ;
}

/* The size of every type of the kind, or 0 when they differ. */
static uint64_t cat_kind_size(uint8_t kind)
{
	static const uint8_t sizes[] = {
		[CAT_BOOL] = 1,
		8,
		1,
		2,
		4,
		8,
		8,
		1,
		2,
		4,
		8,
		8,
		4,
		8,
		8,
		16,
		[CAT_CHAN] = 8,
		[CAT_FUNC] = 8,
		[CAT_INTERFACE] = 16,
		[CAT_MAP] = 8,
		[CAT_POINTER] = 8,
		[CAT_SLICE] = 24,
		[CAT_STRING] = 16,
		[CAT_STRUCT] = 0,
		[CAT_UNSAFE_POINTER] = 8,
	};

	return sizes[kind];
}

/* Pointers to what is never in the heap do not count as pointers: their ptr_bytes are 0. */
static bool cat_head_is_sound(const uint8_t *t, uint8_t kind)
{
	uint64_t size = load_u64(t, TYPE_SIZE), ptr_bytes = load_u64(t, TYPE_PTR_BYTES);
	uint8_t align = load_u8(t, TYPE_ALIGN), field_align = load_u8(t, TYPE_FIELD_ALIGN);

	if (!align || align > ALIGN_MAX || (align & (align - 1)) || !field_align ||
	    field_align > align || (field_align & (field_align - 1)))
		return false;
	if (ptr_bytes > size || ptr_bytes % 8 || size % align || load_u8(t, TYPE_TFLAG) > TFLAG_MAX)
		return false;
	if (ptr_bytes && (align % 8 || !load_u64(t, TYPE_GCDATA)))
		return false;
	return !cat_kind_size(kind) || cat_kind_size(kind) == size;
}

static bool cat_text_is_sound(const struct type_text *t)
{
	return t->flags <= NAME_FLAGS_MAX && !memchr(t->bytes, 0, t->len);
}

/* Adds what candidate c refers to; false when it has too much, or its fields cannot be read. */
static bool cat_collect_refs(struct cat_parser *p, const struct cat_candidate *c, uint8_t kind)
{
	static const uint8_t plain[] = { ARRAY_ELEM, ARRAY_ELEM + 8 };
	static const uint8_t map[] = { MAPTYPE_KEY, MAPTYPE_ELEM, MAPTYPE_BUCKET };
	size_t n = kind == CAT_ARRAY						  ? 2
		   : kind == CAT_CHAN || kind == CAT_POINTER || kind == CAT_SLICE ? 1
										  : 0;
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok &= vec_push(&p->refs, load_u64(c->bytes, plain[i]));
	for (size_t i = 0; kind == CAT_MAP && i < 3; i++)
		ok &= vec_push(&p->refs, load_u64(c->bytes, map[i]));
	if (kind != CAT_STRUCT)
		return ok;
	uint64_t cnt = load_u64(c->bytes, STRUCT_FIELD_CNT);
	const uint8_t *fields = type_fields(p->s, c->bytes);
	for (uint64_t i = 0; fields && ok && i < cnt; i++)
		ok = vec_push(&p->refs, load_u64(fields + i * FIELD_SZ, FIELD_TYPE));
	return ok;
}

static bool cat_field_name(const struct section *s, const uint8_t *field, struct type_text *ret)
{
	uint64_t at = load_u64(field, FIELD_NAME);
	const struct type_range *r = type_range_of(s, at);

	return r && type_text_read(r, at - r->addr, ret) && cat_text_is_sound(ret);
}

static bool cat_fields_are_sound(const struct cat_parser *p, const uint8_t *t)
{
	uint64_t cnt = load_u64(t, STRUCT_FIELD_CNT), size = load_u64(t, TYPE_SIZE), last = 0;
	const uint8_t *f = type_fields(p->s, t);
	struct type_text name;

	if (load_u64(t, STRUCT_FIELD_CAP) != cnt || (cnt && !f) || cnt > CAT_REFS_MAX - p->refs.len)
		return false;
	for (uint64_t i = 0; i < cnt; i++, f += FIELD_SZ) {
		uint64_t off = load_u64(f, FIELD_OFFSET);

		if (off < last || off > size || !cat_field_name(p->s, f, &name))
			return false;
		last = off;
	}
	return true;
}

static bool cat_is_candidate(const struct cat_parser *p, const struct type_range *r,
			     const uint8_t *t, uint64_t left)
{
	uint8_t kind = type_kind(t);
	int32_t str = load_u32(t, TYPE_STR), to_this = load_u32(t, TYPE_STR + 4);
	struct type_text name;

	if (!kind || kind > KIND_MAX || str <= 0 || (uint64_t)str >= r->len || to_this < 0 ||
	    (uint64_t)to_this >= r->len || left < cat_type_sz(p->s, kind) ||
	    !cat_head_is_sound(t, kind))
		return false;
	if (!type_linked_name(r, t, &name) || !cat_text_is_sound(&name) || !name.len)
		return false;
	return kind != CAT_STRUCT || cat_fields_are_sound(p, t);
}

static struct err *cat_collect_range(struct cat_parser *p, const struct type_range *r)
{
	for (uint64_t off = -r->addr & 7; off + TYPE_SZ <= r->len; off += 8) {
		const uint8_t *t = r->data + off;
		struct cat_candidate c = { .addr = r->addr + off, .bytes = t, .range = r };

		if (!cat_is_candidate(p, r, t, r->len - off))
			continue;
		if (p->found.len == CAT_TYPES_MAX || p->refs.len > CAT_REFS_MAX)
			return err_new(ERR_FORMAT, "the program has too many types");
		c.first_ref = p->refs.len;
		if (!cat_collect_refs(p, &c, type_kind(t)))
			return err_nomem();
		c.ref_cnt = p->refs.len - c.first_ref;
		if (!table_put(&p->by_addr, c.addr, p->found.len) || !vec_push(&p->found, c))
			return err_nomem();
	}
	return NULL;
}

/* ---- What candidates say of each other ---- */

static const struct cat_candidate *cat_target(const struct cat_parser *p,
					      const struct cat_candidate *c, uint32_t i)
{
	uint32_t target = p->targets[c->first_ref + i];

	return target == CAT_NOWHERE ? NULL : &p->found.data[target];
}

static bool cat_struct_holds_fields(const struct cat_parser *p, const struct cat_candidate *c)
{
	const uint8_t *f = type_fields(p->s, c->bytes);
	uint64_t size = load_u64(c->bytes, TYPE_SIZE), end = 0;

	for (uint32_t i = 0; i < c->ref_cnt; i++, f += FIELD_SZ) {
		uint64_t off = load_u64(f, FIELD_OFFSET);
		uint64_t field_sz = load_u64(cat_target(p, c, i)->bytes, TYPE_SIZE);

		if (off < end || field_sz > size - off)
			return false;
		end = off + field_sz;
	}
	return true;
}

/* Whether the references of a candidate lead to candidates with the sizes that they must have. */
static bool cat_refs_are_sound(const struct cat_parser *p, const struct cat_candidate *c)
{
	uint8_t kind = type_kind(c->bytes);

	for (uint32_t i = 0; i < c->ref_cnt; i++)
		if (!cat_target(p, c, i))
			return false;
	if (kind == CAT_STRUCT)
		return cat_struct_holds_fields(p, c);
	if (kind == CAT_MAP)
		return type_kind(cat_target(p, c, 2)->bytes) == CAT_STRUCT;
	if (kind == CAT_ARRAY) {
		unsigned __int128 size = load_u64(c->bytes, ARRAY_LEN);

		size *= load_u64(cat_target(p, c, 0)->bytes, TYPE_SIZE);
		return size == load_u64(c->bytes, TYPE_SIZE);
	}
	return true;
}

static struct err *cat_find_targets(struct cat_parser *p)
{
	p->targets = malloc((p->refs.len + 1) * sizeof(*p->targets));
	if (!p->targets)
		return err_nomem();
	for (size_t i = 0; i < p->refs.len; i++) {
		size_t at = table_get(&p->by_addr, p->refs.data[i]);

		p->targets[i] = at == TABLE_NONE ? CAT_NOWHERE : at;
	}
	return NULL;
}

/* The sources of the references to each candidate: those of candidate i are sources[start[i]] to
 * sources[start[i + 1] - 1]. */
struct cat_reverse {
	uint32_t *start;
	uint32_t *sources;
};

static void cat_reverse_fini(struct cat_reverse *r)
{
	free(r->start);
	free(r->sources);
}

static struct err *cat_reverse_init(const struct cat_parser *p, struct cat_reverse *r)
{
	r->start = calloc(p->found.len + 2, sizeof(*r->start));
	r->sources = malloc((p->refs.len + 1) * sizeof(*r->sources));
	if (!r->start || !r->sources)
		return err_nomem();
	for (size_t i = 0; i < p->refs.len; i++)
		if (p->targets[i] != CAT_NOWHERE)
			r->start[p->targets[i] + 2]++;
	for (size_t i = 2; i < p->found.len + 2; i++)
		r->start[i] += r->start[i - 1];
	for (size_t c = 0; c < p->found.len; c++) {
		const struct cat_candidate *from = &p->found.data[c];

		for (uint32_t i = 0; i < from->ref_cnt; i++) {
			uint32_t to = p->targets[from->first_ref + i];

			if (to != CAT_NOWHERE)
				r->sources[r->start[to + 1]++] = c;
		}
	}
	return NULL;
}

/* Drops candidates that are not sound, and all that refer to them. */
static struct err *cat_drop(struct cat_parser *p)
{
	_cleanup_(cat_reverse_fini) struct cat_reverse rev = { 0 };
	_cleanup_free_ uint32_t *todo = malloc((p->found.len + 1) * sizeof(*todo));
	struct err *err = todo ? cat_reverse_init(p, &rev) : err_nomem();
	size_t todo_cnt = 0, dropped = 0;

	if (err)
		return err;
	for (size_t i = 0; i < p->found.len; i++) {
		p->found.data[i].dropped = !cat_refs_are_sound(p, &p->found.data[i]);
		if (p->found.data[i].dropped)
			todo[todo_cnt++] = i;
	}
	while (todo_cnt) {
		uint32_t c = todo[--todo_cnt];

		dropped++;
		for (uint32_t i = rev.start[c]; i < rev.start[c + 1]; i++) {
			struct cat_candidate *from = &p->found.data[rev.sources[i]];

			if (!from->dropped)
				todo[todo_cnt++] = rev.sources[i];
			from->dropped = true;
		}
	}
	if (dropped)
		log_debug("%zu of %zu candidates are not types", dropped, p->found.len);
	return NULL;
}

/* ---- One type in several modules ---- */

static int cmp_cat_hash(const void *a, const void *b, void *ctx)
{
	const struct cat_candidate *found = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	uint32_t x = load_u32(found[i].bytes, TYPE_HASH), y = load_u32(found[j].bytes, TYPE_HASH);

	if (x != y)
		return x < y ? -1 : 1;
	return i < j ? -1 : i > j;
}

/* The linker makes the hash from all that a type consists of, with the paths of packages. */
static bool cat_are_twins(const struct cat_candidate *a, const struct cat_candidate *b)
{
	struct type_text x, y;

	return a->range != b->range && !a->dropped && !b->dropped &&
	       load_u32(a->bytes, TYPE_HASH) == load_u32(b->bytes, TYPE_HASH) &&
	       type_kind(a->bytes) == type_kind(b->bytes) && a->ref_cnt == b->ref_cnt &&
	       load_u64(a->bytes, TYPE_SIZE) == load_u64(b->bytes, TYPE_SIZE) &&
	       load_u64(a->bytes, TYPE_PTR_BYTES) == load_u64(b->bytes, TYPE_PTR_BYTES) &&
	       type_linked_name(a->range, a->bytes, &x) &&
	       type_linked_name(b->range, b->bytes, &y) && x.len == y.len &&
	       !memcmp(x.bytes, y.bytes, x.len);
}

static struct err *cat_find_twins(struct cat_parser *p)
{
	size_t cnt = p->found.len;
	_cleanup_free_ uint32_t *order = malloc((cnt + 1) * sizeof(*order));

	p->twins = malloc((cnt + 1) * sizeof(*p->twins));
	if (!order || !p->twins)
		return err_nomem();
	for (uint32_t i = 0; i < cnt; i++)
		order[i] = p->twins[i] = i;
	if (p->s->range_cnt < 2 || !cnt)
		return NULL;
	qsort_r(order, cnt, sizeof(*order), cmp_cat_hash, p->found.data);
	for (size_t i = 1; i < cnt; i++) {
		size_t first = i < CAT_SAME_HASH_MAX ? 0 : i - CAT_SAME_HASH_MAX;
		const struct cat_candidate *c = &p->found.data[order[i]];

		for (size_t j = i; j-- > first;) {
			if (load_u32(p->found.data[order[j]].bytes, TYPE_HASH) !=
			    load_u32(c->bytes, TYPE_HASH))
				break;
			if (cat_are_twins(&p->found.data[order[j]], c))
				p->twins[order[i]] = p->twins[order[j]];
		}
	}
	return NULL;
}

/* ---- The catalogue ---- */

/* A copy of a name that is safe for a terminal. */
static const char *cat_copy_text(struct catalogue *cat, const struct type_text *t)
{
	uint64_t len = t->len < CAT_TEXT_MAX ? t->len : CAT_TEXT_MAX;
	char *copy = pool_alloc(&cat->pool, len + 1);

	for (uint64_t i = 0; copy && i < len; i++)
		copy[i] = iscntrl(t->bytes[i]) ? '?' : (char)t->bytes[i];
	return copy;
}

/* The path of a named type's package is after its descriptor. */
static const char *cat_copy_package(struct cat_parser *p, const struct cat_candidate *c)
{
	uint64_t at = c->addr + cat_type_sz(p->s, type_kind(c->bytes));
	const uint8_t *uncommon = type_bytes(p->s, at, 4);
	struct type_text t;

	if (!(load_u8(c->bytes, TYPE_TFLAG) & TFLAG_UNCOMMON) || !uncommon)
		return NULL;
	uint32_t off = load_u32(uncommon, 0);
	if (!off || off >= c->range->len || !type_text_read(c->range, off, &t) ||
	    !cat_text_is_sound(&t))
		return NULL;
	return cat_copy_text(p->cat, &t);
}

static const struct cat_type *cat_type_of_ref(const struct cat_parser *p,
					      const struct cat_candidate *c, uint32_t i)
{
	return &p->cat->types[cat_target(p, c, i)->nth];
}

static void cat_fill_fields(struct cat_parser *p, const struct cat_candidate *c, struct cat_type *t)
{
	const uint8_t *raw = type_fields(p->s, c->bytes);
	struct cat_field *fields = pool_alloc(&p->cat->pool, c->ref_cnt * sizeof(*fields));

	for (uint32_t i = 0; fields && i < c->ref_cnt; i++, raw += FIELD_SZ) {
		struct type_text name = { 0 };

		cat_field_name(p->s, raw, &name);
		fields[i] = (struct cat_field){
			.name = cat_copy_text(p->cat, &name),
			.type = cat_type_of_ref(p, c, i),
			.off = load_u64(raw, FIELD_OFFSET),
			.embedded = name.flags & NAME_EMBEDDED,
		};
	}
	t->fields = fields;
	t->field_cnt = fields ? c->ref_cnt : 0;
}

static void cat_fill_type(struct cat_parser *p, const struct cat_candidate *c)
{
	struct cat_type *t = &p->cat->types[c->nth];
	struct cat_text *text = &p->cat->texts[c->nth];
	uint8_t kind = type_kind(c->bytes);
	struct type_text name = { 0 };

	*t = (struct cat_type){
		.addr = c->addr,
		.size = load_u64(c->bytes, TYPE_SIZE),
		.ptr_bytes = load_u64(c->bytes, TYPE_PTR_BYTES),
		.hash = load_u32(c->bytes, TYPE_HASH),
		.nth = c->nth,
		.kind = kind,
		.align = load_u8(c->bytes, TYPE_ALIGN),
		.named = load_u8(c->bytes, TYPE_TFLAG) & TFLAG_NAMED,
	};
	if (kind == CAT_STRUCT)
		cat_fill_fields(p, c, t);
	else if (kind == CAT_MAP) {
		t->key = cat_type_of_ref(p, c, 0);
		t->elem = cat_type_of_ref(p, c, 1);
		t->bucket = cat_type_of_ref(p, c, 2);
	} else if (c->ref_cnt)
		t->elem = cat_type_of_ref(p, c, 0);
	if (kind == CAT_ARRAY)
		t->len = load_u64(c->bytes, ARRAY_LEN);
	if (kind == CAT_INTERFACE)
		t->method_cnt = load_u64(c->bytes, IFACE_METHOD_CNT);
	type_linked_name(c->range, c->bytes, &name);
	text->linked = cat_copy_text(p->cat, &name);
	text->package = t->named ? cat_copy_package(p, c) : NULL;
}

/* Whether an interface keeps values of the type in its second word (Go source:
 * cmd/compile/internal/types/type.go IsDirectIface). */
static bool cat_is_direct(const struct cat_type *t)
{
	for (int depth = 0; depth < CAT_DEPTH_MAX && t->size == 8 && t->ptr_bytes == 8; depth++) {
		if (t->kind == CAT_STRUCT && t->field_cnt == 1)
			t = t->fields[0].type;
		else if (t->kind == CAT_ARRAY && t->len == 1)
			t = t->elem;
		else
			return t->kind == CAT_POINTER || t->kind == CAT_CHAN ||
			       t->kind == CAT_MAP || t->kind == CAT_FUNC ||
			       t->kind == CAT_UNSAFE_POINTER;
	}
	return false;
}

/* Gives numbers to what is left, so that twins have the same one. */
static void cat_number(struct cat_parser *p)
{
	for (size_t i = 0; i < p->found.len; i++) {
		struct cat_candidate *c = &p->found.data[i];

		if (c->dropped)
			continue;
		c->nth = p->twins[i] == i ? p->cnt++ : p->found.data[p->twins[i]].nth;
	}
}

static struct err *cat_fill(struct cat_parser *p)
{
	struct catalogue *cat = p->cat;

	cat_number(p);
	cat->types = calloc(p->cnt + 1, sizeof(*cat->types));
	cat->texts = calloc(p->cnt + 1, sizeof(*cat->texts));
	if (!cat->types || !cat->texts)
		return err_nomem();
	cat->cnt = p->cnt;
	for (size_t i = 0; i < p->found.len; i++) {
		const struct cat_candidate *c = &p->found.data[i];

		if (c->dropped)
			continue;
		if (p->twins[i] == i)
			cat_fill_type(p, c);
		if (!table_put(&cat->by_addr, c->addr, c->nth))
			return err_nomem();
	}
	if (cat->pool.failed)
		return err_nomem();
	for (size_t i = 0; i < cat->cnt; i++)
		cat->types[i].direct = cat_is_direct(&cat->types[i]);
	return NULL;
}

struct err *catalogue_parse(struct catalogue *cat, const struct section *s)
{
	_cleanup_(cat_parser_fini) struct cat_parser p = { .cat = cat, .s = s };
	struct err *err = NULL;

	for (size_t i = 0; !err && i < s->range_cnt; i++)
		err = cat_collect_range(&p, &s->ranges[i]);
	if (!err)
		err = cat_find_targets(&p);
	if (!err)
		err = cat_drop(&p);
	if (!err)
		err = cat_find_twins(&p);
	return err ? err : cat_fill(&p);
}
