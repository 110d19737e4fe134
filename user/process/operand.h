/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * operand.h - addresses of globals, taken from the code that uses them.
 *
 * A stripped Go binary has no symbol for runtime.mheap_, but functions that are known by
 * name refer to it.
 */
#ifndef MAPTRACE_PROCESS_OPERAND_H
#define MAPTRACE_PROCESS_OPERAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

/* The code of a function, with where it is at run time. */
struct operand_code {
	const struct arch *arch; /* NULL: not known, so nothing is found */
	const uint8_t *bytes;
	size_t len;
	uint64_t addr;
};

enum operand_pick { OPERAND_FIRST, OPERAND_LAST };

/* The address that the first or last instruction that uses an address this way refers to; false
 * when there is none. */
bool operand_find(const struct operand_code *code, enum code_ref ref, enum operand_pick pick,
		  uint64_t *ret);

/* The different addresses that any instruction refers to, in the order of the code. Returns
 * their number, at most max. */
size_t operand_list(const struct operand_code *code, uint64_t *ret, size_t max);

#endif
