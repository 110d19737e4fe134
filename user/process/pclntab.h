/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pclntab.h - the functions of a Go image, by name and by address.
 *
 * Read from the live process through moduledata, so that it works without any
 * symbol table. Only an index is kept (8 bytes a function, and the names of the
 * runtime's own functions); other names are read when asked for.
 */
#ifndef MAPTRACE_PROCESS_PCLNTAB_H
#define MAPTRACE_PROCESS_PCLNTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "process/mem.h"
#include "process/moduledata.h"

struct gofunc {
	uint64_t addr;
	uint64_t size; /* to the next function: padding included */
};

struct pclntab;

/* Reads the index. Free with pclntab_free(). */
struct err *pclntab_new(struct mem *mem, const struct moduledata *md, struct pclntab **ret);
void pclntab_free(struct pclntab *tab);
DEFINE_CLEANUP_PTR(struct pclntab *, pclntab_free, cleanup_pclntab)

/* A function of package runtime, internal/runtime/... or reflect; false when the
 * linker dropped it or the compiler inlined it everywhere. */
bool pclntab_find(const struct pclntab *tab, const char *name, struct gofunc *ret);

/* A function, and where its record is. */
struct func_record {
	uint64_t addr;
	uint64_t size; /* to the next function */
	uint64_t index; /* of its entry in the ftab */
	uint32_t name_off; /* in funcnametab */
};

/* The function that holds pc; false when there is none. */
bool pclntab_at(const struct pclntab *tab, uint64_t pc, struct func_record *ret);

/* Writes the NUL-terminated text at an offset of a table of the image, cut to fit and
 * fit for a terminal; "?" when the offset is outside. */
struct err *pclntab_text(struct mem *mem, uint64_t table, uint64_t len, uint64_t off, char *buf,
			 size_t buf_sz);

/* Writes the name of the function that holds pc, "?" when there is none. */
struct err *pclntab_name(const struct pclntab *tab, struct mem *mem, uint64_t pc, char *buf,
			 size_t buf_sz);

#endif
