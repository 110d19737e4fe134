// SPDX-License-Identifier: GPL-2.0-only
/* Who holds the maps. */
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member holder_members[] = {
	JSON_TEXT("text", result_holder, text, JSON_NEVER_NULL,
		  "All of it in one line, with full names of packages."),
	JSON_WORD("kind", result_holder, kind, result_holder_kind, holder_kind_words,
		  "What has the pointer to the map."),
	JSON_TEXT("type", result_holder, type, 0,
		  "The type that has the field, elements or values; null: not known, or none."),
	JSON_TEXT("field", result_holder, field, 0,
		  "The path from the start of that type to the map; null: there is none."),
	JSON_TEXT("package", result_holder, package, 0,
		  "The package of a variable; null: not known, or it is something else."),
	JSON_TEXTS("used_by", result_holder, used_by, 0,
		   "Functions that refer to the variable, up to three."),
	JSON_BOOL("certain", result_holder, certain, "False: it is a guess."),
	JSON_U64("candidates", result_holder, candidates, "How many holders fit; 1: only this."),
};
const struct json_shape result_holder_json =
	JSON_SHAPE(result_holder, "holder", "What has a pointer to a map.", holder_members);

static const struct json_member graph_read_members[] = {
	JSON_U64("duration_ns", result_graph_read, duration_ns, "How long it took; nanoseconds."),
	JSON_U64("bytes_read", result_graph_read, bytes_read, "Bytes of the heap that were read."),
	JSON_U64("peak_bytes", result_graph_read, peak_bytes,
		 "Bytes of maptrace's own memory that it took, about."),
	JSON_U64("maps_held", result_graph_read, maps_held, "Maps with a holder."),
	JSON_U64("maps_certain", result_graph_read, maps_certain,
		 "Of them: maps whose holder is certain."),
	JSON_U64("holders", result_graph_read, holders, "Different holders."),
};
static const struct json_shape result_graph_read_json = JSON_SHAPE(
	result_graph_read, "graph_read", "What the search for holders found.", graph_read_members);

static const struct json_member pinned_members[] = {
	JSON_ADDRESS("map", result_pinned, map, "The map."),
	JSON_TEXT("in", result_pinned, in, 0,
		  "Where the strings are: \"keys\", \"values\", \"both\"."),
	JSON_U64(
		"objects", result_pinned, objects,
		"Objects that only its tables lead to, and of which its strings use at most half."),
	JSON_U64("object_bytes", result_pinned, object_bytes, "Bytes of their slots."),
	JSON_U64("largest_bytes", result_pinned, largest_bytes, "Bytes of the largest of them."),
	JSON_U64("strings", result_pinned, strings, "Strings that point into them."),
	JSON_U64("string_bytes", result_pinned, string_bytes, "The lengths of these strings."),
	JSON_U64("gives_back_bytes", result_pinned, gives_back_bytes,
		 "Bytes that come back if each of these strings becomes a copy."),
	JSON_U64("gives_back_resident_bytes", result_pinned, gives_back_resident_bytes,
		 "Of them: resident."),
};
static const struct json_shape result_pinned_json = JSON_SHAPE(
	result_pinned, "pinned", "A map whose strings keep larger objects alive.", pinned_members);

static const struct json_member retained_found_members[] = {
	JSON_U64("duration_ns", result_retained_found, duration_ns,
		 "How long it took; nanoseconds."),
	JSON_U64("peak_bytes", result_retained_found, peak_bytes,
		 "Bytes of maptrace's own memory that it took beside the graph, about."),
	JSON_U64("maps", result_retained_found, maps, "Maps whose retained bytes are known."),
	JSON_LIST("pinned", result_retained_found, pinned, result_pinned, 0,
		  "Maps whose strings keep much larger objects alive."),
};
static const struct json_shape result_retained_found_json = JSON_SHAPE(
	result_retained_found, "retained_found", "What maps keep alive.", retained_found_members);

static const struct json_member retained_members[] = {
	JSON_TEXT("status", result_retained, status, JSON_NEVER_NULL,
		  "\"ok\", \"refused\" or \"off\"."),
	JSON_TEXT("reason", result_retained, reason, 0, "Why it is refused; null: it is not."),
	JSON_FLAT_POINTER(result_retained, found, result_retained_found, 0),
};
static const struct json_shape result_retained_json =
	JSON_SHAPE(result_retained, "retained", "What maps keep alive.", retained_members);

static const struct json_member reach_members[] = {
	JSON_TEXT("status", result_reach, status, 0,
		  "\"ok\"; \"partial\": what is held is known, what is garbage is not; "
		  "\"refused\"; \"off\"."),
	JSON_TEXT("reason", result_reach, reason, 0,
		  "What is not known, and why; null: all is known, or it is off."),
	JSON_OPT_U64("garbage_bytes", result_reach, garbage_bytes, 0,
		     "Bytes of objects that nothing reaches; null, as the next ones: not known."),
	JSON_OPT_U64("garbage_objects", result_reach, garbage_objects, 0, "These objects."),
	JSON_OPT_U64("garbage_maps", result_reach, garbage_maps, 0, "Of them: maps."),
	JSON_OPT_U64("garbage_table_bytes", result_reach, garbage_table_bytes, 0,
		     "Bytes of the tables of these maps."),
	JSON_U64("passes", result_reach, passes, "How often the heap was read for it."),
	JSON_U64("objects", result_reach, objects, "Objects in use."),
	JSON_U64("duration_ns", result_reach, duration_ns, "How long it took; nanoseconds."),
	JSON_U64("bytes_read", result_reach, bytes_read, "Bytes that were read for it."),
	JSON_U64("peak_bytes", result_reach, peak_bytes,
		 "Bytes of maptrace's own memory that it took, about."),
	JSON_U64("memory_max_bytes", result_reach, memory_max_bytes,
		 "Bytes that it was allowed to take: --graph-memory."),
};
static const struct json_shape result_reach_json =
	JSON_SHAPE(result_reach, "reach", "The search for what is garbage.", reach_members);

static const struct json_member graph_members[] = {
	JSON_TEXT("status", result_graph, status, JSON_NEVER_NULL,
		  "\"ok\", \"partial\", \"refused\" or \"off\"."),
	JSON_TEXT("reason", result_graph, reason, 0,
		  "Why it is refused, or what is left out; null: nothing is, or it is off."),
	JSON_FLAT_POINTER(result_graph, read, result_graph_read, 0),
	JSON_INNER("retained", result_graph, retained, result_retained,
		   "What maps keep alive: common to all of them."),
	JSON_U64("paths", result_graph, paths, "Maps with a way to them; see --holders."),
	JSON_TEXT("paths_reason", result_graph, paths_reason, 0,
		  "Why ways are missing, or may be worse than others; null: they are not."),
	JSON_INNER("reach", result_graph, reach, result_reach, "The search for what is garbage."),
};
const struct json_shape result_graph_json =
	JSON_SHAPE(result_graph, "graph", "The search for what holds each map.", graph_members);
