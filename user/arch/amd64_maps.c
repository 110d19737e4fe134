// SPDX-License-Identifier: GPL-2.0-only
/*
 * A walk over the instructions of a function, in the order of their addresses, that follows some
 * values through registers and stack slots: addresses of types, what was loaded from variables,
 * and maps that the function makes.
 *
 * The order of addresses is a path through the function up to each jump that is always taken; from
 * there on registers are not known. What is on a stack slot stays: the compiler uses a slot for
 * values of one type only (Go source: cmd/compile/internal/ssa/stackalloc.go). So along a path
 * that never runs the types are right, too: Go's own rules say so.
 */
#include "arch/amd64_maps.h"

#include <string.h>

#include "arch/arch.h"
#include "arch/disasm.h"
#include "base/err.h"

enum {
	REG_CNT = 16,
	REG_RAX = 0, /* the first argument of a Go function, and its result */
	REG_RBX = 1, /* the second argument */
	REG_RSP = 7,
	SLOTS_MAX = 256,
	MADE_MAX = 256, /* maps that one function makes */
	LINKS_MAX = 256,
};

enum value_kind { VALUE_UNKNOWN, VALUE_ADDRESS, VALUE_LOADED, VALUE_MADE };

struct map_value {
	enum value_kind kind;
	uint64_t v; /* an address; that of a variable; the number of a map that is made */
};

/* A map that the function makes is in a variable. */
struct map_link {
	uint64_t var;
	uint32_t made;
};

struct map_walk {
	const struct code_map_calls *calls;
	csh handle;
	struct map_value regs[REG_CNT];
	struct {
		int64_t disp;
		struct map_value value;
	} slots[SLOTS_MAX];
	size_t slot_cnt;
	uint64_t made[MADE_MAX]; /* their types; 0: not known yet */
	uint32_t made_cnt;
	struct map_link links[LINKS_MAX];
	size_t link_cnt;
};

/* ---- registers ---- */

/* The number of the 64-bit register that this one is a part of; -1: it is another one. */
static int amd64_reg_number(unsigned int reg)
{
	static const uint16_t names[REG_CNT][5] = {
		{ X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH },
		{ X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH },
		{ X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH },
		{ X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH },
		{ X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL },
		{ X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL },
		{ X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL },
		{ X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL },
		{ X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B },
		{ X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B },
		{ X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B },
		{ X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B },
		{ X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B },
		{ X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B },
		{ X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B },
		{ X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B },
	};

	for (int i = 0; reg != X86_REG_INVALID && i < REG_CNT; i++)
		for (int j = 0; j < 5; j++)
			if (names[i][j] == reg)
				return i;
	return -1;
}

static struct map_value *walk_reg(struct map_walk *w, const cs_x86_op *op)
{
	int i = op->type == X86_OP_REG && op->size == 8 ? amd64_reg_number(op->reg) : -1;

	return i < 0 || i == REG_RSP ? NULL : &w->regs[i];
}

static void walk_forget_registers(struct map_walk *w)
{
	memset(w->regs, 0, sizeof(w->regs));
}

/* ---- memory ---- */

static bool op_is_slot(const cs_x86_op *op)
{
	return op->type == X86_OP_MEM && op->mem.base == X86_REG_RSP &&
	       op->mem.index == X86_REG_INVALID && op->mem.segment == X86_REG_INVALID;
}

/* The address of a variable that is named by its distance; 0: it is no such operand. */
static uint64_t op_variable(const cs_insn *insn, const cs_x86_op *op)
{
	return op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP &&
			       op->mem.index == X86_REG_INVALID
		       ? insn->address + insn->size + op->mem.disp
		       : 0;
}

static struct map_value slot_load(const struct map_walk *w, int64_t disp)
{
	for (size_t i = 0; i < w->slot_cnt; i++)
		if (w->slots[i].disp == disp)
			return w->slots[i].value;
	return (struct map_value){ 0 };
}

/* Something is written to part of the stack. */
static void slots_forget(struct map_walk *w, int64_t disp, int64_t size)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->slot_cnt; i++)
		if (w->slots[i].disp + 8 <= disp || w->slots[i].disp >= disp + size)
			w->slots[kept++] = w->slots[i];
	w->slot_cnt = kept;
}

static void slot_store(struct map_walk *w, int64_t disp, struct map_value value)
{
	slots_forget(w, disp, 8);
	if (value.kind == VALUE_UNKNOWN || w->slot_cnt == SLOTS_MAX)
		return;
	w->slots[w->slot_cnt].disp = disp;
	w->slots[w->slot_cnt++].value = value;
}

static void variable_store(struct map_walk *w, uint64_t var, struct map_value value)
{
	if (value.kind == VALUE_MADE && w->link_cnt < LINKS_MAX)
		w->links[w->link_cnt++] = (struct map_link){ var, value.v };
}

/* ---- instructions ---- */

