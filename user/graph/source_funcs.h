/* SPDX-License-Identifier: GPL-2.0-only */
/* source_funcs.h - names of functions as the source has them, and the packages in them. */
#ifndef MAPTRACE_GRAPH_SOURCE_FUNCS_H
#define MAPTRACE_GRAPH_SOURCE_FUNCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/table.h"
#include "base/vec.h"

/* A function of the source. */
struct source_func {
	const char *name; /* with its package */
	const char *package; /* its import path; NULL: made by the compiler or linker */
	bool is_init; /* it runs before main: init, init.0, map.init.0 */
	/* It sets package variables to their initial values and does nothing else: the compiler
	 * made it from declarations, so what it stores to are variables of its own package. */
	bool is_var_init;
	/* It is generic, so its code may use what the compiler made for the package that
	 * instantiates it. */
	bool is_generic;
	/* A method of a lock, a sync.Map or an atomic value: it uses no package variable of its own. */
	bool is_transparent;
};

/* Texts and functions that were asked for; equal ones are one object. All zero: empty. */
struct source_funcs {
	struct pool pool;
	VEC(const char *) texts;
	struct table text_by_hash;
	VEC(struct source_func *) funcs;
	struct table func_by_name; /* by the address of the text */
};

void source_funcs_fini(struct source_funcs *funcs);

/* The one copy of a text; NULL when out of memory. */
const char *source_funcs_text(struct source_funcs *funcs, const char *text);

/* The function of a name; NULL when out of memory. */
const struct source_func *source_funcs_get(struct source_funcs *funcs, const char *name);

/*
 * Splits the name of a function or variable, as "gopkg.in/yaml%2ev2.(*Node).walk", after the
 * package. Writes the import path, "gopkg.in/yaml.v2", and returns the rest, "(*Node).walk". NULL
 * for names without a package, which compiler and linker make, as "type:.eq.main.T".
 */
const char *package_split(const char *name, char *package, size_t package_sz);

#endif
