/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * outside.h - what the resident pages are for that are neither Go's nor the program's file: who
 * mapped them.
 *
 * Without a C library in the process, anonymous memory outside of Go was mapped by the Go program
 * itself. With one, most of it is what C's malloc has: [heap], and the arenas that glibc makes for
 * threads. An arena begins at a multiple of 64 MiB with a struct heap_info (glibc:
 * malloc/arena.c), which is checked.
 */
#ifndef MAPTRACE_MODEL_OUTSIDE_H
#define MAPTRACE_MODEL_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "process/mem.h"
#include "process/pagemap.h"
#include "process/procmaps.h"

struct outside {
	bool has_libc;
	uint64_t brk_bytes; /* resident, in [heap] */
	uint64_t arena_bytes; /* resident, in arenas of glibc */
	uint64_t arena_cnt; /* those that have resident bytes */
	uint64_t other_bytes; /* of other anonymous memory */
	uint64_t data_file_bytes; /* of files that have no code, and of shared memory */
	uint64_t largest_file_bytes; /* part of them of one mapping; the largest */
	uint64_t largest_file_start; /* where that mapping begins; 0: there is none */
	char largest_file[256]; /* its path; "": not known */

	/* For outside_add(). */
	uint64_t last_block; /* block of 64 MiB that was judged last */
	bool last_is_arena;
	uint64_t file_start; /* of the mapping of a file that is being counted */
	uint64_t file_bytes;
};

void outside_init(struct outside *o, const struct procmaps *maps);

/* Counts resident pages of mapping m, in ascending order. `anon` says that they are not of a file,
 * its data or its .bss. */
void outside_add(struct outside *o, struct mem *mem, const struct procmaps *maps, size_t m,
		 const struct page_run *run, bool anon);

/* Fills in largest_file, once everything was counted. */
void outside_name_file(struct outside *o, pid_t pid);

#endif
