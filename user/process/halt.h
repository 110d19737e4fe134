/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * halt.h - whether a process is halted: it gets no CPU, because a signal or a debugger has
 * stopped it, or because its cgroup is frozen, as `docker pause` does. From outside it looks the
 * same as a process with nothing to do.
 */
#ifndef MAPTRACE_PROCESS_HALT_H
#define MAPTRACE_PROCESS_HALT_H

#include <stdint.h>
#include <sys/types.h>

#include "process/cgroup.h"

enum halt {
	HALT_NONE,
	HALT_SIGNAL, /* all threads stopped by SIGSTOP or SIGTSTP */
	HALT_TRACER, /* all threads stopped by ptrace, as by a debugger */
	HALT_CGROUP, /* frozen: its cgroup, or one above that */
	HALT_CNT,
};

/* What repeated looks at a process have found. */
struct halts {
	pid_t pid;
	struct cgroup_freezers freezers;
	enum halt now; /* at the latest look */
	enum halt last; /* at the latest look that found it halted; HALT_NONE: no look did */
	/* Time between looks that both found it halted; the real time may be a bit more. */
	uint64_t halted_ns;
	uint64_t look_ns; /* time of the latest look, as of clock_ns() */
};

/* Takes the first look. What cannot be read counts as not halted. */
void halts_init(struct halts *h, pid_t pid);

/* Takes one more look; cheap enough for ten a second. */
void halts_look(struct halts *h);

#endif
