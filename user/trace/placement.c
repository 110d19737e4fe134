// SPDX-License-Identifier: GPL-2.0-only
#include "trace/placement.h"

#include <capstone/capstone.h>
#include <elf.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"

/* The first instructions of a function, one after the other. */
struct decoder {
	csh handle;
	cs_insn *insn; /* the one that was decoded last */
	const uint8_t *code;
	size_t left;
	uint64_t next; /* offset of the next one */
};

static void decoder_fini(struct decoder *d)
{
	if (d->insn)
		cs_free(d->insn, 1);
	if (d->handle)
		cs_close(&d->handle);
}

static struct err *decoder_init(struct decoder *d, cs_arch arch, cs_mode mode, const void *code,
				size_t code_sz)
{
	cs_err failed = cs_open(arch, mode, &d->handle);

	if (failed != CS_ERR_OK)
		return err_new(ERR_UNSUPPORTED, "capstone: %s", cs_strerror(failed));
	cs_option(d->handle, CS_OPT_DETAIL, CS_OPT_ON);
	d->code = code;
	d->left = code_sz;
	d->insn = cs_malloc(d->handle);
	return d->insn ? NULL : err_nomem();
}

/* Decodes the next instruction; false when the bytes end or make no sense. */
static bool decoder_next(struct decoder *d)
{
	return cs_disasm_iter(d->handle, &d->code, &d->left, &d->next, d->insn);
}

static void placement_set(struct placement *p, const struct decoder *d, enum placement_kind kind,
			  const char *reason)
{
	p->kind = kind;
	p->off = (uint32_t)d->insn->address;
	p->cheap = kind != PLACEMENT_ENTRY;
	p->reason = reason;
	snprintf(p->insn, sizeof(p->insn), "%.12s%s%.34s", d->insn->mnemonic,
		 d->insn->op_str[0] ? " " : "", d->insn->op_str);
}

/*
 * amd64. The prologues that the Go compiler writes:
 *
 *	small frame	cmp 0x10(%r14),%rsp; jbe morestack
 *	large frame	lea -N(%rsp),%r12; cmp 0x10(%r14),%r12; jbe morestack
 *	huge frame	mov %rsp,%r12; sub $N,%r12; jb morestack; cmp; jbe
 *	nosplit		no check
 *
 * and behind it: push %rbp (since Go 1.21), or sub $N,%rsp (before), or the
 * body, when there is no frame. 0x10(%r14) is g.stackguard0.
 */
#define STACKGUARD0_OFF 16
#define CHECK_INSN_MAX 5

static bool x86_reg_is(const cs_x86_op *op, x86_reg reg)
{
	return op->type == X86_OP_REG && op->reg == reg;
}

static bool x86_is_push(const cs_insn *insn)
{
	return insn->id == X86_INS_PUSH && insn->detail->x86.operands[0].type == X86_OP_REG;
}

/* cmp %rsp or %r12 with g.stackguard0. */
static bool x86_is_guard_cmp(const cs_insn *insn)
{
	const cs_x86_op *op = insn->detail->x86.operands;

	if (insn->id != X86_INS_CMP)
		return false;
	if (!x86_reg_is(&op[0], X86_REG_RSP) && !x86_reg_is(&op[0], X86_REG_R12))
		return false;
	return op[1].type == X86_OP_MEM && op[1].mem.base == X86_REG_R14 &&
	       op[1].mem.index == X86_REG_INVALID && op[1].mem.disp == STACKGUARD0_OFF;
}

/* What may stand before the cmp: the way to the lower end of a large frame. */
static bool x86_is_guard_setup(const cs_insn *insn)
{
	switch (insn->id) {
	case X86_INS_LEA:
	case X86_INS_MOV:
	case X86_INS_SUB:
		return x86_reg_is(&insn->detail->x86.operands[0], X86_REG_R12);
	case X86_INS_JB:
		return true;
	default:
		return false;
	}
}

/* Decodes up to the jump of the stack check; false when there is no such check. */
static bool x86_find_guard_jump(struct decoder *d)
{
	for (int i = 0; i < CHECK_INSN_MAX; i++) {
		if (x86_is_guard_cmp(d->insn))
			return decoder_next(d) && d->insn->id == X86_INS_JBE;
		if (!x86_is_guard_setup(d->insn) || !decoder_next(d))
			return false;
	}
	return false;
}

static struct err *x86_find(const void *code, size_t code_sz, struct placement *ret)
{
	_cleanup_(decoder_fini) struct decoder d = { 0 };
	struct placement found;
	struct err *err = decoder_init(&d, CS_ARCH_X86, CS_MODE_64, code, code_sz);

	if (err)
		return err;
	if (!decoder_next(&d))
		return err_new(ERR_FORMAT, "the first bytes are no instruction");
	if (x86_is_push(d.insn)) {
		placement_set(&found, &d, PLACEMENT_PUSH, "push at the start, no stack check");
	} else {
		placement_set(&found, &d, PLACEMENT_ENTRY,
			      "neither a push nor a stack check at the start");
		if (x86_find_guard_jump(&d)) {
			placement_set(&found, &d, PLACEMENT_JUMP,
				      "jump of the stack check, no push behind it");
			if (decoder_next(&d) && x86_is_push(d.insn))
				placement_set(&found, &d, PLACEMENT_PUSH,
					      "push behind the stack check");
		}
	}
	*ret = found;
	return NULL;
}

/*
 * To add an architecture: a row here, and the registers of its Go functions
 * for the BPF side (bpf/regs_amd64.bpf.h is the model).
 */
static const struct {
	uint16_t machine;
	struct err *(*find)(const void *code, size_t code_sz, struct placement *ret);
} archs[] = {
	{ EM_X86_64, x86_find },
};

struct err *placement_find(uint16_t machine, const void *code, size_t code_sz,
			   struct placement *ret)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		if (archs[i].machine == machine)
			return archs[i].find(code, code_sz, ret);
	}
	return err_new(ERR_UNSUPPORTED,
		       "tracing works on amd64 only so far, this is ELF machine %u", machine);
}
