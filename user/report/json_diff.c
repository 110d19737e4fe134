// SPDX-License-Identifier: GPL-2.0-only
/* The comparison of two results for programs. */
#include "report/report.h"

#include "report/json_buf.h"
#include "report/json_object.h"
#include "report/json_shapes.h"

static const struct json_member look_members[] = {
	JSON_TEXT("host", diff_look, host, 0, "Name of the host; null: not known."),
	JSON_U64("pid", diff_look, pid, "The process."),
	JSON_TEXT("command", diff_look, command, 0, "Name of its executable."),
	JSON_TEXT("go_version", diff_look, go_version, 0, "Its version of Go."),
	JSON_U64("start_time_unix_s", diff_look, start_time_unix_s, "When it started; seconds."),
	JSON_U64("unix_time_ns", diff_look, unix_time_ns, "When it was looked at; nanoseconds."),
	JSON_U64("rss_bytes", diff_look, rss_bytes, "Its resident bytes."),
	JSON_U64("maps", diff_look, maps, "Its maps."),
};
static const struct json_shape diff_look_json =
	JSON_SHAPE(diff_look, "look", "One of the two looks.", look_members);

static const struct json_member sums_members[] = {
	JSON_U64("maps", diff_sums, maps, "Maps of this identity."),
	JSON_U64("live_keys", diff_sums, live_keys, "Their keys."),
	JSON_U64("slots", diff_sums, slots, "Their slots."),
	JSON_U64("table_bytes", diff_sums, table_bytes, "Bytes of their tables."),
	JSON_U64("resident_bytes", diff_sums, resident_bytes, "Resident part of table_bytes."),
};
static const struct json_shape diff_sums_json =
	JSON_SHAPE(diff_sums, "sums", "Sums over maps.", sums_members);

static const struct json_member map_members[] = {
	JSON_TEXT("id", diff_map, id, 0, "Their identity; null: compared by type."),
	JSON_TEXT("type", diff_map, type, 0, "Their type; null: not known."),
	JSON_POINTER("holder", diff_map, holder, result_holder, 0,
		     "What has the pointer to them; null: not known."),
	JSON_WORD("fate", diff_map, fate, diff_fate, diff_fate_words, "What became of them."),
	JSON_INNER("before", diff_map, before, diff_sums, "At the first look."),
	JSON_INNER("after", diff_map, after, diff_sums, "At the second look."),
	JSON_I64("grew_bytes", diff_map, grew_bytes, "Growth of their tables."),
	JSON_I64("grew_keys", diff_map, grew_keys, "Growth in keys."),
	JSON_DOUBLE("keys_per_s", diff_map, keys_per_s, 0,
		    "grew_keys a second; null: not two times of one process."),
};
static const struct json_shape diff_map_json =
	JSON_SHAPE(diff_map, "diff_map", "Maps of one identity.", map_members);

static const struct json_member row_members[] = {
	JSON_WORD("row", diff_row, row, ledger_row, ledger_row_words, "The row of the ledger."),
	JSON_U64("before_bytes", diff_row, before_bytes, "Resident bytes at the first look."),
	JSON_U64("after_bytes", diff_row, after_bytes, "Resident bytes at the second look."),
	JSON_I64("grew_bytes", diff_row, grew_bytes, "The difference."),
};
static const struct json_shape diff_row_json =
	JSON_SHAPE(diff_row, "diff_row", "A row of the ledger.", row_members);

static const struct json_member finding_members[] = {
	JSON_WORD("kind", diff_finding, kind, finding_kind, finding_kind_words, "What it is."),
	JSON_WORD("severity", diff_finding, severity, finding_severity, finding_severity_words,
		  "How bad it is."),
	JSON_WORD("fate", diff_finding, fate, diff_fate, diff_fate_words, "What became of it."),
	JSON_U64("before_bytes", diff_finding, before_bytes, "0 if it is new."),
	JSON_U64("after_bytes", diff_finding, after_bytes, "0 if it is gone."),
	JSON_TEXT("headline", diff_finding, headline, 0, "It in a sentence."),
};
static const struct json_shape diff_finding_json =
	JSON_SHAPE(diff_finding, "diff_finding", "A finding of one or both.", finding_members);

static const struct json_member diff_members[] = {
	JSON_TEXT("schema", result_diff, schema, JSON_NEVER_NULL, "\"" DIFF_SCHEMA "\"."),
	JSON_TEXT("maptrace", result_diff, maptrace, JSON_NEVER_NULL, "Version of maptrace."),
	JSON_INNER("before", result_diff, before, diff_look, "The first look."),
	JSON_INNER("after", result_diff, after, diff_look, "The second look."),
	JSON_BOOL("same_process", result_diff, same_process, "Both are of one process."),
	JSON_BOOL("same_program", result_diff, same_program,
		  "Both have one command, Go version and main package."),
	JSON_BOOL("by_type", result_diff, by_type,
		  "Maps were compared by type: a report lacks maps or ids."),
	JSON_OPT_U64("between_ns", result_diff, between_ns, 0,
		     "Time between the looks; null: not two times of one process."),
	JSON_I64("grew_bytes", result_diff, grew_bytes, "Growth of RSS."),
	JSON_TEXT("verdict", result_diff, verdict, 0, "It in one or two sentences."),
	JSON_LIST("memory", result_diff, memory, diff_row, 0,
		  "The ledgers; empty: one of them has none."),
	JSON_LIST("findings", result_diff, findings, diff_finding, 0,
		  "New ones first, those that are gone last."),
	JSON_LIST("maps", result_diff, maps, diff_map, 0, "The largest change first."),
};
static const struct json_shape result_diff_json =
	JSON_SHAPE(result_diff, "diff", "What changed between two looks.", diff_members);

struct err *report_diff_json(const struct result_diff *d, FILE *out)
{
	struct json_buf buf = { 0 };
	size_t len = json_buf_add(&buf, json_object_of(&result_diff_json, d));

	if (len) {
		fwrite(buf.data, 1, len, out);
		fputc('\n', out);
	}
	json_buf_fini(&buf);
	return len ? NULL : err_nomem();
}
