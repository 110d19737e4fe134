// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report for programs: one document; bytes, counts, nanoseconds. report.schema.json
 * describes it.
 *
 * Sections are made with jansson one at a time, and maps row by row, so that a million
 * maps need no memory here.
 */
#include "report/report.h"

#include <inttypes.h>
#include <jansson.h>

#include "report/json_buf.h"
#include "report/json_object.h"
#include "report/json_parts.h"
#include "report/json_shapes.h"

/* `maps` is last: whoever reads the document has seen all the rest by then. */
static const struct json_member document_members[] = {
	JSON_TEXT("schema", result, schema, JSON_NEVER_NULL, "\"" RESULT_SCHEMA "\"."),
	JSON_TEXT("maptrace", result, maptrace, JSON_NEVER_NULL,
		  "Version of maptrace that made the report."),
	JSON_U64("unix_time_ns", result, unix_time_ns,
		 "When the report was made; nanoseconds since 1970."),
	JSON_INNER("host", result, host, result_host, "Where it was made."),
	JSON_INNER("target", result, target, result_target, "The process that was looked at."),
	JSON_LIST("doubts", result, doubts, result_doubt, 0,
		  "What a reader should know before believing the rest."),
	JSON_POINTER("memory", result, memory, result_ledger, 0,
		     "Where every resident byte is; null, as the next three: no census."),
	JSON_POINTER("fragmentation", result, fragmentation, result_fragmentation, 0,
		     "How full spans and pages are."),
	JSON_POINTER("reclaim", result, reclaim, result_reclaim, 0,
		     "Why memory without use is resident all the same."),
	JSON_POINTER("heap", result, heap, result_heap, 0, "The runtime's own count."),
	JSON_INNER("census", result, census, result_census, "The search for all maps."),
	JSON_INNER("graph", result, graph, result_graph, "The search for what holds each map."),
	JSON_INNER("goroutines", result, goroutines, result_goroutines,
		   "What the goroutines wait for."),
	JSON_INNER("values", result, values, result_values, "The count of zero values."),
	JSON_LIST("findings", result, findings, result_finding, 0,
		  "What is wrong or good to know: the worst first, then the largest."),
	JSON_INNER("verdict", result, verdict, result_verdict,
		   "What the findings mean for the process as a whole."),
	JSON_INNER("trace", result, trace, result_trace, "The trace of what is done to maps."),
	JSON_INNER("gc", result, gc, result_gc, "The garbage collector."),
	JSON_INNER("memory_calls", result, memory_calls, result_memcalls,
		   "mmap, munmap and madvise."),
	JSON_INNER("cost", result, cost, result_cost, "What the observation took."),
	JSON_LIST("groups", result, groups, result_group, 0,
		  "The ranking: most to give back first."),
	JSON_LIST("growing", result, growing, result_growing, 0,
		  "Maps that gained keys all the time, fastest first."),
	JSON_LIST("next_growths", result, next_growths, result_coming_growth, 0,
		  "Growths of large maps that come soon, soonest first."),
	JSON_POINTER("since", result, since, result_since, 0,
		     "What changed since the report of --since; null: none was given."),
	JSON_POINTER("objects_total", result, objects_total, result_objects_total, 0,
		     "The other objects of the heap; null: they were not looked at."),
	JSON_LIST("objects", result, objects, result_object_group, 0,
		  "Objects that are not of maps by type, most bytes first."),
	JSON_U64("sync_maps_total", result, sync_maps_total,
		 "How many sync.Maps there are; `sync_maps` may have fewer."),
	JSON_LIST("sync_maps", result, sync_maps, result_sync_map, 0,
		  "sync.Maps and what is like them, largest first."),
	JSON_ALL_MAPS("maps_total", JSON_KIND_MAPS_TOTAL,
		      "How many maps there are; `maps` may have fewer."),
	JSON_ALL_MAPS("maps", JSON_KIND_MAPS, "All maps, by address."),
};
const struct json_shape result_json =
	JSON_SHAPE(result, "report", "What one observation of a process found.", document_members);

/* ---- writing ---- */

struct json_doc {
	FILE *out;
	struct json_buf buf; /* a value at a time: jansson writes it in tiny pieces */
	bool failed; /* out of memory */
};

/* Writes and releases a value. A broken stream is the caller's to notice: it knows why. */
static void doc_write(struct json_doc *d, json_t *value)
{
	d->buf.len = 0;
	if (json_buf_add(&d->buf, value))
		fwrite(d->buf.data, 1, d->buf.len, d->out);
	else
		d->failed = true;
}

static void doc_write_member(struct json_doc *d, const struct json_member *m, struct result *r)
{
	if (m->kind == JSON_KIND_MAPS)
		d->failed |= !json_write_maps(r->maps, d->out);
	else if (m->kind == JSON_KIND_MAPS_TOTAL)
		fprintf(d->out, "%" PRIu64, result_maps_total(r->maps));
	else
		doc_write(d, json_member_of(m, r));
}

struct err *report_json(struct result *r, FILE *out)
{
	struct json_doc d = { .out = out };

	for (size_t i = 0; i < result_json.member_cnt; i++) {
		const struct json_member *m = &result_json.members[i];

		fprintf(out, "%s\n\"%s\":", i ? "," : "{", m->name);
		doc_write_member(&d, m, r);
	}
	fprintf(out, "\n}\n");
	json_buf_fini(&d.buf);
	return d.failed ? err_nomem() : NULL;
}

/* ---- failures ---- */

static const struct json_member failure_error_members[] = {
	JSON_U64("code", json_failure_error, code, "The exit code of maptrace."),
	JSON_TEXT("kind", json_failure_error, kind, JSON_NEVER_NULL,
		  "What kind of error it is; a word."),
	JSON_TEXT("message", json_failure_error, message, JSON_NEVER_NULL, "It in a sentence."),
};
static const struct json_shape json_failure_error_json =
	JSON_SHAPE(json_failure_error, "error", "Why there is no report.", failure_error_members);

static const struct json_member failure_members[] = {
	JSON_TEXT("schema", json_failure, schema, JSON_NEVER_NULL, "\"" RESULT_SCHEMA "\"."),
	JSON_TEXT("maptrace", json_failure, maptrace, JSON_NEVER_NULL, "Version of maptrace."),
	JSON_U64("unix_time_ns", json_failure, unix_time_ns, "When; nanoseconds since 1970."),
	JSON_INNER("host", json_failure, host, result_host, "Where."),
	JSON_INNER("error", json_failure, error, json_failure_error, "Why there is no report."),
};
const struct json_shape json_failure_json = JSON_SHAPE(
	json_failure, "failure", "A run that failed: there is no report.", failure_members);

struct err *report_json_error(FILE *out, const struct err *err)
{
	_cleanup_result_ struct result *made = result_new();
	struct json_doc d = { .out = out };

	if (!made)
		return err_nomem();
	struct json_failure failure = {
		.schema = made->schema,
		.maptrace = made->maptrace,
		.unix_time_ns = made->unix_time_ns,
		.host = made->host,
		.error = { err_exit_code(err), err_kind_name(err->kind), err->msg },
	};
	doc_write(&d, json_object_of(&json_failure_json, &failure));
	fputc('\n', out);
	json_buf_fini(&d.buf);
	return d.failed ? err_nomem() : NULL;
}
