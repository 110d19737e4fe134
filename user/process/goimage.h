/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * goimage.h - where the Go runtime sits in the target's address space.
 *
 * It is found by content, not by section or symbol, so that stripped, PIE, externally
 * linked and c-shared files are one case. Looked for are a pcHeader in a read-only mapping
 * of a file, a pointer to it that starts a moduledata in a writable mapping, and the block
 * of build info beside them (go-runtime facts 5.3, 5.5).
 */
#ifndef MAPTRACE_PROCESS_GOIMAGE_H
#define MAPTRACE_PROCESS_GOIMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "process/buildinfo.h"
#include "process/mapped_file.h"
#include "process/pcheader.h"
#include "process/procmaps.h"
#include "process/target.h"

/* A file of Go code in the process. */
struct gomodule {
	struct pcheader pcheader;
	uint64_t moduledata; /* its address */
	struct procmap file; /* one mapping of it */
	struct mapped_file *mapped; /* whoever reads the module uses its mem */
	char *path; /* in the target's namespace; "?" when it cannot be read */
};

struct goimage {
	struct buildinfo build;
	struct pcheader pcheader;
	uint64_t moduledata; /* its address */
	struct procmap file; /* one mapping of the file that holds the runtime */
	struct mapped_file *mapped; /* that file; whoever reads the image uses its mem */

	/* Modules that this runtime works with, too: plugins, shared libraries of Go
	 * packages. Empty until gomodules_find(). */
	VEC(struct gomodule) plugins;
	/* Paths of files with runtimes of their own: a C program may load several. */
	VEC(char *) others;
};

/*
 * Finds the image: the first file of the process with a Go runtime; gomodules_find() adds
 * the others. ERR_UNSUPPORTED with a reason when the process is not a Go program, or is of
 * a version of Go that we do not know. The target and the list must outlive it. Release
 * with goimage_fini().
 */
struct err *goimage_find(struct target *t, const struct procmaps *maps, struct goimage *ret);
void goimage_fini(struct goimage *image);

#endif
