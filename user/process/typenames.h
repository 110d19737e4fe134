/* SPDX-License-Identifier: GPL-2.0-only */
/* typenames.h - names of types; private to those who parse descriptors. */
#ifndef MAPTRACE_PROCESS_TYPENAMES_H
#define MAPTRACE_PROCESS_TYPENAMES_H

#include "process/typesection.h"

/*
 * The name of the type at an address of the section, made safe for a terminal and cut where it is
 * too long. The caller frees it. NULL when the type has none.
 *
 * Only the runtime knows the names of types that reflect made: they are put together from the
 * names of their parts, with "?" where parts nest too deep or cannot be read.
 */
char *type_name(const struct section *s, uint64_t addr);

#endif
