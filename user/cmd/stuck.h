/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stuck.h - threads of ours that wait in a system call that reads, such as process_vm_readv().
 * Where the calls read the target, that may be for ever.
 */
#ifndef MAPTRACE_CMD_STUCK_H
#define MAPTRACE_CMD_STUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STUCK_THREADS_MAX = 64 };

/* Threads that wait in such a call, and how often the kernel has switched each of them. */
struct stuck_threads {
	size_t cnt;
	struct {
		pid_t tid;
		uint64_t switches;
	} at[STUCK_THREADS_MAX];
};

/* Looks at all threads but the calling one. Without /proc none is found. */
void stuck_look(struct stuck_threads *ret);

/* Whether some thread has not run at all between two looks. */
bool stuck_between(const struct stuck_threads *first, const struct stuck_threads *second);

/* Stops all threads but the calling one, for good. One that is in a system call stops when that
 * returns. What they hold stays as it is, locks included. */
void stuck_freeze_others(void);

#endif
