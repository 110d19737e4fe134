// SPDX-License-Identifier: GPL-2.0-only
/* The course of a process as one JSON document. */
#include "report/report.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static json_t *course_number(struct opt_u64 v)
{
	return v.known ? json_integer((json_int_t)v.v) : json_null();
}

static json_t *course_findings(uint32_t findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < FINDING_CNT; i++)
		if (findings >> i & 1)
			json_array_append_new(list, json_string(finding_kind_words[i].name));
	return list;
}

static json_t *course_row_json(const struct course_row *row)
{
	const char *state = verdict_state_words[row->state].name;

	return json_pack(
		"{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "unix_time_ns",
		(json_int_t)row->unix_time_ns, "pid", (json_int_t)row->pid, "rss_bytes",
		(json_int_t)row->rss_bytes, "heap_live_bytes", course_number(row->heap_live_bytes),
		"table_bytes", course_number(row->table_bytes), "live_keys",
		course_number(row->live_keys), "hole_bytes", course_number(row->hole_bytes),
		"garbage_bytes", course_number(row->garbage_bytes), "goroutines",
		course_number(row->goroutines), "state", state ? json_string(state) : json_null(),
		"findings", course_findings(row->findings));
}

struct err *report_course_json(const struct course *c, FILE *out)
{
	json_t *rows = json_array();
	struct err *err = NULL;

	for (size_t i = 0; i < c->rows.len; i++)
		json_array_append_new(rows, course_row_json(&c->rows.data[i]));
	json_t *doc = json_pack("{s:s, s:s, s:I, s:o}", "schema", COURSE_SCHEMA, "maptrace",
				MAPTRACE_VERSION, "unreadable_reports", (json_int_t)c->unreadable,
				"reports", rows);
	if (!doc || json_array_size(rows) != c->rows.len)
		err = err_nomem();
	else if (json_dumpf(doc, out, JSON_INDENT(2)) || fputc('\n', out) == EOF)
		err = err_new(ERR_OUTPUT, "writing the course: %s", strerror(errno));
	json_decref(doc);
	return err;
}
