/* SPDX-License-Identifier: GPL-2.0-only */
/* course.h - shows the reports of a directory that `maptrace record` filled. */
#ifndef MAPTRACE_CMD_COURSE_H
#define MAPTRACE_CMD_COURSE_H

#include "cmd/outputs.h"

/* Whether it is a directory. */
bool course_is_meant(const char *path);

/* Prints the course, and in text what changed from the first report to the last. Reports that
 * cannot be read are counted; fails if none can. */
struct err *course_show(const char *dir, const struct outputs *outputs,
			const struct report_opts *opts);

#endif
