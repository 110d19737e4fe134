/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identity.h - what the BPF side recognises the target by.
 */
#ifndef MAPTRACE_TRACE_IDENTITY_H
#define MAPTRACE_TRACE_IDENTITY_H

#include <sys/types.h>

#include "abi.h"

struct err;

/* Finds the pid namespace of `pid`, and its number there. ERR_GONE when it has exited. */
struct err *identity_read(pid_t pid, struct abi_target *ret);

#endif
