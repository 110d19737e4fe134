/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * regs_x86.bpf.h - registers on amd64.
 *
 * Of a Go function, at a uprobe near its start. Go's internal ABI has integer arguments in
 * AX, BX and CX, and the current g in R14. At all places that user/arch/amd64.c chooses, the
 * frame is not built yet: the return address is at (SP), and BP is the frame pointer of the
 * caller.
 *
 * Of a system call, as the kernel saved them at its entry.
 */
#ifndef MAPTRACE_BPF_REGS_X86_H
#define MAPTRACE_BPF_REGS_X86_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* ---- Go functions ---- */

/*
 * The context of a uprobe program. Its layout is kernel ABI (bpf_user_pt_regs_t), so it
 * needs no relocation, and these programs load on a kernel without BTF.
 */
struct go_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	__u64 ax, cx, dx, si, di;
	__u64 orig_ax, ip, cs, flags, sp, ss;
};

#define X86_FLAGS_CF 0x01
#define X86_FLAGS_ZF 0x40

/*
 * The integer arguments. Through volatile, so that clang reads each one where it is asked
 * for: it would else read them later through a computed pointer, which the verifier forbids
 * on a context.
 */
static __always_inline __u64 regs_arg1(const volatile struct go_regs *regs)
{
	return regs->ax;
}

static __always_inline __u64 regs_arg2(const volatile struct go_regs *regs)
{
	return regs->bx;
}

static __always_inline __u64 regs_arg3(const volatile struct go_regs *regs)
{
	return regs->cx;
}

/* Address of the current g. */
static __always_inline __u64 regs_goroutine(const struct go_regs *regs)
{
	return regs->r14;
}

/* The caller's frame pointer. */
static __always_inline __u64 regs_frame(const struct go_regs *regs)
{
	return regs->bp;
}

/* Reads the return address; returns 0 when that worked. */
static __always_inline long regs_read_caller(const struct go_regs *regs, __u64 *ret)
{
	return bpf_probe_read_user(ret, sizeof(*ret), (void *)regs->sp);
}

/* At the `jbe` of the stack check: will it be taken? */
static __always_inline int regs_jump_taken(const struct go_regs *regs)
{
	return (regs->flags & (X86_FLAGS_CF | X86_FLAGS_ZF)) != 0;
}

/* ---- System calls ---- */

static __always_inline __u64 syscall_arg1(const struct pt_regs *regs)
{
	return regs->di;
}

static __always_inline __u64 syscall_arg2(const struct pt_regs *regs)
{
	return regs->si;
}

static __always_inline __u64 syscall_arg3(const struct pt_regs *regs)
{
	return regs->dx;
}

static __always_inline __u64 syscall_arg4(const struct pt_regs *regs)
{
	return regs->r10;
}

/* The number of the call, also when it returns. */
static __always_inline __u64 syscall_number(const struct pt_regs *regs)
{
	return regs->orig_ax;
}

/* ---- Page faults ---- */

#define X86_PF_PROT 1

/* Whether the page was there, so that only its protection caused the fault; from the error
 * code of the tracepoint page_fault_user, which only x86 has. */
static __always_inline int fault_page_present(__u64 error_code)
{
	return (error_code & X86_PF_PROT) != 0;
}

#endif
