/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_watched.h - when operations were watched: lines of a stream of events (see watched.h).
 */
#ifndef MAPTRACE_MODEL_RESULT_WATCHED_H
#define MAPTRACE_MODEL_RESULT_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "model/result_words.h"

/* A window that is over. It has all events of its operations from `from_ns` on, for watched_ns. */
struct watched_window {
	const char *probes; /* "rare", "make" or "hot" */
	POOL_LIST(const char *) operations; /* the names are in the next one: don't copy */
	const char *names[MAP_OP_CNT];
	uint64_t from_ns; /* since the start of the watch */
	uint64_t watched_ns;
	uint64_t not_watched_ns; /* since the window before, or the start of the watch */
	uint64_t stands_for_ns; /* a sample of a time that long */
	uint64_t missed_hits; /* that came all the same while the probes were taken away */
	bool slowed_target; /* so much that there would have been more of everything */
};

/* All windows of an operation. */
struct watched_sum {
	const char *probes;
	const char *operation;
	uint64_t watched_ns; /* all functions that do it were watched for at least this long */
	uint64_t not_watched_ns; /* the rest of the time */
};

#endif
