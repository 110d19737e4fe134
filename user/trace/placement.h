/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * placement.h - where in a Go function to put a uprobe.
 *
 * Three things decide (figures: one machine, 2026):
 *
 *  - Cost. The kernel emulates a few instructions (push of a register, relative
 *    jumps): about 1 us a hit. It single-steps all others: about 10 us a hit.
 *  - Once a call. A Go function starts with a stack check; when the stack must
 *    grow, the function is started over. A probe before the end of the check is
 *    hit again then.
 *  - Arguments intact, frame not built: they are in the registers of the ABI,
 *    and the return address is on top of the stack.
 *
 * So the best place is a push behind the stack check; then the jump of the
 * check itself, whose flags tell whether the call will come again; then the
 * first instruction.
 */
#ifndef MAPTRACE_TRACE_PLACEMENT_H
#define MAPTRACE_TRACE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Enough bytes of a function for placement_find(). */
#define PLACEMENT_CODE_SZ 64

enum placement_kind {
	PLACEMENT_PUSH, /* a push, once a call: emulated */
	PLACEMENT_JUMP, /* the jump of the stack check: emulated, again after a stack growth */
	PLACEMENT_ENTRY, /* the first instruction: single-stepped, maybe more than once a call */
};
#define PLACEMENT_KIND_CNT (PLACEMENT_ENTRY + 1)

struct placement {
	enum placement_kind kind;
	uint32_t off; /* from the start of the function */
	bool cheap; /* the kernel emulates the instruction */
	char insn[48]; /* the instruction, for people */
	const char *reason; /* why here, for people; static */
};

/*
 * Finds the place in `code`, the first bytes of a function as they are in its
 * file (in memory, another tracer's breakpoint may be there). `machine` is the
 * e_machine of the file. Fails with ERR_UNSUPPORTED for an architecture that we
 * do not know, and with ERR_FORMAT when the bytes are no instruction.
 */
struct err *placement_find(uint16_t machine, const void *code, size_t code_sz,
			   struct placement *ret);

#endif
