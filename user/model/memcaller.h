/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memcaller.h - who made a memory call (mmap, munmap, madvise), and why: found out from the
 * functions on its stack.
 */
#ifndef MAPTRACE_MODEL_MEMCALLER_H
#define MAPTRACE_MODEL_MEMCALLER_H

#include <stdint.h>

#include "model/result_words.h"
#include "process/lines.h"
#include "trace/trace.h"

struct memcaller {
	enum mem_reason reason;
	/* The innermost function on the stack that is not of the runtime or of package syscall.
	 * NULL: there is none. Belongs to `lines`. */
	const struct frame *frame;
	uint64_t return_addr; /* into it, or into what it is inlined into; 0: none */
};

/* `stack` is that of a struct trace_memcall: return addresses, innermost first, 0 after the last.
 * Cannot fail: a stack that says nothing gives MEM_REASON_UNKNOWN or MEM_REASON_C. */
struct memcaller memcaller_of(struct lines *lines, const uint64_t stack[ABI_MEM_STACK_MAX]);

#endif
