/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * program.h - the Go program inside the target: its image, function table and types, and the
 * addresses of the runtime's globals.
 *
 * Owns everything below it; the target must outlive it.
 */
#ifndef MAPTRACE_PROCESS_PROGRAM_H
#define MAPTRACE_PROCESS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/arch.h"
#include "process/elf_file.h"
#include "process/goimage.h"
#include "process/gotypes.h"
#include "process/layout.h"
#include "process/lines.h"
#include "process/mapped_file.h"
#include "process/moduledata.h"
#include "process/pclntab.h"
#include "process/target.h"

enum { MHEAP_CANDIDATES_MAX = 4, ALLGS_CANDIDATES_MAX = 32 };

/* A module that was loaded at run time. */
struct plugin {
	struct mem *mem; /* of its file */
	struct moduledata md;
	struct pclntab *funcs;
	bool has_runtime; /* it has a copy of the runtime's functions, and calls that */
};

struct program {
	struct target *target;
	struct procmaps maps;
	struct goimage image;
	struct elf_file *elf;
	const struct arch *arch; /* of that file; NULL: we do not know it */
	struct go_layout layout;
	enum layout_match layout_match;
	struct moduledata md;
	struct pclntab *funcs;
	VEC(struct plugin) plugins; /* those that could be read */
	struct gotypes *types; /* of all modules */
	/* The result of the search for types that reflect.MapOf made. */
	struct {
		bool searched;
		bool complete; /* the search saw everything */
		size_t cnt;
	} made;
	bool stripped; /* no .symtab */
	bool has_dwarf;
	struct lines *lines;
};

/* Opens the Go program of a target. Close with program_close(). */
struct err *program_open(struct target *t, struct program **ret);
void program_close(struct program *prog);
DEFINE_CLEANUP_PTR(struct program *, program_close, cleanup_program)
#define _cleanup_program_ _cleanup_(cleanup_program)

/*
 * Addresses where runtime.mheap_ may be, the likeliest first: its symbol, then what functions
 * that use it refer to. Whoever uses one has to prove it.
 */
size_t program_mheap_candidates(const struct program *prog, uint64_t ret[MHEAP_CANDIDATES_MAX]);

/* Globals in which the runtime counts what its garbage collector does. */
enum gc_global { GC_MEMSTATS, GC_CONTROLLER_STATE, GC_WORK, GC_GLOBAL_CNT };
enum { GC_CANDIDATES_MAX = 32 };

/* Addresses where runtime.memstats, runtime.gcController or runtime.work may be: the symbol
 * alone, or every global that a function which uses it refers to. Whoever uses one has to prove
 * it. */
size_t program_gc_candidates(const struct program *prog, enum gc_global global,
			     uint64_t ret[GC_CANDIDATES_MAX]);

/* Address of the slice header runtime.allp; false when it cannot be found. */
bool program_allp(const struct program *prog, uint64_t *ret);

/*
 * Addresses where the slice header runtime.allgs may be: its symbol, else every global that
 * runtime.allgadd refers to, which appends to it. Whoever uses one has to prove it.
 */
size_t program_allgs_candidates(const struct program *prog, uint64_t ret[ALLGS_CANDIDATES_MAX]);

/*
 * Globals of the runtime's own memory: lists of its blocks, and goals. False when one cannot be
 * found. The address may be wrong, so whoever uses it has to prove what is there.
 */
bool program_persistent_chunks(const struct program *prog, uint64_t *ret);
bool program_gc_bits_arenas(const struct program *prog, uint64_t *ret);
bool program_profile_hash(const struct program *prog, uint64_t *ret);
bool program_scavenge(const struct program *prog, uint64_t *ret);

/* Whether some plugin changes maps by functions of its own, not by those of the program. */
bool program_has_unprobed_plugin(const struct program *prog);

/* Whether the program may make map types at run time. */
bool program_makes_types(const struct program *prog);

/* Adds the types that were found in its heap: see gotypes_add_made(). */
struct err *program_add_made_types(struct program *prog, const struct made_types *made);

/* Reads any memory of the target. What is in the file of the image and nobody wrote to comes from the
 * file, which does not make the target larger. */
static inline struct mem *program_image_mem(const struct program *prog)
{
	return prog->image.mapped ? &prog->image.mapped->mem : &prog->target->mem;
}

/* The file offset of code at an address; false when the address is not of the image's file. */
bool program_file_offset(const struct program *prog, uint64_t addr, uint64_t *ret);

/* Reads code from the file, not from memory, where another tracer's breakpoints may be. Returns
 * the number of bytes read, at most len. */
size_t program_read_code(const struct program *prog, uint64_t addr, uint8_t *buf, size_t len);

#endif
