// SPDX-License-Identifier: GPL-2.0-only
#include "process/hold.h"

#include <errno.h>
#include <sched.h>

#include "base/clock.h"

/* A thread that has real-time priority already keeps it. */
static int hold_raise(void)
{
	struct sched_param param = { .sched_priority = sched_get_priority_min(SCHED_FIFO) };
	int policy = sched_getscheduler(0);

	if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE)
		return -1;
	return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) ? -1 : policy;
}

struct hold hold_begin_short(void)
{
	return (struct hold){ .start_ns = clock_ns(), .policy = -1 };
}

struct hold hold_begin(void)
{
	int policy = hold_raise();

	return (struct hold){ .start_ns = clock_ns(), .policy = policy };
}

static void hold_meter_add(struct hold_meter *meter, uint64_t ns)
{
	uint64_t max = __atomic_load_n(&meter->max_ns, __ATOMIC_RELAXED);

	__atomic_fetch_add(&meter->cnt, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&meter->total_ns, ns, __ATOMIC_RELAXED);
	while (ns > max && !__atomic_compare_exchange_n(&meter->max_ns, &max, ns, true,
							__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void hold_end(const struct hold *hold, struct hold_meter *meter)
{
	struct sched_param param = { 0 };
	int err = errno;

	if (meter)
		hold_meter_add(meter, clock_ns() - hold->start_ns);
	if (hold->policy >= 0)
		(void)sched_setscheduler(0, hold->policy, &param);
	errno = err;
}

struct hold_meter hold_meter_read(const struct hold_meter *meter)
{
	if (!meter)
		return (struct hold_meter){ 0 };
	return (struct hold_meter){
		.cnt = __atomic_load_n(&meter->cnt, __ATOMIC_RELAXED),
		.max_ns = __atomic_load_n(&meter->max_ns, __ATOMIC_RELAXED),
		.total_ns = __atomic_load_n(&meter->total_ns, __ATOMIC_RELAXED),
	};
}
