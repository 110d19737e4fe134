/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capability.h - what "operation not permitted" means for a tracer.
 */
#ifndef MAPTRACE_TRACE_CAPABILITY_H
#define MAPTRACE_TRACE_CAPABILITY_H

struct err;

/*
 * The error for a kernel that has refused `what` ("loading BPF programs"): ERR_PERM that
 * names the capabilities we lack, or ERR_KERNEL when we have them and are refused anyway.
 */
struct err *capability_err(const char *what) __attribute__((warn_unused_result));

/* The same for what takes CAP_SYS_ADMIN. For probes by perf events it does since Linux 6.16, and in
 * stable kernels of the summer of 2025 (CVE-2025-38466). */
struct err *capability_err_admin(const char *what) __attribute__((warn_unused_result));

#endif
