// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member growing_limit_members[] = {
	JSON_TEXT("kind", result_growing_limit, kind, JSON_NEVER_NULL,
		  "\"cgroup\" or \"GOMEMLIMIT\"."),
	JSON_U64("bytes", result_growing_limit, bytes, "The limit."),
	JSON_U64("left_bytes", result_growing_limit, left_bytes, "What is left below it."),
	JSON_OPT_U64(
		"in_ns", result_growing_limit, in_ns, 0,
		"About when it is reached, at the present rate; nanoseconds; null: not known."),
};
static const struct json_shape result_growing_limit_json =
	JSON_SHAPE(result_growing_limit, "growing_limit", "The memory limit that comes first.",
		   growing_limit_members);

static const struct json_member growing_members[] = {
	JSON_ADDRESS("map", result_growing, map, "The map that gains most."),
	JSON_TEXT("title", result_growing, label, JSON_NEVER_NULL, "The type for people."),
	JSON_TEXT("type", result_growing, type, 0, "The type; null: not known."),
	JSON_POINTER("holder", result_growing, holder, result_holder, 0,
		     "What holds that map; null: not known."),
	JSON_U64("maps", result_growing, maps, "How many maps of the type these are."),
	JSON_U64("live_keys", result_growing, live_keys, "Their keys."),
	JSON_U64("table_bytes", result_growing, table_bytes, "Bytes of their tables."),
	JSON_U64("gained_keys", result_growing, gained_keys, "Keys that they gained."),
	JSON_U64("observed_ns", result_growing, observed_ns, "In this time; nanoseconds."),
	JSON_DOUBLE("keys_per_s", result_growing, keys_per_s, 0, "Keys a second that they gain."),
	JSON_DOUBLE("table_bytes_per_s", result_growing, table_bytes_per_s, 0,
		    "Bytes a second that this adds to tables, on average; null: not known."),
	JSON_DOUBLE("contents_bytes_per_s", result_growing, contents_bytes_per_s, 0,
		    "Bytes a second of the objects that keys and values lead to; null: not known."),
	JSON_BOOL("contents_lead_on", result_growing, contents_lead_on,
		  "Those objects lead to more, which is not counted."),
	JSON_DOUBLE("bytes_per_s", result_growing, bytes_per_s, 0,
		    "Tables and contents together; null: not known."),
	JSON_DOUBLE("inserts_per_s", result_growing, inserts_per_s, 0,
		    "Inserts into the map a second; null: not known."),
	JSON_DOUBLE("deletes_per_s", result_growing, deletes_per_s, 0,
		    "Deletes from it a second; null: not known."),
	JSON_BOOL("deletes_seen", result_growing, deletes_seen, "A delete or a clear was seen."),
	JSON_FLAT_POINTER(result_growing, caller, result_caller, 0),
	JSON_POINTER("limit", result_growing, limit, result_growing_limit, 0,
		     "The memory limit that comes first; null: there is none."),
	JSON_TEXT("doubt", result_growing, doubt, 0,
		  "Why it may be no leak; null: nothing speaks against it."),
};
const struct json_shape result_growing_json =
	JSON_SHAPE(result_growing, "growing", "Maps of a type that gained keys all the time.",
		   growing_members);
