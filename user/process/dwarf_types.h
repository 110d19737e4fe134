/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dwarf_types.h - named structures and integer constants of the Go runtime in DWARF.
 *
 * Package runtime has several units. One of them has the types of the whole program,
 * another the constants of the package, and they come in any order. All of them are
 * read, those of other packages only when something is missing there.
 */
#ifndef MAPTRACE_PROCESS_DWARF_TYPES_H
#define MAPTRACE_PROCESS_DWARF_TYPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something to look for. The first one of its name is taken. */
struct dwarf_item {
	const char *name; /* "runtime.mspan": with the import path */
	int tag; /* DW_TAG_structure_type or DW_TAG_constant */
	bool found;
	Dwarf_Die die;
};

/* Whether what was found will do. */
typedef bool (*dwarf_enough_fn)(const struct dwarf_item *items);

/* Looks for cnt items. Broken DWARF just leaves items unfound. */
void dwarf_find(Dwarf *dwarf, struct dwarf_item *items, size_t cnt, dwarf_enough_fn enough);

/* Value of a constant. */
bool dwarf_constant(Dwarf_Die *die, uint64_t *ret);

/*
 * Offset of a member, by its path: "pages.inUse.ranges". *type_ret, unless it is
 * NULL, becomes the member's type without typedefs. False when there is none.
 */
bool dwarf_member(Dwarf_Die *structure, const char *path, uint64_t *ret, Dwarf_Die *type_ret);

/* DW_AT_byte_size of a type that has one: pointers don't. */
bool dwarf_size(Dwarf_Die *type, uint64_t *ret);

#endif
