/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capability.h - what "operation not permitted" means for our kind of work.
 */
#ifndef MAPTRACE_TRACE_CAPABILITY_H
#define MAPTRACE_TRACE_CAPABILITY_H

struct err;

/*
 * The kernel has refused `what` ("loading BPF programs"): ERR_PERM that names the
 * capabilities we lack, or ERR_KERNEL when we have them and are refused anyway.
 */
struct err *capability_err(const char *what) __attribute__((warn_unused_result));

#endif
