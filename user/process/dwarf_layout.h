/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dwarf_layout.h - the layout of the Go runtime, from a program's own DWARF.
 *
 * The table of layout.c is made with this module, too (scripts/gen-layouts.sh), so the two can
 * differ only where the runtime does. To follow a change of the runtime, change the tables at the
 * top of dwarf_layout.c: they have the members and their names.
 */
#ifndef MAPTRACE_PROCESS_DWARF_LAYOUT_H
#define MAPTRACE_PROCESS_DWARF_LAYOUT_H

#include "base/err.h"
#include "process/layout.h"

/*
 * Fills *layout with what the DWARF of the program at path says; the DWARF may be in a separate
 * file below debug_dir (DEBUG_DIR). name, since_minor and page_padding keep their values. Reads
 * at most unpacked_max bytes of DWARF.
 *
 * An error leaves *layout as it was: there is no DWARF, it lacks something, or the runtime has
 * changed in a way that the decoders do not know. A layout from here has passed no proof yet, but
 * it is safe to decode with.
 */
struct err *dwarf_layout_read(const char *path, const char *debug_dir, uint64_t unpacked_max,
			      struct go_layout *layout);

#endif
