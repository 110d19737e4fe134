/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * moduledata.h - the linker's table of contents of a Go image
 * (runtime.moduledata): where code, function table and types are.
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
	uint64_t pclntable; /* ftab, then the _func records; ftab offsets count from here */
	uint64_t pclntable_len;
	uint64_t ftab_cnt; /* entries, the closing one included */
	uint64_t types;
	uint64_t etypes;
	uint64_t cutab; /* uint32 offsets into filetab, by unit and file */
	uint64_t cutab_cnt;
	uint64_t filetab; /* NUL-terminated paths */
	uint64_t filetab_len;
	uint64_t pctab; /* values by pc: files, lines, calls that were inlined */
	uint64_t pctab_len;
	uint64_t gofunc; /* what function records refer to, inline trees among it */
};

/* Whether the words at addr are a moduledata of this pcHeader: the slices of
 * function names, function records and the ftab must fit it. */
struct err *moduledata_check(struct mem *mem, uint64_t addr, const struct pcheader *h, bool *ret);

/* Reads the fields that are in one place in all versions; ERR_FORMAT when they
 * contradict each other. */
struct err *moduledata_read(struct mem *mem, uint64_t addr, struct moduledata *ret);

/* Reads types, etypes and gofunc, whose place depends on the version. */
struct err *moduledata_read_types(struct mem *mem, uint64_t addr, const struct go_layout *layout,
				  struct moduledata *md);

#endif
