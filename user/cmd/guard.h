/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guard.h - a verb that looks at a process ends in time, whatever that process does.
 *
 * A read of the target may never return: the page may be of a file system whose server is
 * hung, or of a userfaultfd. The kernel then lets nobody end the thread that reads, and with
 * it not its process. So maptrace is two processes. The first one, which the user knows and
 * waits for, touches nothing of the target: it passes signals on, and it ends when the
 * second one has ended, or has to be left behind. The second one does the work, in a thread
 * that its main thread can leave behind:
 *
 *	err = guard_enter(deadline_ns);		from here on this is the second process
 *	if (guard_run(look, &ctx))		look() uses guard_stop()
 *		guard_print(), then print, return the exit code
 *	else
 *		print what is known, then guard_leave(exit code)
 *
 * SIGINT, SIGTERM and SIGHUP (unless nohup(1) ignores that) end the observation early, and
 * so does the deadline. A second signal ends maptrace at once. The flag is a global, since a
 * signal goes to the whole process.
 */
#ifndef MAPTRACE_CMD_GUARD_H
#define MAPTRACE_CMD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Starts the second process and returns NULL in it. deadline_ns counts from now; 0: none. In
 * the first one it returns only when the second one has to be left behind before it has
 * printed anything: with the reason, ERR_DEADLINE or ERR_STOPPED. */
struct err *guard_enter(uint64_t deadline_ns);

/* Becomes true when the observation shall end early. */
const volatile bool *guard_stop(void);

/* Makes it true, for example when nobody reads our output any more. */
void guard_stop_now(void);

/* Is true, too, if the deadline made it true. */
const volatile bool *guard_late(void);

/* Calls fn(ctx) in a thread. False: after a signal or the deadline a system call in it did
 * not return. Then all other threads have stopped for good, wherever they were. */
bool guard_run(void (*fn)(void *ctx), void *ctx);

/* What guard_run() does about 20 times a second while it waits, in the thread that called it; NULL:
 * nothing. */
void guard_on_wait(void (*fn)(void *ctx), void *ctx);

/* From now on the deadline does not count: who reads our output may be slow. */
void guard_print(void);

/* Ends maptrace although threads of it do not end. */
_Noreturn void guard_leave(int exit_code);

/* Ends maptrace by the signal that was caught, so that a shell sees that. Returns if none
 * was. */
void guard_end_by_signal(void);

#endif
