// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report for programs: one document; bytes, counts, nanoseconds.
 *
 * Sections are built with jansson one at a time, and maps row by row, so that a
 * million maps need no memory here.
 */
#include "report/report.h"

#include <jansson.h>

#include "report/json_buf.h"
#include "report/json_parts.h"
#include "report/json_value.h"

enum { SCHEMA = 1 };

struct doc {
	FILE *out;
	struct json_buf buf; /* a value at a time: jansson writes it in tiny pieces */
	bool failed; /* out of memory */
};

/* Writes and releases a value. A broken stream is the caller's to notice: it knows why. */
static void emit(struct doc *d, json_t *value)
{
	d->buf.len = 0;
	if (json_buf_add(&d->buf, value))
		fwrite(d->buf.data, 1, d->buf.len, d->out);
	else
		d->failed = true;
}

static void emit_section(struct doc *d, const char *key, json_t *value, bool first)
{
	fprintf(d->out, "%s\n\"%s\":", first ? "{" : ",", key);
	emit(d, value);
}

struct err *report_json(const struct watch *w, FILE *out)
{
	struct doc d = { .out = out };

	emit_section(&d, "schema", json_integer(SCHEMA), /* first= */ true);
	emit_section(&d, "maptrace", json_text(MAPTRACE_VERSION), false);
	emit_section(&d, "target", json_target(w), false);
	emit_section(&d, "memory", json_memory(w), false);
	emit_section(&d, "fragmentation", json_fragmentation(w), false);
	emit_section(&d, "reclaim", json_reclaim(w), false);
	emit_section(&d, "heap", json_heap(w), false);
	emit_section(&d, "census", json_census(w), false);
	emit_section(&d, "values", json_values(w), false);
	emit_section(&d, "findings", json_findings(w), false);
	emit_section(&d, "trace", json_trace(w), false);
	emit_section(&d, "gc", json_gc(w), false);
	emit_section(&d, "memory_calls", json_memcalls(w), false);
	emit_section(&d, "cost", json_cost(w), false);
	fprintf(out, ",\n\"maps\":");
	d.failed |= !json_write_maps(w, out);
	fprintf(out, "\n}\n");
	json_buf_fini(&d.buf);
	return d.failed ? err_nomem() : NULL;
}
