/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mapped_file.h - a file that the target maps, and reads of its mappings that leave no
 * page of it in the target.
 *
 * Whoever reads a page of a mapping through the target's memory has the kernel map it
 * there, and its neighbours with it: the target grows by looking at it. But a page of a
 * private mapping is the file's until somebody writes to it, as the dynamic linker does
 * where it relocates pointers, and pagemap tells the written ones from all others. So
 * these are read from memory, where they are already, and the others from the file: the
 * bytes are the same.
 */
#ifndef MAPTRACE_PROCESS_MAPPED_FILE_H
#define MAPTRACE_PROCESS_MAPPED_FILE_H

#include <stdbool.h>

#include "process/mem.h"
#include "process/pagemap.h"
#include "process/procmaps.h"
#include "process/target.h"

struct mapped_file {
	/*
	 * Reads the target's memory at any address. What lies in a readable private
	 * mapping of the file is taken from there, if its pages are the file's; all else,
	 * and all where file or pagemap cannot be opened, comes through target.mem. Only
	 * the former counts in bytes_read here.
	 */
	struct mem mem;
	char path[64]; /* opens the file from our namespace, even when it was deleted */
	bool is_exe; /* it is the target's executable */

	int fd; /* -1: cannot be opened */
	struct procmap mapping; /* the one by which it was opened */
	const struct procmaps *maps;
	struct mem *process;
	struct pagemap pagemap;
};

/* Opens the file behind a mapping of the list; fails only without memory of our own.
 * The target and the list must outlive it. Close with mapped_file_close(). */
struct err *mapped_file_open(struct target *t, const struct procmaps *maps,
			     const struct procmap *mapping, struct mapped_file **ret);
void mapped_file_close(struct mapped_file *mf);
DEFINE_CLEANUP_PTR(struct mapped_file *, mapped_file_close, cleanup_mapped_file)
#define _cleanup_mapped_file_ _cleanup_(cleanup_mapped_file)

#endif
