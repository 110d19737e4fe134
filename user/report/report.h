/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - renders a finished result. Renderers read nothing but the result, and
 * decide nothing; they may run several times on one result.
 */
#ifndef MAPTRACE_REPORT_REPORT_H
#define MAPTRACE_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "model/result_course.h"
#include "model/result_diff.h"
#include "model/result.h"

struct report_opts {
	uint64_t top; /* rows of MAPS in the text */
	bool saved; /* it was read from a file: tell when and where it was made */
	bool verbose; /* with histograms, and with the callers of all rows of ACTIVITY */
	const struct course *course; /* that the result is the last of, for the page; NULL: none */
	bool color; /* of the text: with escape sequences of a terminal */
	int columns; /* of the text, see terminal_columns(); 0: as many as without a terminal */
};

/* For people. Errors of the stream are left in it, see ferror(3). */
struct err *report_text(struct result *r, const struct report_opts *opts, FILE *out);

/* The probe sites, a line each: what would be, or was, attached. */
void report_sites(const struct result *r, FILE *out);

/* One JSON document, with every map; rows are written one by one. report/json_read.h reads
 * it, report.schema.json describes it. */
struct err *report_json(struct result *r, FILE *out);

/* Metrics in the text format of Prometheus, which is valid OpenMetrics, too: gauges of this one
 * look, at most 100 series. */
struct err *report_prometheus(struct result *r, FILE *out);

/* A profile for `go tool pprof`, of the maps by type, holder and call. */
struct err *report_pprof(struct result *r, FILE *out);

/* A page for a browser: one file with all that it needs. At most about 400 KB with maps that were
 * not made up to be worse; smaller maps are then in sums only. */
struct err *report_html(struct result *r, const struct report_opts *opts, FILE *out);

/* The comparison of two results, for people and as one JSON document. The text lists opts->top
 * rows of maps. */
void report_diff_text(const struct result_diff *d, const struct report_opts *opts, FILE *out);
struct err *report_diff_json(const struct result_diff *d, FILE *out);

/* The course of a process, for people and as one JSON document. The text is a line for each of at
 * most 24 rows. */
void report_course_text(const struct course *c, const struct report_opts *opts, FILE *out);
struct err *report_course_json(const struct course *c, FILE *out);

/* The JSON document of a run that failed: who made it, and `error`: {code, kind, message}. */
struct err *report_json_error(FILE *out, const struct err *err);

#endif
