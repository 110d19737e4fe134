// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

#define TOTAL(name, text) JSON_U64(#name, result_totals, name, text)

static const struct json_member totals_members[] = {
	TOTAL(maps, "All maps."),
	TOTAL(exact, "Maps that did not change while they were read."),
	TOTAL(moving, "Maps that changed meanwhile, but whose figures fit."),
	TOTAL(suspect, "Maps whose figures contradict each other; in no sum."),
	TOTAL(garbage, "Maps that are unreachable, and not freed yet; in no sum."),
	TOTAL(on_stack, "Maps whose header is on a goroutine's stack."),
	TOTAL(unknown_bucket_size, "Maps whose bucket size is not known."),
	TOTAL(live_keys, "Keys."),
	TOTAL(slots, "Slots for keys."),
	TOTAL(table_bytes, "Bytes of tables."),
	TOTAL(resident_bytes, "Resident bytes of tables."),
	TOTAL(hole_bytes, "Bytes of tables beyond the share of the live keys."),
	TOTAL(old_bytes, "Bytes of arrays that are being evacuated."),
	TOTAL(gives_back_bytes, "Bytes that a rebuild of all maps gives back."),
	TOTAL(gives_back_resident_bytes, "Of them: resident bytes."),
};
static const struct json_shape result_totals_json =
	JSON_SHAPE(result_totals, "totals", "Sums over all maps.", totals_members);

static const struct json_member census_stacks_members[] = {
	JSON_TEXT("status", result_census_taken, stacks.status, JSON_NEVER_NULL,
		  "\"ok\" or \"refused\"."),
	JSON_TEXT("reason", result_census_taken, stacks.reason, 0, "Why it is refused."),
	JSON_U64("goroutines", result_census_taken, stacks.goroutines, "Goroutines looked at."),
};
static const struct json_shape census_stacks_part =
	JSON_SHAPE(result_census_taken, "stacks", "The search for maps on goroutine stacks.",
		   census_stacks_members);

static const struct json_member made_types_members[] = {
	JSON_U64("count", result_made_types, count, "Types found."),
	JSON_BOOL("complete", result_made_types, complete, "There are no others."),
};
static const struct json_shape result_made_types_json = JSON_SHAPE(
	result_made_types, "made_types", "Map types that reflect made.", made_types_members);

static const struct json_member census_taken_members[] = {
	JSON_U64("duration_ns", result_census_taken, duration_ns, "How long it took; nanoseconds."),
	JSON_U64("censuses", result_census_taken, censuses, "Taken; this is the last one."),
	JSON_U64("lookalikes_rejected", result_census_taken, lookalikes_rejected,
		 "Objects that looked like map headers, but are not."),
	JSON_U64("headers_without_table", result_census_taken, headers_without_table,
		 "Headers of maps that have no memory of their own."),
	JSON_PART("stacks", census_stacks_part, "The search for maps on goroutine stacks."),
	JSON_POINTER("made_types", result_census_taken, made_types, result_made_types, 0,
		     "Map types made by reflect; null: the program cannot make any."),
	JSON_INNER("totals", result_census_taken, totals, result_totals, "Sums."),
};
static const struct json_shape result_census_taken_json = JSON_SHAPE(
	result_census_taken, "census_taken", "What a census found.", census_taken_members);

static const struct json_member census_members[] = {
	JSON_TEXT("status", result_census, status, JSON_NEVER_NULL, "\"ok\" or \"refused\"."),
	JSON_TEXT("reason", result_census, reason, 0, "Why it is refused."),
	JSON_FLAT_POINTER(result_census, taken, result_census_taken, 0),
};
const struct json_shape result_census_json =
	JSON_SHAPE(result_census, "census", "The search for all maps.", census_members);

/* ---- values ---- */

static const struct json_member not_counted_members[] = {
	JSON_TEXT("reason", result_not_counted, reason, JSON_NEVER_NULL, "Why not."),
	JSON_U64("maps", result_not_counted, maps, "Maps without a count for this reason."),
};
static const struct json_shape result_not_counted_json =
	JSON_SHAPE(result_not_counted, "not_counted", "Maps whose values were not counted.",
		   not_counted_members);

static const struct json_member values_counted_members[] = {
	JSON_U64("duration_ns", result_values_counted, duration_ns,
		 "How long it took; nanoseconds."),
	JSON_U64("budget_bytes", result_values_counted, budget_bytes, "Bytes it might read."),
	JSON_U64("bytes", result_values_counted, bytes, "Bytes it did read."),
	JSON_U64("maps_counted", result_values_counted, maps_counted, "Maps with a count."),
	JSON_U64("maps_sampled", result_values_counted, maps_sampled,
		 "Of them: with an estimate from a sample."),
	JSON_LIST("not_counted", result_values_counted, not_counted, result_not_counted, 0,
		  "Maps without a count, by reason."),
};
static const struct json_shape result_values_counted_json =
	JSON_SHAPE(result_values_counted, "values_counted", "What the count of zero values took.",
		   values_counted_members);

