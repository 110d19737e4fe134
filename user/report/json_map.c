// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of maps. What maps of one kind have in common has a shape of its own, whose
 * struct holds nothing of a single map: json_rows.c makes its text once for all of them.
 */
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member map_type_members[] = {
	JSON_TEXT("type", result_map_type, name, 0, "The type; null: unknown, or several fit."),
	JSON_TEXTS("declared_types", result_map_type, declared, JSON_LEFT_OUT,
		   "Declared types (type M map[K]V) whose memory looks the same: it may be one of "
		   "them."),
};
static const struct json_shape result_map_type_json = JSON_SHAPE(
	result_map_type, "map_type", "The type of maps, as far as it is known.", map_type_members);

static const struct json_member zero_values_members[] = {
	JSON_U64("count", result_zero_values, count, "Entries whose value is zero."),
	JSON_BOOL("sampled", result_zero_values, sampled, "The count is an estimate."),
	JSON_U64("low", result_zero_values, low, "Lower end of the 95 % interval."),
	JSON_U64("high", result_zero_values, high, "Upper end of the 95 % interval."),
	JSON_U64("slots_read", result_zero_values, slots_read, "Slots that were looked at."),
	JSON_TEXT("consistency", result_zero_values, consistency, 0,
		  "As that of the map, while its values were read."),
	JSON_U64("rebuild_bytes", result_zero_values, rebuild_bytes,
		 "Bytes of the table of a fresh map with the other entries."),
};
static const struct json_shape result_zero_values_json =
	JSON_SHAPE(result_zero_values, "zero_values", "Entries whose value is the zero value.",
		   zero_values_members);

static const struct json_member growth_members[] = {
	JSON_TEXT("event", result_growth, event, 0,
		  "\"double\": one larger table; \"split\": tables split in two, one by one."),
	JSON_U64("at_live_keys", result_growth, at_live_keys,
		 "The number of keys at which it begins; of splits: about."),
	JSON_U64("half_at_live_keys", result_growth, half_at_live_keys,
		 "The number at which half of the splits are done, about; else as at_live_keys."),
	JSON_U64("ends_at_live_keys", result_growth, ends_at_live_keys,
		 "The number at which all of them are done, about; else as at_live_keys."),
	JSON_U64("allocates_bytes", result_growth, allocates_bytes,
		 "Bytes of the new tables, in all; an old one is in use until the next "
		 "collection."),
	JSON_U64("step_bytes", result_growth, step_bytes,
		 "Bytes that one split allocates; else as allocates_bytes."),
	JSON_U64("needs_bytes", result_growth, needs_bytes,
		 "Bytes that have to be free for it. Of splits: by how much the map grows, as old "
		 "tables are collected meanwhile, and one split."),
	JSON_DOUBLE("keys_per_s", result_growth, keys_per_s, 0,
		    "Keys a second that it gains; null: not known, or not steady."),
	JSON_OPT_U64("in_ns", result_growth, in_ns, 0,
		     "When it begins, at that rate; nanoseconds; null: not known."),
	JSON_OPT_U64("half_in_ns", result_growth, half_in_ns, 0, "The same for half_at_live_keys."),
	JSON_OPT_U64("ends_in_ns", result_growth, ends_in_ns, 0, "The same for ends_at_live_keys."),
	JSON_TRISTATE("fits_cgroup", result_growth, fits_cgroup, 0,
		      "The cgroup has room for needs_bytes; null: there is no limit."),
};
const struct json_shape result_growth_json =
	JSON_SHAPE(result_growth, "next_growth", "When a map grows next, and what that takes.",
		   growth_members);

/* ---- what is common ---- */

static const struct json_member map_zeroes_members[] = {
	JSON_INNER_IF("zero_values", map_same, zero_values, result_zero_values, JSON_IF_NO_TEXT,
		      zero_values_reason, "Entries whose value is zero; null: not counted."),
	JSON_TEXT("zero_values_reason", map_same, zero_values_reason, 0,
		  "Why they are not counted; null: they are."),
};
static const struct json_shape map_zeroes_part =
	JSON_SHAPE(map_same, "map_zeroes", "The count of zero values.", map_zeroes_members);