/* Follows a move of 8 bytes. False: it is something else. */
static bool walk_move(struct map_walk *w, const cs_insn *insn)
{
	const cs_x86_op *to = &insn->detail->x86.operands[0], *from = to + 1;
	struct map_value *reg = walk_reg(w, to), *from_reg = walk_reg(w, from);
	uint64_t var = op_variable(insn, from);

	if (insn->detail->x86.op_count != 2 || from->size != 8 || to->size != 8)
		return false;
	if (insn->id == X86_INS_LEA && reg && var)
		*reg = (struct map_value){ VALUE_ADDRESS, var };
	else if (insn->id != X86_INS_MOV && insn->id != X86_INS_MOVABS)
		return false;
	else if (reg && from_reg)
		*reg = *from_reg;
	else if (reg && var)
		*reg = (struct map_value){ VALUE_LOADED, var };
	else if (reg && op_is_slot(from))
		*reg = slot_load(w, from->mem.disp);
	else if (from_reg && op_is_slot(to))
		slot_store(w, to->mem.disp, *from_reg);
	else if (from_reg && op_variable(insn, to))
		variable_store(w, op_variable(insn, to), *from_reg);
	else
		return false;
	return true;
}

/* Forgets what an instruction changes. */
static void walk_other(struct map_walk *w, const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;
	cs_regs read, write;
	uint8_t read_cnt = 0, write_cnt = 0;

	if (cs_regs_access(w->handle, insn, read, &read_cnt, write, &write_cnt) != CS_ERR_OK) {
		walk_forget_registers(w);
		w->slot_cnt = 0;
		return;
	}
	for (uint8_t i = 0; i < write_cnt; i++) {
		int reg = amd64_reg_number(write[i]);

		if (reg == REG_RSP)
			w->slot_cnt = 0;
		else if (reg >= 0)
			w->regs[reg].kind = VALUE_UNKNOWN;
	}
	if (x86->op_count && x86->operands[0].type == X86_OP_MEM &&
	    x86->operands[0].mem.base == X86_REG_RSP) {
		if (x86->operands[0].mem.index == X86_REG_INVALID)
			slots_forget(w, x86->operands[0].mem.disp, x86->operands[0].size);
		else
			w->slot_cnt = 0;
	}
}

static void walk_map_call(struct map_walk *w, uint64_t type)
{
	struct map_value map = w->regs[REG_RBX];

	if (map.kind == VALUE_LOADED)
		w->calls->found(w->calls->ctx, map.v, type);
	if (map.kind == VALUE_MADE && !w->made[map.v])
		w->made[map.v] = type;
}

static void walk_make(struct map_walk *w, uint64_t type)
{
	walk_forget_registers(w);
	if (w->made_cnt == MADE_MAX)
		return;
	w->made[w->made_cnt] = type;
	w->regs[REG_RAX] = (struct map_value){ VALUE_MADE, w->made_cnt++ };
}

static void walk_call(struct map_walk *w, const cs_insn *insn)
{
	const cs_x86_op *op = &insn->detail->x86.operands[0];
	enum code_call call = insn->detail->x86.op_count == 1 && op->type == X86_OP_IMM
				      ? w->calls->call(w->calls->ctx, op->imm)
				      : CODE_CALL_OTHER;
	const struct map_value *arg = &w->regs[REG_RAX];
	uint64_t type = arg->kind == VALUE_ADDRESS ? arg->v : 0;

	switch (call) {
	case CODE_CALL_BARRIER:
		return;
	case CODE_CALL_MAKE:
	case CODE_CALL_MAKE_SMALL:
		walk_make(w, call == CODE_CALL_MAKE ? type : 0);
		return;
	case CODE_CALL_MAP:
		if (type)
			walk_map_call(w, type);
		break;
	case CODE_CALL_OTHER:
		break;
	}
	walk_forget_registers(w);
}

static void walk_instruction(struct map_walk *w, const cs_insn *insn)
{
	switch (insn->id) {
	case X86_INS_CALL:
		walk_call(w, insn);
		return;
	case X86_INS_JMP:
	case X86_INS_RET:
	case X86_INS_UD2:
	case X86_INS_INT3:
		walk_forget_registers(w);
		return;
	default:
		if (!walk_move(w, insn))
			walk_other(w, insn);
	}
}

void amd64_walk_map_vars(const uint8_t *code, size_t len, uint64_t addr,
			 const struct code_map_calls *calls)
{
	_cleanup_disasm_ struct disasm d = { 0 };
	_cleanup_err_ struct err *err = disasm_init(&d, CS_ARCH_X86, CS_MODE_64, code, len, addr);
	_cleanup_free_ struct map_walk *w = err ? NULL : calloc(1, sizeof(*w));

	if (!w)
		return;
	w->calls = calls;
	w->handle = d.handle;
	while (disasm_next(&d))
		walk_instruction(w, d.insn);
	for (size_t i = 0; i < w->link_cnt; i++)
		if (w->made[w->links[i].made])
			calls->found(calls->ctx, w->links[i].var, w->made[w->links[i].made]);
}
