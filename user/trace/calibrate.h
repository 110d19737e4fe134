/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calibrate.h - what one hit of a probe costs, measured on this machine, now.
 *
 * Measured on a process of our own: a child that calls the priced functions (functions.h),
 * with probes on them that do what the real ones do. The price is the CPU time of the
 * child, in user and kernel mode. This takes some 50 ms, most of it for attaching and
 * detaching. The child dies with us.
 */
#ifndef MAPTRACE_TRACE_CALIBRATE_H
#define MAPTRACE_TRACE_CALIBRATE_H

#include "trace/programs.h"

/*
 * Measures the price of a hit of each probed site, in nanoseconds, by index in
 * map_functions; and the price of a late hit, which is turned back at once. No probes may
 * be in the target yet. The records are thrown away, but take up room in the ring until
 * `rings` are read, which this does: a record without room would be cheaper. Fails with
 * ERR_KERNEL when nothing can be measured.
 */
struct err *calibrate(const struct programs *programs, struct ring_buffer *rings,
		      const struct sites *sites, double ret_ns[ABI_FUNC_MAX],
		      double late_ret_ns[ABI_FUNC_MAX]);

/*
 * Measures how much longer a page fault takes while the page fault program is attached,
 * in nanoseconds, for a process that is not the target. The program must not be attached
 * yet. Fails with ERR_KERNEL when nothing can be measured.
 */
struct err *calibrate_faults(struct programs *programs, double *ret_ns);

#endif
