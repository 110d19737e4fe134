/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gofile.h - what an executable file tells of itself as a Go program.
 *
 * Only a few small pieces of the file are read, at most GOFILE_READ_MAX bytes, so that a host with
 * hundreds of programs is looked through in no time. goimage.h finds the runtime of a process,
 * also in a library, and takes longer. The file is untrusted: all counts and offsets in it are
 * bounded.
 */
#ifndef MAPTRACE_PROCESS_GOFILE_H
#define MAPTRACE_PROCESS_GOFILE_H

#include <stdbool.h>

#include "process/buildinfo.h"

enum { GOFILE_READ_MAX = 4 << 20 };

struct gofile {
	bool is_go; /* the next ones are valid */
	bool version_known; /* false: older than Go 1.18, or nonsense; `build` is empty */
	bool stripped; /* it has no table of symbols */
	struct buildinfo build;
};

/* Reads an open file. A file that cannot be read, or that is no ELF file, is not Go. */
struct gofile gofile_read(int fd);

#endif