static const struct json_member map_same_members[] = {
	JSON_FLAT_POINTER(map_same, type, result_map_type, JSON_NEVER_NULL),
	JSON_TEXT("type_source", map_same, type_source, 0,
		  "How the type is known: \"header\", \"probe\", \"contents\", \"unique-shape\", "
		  "\"holder\", \"ambiguous\" or \"unknown\"."),
	JSON_U64("type_candidates", map_same, type_candidates, "Types of the program that fit."),
	JSON_TEXT("consistency", map_same, consistency, 0,
		  "\"exact\": it did not change while it was read; \"moving\": it did, but the "
		  "figures fit; \"suspect\": they contradict each other, and are in no sum."),
	JSON_BOOL("garbage", map_same, garbage, "Unreachable, not freed yet; in no sum."),
	JSON_TRISTATE("reachable", map_same, reachable, 0,
		      "Something leads to it; null: not known, or not looked for."),
	JSON_TEXT("part_of", map_same, part_of, 0,
		  "\"sync.Map\": a part of one, see sync_maps; null: it stands alone."),
	JSON_BOOL("on_stack", map_same, on_stack,
		  "The header is in a frame of a goroutine: its address may move."),
	JSON_TRISTATE("goroutine_runs", map_same, goroutine_runs, JSON_LEFT_OUT,
		      "The goroutine was running: that frame may have ended."),
	JSON_U64("live_keys", map_same, live_keys, "Keys."),
	JSON_U64("slots", map_same, slots, "Slots for keys."),
	JSON_U64("buckets", map_same, buckets, "Buckets of a classic map, groups of a swiss one."),
	JSON_U64("tables", map_same, tables, "Tables of a swiss map."),
	JSON_DOUBLE("load", map_same, load, 0, "live_keys / slots."),
	JSON_U64("tombstones", map_same, tombstones, "Tombstones of a swiss map."),
	JSON_U64("overflow_buckets", map_same, overflow_buckets,
		 "Overflow buckets of a classic map."),
	JSON_U64("old_bytes", map_same, old_bytes,
		 "Of table_bytes: the array that is being evacuated."),
	JSON_U64("table_bytes", map_same, table_bytes,
		 "Bytes of tables as allocated, without the header."),
	JSON_U64("resident_bytes", map_same, resident_bytes, "Of table_bytes: resident."),
	JSON_OPT_U64("bucket_bytes", map_same, bucket_bytes, 0,
		     "Bytes of a bucket or group; null, as the next ones: not known."),
	JSON_OPT_U64("hole_bytes", map_same, hole_bytes, 0,
		     "Of table_bytes: beyond the share of the live keys."),
	JSON_OPT_U64("rebuild_bytes", map_same, rebuild_bytes, 0,
		     "Bytes of the table of a fresh map with the same keys."),
	JSON_OPT_U64("gives_back_bytes", map_same, gives_back_bytes, 0,
		     "Bytes that a rebuild gives back."),
	JSON_OPT_U64("gives_back_resident_bytes", map_same, gives_back_resident_bytes, 0,
		     "Of them: resident."),
	JSON_FLAT_PART_IF(map_same, has_zero_values, map_zeroes_part),
	JSON_INNER_IF("next_growth", map_same, next_growth, result_growth, JSON_IF_TRUE,
		      has_next_growth, "When it grows next; null: not known."),
};
const struct json_shape map_same_json =
	JSON_SHAPE(map_same, "map_same", "What maps of one kind have in common.", map_same_members);

/* ---- which it is ---- */

#define ID_MEMBER                                                                                  \
	JSON_TEXT("id", map_view, id, 0, "The same in each process of this build; null: not known.")
#define ID_CERTAIN_MEMBER                                                                          \
	JSON_BOOL("id_certain", map_view, id_certain,                                              \
		  "The id follows from what is certain; else another process may have it for "     \
		  "another map.")
#define RETAINED_MEMBER                                                                            \
	JSON_OPT_U64("retained_bytes", map_view, retained_bytes, 0,                                \
		     "Bytes of objects that would be out of reach without it, its header and "     \
		     "tables included; null: not known, see graph.retained.")

static const struct json_member map_id_members[] = { ID_MEMBER, ID_CERTAIN_MEMBER,
						     RETAINED_MEMBER };
const struct json_shape map_id_json =
	JSON_SHAPE(map_view, "map_id", "Which map it is, and what it keeps.", map_id_members);

/* ---- who holds it ---- */

