/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dataroots.h - the package variables of all modules: where they are, and which of their words are
 * pointers.
 *
 * The linker puts variables into four ranges of a module: data and bss for those that have
 * pointers, noptrdata and noptrbss for those that have none. For the first two the runtime makes
 * a mask at its start, which its garbage collector marks from (Go source: runtime/symtab.go
 * moduledata, runtime/mbitmap.go progToPointerMask).
 */
#ifndef MAPTRACE_PROCESS_DATAROOTS_H
#define MAPTRACE_PROCESS_DATAROOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;
struct mem;
struct program;

enum data_kind { DATA_INITIALIZED, DATA_BSS, DATA_NOPTR, DATA_NOPTR_BSS };

/* A range of package variables of one module. */
struct data_range {
	uint64_t start;
	uint64_t end;
	enum data_kind kind;
	uint32_t module; /* 0: the program; i: its plugin i - 1 */
	/* A bit for each word, 1 for a pointer: bit i % 8 of byte i / 8 is word i. NULL for the
	 * kinds without pointers. */
	uint8_t *mask;
};

struct data_roots {
	struct data_range *ranges; /* ascending; they do not overlap */
	size_t cnt;
	size_t left_out; /* modules whose ranges contradict themselves */
};

/* Reads the ranges of all modules. A module that contradicts itself is left out, but
 * ERR_FORMAT when that is the program. Release with data_roots_fini(). */
struct err *data_roots_read(const struct program *prog, struct data_roots *ret);
void data_roots_fini(struct data_roots *roots);
#define _cleanup_data_roots_ _cleanup_(data_roots_fini)

/* The range that holds addr; NULL when there is none. */
const struct data_range *data_roots_find(const struct data_roots *roots, uint64_t addr);

/* Reads of that range which don't make the target larger: variables that nobody wrote to yet come
 * from the file. */
struct mem *data_range_mem(const struct program *prog, const struct data_range *r);

static inline uint64_t data_range_words(const struct data_range *r)
{
	return (r->end - r->start) / 8;
}

/* Whether a word of a range, by its index, is a pointer. */
static inline bool data_range_is_pointer(const struct data_range *r, uint64_t word)
{
	return r->mask && (r->mask[word / 8] >> word % 8 & 1);
}

#endif
