/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * moduledata.h - runtime.moduledata, the linker's table of contents of a Go image: where code,
 * function table and types are.
 */
#ifndef MAPTRACE_PROCESS_MODULEDATA_H
#define MAPTRACE_PROCESS_MODULEDATA_H

#include <stdbool.h>
#include <stdint.h>

#include "process/mem.h"

struct pcheader;
struct go_layout;

struct moduledata {
	uint64_t text;
	uint64_t etext;
	uint64_t funcnametab; /* NUL-terminated names */
	uint64_t funcnametab_len;
	uint64_t pclntable; /* ftab, then the _func records; the offsets in ftab count from here */
	uint64_t pclntable_len;
	uint64_t ftab_cnt; /* entries, including the one that ends the table */
	uint64_t types;
	uint64_t etypes;
	uint64_t cutab; /* uint32 offsets into filetab, by compilation unit and file */
	uint64_t cutab_cnt;
	uint64_t filetab; /* NUL-terminated paths */
	uint64_t filetab_len;
	uint64_t pctab; /* tables of values by pc: files, lines, inlined calls */
	uint64_t pctab_len;
	uint64_t gofunc; /* function records refer to what is here, such as inline trees */
};

/* Whether the words at addr are a moduledata of this pcHeader: its slices of function names,
 * function records and ftab must fit it. */
struct err *moduledata_check(struct mem *mem, uint64_t addr, const struct pcheader *h, bool *ret);

/* Reads the fields that have the same offsets in all versions; ERR_FORMAT when they contradict
 * each other. */
struct err *moduledata_read(struct mem *mem, uint64_t addr, struct moduledata *ret);

/* Reads types, etypes and gofunc, whose offsets depend on the version. */
struct err *moduledata_read_types(struct mem *mem, uint64_t addr, const struct go_layout *layout,
				  struct moduledata *md);

#endif
