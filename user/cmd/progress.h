/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * progress.h - a line on a terminal that says what maptrace is at, and how long it will take. It is
 * written over again and again, and wiped out in the end:
 *
 *	maptrace: process 4182: watching, 7.0 s left (Ctrl-C ends it early)
 *
 * It goes to standard error, and only if that is a terminal that can do so.
 */
#ifndef MAPTRACE_CMD_PROGRESS_H
#define MAPTRACE_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct progress {
	pid_t pid;
	uint64_t duration_ns; /* of the trace; 0: there is none */
	const char *const *doing; /* the step that another thread is at; it may be NULL yet */
	uint64_t start_ns;
	uint64_t trace_ns; /* when the trace was seen first; 0: not yet */
	uint64_t shown_ns; /* when the line was written last; 0: not yet */
};

/* Whether a line may be shown; verbose messages would come in between. */
bool progress_is_possible(bool verbose);

/* From now on it is not: the terminal is that of a program that we started. */
void progress_forbid(void);

/* Writes the line if it is time to, for guard_on_wait(). */
void progress_tick(void *progress);

/* Wipes the line out if there is one. */
void progress_end(struct progress *p);

#endif
