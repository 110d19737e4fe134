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
	JSON_WORD("severity", result_finding, severity, finding_severity, finding_severity_words,
		  "How bad it is."),
	JSON_NONZERO("bytes", result_finding, bytes,
		     "Resident bytes that it is about; null: it is not about an amount of them."),
	JSON_OPT_U64("gives_back_bytes", result_finding, gives_back_bytes, 0,
		     "Of them: bytes that acting on it gives back; null: not known."),
	JSON_WORD("certainty", result_finding, certainty, finding_certainty,
		  finding_certainty_words, "How sure gives_back_bytes is; null: not known."),
	JSON_ADDRESS("map", result_finding, map,
		     "The map with most to give back; null: it is not about maps."),
	JSON_TEXT("type", result_finding, type, 0, "The type of that map; null: not known."),
	JSON_POINTER("holder", result_finding, holder, result_holder, 0,
		     "What holds that map; null: not known."),
	JSON_POINTER("caller", result_finding, caller, result_caller, 0,
		     "The call that does it; null: not known, or there is none."),
	JSON_FLAT_POINTER(result_finding, maps, result_finding_maps, 0),
	JSON_FLAT_POINTER(result_finding, zeroes, result_finding_zeroes, 0),
	JSON_TEXT("headline", result_finding, headline, 0, "What is wrong, in a sentence."),
	JSON_TEXT("evidence", result_finding, evidence, 0,
		  "How one can see it, in one or two sentences; null: the headline says it."),
	JSON_TEXT("remedy", result_finding, remedy, 0, "What to do, and what comes back."),
	JSON_TEXT("measured", result_finding, measured, 0, "How the bytes are known."),
};
const struct json_shape result_finding_json =
	JSON_SHAPE(result_finding, "finding", "Something worth acting on.", finding_members);

static const struct json_member verdict_members[] = {
	JSON_WORD("state", result_verdict, state, verdict_state, verdict_state_words,
		  "The process as a whole; null: it was not judged."),
	JSON_TEXT("text", result_verdict, text, 0, "The state, and why, in a line."),
	JSON_U64("min_waste_bytes", result_verdict, min_waste_bytes,
		 "Findings of waste are at least this large, in bytes."),
	JSON_U64("share_of_bytes", result_verdict, share_of_bytes,
		 "What shares such as 10% are of: RSS, or the limit where one is near; bytes."),
	JSON_BOOL("judged", result_verdict, judged,
		  "There was a census to judge by; false: no findings means nothing."),
	JSON_TEXTS("besides", result_verdict, besides, 0,
		   "What is large, but not a finding; sentences."),
};
const struct json_shape result_verdict_json =
	JSON_SHAPE(result_verdict, "verdict", "What the findings mean for the process as a whole.",
		   verdict_members);
