/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * goroutines.h - the stacks of all goroutines, and which part of each is in use.
 *
 * They come from runtime.allgs, and not from the spans that hold stacks, because only a goroutine
 * says where its frames begin. Memory below its frames, and in stacks that no goroutine has any
 * more, still holds old frames.
 */
#ifndef MAPTRACE_HEAP_GOROUTINES_H
#define MAPTRACE_HEAP_GOROUTINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "heap/heap.h"

/* Offsets in runtime.g, the same in all versions. */
enum { G_STACK_LO = 0, G_STACK_HI = 8, G_SCHED_SP = 56, G_SCHED_PC = 64 };

/* Values of runtime.g.atomicstatus (Go source: runtime/runtime2.go). */
enum goroutine_status {
	G_IDLE = 0,
	G_RUNNABLE = 1,
	G_RUNNING = 2,
	G_SYSCALL = 3,
	G_WAITING = 4,
	G_MORIBUND = 5, /* unused, like 7 */
	G_DEAD = 6,
	G_ENQUEUE = 7,
	G_COPYSTACK = 8,
	G_PREEMPTED = 9,
	G_LEAKED = 10, /* from 1.26 */
	G_DEADEXTRA = 11, /* from 1.26 */
	G_SCAN = 0x1000, /* set in addition while the collector holds it */
};

struct goroutine {
	uint64_t g; /* address of its runtime.g */
	uint64_t lo; /* its stack is [lo, hi) */
	uint64_t hi;
	uint64_t sp; /* its frames are [sp, hi); while it runs that is not known, and sp is lo */
	bool running; /* or its stack is being copied */
};

struct goroutines {
	VEC(struct goroutine) list; /* those that have a stack */
	/* Ended ones, which wait to be used again. Some still have a stack. */
	uint64_t dead_cnt;
	uint64_t dead_stack_bytes;
};

/* Reads and proves runtime.allgs. ERR_UNSUPPORTED when it cannot be found. Free with
 * goroutines_fini(). */
struct err *goroutines_init(struct goroutines *gs, struct heap *heap);
void goroutines_fini(struct goroutines *gs);

/* Reads n goroutines again; lo == hi for those that have no stack any more. */
struct err *goroutines_reread(struct heap *heap, struct goroutine *list, size_t n);

#endif
