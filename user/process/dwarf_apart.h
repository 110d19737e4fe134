/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dwarf_apart.h - dwarf_layout_read() in a process of its own, which has limits.
 *
 * Whoever runs a program also chose the bytes of its DWARF, and a few thousand of them can keep
 * libdw busy for hours, or fill the memory.
 */
#ifndef MAPTRACE_PROCESS_DWARF_APART_H
#define MAPTRACE_PROCESS_DWARF_APART_H

#include "base/err.h"
#include "process/layout.h"

/* Like dwarf_layout_read(). Fails also when reading takes more than the limits. */
struct err *dwarf_apart_read(const char *path, const char *debug_dir, uint64_t unpacked_max,
			     struct go_layout *layout);

#endif
