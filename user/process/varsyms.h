/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * varsyms.h - the names of package variables, from the symbol tables of the files that the
 * modules of a program come from, or of their separate debug files. Empty for stripped ones.
 */
#ifndef MAPTRACE_PROCESS_VARSYMS_H
#define MAPTRACE_PROCESS_VARSYMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

struct err;
struct program;
struct data_roots;

struct varsym {
	uint64_t addr; /* at run time */
	uint64_t size;
	const char *name; /* with its package: "net/http.DefaultServeMux" */
};

struct varsyms {
	struct varsym *syms; /* ascending by address */
	size_t cnt;
	struct pool names;
};

/* Reads the symbols in the ranges of the roots. Release with varsyms_fini(). */
struct err *varsyms_read(const struct program *prog, const struct data_roots *roots,
			 struct varsyms *ret);
void varsyms_fini(struct varsyms *syms);

/* The variable that holds addr; NULL when there is none. */
const struct varsym *varsyms_find(const struct varsyms *syms, uint64_t addr);

#endif
