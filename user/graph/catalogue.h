/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * catalogue.h - all types of the program: structs with their fields, pointers, slices, maps.
 *
 * They are found by walking the type sections of all modules for descriptors that have every
 * property of a type. What a descriptor says is checked and copied, so that nothing here reads
 * the target later. A type that several modules have is there once: equal types are equal
 * pointers. Unexported fields have their names in stripped binaries, too.
 */
#ifndef MAPTRACE_GRAPH_CATALOGUE_H
#define MAPTRACE_GRAPH_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "process/program.h"

enum cat_kind {
	CAT_BOOL = 1,
	CAT_INT = 2, /* 2 to 16: numbers; 12 is uintptr */
	CAT_COMPLEX128 = 16,
	CAT_ARRAY = 17,
	CAT_CHAN = 18,
	CAT_FUNC = 19,
	CAT_INTERFACE = 20,
	CAT_MAP = 21,
	CAT_POINTER = 22,
	CAT_SLICE = 23,
	CAT_STRING = 24,
	CAT_STRUCT = 25,
	CAT_UNSAFE_POINTER = 26,
};

struct cat_type;

struct cat_field {
	const char *name; /* "_" for a blank one */
	const struct cat_type *type;
	uint64_t off;
	bool embedded;
};

struct cat_type {
	uint64_t addr; /* of the descriptor */
	uint64_t size;
	uint64_t ptr_bytes; /* number of leading bytes that may hold pointers; 0: none */
	const struct cat_type *elem; /* of a pointer, slice, array, channel or map */
	const struct cat_type *key; /* of a map */
	const struct cat_type *bucket; /* of a map: the bucket or group type */
	const struct cat_field *fields; /* of a struct, ascending by offset */
	uint64_t len; /* of an array */
	uint32_t field_cnt;
	uint32_t method_cnt; /* of an interface; 0: it is an interface{} */
	uint32_t hash;
	uint32_t nth; /* from 0 on, in the order of addresses; equal types of other modules have
		       * none of their own */
	uint8_t kind; /* enum cat_kind */
	uint8_t align;
	bool named; /* declared: `type T ...` */
	bool direct; /* an interface keeps the value itself in its second word */
};

struct catalogue;

/* Reads the types of all modules of the program, which must outlive it. Close with
 * catalogue_close(). */
struct err *catalogue_open(const struct program *prog, struct catalogue **ret);
void catalogue_close(struct catalogue *cat);

/* The type whose descriptor is at addr, in any module; NULL: none. */
const struct cat_type *catalogue_find(const struct catalogue *cat, uint64_t addr);

/* The number of types, and the one with that nth. */
size_t catalogue_cnt(const struct catalogue *cat);
const struct cat_type *catalogue_nth(const struct catalogue *cat, size_t nth);

/* The name with full paths of packages, as "*github.com/prometheus/prometheus/scrape.scrapeCache".
 * It is the catalogue's, made when asked for; not for several threads at a time. Never NULL. */
const char *cat_type_name(const struct catalogue *cat, const struct cat_type *type);

/* The linker's name, as "*scrape.scrapeCache". */
const char *cat_type_linked_name(const struct catalogue *cat, const struct cat_type *type);

/* What a struct, array, or anything else has at an offset. */
struct cat_leaf {
	const struct cat_type *type; /* neither a struct nor an array */
	const struct cat_type *owner; /* the innermost named struct that it is in, or NULL */
	uint64_t off; /* in the leaf: 8 for the length of a string */
	uint32_t owner_path; /* where in `path` the owner's own part begins: path + owner_path */
	uint32_t owner_off; /* where the owner begins, from the start; 0 without owner */
	char path[256]; /* "store.shards[3].items"; "" when the type itself is the leaf */
};

/* Finds the leaf; false when there is none, as in padding. A path that is too long ends in
 * dots. */
bool catalogue_leaf(const struct catalogue *cat, const struct cat_type *type, uint64_t off,
		    struct cat_leaf *ret);

/* Sets the bits of the words of the type that are pointers, of its first `words` words. ret has a
 * bit for each of them. False when the type is too large to tell. */
bool cat_type_mask(const struct cat_type *type, uint64_t *ret, size_t words);

#endif
