/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busy.h - how many CPUs a process keeps busy, or would if it got them.
 */
#ifndef MAPTRACE_TRACE_BUSY_H
#define MAPTRACE_TRACE_BUSY_H

#include <sys/types.h>

/*
 * Threads that run or wait for a CPU at this moment, but no more than `most`. What
 * cannot be read counts as `most`: the caller wants to know the worst.
 */
unsigned int busy_threads(pid_t pid, unsigned int most);

#endif
