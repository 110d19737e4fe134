/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calibrate.h - what one hit of a probe costs, measured on this machine, now.
 *
 * On a process of our own: a child that calls functions of ours, which begin like
 * those of Go, with probes on them that do what the real ones do. The price is
 * the CPU time of the child, in user and kernel mode. Takes some 50 ms, most of
 * it for attaching and detaching. The child dies with us.
 *
 * The functions have the indices from ABI_PRICED_FIRST on: one for each kind of
 * placement, without and with the record of a rare event.
 */
#ifndef MAPTRACE_TRACE_CALIBRATE_H
#define MAPTRACE_TRACE_CALIBRATE_H

#include "trace/programs.h"

#define CALIBRATE_FUNC_CNT (2 * PLACEMENT_KIND_CNT)
_Static_assert(ABI_PRICED_FIRST + CALIBRATE_FUNC_CNT <= ABI_FUNC_MAX, "one index each");

/* The group that a function of ours, below CALIBRATE_FUNC_CNT, stands for. */
enum abi_group_id calibrate_group(size_t i);

/*
 * Measures the price of a hit of each probed site, in nanoseconds, by index in
 * map_functions; and that of a late one, which is turned back at once. No probes may
 * be in the target yet. The records, which are thrown away, take up room in the ring
 * until `rings` are read: one without room would be cheaper. Fails with ERR_KERNEL when
 * nothing can be measured.
 */
struct err *calibrate(const struct programs *programs, struct ring_buffer *rings,
		      const struct sites *sites, double ret_ns[ABI_FUNC_MAX],
		      double late_ret_ns[ABI_FUNC_MAX]);

/*
 * Measures how much longer a page fault takes while the page fault program is attached,
 * in nanoseconds, for a process that is not the target. The program may not be attached
 * yet. Fails with ERR_KERNEL when nothing can be measured.
 */
struct err *calibrate_faults(struct programs *programs, double *ret_ns);

#endif
