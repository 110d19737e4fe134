/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fail_on.h - --min-waste and --fail-on: which findings make `maptrace report` exit with 1.
 */
#ifndef MAPTRACE_CMD_FAIL_ON_H
#define MAPTRACE_CMD_FAIL_ON_H

#include <stdbool.h>

#include "base/err.h"
#include "model/result.h"
#include "model/threshold.h"

struct fail_on {
	bool never;
	bool by_size; /* fail on findings of at least `size`, and on critical ones */
	struct threshold size;
	enum finding_severity severity; /* else: fail on findings that are at least so bad */
};

/* Parses a size or a share of memory: 32M, 10%. */
struct err *threshold_parse(const char *option, const char *arg, struct threshold *ret);

/* Parses never, a severity, a size or a share. */
struct err *fail_on_parse(const char *arg, struct fail_on *ret);

/* The first finding to fail on; NULL: there is none. */
const struct result_finding *fail_on_find(const struct fail_on *f, const struct result *r);

/* Says on stderr in one line what failed. */
void fail_on_say(const struct fail_on *f, const struct result *r);

#endif
