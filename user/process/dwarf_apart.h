/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dwarf_apart.h - dwarf_layout_read() in a process of its own.
 *
 * Whoever runs a program also chose the bytes of its DWARF, and for a few thousand
 * of them libdw can be busy for hours, or fill the memory. A child has limits.
 */
#ifndef MAPTRACE_PROCESS_DWARF_APART_H
#define MAPTRACE_PROCESS_DWARF_APART_H

#include "base/err.h"
#include "process/layout.h"

/* Like dwarf_layout_read(); another error is that this took too much. */
struct err *dwarf_apart_read(const char *path, const char *debug_dir, uint64_t unpacked_max,
			     struct go_layout *layout);

#endif
