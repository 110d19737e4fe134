/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shelter.h - runs a call that must come to its end even when maptrace is killed.
 *
 * A sheltered call runs in a child process that shares our memory and our files, so that
 * a SIGKILL of maptrace does not interrupt it.
 *
 * Why: to put a breakpoint in or to take it out, the kernel looks up a page of the target.
 * It gives up when the caller has been killed meanwhile (fatal_signal_pending() in
 * mm/gup.c). Then the breakpoint stays until the target ends, or until a probe in the same
 * place is removed ("uprobe: failed to unregister, leaking uprobe", Linux 6.18). A thread
 * cannot be kept from being killed with its process; another process can.
 */
#ifndef MAPTRACE_TRACE_SHELTER_H
#define MAPTRACE_TRACE_SHELTER_H

/*
 * Calls fn(arg) in a child process of its own process group, with all signals blocked, and
 * returns when fn has returned. The calling thread sleeps meanwhile. fn must not take
 * locks or allocate memory: the thread that holds a lock may have been killed. When no
 * child can be started, fn is called in the calling thread. Never fails.
 */
void shelter_run(void (*fn)(void *arg), void *arg);

#endif
