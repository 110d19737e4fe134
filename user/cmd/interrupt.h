/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interrupt.h - SIGINT and SIGTERM end what a verb does, and its report is printed.
 *
 * Signals are of the whole process, and so is this flag. A second signal has its default
 * action: it ends maptrace at once.
 */
#ifndef MAPTRACE_CMD_INTERRUPT_H
#define MAPTRACE_CMD_INTERRUPT_H

#include <stdbool.h>

/* From here on the two signals set the flag. */
void interrupt_catch(void);

/* True after a signal, or after interrupt_now(). */
extern volatile bool interrupted;

/* Ends what goes on, as a signal does. */
void interrupt_now(void);

/* Ends maptrace by the signal that came: the caller of maptrace shall see it. */
void interrupt_end(void);

#endif
