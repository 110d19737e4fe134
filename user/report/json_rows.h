/* SPDX-License-Identifier: GPL-2.0-only */
/* json_rows.h - the JSON of single events, which the report and the stream share. */
#ifndef MAPTRACE_REPORT_JSON_ROWS_H
#define MAPTRACE_REPORT_JSON_ROWS_H

#include <jansson.h>
#include <stdint.h>

#include "model/watch.h"

/* Times count from start_ns. The caller owns what is returned. */
json_t *json_event(const struct watch *w, const struct trace_event *e, uint64_t start_ns);
json_t *json_memcall(const struct watch *w, const struct trace_memcall *c, uint64_t start_ns);

#endif
