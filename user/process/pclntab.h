/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pclntab.h - the functions of a Go image, by name and by address.
 *
 * They are read from the live process through moduledata, so no symbol table is needed. Only an
 * index is kept: 8 bytes for each function, and the names of the runtime's own functions. Other
 * names are read when somebody asks for them.
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
	uint64_t size; /* up to the next function, with padding */
};

struct pclntab;

/* Reads the index. Free with pclntab_free(). */
struct err *pclntab_new(struct mem *mem, const struct moduledata *md, struct pclntab **ret);
void pclntab_free(struct pclntab *tab);
DEFINE_CLEANUP_PTR(struct pclntab *, pclntab_free, cleanup_pclntab)

/* Finds a function of package runtime, internal/runtime/... or reflect. False when the linker
 * left it out, or the compiler inlined all calls of it. */
bool pclntab_find(const struct pclntab *tab, const char *name, struct gofunc *ret);

/* A function, and where its record is. */
struct func_record {
	uint64_t addr;
	uint64_t size; /* up to the next function */
	uint64_t index; /* of its entry in the ftab */
	uint32_t name_off; /* in funcnametab */
};

/* The function that holds pc; false when there is none. */
bool pclntab_at(const struct pclntab *tab, uint64_t pc, struct func_record *ret);

/* Writes the NUL-terminated text at an offset of a table of the image, cut to the size of buf and
 * made safe for a terminal; "?" when the offset is outside of the table. */
struct err *pclntab_text(struct mem *mem, uint64_t table, uint64_t len, uint64_t off, char *buf,
			 size_t buf_sz);

/* Writes the name of the function that holds pc; "?" when there is none. */
struct err *pclntab_name(const struct pclntab *tab, struct mem *mem, uint64_t pc, char *buf,
			 size_t buf_sz);

#endif
