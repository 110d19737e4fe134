/* SPDX-License-Identifier: GPL-2.0-only */
/* typenames.h - names of types; private to those who parse descriptors. */
#ifndef MAPTRACE_PROCESS_TYPENAMES_H
#define MAPTRACE_PROCESS_TYPENAMES_H

#include "process/typesection.h"

enum { NAME_EMBEDDED = 8 }; /* a flag of the name of a field */

/* A name as descriptors have it: flag byte, varint length, bytes. */
struct type_text {
	const uint8_t *bytes;
	uint64_t len;
	uint8_t flags;
};

/* Reads the name at an offset of a range; false when there is none, or an empty one. */
bool type_text_read(const struct type_range *r, uint64_t off, struct type_text *ret);

/* The name that the linker gave to a type of that range, with the name of the package, not its
 * path. */
bool type_linked_name(const struct type_range *r, const uint8_t *type, struct type_text *ret);

/*
 * The name of the type at an address of the section, made safe for a terminal and cut where it is
 * too long. The caller frees it. NULL when the type has none.
 *
 * Only the runtime knows the names of types that reflect made: they are put together from the
 * names of their parts, with "?" where parts nest too deep or cannot be read.
 */
char *type_name(const struct section *s, uint64_t addr);

#endif
