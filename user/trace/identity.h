/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identity.h - how the BPF side recognises the target.
 */
#ifndef MAPTRACE_TRACE_IDENTITY_H
#define MAPTRACE_TRACE_IDENTITY_H

#include <sys/types.h>

#include "abi.h"

struct err;

/* The pid namespace that `pid` lives in, and its number in there. */
struct err *identity_read(pid_t pid, struct abi_target *ret);

#endif
