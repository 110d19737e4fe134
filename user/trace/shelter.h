/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shelter.h - what has to be brought to its end, even when maptrace is killed.
 *
 * To put a breakpoint in or to take it out the kernel looks up a page of the target, and
 * gives up when the caller has been killed meanwhile (fatal_signal_pending() in mm/gup.c):
 * the breakpoint stays until the target ends, or a probe in the same place is taken out
 * ("uprobe: failed to unregister, leaking uprobe", Linux 6.18). A thread cannot be kept
 * from being killed with its process; another process can.
 */
#ifndef MAPTRACE_TRACE_SHELTER_H
#define MAPTRACE_TRACE_SHELTER_H

/*
 * Calls fn(arg) in a process of its own, in a process group of its own, with our memory
 * and our files, and with all signals blocked; returns when that is done. Our thread
 * sleeps meanwhile. fn must not take locks nor memory: who holds a lock may be dead by
 * then. Without such a process it is called right here.
 */
void shelter_run(void (*fn)(void *arg), void *arg);

#endif
