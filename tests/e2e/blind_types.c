// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types objects of a live process without looking at the interface words that name their types,
 * and compares. Also says what the catalogue has, and how many masks differ from the linker's.
 *
 *	blind_types PID [types]
 *
 * Prints lines of "name number". With "types" it prints every struct with its fields, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "graph/fit.h"
#include "graph/fit_priv.h"
#include "heap/liveness.h"
#include "heap/madetypes.h"
#include "heap/ptrbits.h"
#include "process/typesection.h"

static void must(struct err *err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "blind_types: %s: %s\n", what, err->msg);
	exit(1);
}

/* Whether the mask that fields make is the one that the linker wrote. */
static bool mask_agrees(struct program *prog, const struct cat_type *t, bool *checked)
{
	uint64_t words = t->ptr_bytes / 8, made[64], linked[65] = { 0 };
	uint8_t head[TYPE_SZ];

	*checked = false;
	if (!words || words > 64 * 64 ||
	    mem_read(&prog->target->mem, t->addr, head, sizeof(head)) ||
	    (head[TYPE_KIND] & KIND_GC_PROG && prog->layout.bitmap != HEAP_BITMAP_SPAN) ||
	    head[TYPE_TFLAG] & TFLAG_GC_MASK_ON_DEMAND)
		return true;
	if (mem_read(&prog->target->mem, load_u64(head, TYPE_GCDATA), linked, (words + 7) / 8))
		return true;
	*checked = true;
	return cat_type_mask(t, made, words) && !memcmp(made, linked, (words + 7) / 8);
}

static void print_types(struct program *prog, const struct catalogue *cat, bool all)
{
	size_t structs = 0, named = 0, fields = 0, unexported = 0, checked = 0, differ = 0;

	for (size_t i = 0; i < catalogue_cnt(cat); i++) {
		const struct cat_type *t = catalogue_nth(cat, i);
		bool seen;

		if (!mask_agrees(prog, t, &seen)) {
			differ++;
			fprintf(stderr, "mask of %s differs\n", cat_type_name(cat, t));
		}
		checked += seen;
		if (t->kind != CAT_STRUCT)
			continue;
		structs++;
		named += t->named;
		fields += t->field_cnt;
		if (all)
			printf("%s %llu\n", cat_type_name(cat, t), (unsigned long long)t->size);
		for (uint32_t f = 0; f < t->field_cnt; f++) {
			char c = *t->fields[f].name;

			unexported += (c >= 'a' && c <= 'z') || c == '_';
			if (all)
				printf("\t%s %s %llu%s\n", t->fields[f].name,
				       cat_type_name(cat, t->fields[f].type),
				       (unsigned long long)t->fields[f].off,
				       t->fields[f].embedded ? " embedded" : "");
		}
	}
	printf("types %zu\nstructs %zu\nnamed_structs %zu\nfields %zu\nunexported_fields %zu\n",
	       catalogue_cnt(cat), structs, named, fields, unexported);
	printf("masks %zu\nmasks_that_differ %zu\n", checked, differ);
}

/* ---- Objects ---- */

enum { SAMPLES_A_TYPE = 5, LARGEST = 4096, SPAN_MAX = 1 << 20 };

struct truth {
	uint64_t addr;
	uint64_t from; /* where the interface is */
	const struct cat_type *type;
	bool bad; /* two interfaces say different things */
};

struct blind {
	struct heap *heap;
	struct mem *mem;
	const struct catalogue *cat;
	struct census *census;
	struct fitter *fitter;
	struct table at;
	VEC(struct truth) truths;
};

/* The type that the word in front of a pointer names: a type, or a table of methods. */
static const struct cat_type *named_by(struct blind *b, uint64_t word)
{
	uint64_t itab[3];
	const struct cat_type *t = catalogue_find(b->cat, word);

	if (t)
		return t;
	if (word < 4096 || word % 8 || word >> 47 || heap_any_span(b->heap, word) ||
	    !fit_read(b->fitter, word, itab, sizeof(itab)))
		return NULL;
	const struct cat_type *inter = catalogue_find(b->cat, itab[0]);
	t = catalogue_find(b->cat, itab[1]);
	return inter && inter->kind == CAT_INTERFACE && t &&
			       (!(uint32_t)itab[2] || (uint32_t)itab[2] == t->hash)
		       ? t
		       : NULL;
}

