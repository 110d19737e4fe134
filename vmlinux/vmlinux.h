/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmlinux.h - the kernel types that bpf/ uses, and no others.
 *
 * Names and types are those of the kernel; where a struct is cut down to the
 * fields in use, CO-RE finds their offsets at load time. README says how to
 * add to this file. The guard is the one that libbpf's headers look for.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

/* ABI: numbers that user space passes to bpf(2). */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};

enum {
	BPF_F_USER_STACK = 256,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};

/* ABI: filled by bpf_get_ns_current_pid_tgid(). */
struct bpf_pidns_info {
	__u32 pid;
	__u32 tgid;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* x86: the registers that carry the number and the arguments of a system call. */
struct pt_regs {
	long unsigned int r10;
	long unsigned int dx;
	long unsigned int si;
	long unsigned int di;
	long unsigned int orig_ax;
};

#pragma clang attribute pop

#endif
