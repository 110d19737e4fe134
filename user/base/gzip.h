/* SPDX-License-Identifier: GPL-2.0-only */
/* gzip.h - files that are compressed with gzip. */
#ifndef MAPTRACE_BASE_GZIP_H
#define MAPTRACE_BASE_GZIP_H

#include <stdio.h>

#include "base/err.h"

/* Opens a file for reading, compressed or not: reading gives what was in it before it was
 * compressed. NULL: errno says why. Close with fclose(). Damaged data are an error of the stream. */
FILE *gzip_open(const char *path);

/* Writes a compressed copy of a file, which takes the place of `to` when it is complete. `part` is
 * the name that it has until then. ERR_OUTPUT: it could not be written. */
struct err *gzip_file(const char *from, const char *part, const char *to);

#endif
