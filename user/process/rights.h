/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rights.h - why we may not look into a process: which right is missing, or who else forbids it.
 */
#ifndef MAPTRACE_PROCESS_RIGHTS_H
#define MAPTRACE_PROCESS_RIGHTS_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Our effective capabilities: bit CAP_... for each; 0 when they cannot be read. */
uint64_t rights_effective(void);

/* Gives up all capabilities but those of the mask, for good. Only the calling thread does. */
void rights_keep(uint64_t mask);

/* ERR_PERM for a process that the kernel does not let us look into. */
struct err *rights_err(pid_t pid) __attribute__((warn_unused_result));

/* NULL if /proc shows the processes that we see; else what is wrong with it. */
struct err *rights_check_proc(void);

/* ERR_PERM for a process that exists, but that /proc does not show. */
struct err *rights_hidden_err(pid_t pid) __attribute__((warn_unused_result));

#endif