static const struct json_member values_members[] = {
	JSON_TEXT("status", result_values, status, JSON_NEVER_NULL, "\"ok\" or \"off\"."),
	JSON_TEXT("reason", result_values, reason, 0,
		  "Why it is off, where that is not asked for."),
	JSON_FLAT_POINTER(result_values, counted, result_values_counted, 0),
};
const struct json_shape result_values_json = JSON_SHAPE(
	result_values, "values", "The count of entries whose value is zero.", values_members);

/* ---- the ranking ---- */

static const struct json_member group_zeroes_members[] = {
	JSON_U64("maps", result_group_zeroes, maps, "Maps that were counted in."),
	JSON_U64("live_keys", result_group_zeroes, live_keys, "Their keys."),
	JSON_U64("count", result_group_zeroes, count, "Zero values in them."),
	JSON_U64("low", result_group_zeroes, low, "Lower end of the 95 % interval."),
	JSON_U64("high", result_group_zeroes, high, "Upper end of the 95 % interval."),
	JSON_BOOL("sampled", result_group_zeroes, sampled, "It is an estimate."),
};
static const struct json_shape result_group_zeroes_json =
	JSON_SHAPE(result_group_zeroes, "group_zeroes", "Zero values in the maps of a group.",
		   group_zeroes_members);

static const struct json_member group_share_members[] = {
	JSON_U64("maps", result_group_share, maps, "Maps of the group that it holds."),
	JSON_FLAT_POINTER(result_group_share, holder, result_holder, JSON_NEVER_NULL),
};
static const struct json_shape result_group_share_json = JSON_SHAPE(
	result_group_share, "group_share", "What holds some maps of a group.", group_share_members);

static const struct json_member group_members[] = {
	JSON_U64("rank", result_group, rank, "Place in the ranking; the first one is 1."),
	JSON_TEXT("id", result_group, id, 0,
		  "That of its one map, or one of the type of several maps; null: not known."),
	JSON_TEXT("title", result_group, label, JSON_NEVER_NULL,
		  "The type for people, or what is known instead."),
	JSON_TEXT("type", result_group, type, 0, "The type; null: unknown, or several fit."),
	JSON_TEXT("type_source", result_group, type_source, 0, "How the type is known."),
	JSON_U64("type_candidates", result_group, type_candidates,
		 "Types of the program that fit."),
	JSON_U64("maps", result_group, maps, "Maps in it: one that is large, or all small ones."),
	JSON_U64("live_keys", result_group, live_keys, "Their keys."),
	JSON_U64("slots", result_group, slots, "Their slots."),
	JSON_U64("table_bytes", result_group, table_bytes, "Bytes of their tables."),
	JSON_U64("resident_bytes", result_group, resident_bytes, "Resident bytes of their tables."),
	JSON_OPT_U64("gives_back_resident_bytes", result_group, gives_back_resident_bytes, 0,
		     "Resident bytes that a rebuild gives back; null: not known."),
	JSON_OPT_U64("retained_bytes", result_group, retained_bytes, 0,
		     "Bytes of objects that would be out of reach without all of them; null: not "
		     "known, see graph.retained."),
	JSON_BOOL("moving", result_group, moving, "One of the maps was busy while it was read."),
	JSON_ADDRESS("largest_map", result_group, largest_map, "The largest of them."),
	JSON_U64("largest_table_bytes", result_group, largest_table_bytes, "Bytes of its tables."),
	JSON_POINTER("zeroes", result_group, zeroes, result_group_zeroes, 0,
		     "Entries whose value is zero; null: not counted."),
	JSON_POINTER("holder", result_group, holder, result_holder, 0,
		     "What holds all of the maps; null: several, or not known."),
	JSON_U64("holders", result_group, holders,
		 "Different holders of the maps, as far as they are known."),
	JSON_U64("maps_held", result_group, maps_held, "Maps whose holder is known."),
	JSON_LIST("held_by", result_group, held_by, result_group_share, 0,
		  "The holders of most maps, up to three."),
};
const struct json_shape result_group_json =
	JSON_SHAPE(result_group, "group", "A row of the ranking.", group_members);

static const struct json_member coming_growth_members[] = {
	JSON_ADDRESS("map", result_coming_growth, map, "The map that grows."),
	JSON_TEXT("title", result_coming_growth, label, JSON_NEVER_NULL, "Its type for people."),
	JSON_FLAT(result_coming_growth, growth, result_growth),
};
const struct json_shape result_coming_growth_json = JSON_SHAPE(
	result_coming_growth, "coming_growth",
	"A growth of a large map that comes soon, at the present rate.", coming_growth_members);
