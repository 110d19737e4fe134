/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gomodules.h - the Go code of a process besides its image.
 *
 * Plugins and shared libraries of Go packages are modules that the runtime has linked through
 * moduledata.next. A Go library that a C program loads has a runtime of its own.
 */
#ifndef MAPTRACE_PROCESS_GOMODULES_H
#define MAPTRACE_PROCESS_GOMODULES_H

#include "process/goimage.h"

/*
 * Finds all other modules by their bytes in writable memory of files, and fills in image->plugins
 * and image->others. Links count only from one module that was found to another; they are not
 * followed into memory. When the image is a program whose runtime is in a shared library, the two
 * change places. Release with gomodules_fini(), also after a failure.
 */
struct err *gomodules_find(struct target *t, const struct procmaps *maps, struct goimage *image);
void gomodules_fini(struct goimage *image);

#endif
