// SPDX-License-Identifier: GPL-2.0-only
/*
 * amd64.c - what is peculiar to amd64; arch.h says what each member is for.
 */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "arch/amd64_maps.h"
#include "arch/arch.h"
#include "arch/disasm.h"
#include "base/err.h"

static bool amd64_reg_is(const cs_x86_op *op, x86_reg reg)
{
	return op->type == X86_OP_REG && op->reg == reg;
}

/* ---- Operands ---- */

/* What an instruction does with its i-th operand, which is in memory. Capstone has them in
 * Intel's order: the source is the second of two. */
static enum code_ref amd64_ref_kind(const cs_insn *insn, uint8_t i)
{
	if (!i && insn->id == X86_INS_MOV)
		return CODE_REF_STORE;
	if (i != 1 || insn->detail->x86.op_count != 2)
		return CODE_REF_OTHER;
	if (insn->id == X86_INS_LEA)
		return CODE_REF_ADDRESS;
	return insn->id == X86_INS_MOV ? CODE_REF_LOAD : CODE_REF_OTHER;
}

/* Addresses count from the end of their instruction. */
static bool amd64_visit_refs(const cs_insn *insn, code_ref_fn fn, void *ctx)
{
	const cs_x86 *x86 = &insn->detail->x86;

	for (uint8_t i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];

		if (op->type != X86_OP_MEM || op->mem.base != X86_REG_RIP)
			continue;
		uint64_t addr = insn->address + insn->size + op->mem.disp;
		if (!fn(ctx, amd64_ref_kind(insn, i), insn->address, addr))
			return false;
	}
	return true;
}

static void amd64_walk_refs(const uint8_t *code, size_t len, uint64_t addr, code_ref_fn fn,
			    void *ctx)
{
	_cleanup_disasm_ struct disasm d = { 0 };
	_cleanup_err_ struct err *err = disasm_init(&d, CS_ARCH_X86, CS_MODE_64, code, len, addr);
	bool go_on = !err;

	while (go_on && disasm_next(&d))
		go_on = amd64_visit_refs(d.insn, fn, ctx);
}

/* An operand relative to rip: the ModRM byte says so, and 4 bytes of displacement follow. */
enum {
	AMD64_MODRM_MASK = 0xc7, /* without the register */
	AMD64_MODRM_RIP = 0x05,
	AMD64_DISP_SZ = 4,
	AMD64_CALL = 0xe8,
	AMD64_CALL_SZ = 5,
};

/* Bytes of the constant that follows the displacement. `op` is the opcode, which ends right
 * before the ModRM byte. */
static unsigned int amd64_constant_size(const uint8_t *op, size_t before, uint8_t modrm)
{
	unsigned int reg = modrm >> 3 & 7;
	bool is_two_bytes = before > 1 && op[-1] == 0x0f;
	/* The prefix for 16 bits may be followed by one more, REX. */
	bool is_16 = (before > 1 && op[-1] == 0x66) ||
		     (before > 2 && op[-2] == 0x66 && (op[-1] & 0xf0) == 0x40);

	if (is_two_bytes)
		return *op == 0xba || *op == 0xa4 || *op == 0xac || *op == 0x70 || *op == 0xc2 ||
		       *op == 0xc4 || *op == 0xc6;
	switch (*op) {
	case 0x6b: /* imul */
	case 0x80: /* add, or, and, sub, xor, cmp */
	case 0x83:
	case 0xc0: /* shifts */
	case 0xc1:
	case 0xc6: /* mov */
		return 1;
	case 0x69:
	case 0x81:
	case 0xc7:
		return is_16 ? 2 : 4;
	case 0xf6: /* test, but also neg, mul and others without a constant */
		return reg < 2;
	case 0xf7:
		return reg >= 2 ? 0 : is_16 ? 2 : 4;
	default:
		return 0;
	}
}

