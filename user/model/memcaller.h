/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memcaller.h - who made a memory call: told from the functions on its stack.
 */
#ifndef MAPTRACE_MODEL_MEMCALLER_H
#define MAPTRACE_MODEL_MEMCALLER_H

#include <stdint.h>

#include "process/lines.h"
#include "trace/trace.h"

enum mem_reason {
	MEM_REASON_UNKNOWN, /* the stack could not be read */
	MEM_REASON_BACKGROUND_SCAVENGER, /* gives back what is long free */
	MEM_REASON_FREE_OS_MEMORY, /* debug.FreeOSMemory() */
	MEM_REASON_ALLOCATION, /* the heap grows, or makes room below a memory limit */
	MEM_REASON_RUNTIME, /* the runtime, for anything else */
	MEM_REASON_PROGRAM, /* a system call of the program itself */
	MEM_REASON_C, /* no Go function on the stack */
	MEM_REASON_CNT,
};

struct memcaller {
	enum mem_reason reason;
	/* The first function that is not of the runtime or of package syscall, and the
	 * return address into it or what it is inlined into. NULL and 0: there is none. */
	const struct frame *frame;
	uint64_t return_addr;
};

/* `stack` is that of a struct trace_memcall. */
struct memcaller memcaller_of(struct lines *lines, const uint64_t stack[ABI_MEM_STACK_MAX]);

/* The name in JSON, and in text. */
const char *mem_reason_name(enum mem_reason reason);
const char *mem_reason_text(enum mem_reason reason);

#endif
