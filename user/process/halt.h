/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * halt.h - a process that gets no CPU whatever it wants: stopped by a signal or a
 * debugger, or frozen by its cgroup, as by `docker pause`. Nothing happens in it, which
 * looks the same as a process with nothing to do.
 */
#ifndef MAPTRACE_PROCESS_HALT_H
#define MAPTRACE_PROCESS_HALT_H

#include <stdint.h>
#include <sys/types.h>

#include "process/cgroup.h"

enum halt {
	HALT_NONE,
	HALT_SIGNAL, /* SIGSTOP, SIGTSTP: all of its threads */
	HALT_TRACER, /* ptrace, as of a debugger: all of its threads */
	HALT_CGROUP, /* the freezer of its cgroup, or of one above */
	HALT_CNT,
};

/* What looks at a process from time to time have seen. */
struct halts {
	pid_t pid;
	struct cgroup_freezers freezers;
	enum halt now; /* at the latest look */
	enum halt last; /* at the latest look that found it halted; HALT_NONE: none did */
	uint64_t halted_ns; /* between looks that both did: it may be a bit more */
	uint64_t look_ns; /* time of the latest, of clock_ns() */
};

/* Takes the first look. What cannot be read is not halted. */
void halts_init(struct halts *h, pid_t pid);

/* A look; cheap enough for ten a second. */
void halts_look(struct halts *h);

#endif