static void amd64_scan_refs(const uint8_t *code, size_t len, uint64_t addr, uint64_t lo,
			    uint64_t hi, code_place_fn fn, void *ctx)
{
	for (size_t i = 1; i + AMD64_DISP_SZ < len; i++) {
		int32_t disp;

		if ((code[i] & AMD64_MODRM_MASK) != AMD64_MODRM_RIP)
			continue;
		memcpy(&disp, code + i + 1, sizeof(disp));
		uint64_t target = addr + i + 1 + AMD64_DISP_SZ + (int64_t)disp;
		if (target + 4 < lo || target >= hi)
			continue;
		target += amd64_constant_size(code + i - 1, i, code[i]);
		if (target >= lo && target < hi && !fn(ctx, addr + i, target))
			return;
	}
}

static uint64_t amd64_first_call(const uint8_t *code, size_t len, uint64_t addr, uint64_t lo,
				 uint64_t hi)
{
	for (size_t i = 0; i + AMD64_CALL_SZ <= len; i++) {
		int32_t disp;

		if (code[i] != AMD64_CALL)
			continue;
		memcpy(&disp, code + i + 1, sizeof(disp));
		uint64_t target = addr + i + AMD64_CALL_SZ + (int64_t)disp;
		if (target >= lo && target < hi)
			return target;
	}
	return 0;
}

/* ---- Placement ---- */

/*
 * The prologues that the Go compiler writes:
 *
 *	small frame	cmp 0x10(%r14),%rsp; jbe morestack
 *	large frame	lea -N(%rsp),%r12; cmp 0x10(%r14),%r12; jbe morestack
 *	huge frame	mov %rsp,%r12; sub $N,%r12; jb morestack; cmp; jbe
 *	nosplit		no check
 *
 * After it comes push %rbp (since Go 1.21), or sub $N,%rsp (before), or, without a frame,
 * the body. 0x10(%r14) is g.stackguard0.
 */
enum {
	STACKGUARD0_OFF = 16,
	CHECK_INSN_MAX = 5,
};

static bool amd64_is_push(const cs_insn *insn)
{
	return insn->id == X86_INS_PUSH && insn->detail->x86.operands[0].type == X86_OP_REG;
}

/* cmp of %rsp or %r12 with g.stackguard0. */
static bool amd64_is_guard_cmp(const cs_insn *insn)
{
	const cs_x86_op *op = insn->detail->x86.operands;

	if (insn->id != X86_INS_CMP)
		return false;
	if (!amd64_reg_is(&op[0], X86_REG_RSP) && !amd64_reg_is(&op[0], X86_REG_R12))
		return false;
	return op[1].type == X86_OP_MEM && op[1].mem.base == X86_REG_R14 &&
	       op[1].mem.index == X86_REG_INVALID && op[1].mem.disp == STACKGUARD0_OFF;
}

/* What may stand before the cmp: the computation of the lower end of a large frame. */
static bool amd64_is_guard_setup(const cs_insn *insn)
{
	unsigned int id = insn->id;

	if (id == X86_INS_LEA || id == X86_INS_MOV || id == X86_INS_SUB)
		return amd64_reg_is(&insn->detail->x86.operands[0], X86_REG_R12);
	return id == X86_INS_JB;
}

/* Decodes up to the jump of the stack check; false when there is no such check. */
static bool amd64_find_guard_jump(struct disasm *d)
{
	for (int i = 0; i < CHECK_INSN_MAX; i++) {
		if (amd64_is_guard_cmp(d->insn))
			return disasm_next(d) && d->insn->id == X86_INS_JBE;
		if (!amd64_is_guard_setup(d->insn) || !disasm_next(d))
			return false;
	}
	return false;
}

enum { NOP_CALL_SZ = 5 };

