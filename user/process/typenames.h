/* SPDX-License-Identifier: GPL-2.0-only */
/* typenames.h - what a type is called; private to those who parse descriptors. */
#ifndef MAPTRACE_PROCESS_TYPENAMES_H
#define MAPTRACE_PROCESS_TYPENAMES_H

#include "process/typesection.h"

/*
 * The name of the type at an address of the section, fit for a terminal and cut where it
 * is too long; the caller frees it. NULL when it has none. Names of types that reflect
 * made are known to the runtime alone: they are put together from those of their parts,
 * "?" where that is too deep or not to be read.
 */
char *type_name(const struct section *s, uint64_t addr);

#endif
