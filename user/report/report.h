/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - renders what was observed. Renderers read the result and write to a
 * stream; they decide nothing.
 */
#ifndef MAPTRACE_REPORT_REPORT_H
#define MAPTRACE_REPORT_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "model/watch.h"

struct report_opts {
	uint64_t top; /* maps to list in text */
	bool verbose;
};

/* For people. */
struct err *report_text(const struct watch *w, const struct report_opts *opts, FILE *out);

/* One JSON document, with every map; rows are written one by one. */
struct err *report_json(const struct watch *w, FILE *out);

#endif
