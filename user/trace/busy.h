/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * busy.h - how many CPUs a process keeps busy, or would if it got them.
 */
#ifndef MAPTRACE_TRACE_BUSY_H
#define MAPTRACE_TRACE_BUSY_H

#include <sys/types.h>

/*
 * The number of threads that run or wait for a CPU at this moment, at most `most`. Also
 * `most` when it cannot be read: the caller wants to know the worst case.
 */
unsigned int busy_threads(pid_t pid, unsigned int most);

#endif
