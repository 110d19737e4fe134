// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member finding_maps_members[] = {
	JSON_U64("maps", result_finding_maps, maps, "The maps that it is about."),
	JSON_U64("live_keys", result_finding_maps, live_keys, "Their keys."),
	JSON_U64("slots", result_finding_maps, slots, "Their slots."),
	JSON_U64("resident_bytes", result_finding_maps, resident_bytes,
		 "Resident bytes of their tables."),
};
static const struct json_shape result_finding_maps_json =
	JSON_SHAPE(result_finding_maps, "finding_maps", "Maps of a finding.", finding_maps_members);

static const struct json_member finding_zeroes_members[] = {
	JSON_U64("zero_values", result_finding_zeroes, zero_values, "Entries whose value is zero."),
	JSON_BOOL("sampled", result_finding_zeroes, sampled, "Their number is an estimate."),
	JSON_U64("bytes_with_rebuild", result_finding_zeroes, bytes_with_rebuild,
		 "bytes, and those that a rebuild with all keys gives back."),
};
static const struct json_shape result_finding_zeroes_json =
	JSON_SHAPE(result_finding_zeroes, "finding_zeroes", "Zero values of a finding.",
		   finding_zeroes_members);

static const struct json_member finding_members[] = {
	JSON_WORD("kind", result_finding, kind, finding_kind, finding_kind_words,
		  "What kind of waste it is."),
	JSON_U64("bytes", result_finding, bytes,
		 "Resident bytes that acting on it gives back; findings add up."),
	JSON_ADDRESS("map", result_finding, map,
		     "The map with most to give back; null: it is not about maps."),
	JSON_TEXT("type", result_finding, type, 0, "The type of that map; null: not known."),
	JSON_POINTER("holder", result_finding, holder, result_holder, 0,
		     "What holds that map; null: not known."),
	JSON_FLAT_POINTER(result_finding, maps, result_finding_maps, 0),
	JSON_FLAT_POINTER(result_finding, zeroes, result_finding_zeroes, 0),
	JSON_TEXT("headline", result_finding, headline, 0, "What is wrong, in a sentence."),
	JSON_TEXT("remedy", result_finding, remedy, 0, "What to do, and what comes back."),
	JSON_TEXT("measured", result_finding, measured, 0, "How the bytes are known."),
};
const struct json_shape result_finding_json =
	JSON_SHAPE(result_finding, "finding", "Something worth acting on.", finding_members);

static const struct json_member verdict_members[] = {
	JSON_U64("min_waste_bytes", result_verdict, min_waste_bytes,
		 "Findings are at least this large, in bytes."),
	JSON_BOOL("judged", result_verdict, judged,
		  "There was a census to judge by; false: no findings means nothing."),
	JSON_TEXTS("besides", result_verdict, besides, 0,
		   "What is large, but not a finding; sentences."),
};
const struct json_shape result_verdict_json =
	JSON_SHAPE(result_verdict, "verdict", "How the findings were made.", verdict_members);
