/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interrupt.h - SIGINT and SIGTERM end the observation early; the report is still printed.
 *
 * The flag is a global variable, since a signal goes to the whole process. A second signal of
 * the same kind has its default action: it kills maptrace at once.
 */
#ifndef MAPTRACE_CMD_INTERRUPT_H
#define MAPTRACE_CMD_INTERRUPT_H

#include <stdbool.h>

/* Installs the handlers: from now on each of the two signals sets the flag. */
void interrupt_catch(void);

/* True after a signal, or after interrupt_now(). */
extern volatile bool interrupted;

/* Sets the flag without a signal, for example when nobody reads our output any more. */
void interrupt_now(void);

/* Raises the signal that was caught, whose default action kills maptrace: so a shell sees
 * that a signal ended it. Returns if no signal was caught. */
void interrupt_end(void);

#endif
