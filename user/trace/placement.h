/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * placement.h - where in a Go function to put a uprobe: arch/arch.h says how the place is
 * chosen, and which kinds of places there are.
 */
#ifndef MAPTRACE_TRACE_PLACEMENT_H
#define MAPTRACE_TRACE_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

/* Enough bytes of a function for placement_find(). */
#define PLACEMENT_CODE_SZ 64

/*
 * Finds the place in `code`, the first bytes of a function. Take them from its file: in
 * memory another tracer's breakpoint may be there. `machine` is the e_machine of the file.
 * Fails with ERR_UNSUPPORTED for an architecture that we do not know, and with ERR_FORMAT
 * when the bytes are not an instruction; *ret is left alone then.
 */
struct err *placement_find(uint16_t machine, const void *code, size_t code_sz,
			   struct placement *ret);

#endif
