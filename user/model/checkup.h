/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checkup.h - what of maptrace works on this host and with a process, and what each missing
 * thing costs.
 */
#ifndef MAPTRACE_MODEL_CHECKUP_H
#define MAPTRACE_MODEL_CHECKUP_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/vec.h"
#include "model/watch.h"

enum checkup_state {
	CHECKUP_OK,
	CHECKUP_LIMITED, /* a report is possible, with less in it */
	CHECKUP_FAILED, /* no report is possible */
	CHECKUP_STATE_CNT,
};

struct checkup_row {
	const char *code; /* static: "lockdown" */
	enum checkup_state state;
	const char *found;
	const char *cost; /* what a report lacks, or somebody pays; NULL: nothing */
};

struct checkup {
	struct pool pool; /* of the texts */
	VEC(struct checkup_row) rows;
	int exit_code; /* of a report: EXIT_OK, or why none is possible */
};

/* Appends what is found about the host. Fails when memory runs out. */
struct err *checkup_host(struct checkup *c);

/* Appends what is found about a process: takes one census, and places probes without attaching
 * them. What is wrong with the process is a row. Fails when memory runs out or opts->stop says so. */
struct err *checkup_process(struct checkup *c, pid_t pid, const struct watch_opts *opts);

/* The worst state of all rows. */
enum checkup_state checkup_worst(const struct checkup *c);

void checkup_fini(struct checkup *c);

#endif