#define HOLDER_MEMBER                                                                              \
	JSON_POINTER("holder", map_view, holder, result_holder, 0,                                 \
		     "What holds it; null: not known, or not looked for.")

static const struct json_member map_held_members[] = { HOLDER_MEMBER };
const struct json_shape map_held_json =
	JSON_SHAPE(map_view, "map_held", "Who holds a map.", map_held_members);

/* ---- how the program gets to it ---- */

static const struct json_member path_step_members[] = {
	JSON_TEXT("text", result_path_step, text, JSON_NEVER_NULL, "All of it in one line."),
	JSON_WORD("kind", result_path_step, kind, result_holder_kind, holder_kind_words,
		  "What has the pointer to the next step, or to the map."),
	JSON_TEXT("type", result_path_step, type, 0,
		  "The type that has the field, elements or values; null: not known, or none."),
	JSON_TEXT("field", result_path_step, field, 0,
		  "The path from the start of that type; null: there is none."),
	JSON_BOOL("certain", result_path_step, certain, "False: it is a guess."),
};
static const struct json_shape result_path_step_json =
	JSON_SHAPE(result_path_step, "path_step", "A step of a way to a map.", path_step_members);

static const struct json_member path_members[] = {
	JSON_TEXT("path_text", result_path, text, JSON_NEVER_NULL,
		  "A way to the map from a variable or a frame, one of several."),
	JSON_BOOL("path_certain", result_path, certain, "All of its steps are certain."),
	JSON_LIST("path", result_path, steps, result_path_step, 0,
		  "Its steps: first the variable or frame, then objects of the heap."),
};
static const struct json_shape result_path_json =
	JSON_SHAPE(result_path, "path", "How the program gets to a map; only for maps that matter.",
		   path_members);

/* ---- what is of one map alone ---- */

static const struct json_member histogram_members[] = {
	JSON_U64("min", result_histogram, min, "The least value."),
	JSON_U64("max", result_histogram, max, "The largest value."),
	JSON_BINS("bins", result_histogram, ns, "How long the value was in each bin."),
};
static const struct json_shape result_histogram_json = JSON_SHAPE(
	result_histogram, "histogram", "How a size was distributed over time.", histogram_members);

static const struct json_member history_members[] = {
	JSON_U64("censuses", result_history, censuses, "Censuses that it was in."),
	JSON_U64("observed_ns", result_history, observed_ns, "For how long; nanoseconds."),
	JSON_U64("last_live_keys", result_history, last_live_keys, "Keys in the last one."),
	JSON_INNER("live_keys", result_history, live_keys, result_histogram, "Keys."),
	JSON_INNER("buckets", result_history, buckets, result_histogram, "Buckets or groups."),
	JSON_INNER("resident_bytes", result_history, resident_bytes, result_histogram,
		   "Resident bytes of tables."),
};
static const struct json_shape result_history_json =
	JSON_SHAPE(result_history, "histograms", "A map over time.", history_members);

#define PATH_MEMBER JSON_FLAT_POINTER(map_view, path, result_path, 0)
#define ACTIVITY_MEMBER                                                                            \
	JSON_POINTER("activity", map_view, activity, result_activity, JSON_LEFT_OUT,               \
		     "What was done to it; left out: nothing was seen.")
#define HISTORY_MEMBER                                                                             \
	JSON_POINTER("histograms", map_view, history, result_history, JSON_LEFT_OUT,               \
		     "It over time; left out: it was not followed.")

static const struct json_member map_own_members[] = { PATH_MEMBER, ACTIVITY_MEMBER,
						      HISTORY_MEMBER };
const struct json_shape map_own_json =
	JSON_SHAPE(map_view, "map_own", "What is of one map alone.", map_own_members);

static const struct json_member map_view_members[] = {
	JSON_ADDRESS("address", map_view, addr, "Of the map's header."),
	ID_MEMBER,
	ID_CERTAIN_MEMBER,
	RETAINED_MEMBER,
	JSON_FLAT_POINTER(map_view, same, map_same, JSON_NEVER_NULL),
	HOLDER_MEMBER,
	PATH_MEMBER,
	ACTIVITY_MEMBER,
	HISTORY_MEMBER,
};
const struct json_shape map_view_json = JSON_SHAPE(map_view, "map", "A map.", map_view_members);
