/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * static_types.h - of which type a struct is that is a package variable itself, or a part of one.
 *
 * Nothing that is next to a variable says its type. But where another variable has an interface
 * that leads to it, the words of that interface do, as in
 *	var DefaultRegisterer Registerer = defaultRegistry
 */
#ifndef MAPTRACE_GRAPH_STATIC_TYPES_H
#define MAPTRACE_GRAPH_STATIC_TYPES_H

#include <stdbool.h>
#include <stdint.h>

struct cat_type;
struct naming;

struct static_type {
	const struct cat_type *type;
	uint64_t base; /* where the value begins */
};

/* Finds the innermost value that the word at addr is in. False when nothing says its type, or when
 * what is there cannot be of that type. */
bool static_type_find(const struct naming *n, uint64_t addr, struct static_type *ret);

#endif
