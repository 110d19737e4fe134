// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result_since.h"

static const struct json_member since_map_members[] = {
	JSON_TEXT("id", result_since_map, id, 0, "Their identity; null: compared by type."),
	JSON_TEXT("title", result_since_map, label, 0, "The type for people."),
	JSON_TEXT("type", result_since_map, type, 0, "Their type; null: not known."),
	JSON_TEXT("holder", result_since_map, holder, 0, "What holds them; null: not known."),
	JSON_U64("maps_now", result_since_map, maps, "How many there are now."),
	JSON_U64("before_keys", result_since_map, before_keys, "Keys in the earlier report."),
	JSON_U64("live_keys", result_since_map, live_keys, "Keys now."),
	JSON_U64("before_table_bytes", result_since_map, before_table_bytes,
		 "Bytes of tables in the earlier report."),
	JSON_U64("table_bytes", result_since_map, table_bytes, "Bytes of tables now."),
	JSON_DOUBLE("keys_per_s", result_since_map, keys_per_s, 0,
		    "Keys gained a second, negative if lost; null: not two times of one process."),
	JSON_DOUBLE("table_bytes_per_s", result_since_map, table_bytes_per_s, 0,
		    "The same for the bytes of tables."),
};
static const struct json_shape result_since_map_json = JSON_SHAPE(
	result_since_map, "since_map", "Maps of one identity that changed.", since_map_members);

static const struct json_member since_gone_members[] = {
	JSON_WORD("kind", result_since_gone, kind, finding_kind, finding_kind_words,
		  "What it was."),
	JSON_U64("before_bytes", result_since_gone, before_bytes, "Its bytes then."),
	JSON_TEXT("headline", result_since_gone, headline, 0, "It in a sentence."),
};
static const struct json_shape result_since_gone_json =
	JSON_SHAPE(result_since_gone, "since_gone", "A finding of the earlier report that is gone.",
		   since_gone_members);

static const struct json_member since_members[] = {
	JSON_TEXT("status", result_since, status, JSON_NEVER_NULL,
		  "\"ok\", or \"refused\": of another program."),
	JSON_TEXT("reason", result_since, reason, 0,
		  "Why it is refused, or has no rates; null: neither."),
	JSON_U64("unix_time_ns", result_since, unix_time_ns, "When the earlier report was made."),
	JSON_OPT_U64("between_ns", result_since, between_ns, 0,
		     "Time between the two; null: not two times of one process."),
	JSON_U64("before_rss_bytes", result_since, before_rss_bytes, "RSS then."),
	JSON_U64("rss_bytes", result_since, rss_bytes, "RSS now."),
	JSON_BOOL("by_type", result_since, by_type,
		  "Maps were compared by type: a report lacks maps or ids."),
	JSON_U64("changed_total", result_since, maps_total,
		 "How many rows changed; `changed` may have fewer."),
	JSON_LIST("changed", result_since, maps, result_since_map, 0,
		  "Those that changed, the largest change of tables first."),
	JSON_LIST("gone", result_since, gone, result_since_gone, 0,
		  "Findings of the earlier report that this one does not have."),
};
const struct json_shape result_since_json =
	JSON_SHAPE(result_since, "since", "What changed since an earlier report.", since_members);
