/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dwarf_types.h - named structures and integer constants of the Go runtime in DWARF.
 *
 * Package runtime has several units, in any order. One of them has the types of the whole
 * program, another has the constants of the package. All of these are read; units of other
 * packages are read only when something is missing in them.
 */
#ifndef MAPTRACE_PROCESS_DWARF_TYPES_H
#define MAPTRACE_PROCESS_DWARF_TYPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something to look for. The first one with its name is taken. */
struct dwarf_item {
	const char *name; /* with its import path: "runtime.mspan" */
	int tag; /* DW_TAG_structure_type or DW_TAG_constant */
	bool found;
	Dwarf_Die die;
};

/* Whether the items that were found are enough. */
typedef bool (*dwarf_enough_fn)(const struct dwarf_item *items);

/* Looks for cnt items. In broken DWARF some are just not found. */
void dwarf_find(Dwarf *dwarf, struct dwarf_item *items, size_t cnt, dwarf_enough_fn enough);

/* The value of a constant. */
bool dwarf_constant(Dwarf_Die *die, uint64_t *ret);

/*
 * The offset of a member, by its path such as "pages.inUse.ranges". *type_ret, unless type_ret is
 * NULL, becomes the member's type without typedefs. False when there is no such member.
 */
bool dwarf_member(Dwarf_Die *structure, const char *path, uint64_t *ret, Dwarf_Die *type_ret);

/* DW_AT_byte_size of a type; false for a type without one, such as a pointer. */
bool dwarf_size(Dwarf_Die *type, uint64_t *ret);

#endif