static void learn(struct blind *b, uint64_t from, uint64_t word, uint64_t addr)
{
	struct object o;

	if (!word || !heap_object(b->heap, addr, &o) || o.start != addr || span_noscan(o.span) ||
	    o.has_header || o.size > LARGEST)
		return;
	const struct cat_type *t = named_by(b, word);
	if (!t || t->kind != CAT_POINTER || t->elem->kind != CAT_STRUCT || !t->elem->ptr_bytes ||
	    alloc_size(t->elem->size, false, heap_malloc_headers(b->heap)) != o.size)
		return;
	size_t i = table_get(&b->at, addr);
	if (i != TABLE_NONE) {
		b->truths.data[i].bad |= b->truths.data[i].type != t->elem;
		return;
	}
	if (table_put(&b->at, addr, b->truths.len))
		(void)!vec_push(&b->truths, ((struct truth){ addr, from, t->elem, false }));
}

static void learn_from_span(struct blind *b, const struct span *s, uint8_t *buf)
{
	uint64_t len = span_bytes(s) < SPAN_MAX ? span_bytes(s) : SPAN_MAX, size = span_elemsize(s);
	struct mem_req req = { span_base(s), len, false, buf };

	must(b->mem->read_reqs(b->mem, &req, 1), "reading a span");
	for (uint64_t off = 8; req.ok && off + 8 <= len; off += 8)
		if (off % size) /* both words are of one object */
			learn(b, span_base(s) + off, load_u64(buf, off - 8), load_u64(buf, off));
}

/* Whether the type may have a map in a field that the owner declares. */
static bool has_owner(const struct cat_type *t, const struct cat_type *owner)
{
	for (uint64_t off = 0; off < t->size; off += 8) {
		struct cat_leaf l;

		if (catalogue_leaf(NULL, t, off, &l) && l.owner == owner &&
		    (l.type->kind == CAT_MAP || l.type->kind == CAT_INTERFACE))
			return true;
	}
	return false;
}

struct score {
	size_t owners, owners_right; /* the field of the map */
	size_t objects, none, unique, unique_right, certain, certain_right, best_right;
};

static void print_score(const char *what, const struct score *s)
{
	printf("%s_objects %zu\n%s_untyped %zu\n%s_unique %zu\n%s_unique_right %zu\n"
	       "%s_certain %zu\n%s_certain_right %zu\n%s_best_right %zu\n"
	       "%s_fields_certain %zu\n%s_fields_right %zu\n",
	       what, s->objects, what, s->none, what, s->unique, what, s->unique_right, what,
	       s->certain, what, s->certain_right, what, s->best_right, what, s->owners, what,
	       s->owners_right);
}

static bool holds_map(const struct cat_type *t)
{
	for (uint64_t off = 0; off < t->size; off += 8) {
		struct cat_leaf l;

		if (catalogue_leaf(NULL, t, off, &l) && l.type->kind == CAT_MAP)
			return true;
	}
	return false;
}

/* Memory that is free may still name the type of what was there before. */
static bool is_live(struct blind *b, uint64_t addr)
{
	struct object o;
	enum liveness live;

	return heap_object(b->heap, addr, &o) && !liveness_read(b->heap, &o, 1, &live) &&
	       live == OBJECT_LIVE;
}

static bool read_object(struct blind *b, uint64_t addr, uint8_t *bytes, uint64_t *mask,
			struct fit_object *ret)
{
	struct object o;
	uint8_t bits_at[LARGEST / 8 / 4 + 2 + PTRBITS_PAD] = { 0 };
	struct ptrbits bits;

	if (!heap_object(b->heap, addr, &o) ||
	    !ptrbits_place(b->heap, o.span, addr, o.size / 8, &bits) ||
	    mem_read(b->mem, addr, bytes, o.size) || mem_read(b->mem, bits.addr, bits_at, bits.len))
		return false;
	memset(mask, 0, LARGEST / 64);
	bool ended = false;
	for (uint32_t w = 0; w < o.size / 8 && !ended; w++) {
		uint32_t at = bits.first + w;

		mask[w / 64] |= (uint64_t)ptrbits_get(&bits, bits_at, w) << w % 64;
		ended = bits.shift == 2 && !(bits_at[at / 4] >> (4 + at % 4) & 1);
		if (ended)
			mask[w / 64] &= ~(1ull << w % 64);
	}
	*ret = (struct fit_object){ addr, o.size, o.span->spanclass, bytes, o.size, mask, true };
	return true;
}

