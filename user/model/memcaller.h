/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memcaller.h - who made a memory call: told from the functions on its stack.
 */
#ifndef MAPTRACE_MODEL_MEMCALLER_H
#define MAPTRACE_MODEL_MEMCALLER_H

#include <stdint.h>

#include "model/result_words.h"
#include "process/lines.h"
#include "trace/trace.h"

struct memcaller {
	enum mem_reason reason;
	/* The first function that is not of the runtime or of package syscall, and the
	 * return address into it or what it is inlined into. NULL and 0: there is none. */
	const struct frame *frame;
	uint64_t return_addr;
};

/* `stack` is that of a struct trace_memcall. */
struct memcaller memcaller_of(struct lines *lines, const uint64_t stack[ABI_MEM_STACK_MAX]);

#endif
