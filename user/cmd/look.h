/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * look.h - a report that is made by a child process, for verbs that make one after the other.
 *
 * What a report takes, it gives back at its end, and whoever waits for it can do something else
 * meanwhile. The report bounds its own time (--deadline).
 */
#ifndef MAPTRACE_CMD_LOOK_H
#define MAPTRACE_CMD_LOOK_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct look_request {
	pid_t pid; /* of the target */
	uint64_t duration_ns; /* 0: a census only */
	const char *json; /* the file to write; "-": standard output */
	int output; /* what is its standard output; negative: ours */
	int messages; /* where its errors go instead of standard error; negative: they go there */
	const sigset_t *signals; /* that the child blocks */
};

/* Starts the report. It ends with SIGTERM if the caller dies. *child_ret: to wait for. */
struct err *look_start(const struct look_request *look, pid_t *child_ret);

#endif
