/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * regs.bpf.h - the registers of the architecture that the BPF programs are built for.
 *
 * user/arch/arch.h lists what to add for another one.
 */
#ifndef MAPTRACE_BPF_REGS_H
#define MAPTRACE_BPF_REGS_H

#if defined(__TARGET_ARCH_x86)
#include "regs_x86.bpf.h"
#else
#error "bpf/ does not know the registers of this architecture: user/arch/arch.h lists what to add"
#endif

#endif
