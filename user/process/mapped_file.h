/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mapped_file.h - a file that the target maps, and reads of its mappings that do not make the
 * target larger.
 *
 * To read a page of a mapping through the target's memory makes the kernel map that page there,
 * and its neighbours with it. But a page of a private mapping is the file's until somebody writes
 * to it, as the dynamic linker does where it relocates pointers, and pagemap tells which pages
 * were written. So the written pages, which are in memory already, are read from there, and the
 * others are read from the file: the bytes are the same.
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
	 * Reads the target's memory at any address. What lies in a readable private mapping of
	 * the file comes from the file, if its pages are the file's. Everything else comes
	 * through target.mem, and so does everything when file or pagemap cannot be opened.
	 * bytes_read counts only what came from the file.
	 */
	struct mem mem;
	char path[64]; /* opens the file from our namespace, even when it was deleted */
	bool is_exe; /* it is the target's executable */

	int fd; /* -1: it could not be opened */
	struct procmap mapping; /* the one that it was opened by */
	const struct procmaps *maps;
	struct mem *process;
	struct pagemap pagemap;
};

/* Opens the file that a mapping of the list is of. Fails only when we are out of memory. The
 * target and the list must outlive it. Close with mapped_file_close(). */
struct err *mapped_file_open(struct target *t, const struct procmaps *maps,
			     const struct procmap *mapping, struct mapped_file **ret);
void mapped_file_close(struct mapped_file *mf);
DEFINE_CLEANUP_PTR(struct mapped_file *, mapped_file_close, cleanup_mapped_file)
#define _cleanup_mapped_file_ _cleanup_(cleanup_mapped_file)

#endif
