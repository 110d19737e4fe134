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

#include "graph/catalogue.h"
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
	catalogue_close(cat);
	return 0;
}
