/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock.h - the monotonic clock, the one that BPF programs stamp records with.
 */
#ifndef MAPTRACE_BASE_CLOCK_H
#define MAPTRACE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

#endif
