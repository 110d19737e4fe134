// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member range_call_members[] = {
	JSON_OPT_U64("given_back_ago_ns", result_range_call, ago_ns, 0,
		     "How long before the end of the trace it was given back; nanoseconds; null: "
		     "not seen."),
	JSON_ERROR("call_error", result_range_call, error,
		   "The error of the call that gave it back; null: none."),
};
static const struct json_shape result_range_call_json =
	JSON_SHAPE(result_range_call, "range_call", "The last call that gave a range back.",
		   range_call_members);

static const struct json_member range_members[] = {
	JSON_ADDRESS("address", result_range, addr,
		     "Of the range; for \"pinned_by_map\" of the map's header."),
	JSON_U64("bytes", result_range, bytes, "Resident bytes."),
	JSON_FLAT_POINTER(result_range, call, result_range_call, 0),
};
static const struct json_shape result_range_json =
	JSON_SHAPE(result_range, "range", "A range of memory.", range_members);

static const struct json_member pinned_class_members[] = {
	JSON_U64("slot_bytes", result_pinned_class, slot_bytes, "Bytes of an object."),
	JSON_U64("pinned_bytes", result_pinned_class, pinned_bytes,
		 "Bytes that come back when the objects are allocated anew."),
	JSON_U64("objects", result_pinned_class, objects, "The objects."),
	JSON_U64("spans", result_pinned_class, spans, "The spans that they keep."),
	JSON_DOUBLE("map_table_share", result_pinned_class, map_table_share, 0,
		    "Part of the objects' bytes that are tables of maps; 0 to 1."),
};
static const struct json_shape result_pinned_class_json = JSON_SHAPE(
	result_pinned_class, "pinned_class",
	"Objects of one size that keep spans that they do not need.", pinned_class_members);

static const struct json_member cause_members[] = {
	JSON_WORD("cause", result_cause, cause, reclaim_cause, reclaim_cause_words,
		  "Why the memory is resident."),
	JSON_U64("bytes", result_cause, bytes, "Resident bytes."),
	JSON_OPT_U64("not_yet_bytes", result_cause, not_yet_bytes, 0,
		     "Of them: bytes that come back by themselves; null: not known."),
	JSON_OPT_U64("never_bytes", result_cause, never_bytes, 0,
		     "Of them: bytes that do not; null: not known."),
	JSON_TEXT("not_yet_because", result_cause, not_yet_because, 0,
		  "Why they come back; null: there are none."),
	JSON_TEXT("never_because", result_cause, never_because, 0,
		  "Why they don't; null: there are none."),
	JSON_U64("least_bytes", result_cause, least_bytes,
		 "The least that a census of this watch found; bytes."),
	JSON_NONZERO("age_ns", result_cause, age_ns,
		     "Seen for at least this long; nanoseconds; null: in one census only."),
	JSON_U64("ranges_total", result_cause, ranges_total, "Ranges there are."),
	JSON_LIST("ranges", result_cause, ranges, result_range, 0,
		  "The largest of them, largest first."),
	JSON_LIST("classes", result_cause, classes, result_pinned_class, JSON_LEFT_OUT,
		  "For \"span_pinned\": the sizes of objects that keep most."),
};
static const struct json_shape result_cause_json =
	JSON_SHAPE(result_cause, "cause", "Memory that is resident for one reason.", cause_members);

static const struct json_member scavenger_members[] = {
	JSON_U64("retained_bytes", result_scavenger, retained_bytes,
		 "Bytes of spans in use and of free pages, not returned."),
	JSON_OPT_U64("retained_goal_bytes", result_scavenger, retained_goal_bytes, 0,
		     "What the scavenger wants that to be; null: no goal."),
	JSON_U64("mapped_bytes", result_scavenger, mapped_bytes,
		 "Bytes that the runtime mapped and did not return."),
	JSON_OPT_U64("mapped_goal_bytes", result_scavenger, mapped_goal_bytes, 0,
		     "What the scavenger wants that to be; null: no memory limit."),
	JSON_U64("pending_bytes", result_scavenger, pending_bytes,
		 "Bytes that it will return before it rests."),
};
static const struct json_shape result_scavenger_json =
	JSON_SHAPE(result_scavenger, "scavenger", "What gives free pages back.", scavenger_members);

static const struct json_member reclaim_members[] = {
	JSON_LIST("causes", result_reclaim, causes, result_cause, 0, "All causes."),
	JSON_POINTER("scavenger", result_reclaim, scavenger, result_scavenger, 0,
		     "The background scavenger; null: its goals are not known."),
	JSON_OPT_U64("returned_bytes", result_reclaim, returned_bytes, 0,
		     "Bytes given back while watched; null, as the next ones: not watched."),
	JSON_DOUBLE("returned_bytes_per_s", result_reclaim, returned_bytes_per_s, 0,
		    "The same, in bytes a second."),
	JSON_OPT_U64("failed_calls", result_reclaim, failed_calls, 0,
		     "Calls to give memory back that failed."),
	JSON_OPT_U64("failed_bytes", result_reclaim, failed_bytes, 0, "Their bytes."),
	JSON_ERROR("failed_error", result_reclaim, failed_error,
		   "The error of one of them; null: none failed."),
	JSON_BOOL("lazy_free_by_page", result_reclaim, lazy_free_by_page,
		  "\"lazy_free\" is known page by page; false: as a number of bytes, or not at "
		  "all (memory.lazy_free_bytes is null)."),
};
const struct json_shape result_reclaim_json = JSON_SHAPE(
	result_reclaim, "reclaim",
	"Why memory that the program has no use for is resident all the same.", reclaim_members);
