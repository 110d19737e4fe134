/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * varrefs.h - whose package variable a word of data or bss is.
 *
 * With a symbol table the variable has its name. A stripped program has none, but its code tells
 * which functions refer to the variable, and the inline trees which function of the source each
 * instruction comes from. Mostly these are all of one package, which then is that of the
 * variable.
 */
#ifndef MAPTRACE_GRAPH_VARREFS_H
#define MAPTRACE_GRAPH_VARREFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;
struct program;
struct data_roots;

enum { VARREF_USED_BY_MAX = 3 };

/* The variable that holds a word. All texts are owned by the struct varrefs. */
struct varref {
	const char *package; /* its import path; NULL: not known */
	bool certain; /* the package is */
	const char *name; /* from the symbol table, without the package; NULL: not known */
	uint64_t name_off; /* of the word in the variable `name` */
	/* The start of the variable `name`. Without a name the nearest word, at or below the one
	 * asked for, that code refers to or data points to: the start of the variable, or of a
	 * field of it. 0: there is none. */
	uint64_t base;
	const char *used_by[VARREF_USED_BY_MAX]; /* functions, with their packages */
	uint32_t used_by_cnt;
};

struct varrefs;

/*
 * Scans the code of all modules for references to their variables. The program and the roots must
 * outlive it. *stop ends the scan early, and what was not seen by then is not known; stop may be
 * NULL. Close with varrefs_close().
 */
struct err *varrefs_open(const struct program *prog, const struct data_roots *roots,
			 const volatile bool *stop, struct varrefs **ret);
void varrefs_close(struct varrefs *refs);
DEFINE_CLEANUP_PTR(struct varrefs *, varrefs_close, cleanup_varrefs)
#define _cleanup_varrefs_ _cleanup_(cleanup_varrefs)

/* Tells the variable that holds the word at addr. Decodes the functions that refer to it, so ask
 * once for each variable. For one thread at a time. */
void varrefs_find(struct varrefs *refs, uint64_t addr, struct varref *ret);

/* A word of data or bss that points to another one. */
struct static_pointer {
	uint64_t to;
	uint64_t at;
};

/* The words that point to addr or below, in ascending order of where they point: the last ones are
 * the nearest. They belong to refs. */
const struct static_pointer *varrefs_pointers(const struct varrefs *refs, uint64_t addr,
					      size_t *cnt_ret);

/* The address of the type of the map that a word points to, by what code does with the word; 0: not
 * known. */
uint64_t varrefs_map_type(struct varrefs *refs, uint64_t addr);

#endif
