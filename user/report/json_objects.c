// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member object_group_members[] = {
	JSON_TEXT("type", result_object_group, type, 0,
		  "\"main.session\", \"[]main.session\", \"chan int\", \"main.f.func1 (closure)\"; "
		  "null: "
		  "not known."),
	JSON_WORD(
		"source", result_object_group, source, result_object_source, object_source_words,
		"\"noted\": the allocator has the type; \"fitted\": only this type of the program "
		"fits; \"size\": it is not known, and they are grouped by the size of their "
		"slots."),
	JSON_NONZERO("slot_bytes", result_object_group, slot_bytes,
		     "Of a slot; null: the type is known, or they are larger than 32 KiB."),
	JSON_BOOL("pointers", result_object_group, pointers,
		  "They have pointers; without any they are strings, bytes and numbers."),
	JSON_BOOL("certain", result_object_group, certain, "The type is certain."),
	JSON_BOOL("estimated", result_object_group, estimated,
		  "By a sample: count and bytes are about so many."),
	JSON_U64("count", result_object_group, count, "Objects."),
	JSON_U64("bytes", result_object_group, bytes, "Bytes of their slots."),
	JSON_U64("bytes_low", result_object_group, bytes_low,
		 "Lower end of the 95 % interval, as far as it comes from the sample."),
	JSON_U64("bytes_high", result_object_group, bytes_high, "Upper end of it."),
	JSON_OPT_U64("garbage_bytes", result_object_group, garbage_bytes, 0,
		     "Of bytes: what nothing leads to, by a sample; null: not known."),
};
const struct json_shape result_object_group_json =
	JSON_SHAPE(result_object_group, "object_group", "Other objects of the heap of one type.",
		   object_group_members);

static const struct json_member objects_total_members[] = {
	JSON_U64("count", result_objects_total, count, "Objects."),
	JSON_U64("bytes", result_objects_total, bytes, "Bytes of their slots, resident or not."),
	JSON_U64("looked_at", result_objects_total, looked_at,
		 "Objects with pointers that were looked at."),
	JSON_U64("groups", result_objects_total, groups,
		 "Groups; `objects` has the 200 largest of them."),
};
const struct json_shape result_objects_total_json =
	JSON_SHAPE(result_objects_total, "objects_total", "The other objects of the heap.",
		   objects_total_members);
