/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disasm.h - the instructions of a piece of code, one after the other, through capstone.
 *
 * Only the files in user/arch include this.
 */
#ifndef MAPTRACE_ARCH_DISASM_H
#define MAPTRACE_ARCH_DISASM_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct err;

struct disasm {
	csh handle;
	cs_insn *insn; /* the one that was decoded last, with its operands */
	const uint8_t *code;
	size_t left;
	uint64_t next; /* address of the next one */
};

/* The code is at `addr` and must outlive d. ERR_UNSUPPORTED when capstone was built without
 * the architecture. Release with disasm_fini(), also after a failure. */
struct err *disasm_init(struct disasm *d, cs_arch arch, cs_mode mode, const void *code,
			size_t code_sz, uint64_t addr);
void disasm_fini(struct disasm *d);
#define _cleanup_disasm_ _cleanup_(disasm_fini)

/* Decodes the next instruction; false when the bytes end or are not an instruction. */
bool disasm_next(struct disasm *d);

#endif
