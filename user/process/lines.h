/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lines.h - from an address in the code to the source: functions, files and lines, with the calls
 * that the compiler inlined.
 *
 * They are read from the runtime's own tables in the live process, which a stripped binary keeps
 * for its stack traces: pcfile, pcln and the inline tree that follow a function's record (Go
 * source: runtime/symtab.go funcline1, runtime/symtabinl.go). Places are kept, so that they can
 * be asked for again when the process is gone.
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
	char *file; /* as the compiler noted it; NULL when not known */
	uint32_t line; /* 0 when not known */
};

/* Where a piece of code comes from in the source. */
struct place {
	uint64_t pc;
	size_t cnt; /* 0: it is in no function of the program */
	/* Innermost first. Each frame was inlined into the next one; the last frame is of the
	 * function that the code belongs to. */
	struct frame frames[];
};

/* Reads from tables that must outlive it. Free with lines_free(). */
struct err *lines_new(struct mem *mem, const struct pcheader *header, const struct moduledata *md,
		      const struct pclntab *funcs, struct lines **ret);
void lines_free(struct lines *lines);

/* Adds the code of another module, whose tables must outlive it, too. */
struct err *lines_add(struct lines *lines, struct mem *mem, const struct pcheader *header,
		      const struct moduledata *md, const struct pclntab *funcs);

/*
 * The place of the call that returns to an address. `lines` owns it. Never NULL; what cannot be
 * read, or contradicts itself, is left out.
 */
const struct place *lines_of_call(struct lines *lines, uint64_t return_addr);

/* The bytes between the stack pointer at pc and the return address of pc's function; false when they
 * are not known. For a function that another one has called, pc is in the call: the return address
 * minus 1. */
bool lines_frame_size(const struct lines *lines, uint64_t pc, uint32_t *ret);

/* Called with the name of a function; returns false to end the walk. */
typedef bool (*function_name_fn)(void *ctx, const char *name);

/*
 * Visits the functions that the instruction at pc comes from, as frames of a place have them: the
 * innermost first, each inlined into the next one. Keeps nothing. False when they are not known
 * completely.
 */
bool lines_walk_functions(const struct lines *lines, uint64_t pc, function_name_fn fn, void *ctx);

/* The last part of a path: "gateway.go" of "/src/pay/gateway.go". */
const char *file_base(const char *path);

#endif