/* Whether the allocator made the object for that type. Else the interface is older than it. */
static bool has_its_pointers(const struct fit_object *o, const struct cat_type *t)
{
	uint64_t mask[LARGEST / 64] = { 0 };

	return cat_type_mask(t, mask, t->size / 8) &&
	       !memcmp(mask, o->ptr_mask, (o->size / 8 + 63) / 64 * 8);
}

static void judge_object(struct blind *b, const struct truth *t, struct score *s)
{
	uint8_t bytes[LARGEST];
	uint64_t mask[LARGEST / 64];
	struct fit_object o;
	struct fit fit;

	if (!is_live(b, t->from) || !is_live(b, t->addr) ||
	    !read_object(b, t->addr, bytes, mask, &o) || !has_its_pointers(&o, t->type))
		return;
	fit_types(b->fitter, &o, NULL, &fit);
	bool right = fit.type == t->type && fit.kind == FIT_VALUE;
	if (fit.kind == FIT_MAP_HEADER || fit.kind == FIT_SWISS_TABLE)
		return; /* typed by contents */
	s->objects++;
	s->none += fit.kind == FIT_NONE;
	s->unique += fit.candidates == 1;
	s->unique_right += fit.candidates == 1 && right;
	s->best_right += right;
	s->owners += fit.owner_certain;
	s->owners_right += fit.owner_certain && has_owner(t->type, fit.owner);
	s->certain += fit.certain;
	s->certain_right += fit.certain && right;
	if ((fit.candidates == 1 || fit.kind == FIT_NONE) && !right)
		fprintf(stderr, "%s at %llx is called %s (%s, kind %d)\n",
			cat_type_name(b->cat, t->type), (unsigned long long)t->addr,
			fit.type ? cat_type_name(b->cat, fit.type) : "?",
			fit.certain ? "certain" : "guessed", fit.kind);
}

static void judge(struct blind *b)
{
	struct score all = { 0 }, maps = { 0 };
	uint8_t *seen = calloc(catalogue_cnt(b->cat) + 1, 1);

	for (size_t i = 0; i < b->truths.len && seen; i++) {
		const struct truth *t = &b->truths.data[i];

		if (t->bad || seen[t->type->nth]++ >= SAMPLES_A_TYPE)
			continue;
		judge_object(b, t, holds_map(t->type) ? &maps : &all);
	}
	free(seen);
	print_score("other", &all);
	print_score("with_map", &maps);
}

static void blind(struct program *prog, const struct catalogue *cat)
{
	_cleanup_heap_ struct heap *heap = NULL;
	_cleanup_census_ struct census *census = NULL;
	_cleanup_free_ uint8_t *buf = malloc(SPAN_MAX);
	struct blind b = { .mem = &prog->target->mem, .cat = cat };

	must(heap_open(prog, &heap), "the heap");
	must(madetypes_add(heap), "types that were made");
	must(census_take(heap, NULL, &census), "the census");
	b.heap = heap;
	b.census = census;
	const struct fit_world world = { heap, cat, census };
	must(fit_open(&world, &b.fitter), "the fitter");
	for (size_t i = 0; buf && i < heap->spans.len; i++)
		if (heap->spans.data[i].state == SPAN_IN_USE && !span_noscan(&heap->spans.data[i]))
			learn_from_span(&b, &heap->spans.data[i], buf);
	uint64_t start = clock_ns();
	judge(&b);
	printf("truths %zu\nms %llu\n", b.truths.len,
	       (unsigned long long)(clock_ns() - start) / 1000000);
	fit_close(b.fitter);
	table_fini(&b.at);
	vec_fini(&b.truths);
}

int main(int argc, char **argv)
{
	_cleanup_target_ struct target *t = NULL;
	_cleanup_program_ struct program *prog = NULL;
	struct catalogue *cat = NULL;

	if (argc < 2)
		return 2;
	must(target_open(atoi(argv[1]), &t), "opening the process");
	must(program_open(t, &prog), "opening the program");
	must(catalogue_open(prog, &cat), "the catalogue");
	print_types(prog, cat, argc > 2);
	blind(prog, cat);
	catalogue_close(cat);
	return 0;
}
