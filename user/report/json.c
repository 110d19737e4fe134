// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report for programs: one document; bytes, counts, nanoseconds.
 *
 * Sections are built with jansson one at a time, and maps row by row, so that a
 * million maps need no memory here.
 */
#include "report/report.h"

#include <jansson.h>

#include "base/vec.h"
#include "report/json_parts.h"
#include "report/json_value.h"

enum {
	SCHEMA = 1,
	DUMP_FLAGS = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9),
};

struct doc {
	const struct watch *w;
	FILE *out;
	VEC(char) buf; /* a value at a time: jansson writes it in tiny pieces */
	bool failed; /* out of memory */
};

/* The length of the text of a value, which is in the buffer then; 0: out of memory. */
static size_t dump(struct doc *d, const json_t *value)
{
	size_t len = json_dumpb(value, d->buf.data, d->buf.cap, DUMP_FLAGS);

	if (len <= d->buf.cap)
		return len;
	return vec_reserve(&d->buf, len) ? json_dumpb(value, d->buf.data, len, DUMP_FLAGS) : 0;
}

/* Writes and releases a value; a NULL one means that memory ran out. A broken stream is
 * the caller's to notice: it knows why. */
static void emit(struct doc *d, json_t *value)
{
	size_t len = value ? dump(d, value) : 0;

	if (len)
		fwrite(d->buf.data, 1, len, d->out);
	else
		d->failed = true;
	json_decref(value);
}

static void emit_section(struct doc *d, const char *key, json_t *value, bool first)
{
	fprintf(d->out, "%s\n\"%s\":", first ? "{" : ",", key);
	emit(d, value);
}

static void emit_maps(struct doc *d)
{
	fprintf(d->out, ",\n\"maps\":[");
	for (size_t i = 0; d->w->snap && i < d->w->snap->census->maps.len; i++) {
		fputs(i ? ",\n" : "\n", d->out);
		emit(d, json_map(d->w, i));
	}
	fprintf(d->out, "]");
}

struct err *report_json(const struct watch *w, FILE *out)
{
	struct doc d = { .w = w, .out = out };

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
	emit_maps(&d);
	fprintf(out, "\n}\n");
	vec_fini(&d.buf);
	return d.failed ? err_nomem() : NULL;
}
