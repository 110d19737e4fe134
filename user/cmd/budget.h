/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * budget.h - how much memory maptrace may take. What the target has in its memory decides how
 * much we need, so a hostile one could make us take all there is. The kernel keeps the limit
 * (RLIMIT_DATA): an allocation beyond it fails.
 */
#ifndef MAPTRACE_CMD_BUDGET_H
#define MAPTRACE_CMD_BUDGET_H

#include <stdint.h>
#include <sys/types.h>

/* The default for a process: 256 MiB, and as much as it has in memory itself. */
uint64_t budget_default(pid_t pid);

/* From now on the memory of this process may grow by `bytes`; its children inherit that. */
void budget_set(uint64_t bytes);

/* What a process has in memory. The kernel tells it without looking at the memory. 0: not known. */
uint64_t budget_resident(pid_t pid);

#endif
