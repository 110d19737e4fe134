/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * outputs.h - where a report goes, in which formats: --output, --json, --html, --pprof,
 * --prometheus. One look at a process can be written in all of them.
 *
 * A regular file is replaced as a whole, or stays as it was: its new text is written beside it and
 * renamed when it is complete.
 */
#ifndef MAPTRACE_CMD_OUTPUTS_H
#define MAPTRACE_CMD_OUTPUTS_H

#include <argp.h>
#include <stdbool.h>

#include "base/err.h"
#include "model/result.h"
#include "cmd/color.h"
#include "report/report.h"

enum output_format {
	OUTPUT_TEXT,
	OUTPUT_JSON,
	OUTPUT_PROMETHEUS,
	OUTPUT_PPROF,
	OUTPUT_HTML,
	OUTPUT_CNT,
};

struct outputs {
	const char *main; /* what --output says; NULL: it is not given */
	const char *color_arg; /* what --color says; NULL: it is not given */
	enum color_when color; /* of the text; set by outputs_settle() */
	bool json; /* --json without a file */
	const char *path[OUTPUT_CNT]; /* "-": standard output; NULL: this format is not wanted */
};

/* The options, for a verb's parser to name as a child; its input is a struct outputs. */
extern const struct argp args_outputs;

/* Whether one of the options was given. */
bool outputs_want_any(const struct outputs *o);

/* Decides what goes where when the command line is complete. Fails if two formats have one place,
 * or if a file could not be written, so that nobody waits for a report in vain. */
struct err *outputs_settle(struct outputs *o);

/* Whether the text has colours where it goes. */
bool outputs_color(const struct outputs *o);

/* Whether JSON is wanted, and on standard output. */
bool outputs_has_json(const struct outputs *o);

/* Writes the result in each format that is wanted. The first failure is returned, but the other
 * formats are written all the same. */
struct err *outputs_write(const struct outputs *o, struct result *r,
			  const struct report_opts *opts);

#endif
