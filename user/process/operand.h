/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * operand.h - addresses of globals from the code that uses them.
 *
 * A stripped Go binary has no symbol for runtime.mheap_, but functions that are
 * known by name load its address with a RIP-relative instruction.
 */
#ifndef MAPTRACE_PROCESS_OPERAND_H
#define MAPTRACE_PROCESS_OPERAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum operand_insn { OPERAND_LEA, OPERAND_MOV_LOAD };
enum operand_pick { OPERAND_FIRST, OPERAND_LAST };

/* The address that the first or last such instruction in the amd64 code refers
 * to, relative to the instruction pointer; false when there is none. */
bool operand_find(const uint8_t *code, size_t len, uint64_t addr, enum operand_insn insn,
		  enum operand_pick pick, uint64_t *ret);

/* The different addresses that any instruction refers to relative to the instruction
 * pointer, in the order of the code; returns their number, up to max. */
size_t operand_list(const uint8_t *code, size_t len, uint64_t addr, uint64_t *ret, size_t max);

#endif
