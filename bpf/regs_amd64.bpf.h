/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * regs_amd64.bpf.h - registers of a Go function on amd64, at a uprobe near its start.
 *
 * Go's internal ABI: integer arguments in AX, BX, CX; the current g in R14.
 * At all places that user/trace/placement.h chooses, the frame is not built
 * yet: the return address is at (SP), and BP belongs to the caller's frame.
 */
#ifndef MAPTRACE_BPF_REGS_AMD64_H
#define MAPTRACE_BPF_REGS_AMD64_H

/*
 * The context of a uprobe program. Its layout is kernel ABI (bpf_user_pt_regs_t),
 * so it needs no relocation, and these programs load on a kernel without BTF.
 */
struct go_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	__u64 ax, cx, dx, si, di;
	__u64 orig_ax, ip, cs, flags, sp, ss;
};

#define X86_FLAGS_CF 0x01
#define X86_FLAGS_ZF 0x40

/* At the `jbe` of the stack check: will it be taken? */
static __always_inline int regs_jump_taken(const struct go_regs *regs)
{
	return (regs->flags & (X86_FLAGS_CF | X86_FLAGS_ZF)) != 0;
}

#endif
