/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold.h - system calls that hold the lock of the target's address space (mmap_lock).
 *
 * While the kernel walks the target's page tables for us, its own mmap, munmap and madvise wait. So
 * such a call covers little, and its thread has real-time priority meanwhile: else it could lose
 * its CPU in mid-walk, and the target would wait for all that others do on that CPU.
 *
 *	struct hold hold = hold_begin();
 *	n = ioctl(...);
 *	hold_end(&hold, meter);
 */
#ifndef MAPTRACE_PROCESS_HOLD_H
#define MAPTRACE_PROCESS_HOLD_H

#include <stdbool.h>
#include <stdint.h>

/* What the calls took, each with its wait for the lock. Several threads add to it. */
struct hold_meter {
	uint64_t cnt;
	uint64_t max_ns; /* the longest one */
	uint64_t total_ns;
};

struct hold {
	uint64_t start_ns;
	int policy; /* to go back to; -1: the priority was not raised */
};

/* Raises the priority of the calling thread, if we have the right to, and looks at the clock. */
struct hold hold_begin(void);

/* The same for a call of some microseconds, at the priority that the thread has. */
struct hold hold_begin_short(void);

/* Undoes that, and adds what it took to the meter; NULL: to none. errno stays. */
void hold_end(const struct hold *hold, struct hold_meter *meter);

/* What a meter has now; NULL: zeroes. */
struct hold_meter hold_meter_read(const struct hold_meter *meter);

#endif
