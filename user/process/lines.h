/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lines.h - from an address in the code to the source: functions, files and lines,
 * with the calls that the compiler inlined.
 *
 * Read from the runtime's own tables in the live process, which a stripped binary
 * keeps for its stack traces: pcfile, pcln and the inline tree behind a function's
 * record (S runtime/symtab.go funcline1, runtime/symtabinl.go). Places are kept, so
 * that they can be had again when the process is gone.
 */
#ifndef MAPTRACE_PROCESS_LINES_H
#define MAPTRACE_PROCESS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "process/mem.h"

struct moduledata;
struct pcheader;
struct pclntab;
struct lines;

enum { PLACE_FRAMES_MAX = 32 };

struct frame {
	char *function;
	char *file; /* as the compiler noted it; NULL: not known */
	uint32_t line; /* 0: not known */
};

/* Where a piece of code comes from. */
struct place {
	uint64_t pc;
	size_t cnt; /* 0: no function of the program */
	/* Innermost first: each was inlined into the next; the last is the function
	 * that the code belongs to. */
	struct frame frames[];
};

/* The tables must outlive it. Free with lines_free(). */
struct err *lines_new(struct mem *mem, const struct pcheader *header, const struct moduledata *md,
		      const struct pclntab *funcs, struct lines **ret);
void lines_free(struct lines *lines);

/* Adds the code of another module, on the same terms. */
struct err *lines_add(struct lines *lines, struct mem *mem, const struct pcheader *header,
		      const struct moduledata *md, const struct pclntab *funcs);

/*
 * The place of the call that returns to an address. Owned by `lines`, and never NULL;
 * what cannot be read, or contradicts itself, is left out of it.
 */
const struct place *lines_of_call(struct lines *lines, uint64_t return_addr);

/* "gateway.go" of "/src/pay/gateway.go". */
const char *file_base(const char *path);

#endif