/* The place is the instruction that was decoded last. */
static struct placement amd64_placement(const struct disasm *d, enum placement_kind kind,
					const char *reason)
{
	struct placement p = {
		.kind = kind,
		.off = (uint32_t)d->insn->address,
		.cheap = kind != PLACEMENT_ENTRY,
		.leaves_trace = d->insn->id == X86_INS_NOP && d->insn->size == NOP_CALL_SZ,
		.reason = reason,
	};

	snprintf(p.insn, sizeof(p.insn), "%.12s%s%.34s", d->insn->mnemonic,
		 d->insn->op_str[0] ? " " : "", d->insn->op_str);
	return p;
}

static struct err *amd64_place_probe(const void *code, size_t code_sz, struct placement *ret)
{
	_cleanup_disasm_ struct disasm d = { 0 };
	struct err *err = disasm_init(&d, CS_ARCH_X86, CS_MODE_64, code, code_sz, 0);

	if (err)
		return err;
	if (!disasm_next(&d))
		return err_new(ERR_FORMAT, "the first bytes are not an instruction");
	if (amd64_is_push(d.insn)) {
		*ret = amd64_placement(&d, PLACEMENT_PUSH, "push at the start, no stack check");
		return NULL;
	}
	*ret = amd64_placement(&d, PLACEMENT_ENTRY,
			       "neither a push nor a stack check at the start");
	if (!amd64_find_guard_jump(&d))
		return NULL;
	*ret = amd64_placement(&d, PLACEMENT_JUMP,
			       "jump of the stack check, without a push after it");
	if (disasm_next(&d) && amd64_is_push(d.insn))
		*ret = amd64_placement(&d, PLACEMENT_PUSH, "after the stack check");
	return NULL;
}

/* ---- Priced functions ---- */

#if defined(__x86_64__)

/* They begin as functions of Go do: one of each kind of placement, twice. */
__asm__(".text\n"
	".macro priced_functions suffix\n"
	"priced_push_\\suffix:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	pop %rbp\n"
	"	ret\n"
	"priced_check_\\suffix:\n"
	"	cmp 0x10(%r14), %rsp\n"
	"priced_jump_\\suffix:\n"
	"	jbe 1f\n"
	"	ret\n"
	"1:	ret\n"
	".endm\n"
	"priced_functions op\n"
	"priced_functions event\n"
	/* priced_calls(function, cnt, stage) */
	"priced_calls:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	mov %rdi, %r12\n"
	"	mov %rsi, %r13\n"
	"	mov %rdx, %r14\n"
	"	mov %rdx, %rbp\n"
	"1:	mov %r14, %rax\n"
	"	mov %r14, %rbx\n"
	"	call *%r12\n"
	"	dec %r13\n"
	"	jnz 1b\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n");

extern const char priced_push_op[], priced_check_op[], priced_jump_op[];
extern const char priced_push_event[], priced_check_event[], priced_jump_event[];
void priced_calls(const char *function, uint64_t cnt, const struct arch_stage *stage);

static const struct arch_priced amd64_priced[PLACEMENT_KIND_CNT][ARCH_PRICED_WAYS] = {
	[PLACEMENT_PUSH] = { { priced_push_op, priced_push_op },
			     { priced_push_event, priced_push_event } },
	[PLACEMENT_JUMP] = { { priced_check_op, priced_jump_op },
			     { priced_check_event, priced_jump_event } },
	[PLACEMENT_ENTRY] = { { priced_check_op, priced_check_op },
			      { priced_check_event, priced_check_event } },
};

#define AMD64_PRICED .priced = amd64_priced, .call_priced = priced_calls

#else
#define AMD64_PRICED .priced = NULL
#endif

const struct arch arch_amd64 = {
	.machine = EM_X86_64,
	.arena_base = 0xffff800000000000,
	.walk_refs = amd64_walk_refs,
	.scan_refs = amd64_scan_refs,
	.walk_map_vars = amd64_walk_map_vars,
	.first_call = amd64_first_call,
	.place_probe = amd64_place_probe,
	.syscall_prefix = "__x64_sys_",
	AMD64_PRICED,
};
