/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * result_course.h - how a process went on: a row for each of a series of results.
 */
#ifndef MAPTRACE_MODEL_RESULT_COURSE_H
#define MAPTRACE_MODEL_RESULT_COURSE_H

#include "base/err.h"
#include "base/vec.h"
#include "model/result.h"

#define COURSE_SCHEMA "maptrace.course/1"

struct course_row {
	uint64_t unix_time_ns; /* when the result was made */
	uint64_t pid;
	uint64_t rss_bytes;
	struct opt_u64 heap_live_bytes; /* unknown: the collector's counters could not be read */
	struct opt_u64 table_bytes; /* of maps; unknown: no census; the same for the next two */
	struct opt_u64 live_keys;
	struct opt_u64 hole_bytes;
	struct opt_u64 garbage_bytes; /* unknown: not looked for */
	struct opt_u64 goroutines; /* unknown: not looked at */
	enum verdict_state state;
	uint32_t findings; /* bit FINDING_... for each kind of finding */
};

struct course {
	VEC(struct course_row) rows; /* oldest first */
	uint64_t unreadable; /* how many results could not be read */
};

/* Appends a result. Fails when memory runs out. */
struct err *course_add(struct course *course, const struct result *r);
void course_fini(struct course *course);

#endif
