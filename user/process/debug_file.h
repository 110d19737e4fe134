/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debug_file.h - the file that holds a program's DWARF. Only this module, dwarf_types and
 * dwarf_layout use libdw.
 *
 * The file is the program's own, or a separate one that is installed on this machine:
 * DIR/.build-id/ab/cdef.debug, or DIR/<folder of the program>/<name in .gnu_debuglink>. It never
 * comes from the network. The file is untrusted: libdw bounds its own reads, and we bound what it
 * may unpack.
 */
#ifndef MAPTRACE_PROCESS_DEBUG_FILE_H
#define MAPTRACE_PROCESS_DEBUG_FILE_H

#include <elfutils/libdw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define DEBUG_DIR "/usr/lib/debug"

struct debug_file;

/*
 * Opens the DWARF of the program at path, with separate files below dir. Only sections that
 * describe types are opened: units, abbreviations and strings. ERR_UNSUPPORTED when there is no
 * DWARF, or when it unpacks to more than unpacked_max bytes.
 */
struct err *debug_file_open(const char *path, const char *dir, uint64_t unpacked_max,
			    struct debug_file **ret);
void debug_file_close(struct debug_file *df);
DEFINE_CLEANUP_PTR(struct debug_file *, debug_file_close, cleanup_debug_file)
#define _cleanup_debug_file_ _cleanup_(cleanup_debug_file)

/*
 * Finds a separate debug file of the program at path. Writes its path; false when there is none
 * that belongs to the program.
 */
bool debug_file_find(const char *path, const char *dir, char ret[PATH_MAX]);

/* Valid until debug_file_close(). */
Dwarf *debug_file_dwarf(struct debug_file *df);

#endif
