// SPDX-License-Identifier: GPL-2.0-only
/* What was done to a map, or from a place in the source, and the names of such places. */
#include "report/json_shapes.h"

#include "model/result.h"

#define FILE_MEMBER                                                                                \
	JSON_TEXT("file", result_frame, file, 0,                                                   \
		  "The file, as the compiler noted it; null: not known.")
#define LINE_MEMBER JSON_NONZERO("line", result_frame, line, "The line in it; null: not known.")

static const struct json_member line_members[] = { FILE_MEMBER, LINE_MEMBER };
const struct json_shape json_line_json =
	JSON_SHAPE(result_frame, "line", "A line of the source.", line_members);

static const struct json_member frame_members[] = {
	JSON_TEXT("function", result_frame, function, 0, "The function."),
	FILE_MEMBER,
	LINE_MEMBER,
};
const struct json_shape result_frame_json =
	JSON_SHAPE(result_frame, "frame", "A line of the source, and its function.", frame_members);

static const struct json_member caller_members[] = {
	JSON_TEXT("caller", result_caller, function, 0,
		  "The function of the source that calls; null: the address is in no function."),
	JSON_ADDRESS("caller_pc", result_caller, pc, "The return address; null: not known."),
	JSON_FLAT_POINTER_AS(result_caller, at, result_frame, json_line_json),
	JSON_LIST("inlined_into", result_caller, inlined_into, result_frame, JSON_LEFT_OUT,
		  "The functions that the caller was inlined into, innermost first."),
	JSON_LIST("stack", result_caller, stack, result_frame, JSON_LEFT_OUT,
		  "The calls that led to this one most often, innermost first; left out: not "
		  "known."),
	JSON_POINTER("user_frame", result_caller, user_frame, result_frame, JSON_LEFT_OUT,
		     "The first of them in the program's own packages, if the caller is in none."),
};
const struct json_shape result_caller_json =
	JSON_SHAPE(result_caller, "caller", "A call in the source.", caller_members);

/* ---- operations ---- */

static const struct json_member op_seen_members[] = {
	JSON_DOUBLE("share_of_operations", result_op_seen, share, 0,
		    "Part of all operations of all maps; 0 to 1."),
	JSON_NONZERO("goroutine", result_op_seen, goroutine,
		     "Id of the busiest goroutine; null: none stands out."),
};
static const struct json_shape result_op_seen_json =
	JSON_SHAPE(result_op_seen, "operation_seen", "What is known of hits.", op_seen_members);

static const struct json_member op_changes_members[] = {
	JSON_U64("hits_told", result_op_changes, told, "Hits whose outcome is known."),
	JSON_U64("hits_that_changed_length", result_op_changes, changed,
		 "Of them: hits that changed the length of the map."),
};
static const struct json_shape result_op_changes_json =
	JSON_SHAPE(result_op_changes, "operation_changes", "What inserts and deletes did.",
		   op_changes_members);

static const struct json_member op_members[] = {
	JSON_U64("hits", result_op, hits, "Operations that were seen."),
	JSON_DOUBLE("per_s", result_op, per_s, 0,
		    "Operations a second, estimated from those; null: not known."),
	JSON_TEXT("per_s_reason", result_op, missing, 0, "Why per_s is not known, or null."),
	JSON_BOOL("per_s_is_rough", result_op, rough,
		  "Windows filled up or slowed the target down, or records were lost."),
	JSON_BOOL("per_s_is_lower_bound", result_op, is_lower_bound,
		  "It is only known that there are per_s_low or more."),
	JSON_DOUBLE("per_s_low", result_op, per_s_low, 0, "Lower end of the 95 % interval."),
	JSON_DOUBLE("per_s_high", result_op, per_s_high, 0,
		    "Upper end of the 95 % interval; null: not known."),
	JSON_FLAT_POINTER(result_op, seen, result_op_seen, 0),
	JSON_FLAT_POINTER(result_op, changes, result_op_changes, 0),
	JSON_FLAT_POINTER(result_op, caller, result_caller, 0),
	JSON_DOUBLE("caller_share", result_op, caller_share, JSON_LEFT_OUT,
		    "Part of the hits that came from the caller; 0 to 1."),
};
static const struct json_shape result_op_json =
	JSON_SHAPE(result_op, "operation", "One operation, and how often it was done.", op_members);

#define OP_MEMBER(op, name, ...)                                                                   \
	{ JSON_ROW_(name, offsetof(struct result_activity, ops[op]), JSON_KIND_OBJECT, 0,          \
		    "How often: " name "."),                                                       \
	  .shape = &result_op_json },

static const struct json_member activity_members[] = { MAP_OPS(OP_MEMBER) };
const struct json_shape result_activity_json =
	JSON_SHAPE(result_activity, "activity", "What was done, by operation.", activity_members);

static const struct json_member call_site_members[] = {
	JSON_WORD("operation", result_call_site, op, map_op, map_op_words, "What it does."),
	JSON_TEXT("type", result_call_site, type, 0,
		  "The type of the maps that it does most to; null: not known."),
	JSON_FLAT(result_call_site, did, result_op),
};
const struct json_shape result_call_site_json =
	JSON_SHAPE(result_call_site, "call_site", "A place in the code and what it does to maps.",
		   call_site_members);

static const struct json_member unplaced_members[] = {
	JSON_ADDRESS("address", result_unplaced, addr,
		     "The map; null: several, or without an address of their own."),
	JSON_TEXT("type", result_unplaced, type, 0, "Their type; null: not known."),
	JSON_BOOL("on_stack", result_unplaced, on_stack, "The header is on a goroutine's stack."),
	JSON_BOOL("nil_map", result_unplaced, nil_map, "They are nil maps."),
	JSON_INNER("activity", result_unplaced, activity, result_activity, "What was done."),
};
const struct json_shape result_unplaced_json =
	JSON_SHAPE(result_unplaced, "unplaced", "What was done to maps that are in no census.",
		   unplaced_members);

static const struct json_member busy_members[] = {
	JSON_NONZERO("rank", result_busy, rank,
		     "Rank of its group in the ranking; null: not listed there."),
	JSON_TEXT("title", result_busy, label, JSON_NEVER_NULL, "The type for people."),
	JSON_U64("maps", result_busy, map_cnt, "How many maps these are."),
	JSON_INNER("activity", result_busy, activity, result_activity, "What was done to them."),
};
const struct json_shape result_busy_json = JSON_SHAPE(
	result_busy, "busy", "The activity of one map, or of all others of a type.", busy_members);
