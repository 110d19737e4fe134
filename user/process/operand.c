// SPDX-License-Identifier: GPL-2.0-only
#include "process/operand.h"

#include <capstone/capstone.h>

#include "base/cleanup.h"

static void close_capstone(csh *h)
{
	if (*h)
		cs_close(h);
}

static void free_insn(cs_insn **insn)
{
	if (*insn)
		cs_free(*insn, 1);
}

static bool rip_operand(const cs_insn *insn, enum operand_insn want, uint64_t *ret)
{
	const cs_x86 *x86 = &insn->detail->x86;
	unsigned int id = want == OPERAND_LEA ? X86_INS_LEA : X86_INS_MOV;

	/* Source operand: Intel order puts it second. */
	if (insn->id != id || x86->op_count != 2 || x86->operands[1].type != X86_OP_MEM ||
	    x86->operands[1].mem.base != X86_REG_RIP)
		return false;
	*ret = insn->address + insn->size + x86->operands[1].mem.disp;
	return true;
}

bool operand_find(const uint8_t *code, size_t len, uint64_t addr, enum operand_insn insn,
		  enum operand_pick pick, uint64_t *ret)
{
	_cleanup_(close_capstone) csh h = 0;
	bool found = false;

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &h) != CS_ERR_OK)
		return false;
	cs_option(h, CS_OPT_DETAIL, CS_OPT_ON);
	_cleanup_(free_insn) cs_insn *in = cs_malloc(h);

	while (in && cs_disasm_iter(h, &code, &len, &addr, in)) {
		if (!rip_operand(in, insn, ret))
			continue;
		found = true;
		if (pick == OPERAND_FIRST)
			break;
	}
	return found;
}

static size_t add_address(uint64_t addr, uint64_t *ret, size_t cnt, size_t max)
{
	for (size_t i = 0; i < cnt; i++)
		if (ret[i] == addr)
			return cnt;
	if (cnt < max)
		ret[cnt++] = addr;
	return cnt;
}

size_t operand_list(const uint8_t *code, size_t len, uint64_t addr, uint64_t *ret, size_t max)
{
	_cleanup_(close_capstone) csh h = 0;
	size_t cnt = 0;

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &h) != CS_ERR_OK)
		return 0;
	cs_option(h, CS_OPT_DETAIL, CS_OPT_ON);
	_cleanup_(free_insn) cs_insn *in = cs_malloc(h);

	while (in && cs_disasm_iter(h, &code, &len, &addr, in)) {
		const cs_x86 *x86 = &in->detail->x86;

		for (uint8_t i = 0; i < x86->op_count; i++)
			if (x86->operands[i].type == X86_OP_MEM &&
			    x86->operands[i].mem.base == X86_REG_RIP)
				cnt = add_address(in->address + in->size +
							  x86->operands[i].mem.disp,
						  ret, cnt, max);
	}
	return cnt;
}
