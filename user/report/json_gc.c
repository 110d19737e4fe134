// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member gc_watched_members[] = {
	JSON_U64("cycles", result_gc_watched, cycles, "Cycles that ended while watched."),
	JSON_U64("forced_cycles", result_gc_watched, forced_cycles,
		 "Of them: forced, by runtime.GC() and the like."),
	JSON_U64("pause_total_ns", result_gc_watched, pause_total_ns,
		 "All their pauses; nanoseconds."),
	JSON_OPT_U64("pause_max_ns", result_gc_watched, pause_max_ns, 0,
		     "The longest pauses of one cycle; nanoseconds; null: not known."),
	JSON_OPT_U64("pause_last_ns", result_gc_watched, pause_last_ns, 0,
		     "The pauses of the last cycle; nanoseconds; null: there was none."),
	JSON_DOUBLE("cpu_share", result_gc_watched, cpu_share, 0,
		    "Part of all CPU time that the collector used; 0 to 1; null: not known."),
};
static const struct json_shape result_gc_watched_json =
	JSON_SHAPE(result_gc_watched, "gc_watched", "What the collector did while watched.",
		   gc_watched_members);

#define GC_BYTES(name, text) JSON_U64(#name, result_gc_read, name, text)

static const struct json_member gc_read_members[] = {
	JSON_U64("cycles", result_gc_read, cycles, "Cycles since the start of the program."),
	JSON_U64("forced_cycles", result_gc_read, forced_cycles,
		 "Of them: forced, by runtime.GC() and the like."),
	JSON_U64("pause_total_ns", result_gc_read, pause_total_ns,
		 "All pauses since the start; nanoseconds."),
	JSON_OPT_U64("pause_last_ns", result_gc_read, pause_last_ns, 0,
		     "The pauses of the last cycle; nanoseconds; null: there was none."),
	JSON_NONZERO("last_gc_unix_ns", result_gc_read, last_gc_unix_ns,
		     "When the last cycle ended; nanoseconds since 1970; null: there was none."),
	JSON_DOUBLE("cpu_share", result_gc_read, cpu_share, 0,
		    "Part of all CPU time since the start that the collector used; 0 to 1."),
	JSON_OPT_U64("cpu_gc_ns", result_gc_read, cpu_gc_ns, 0,
		     "CPU time of the collector since the start; nanoseconds; null: not known."),
	JSON_OPT_U64("cpu_all_ns", result_gc_read, cpu_all_ns, 0,
		     "GOMAXPROCS times the time since the start; nanoseconds; null: not known."),
	JSON_OPT_U64("gogc_percent", result_gc_read, gogc_percent, 0,
		     "GOGC, in percent; null: off."),
	JSON_OPT_U64("memory_limit_bytes", result_gc_read, memory_limit_bytes, 0,
		     "GOMEMLIMIT, in bytes; null: none."),
	GC_BYTES(heap_live_bytes, "Bytes found alive in the last cycle, and allocated since."),
	GC_BYTES(heap_marked_bytes, "Bytes found alive in the last cycle."),
	GC_BYTES(heap_goal_bytes, "The next cycle is to end before the heap is larger; bytes."),
	JSON_BOOL("limit_binds", result_gc_read, limit_binds,
		  "That goal follows from the memory limit, not from GOGC."),
	JSON_OPT_U64("last_gc_ago_ns", result_gc_read, last_gc_ago_ns, 0,
		     "How long ago the last cycle ended; nanoseconds; null: there was none."),
	JSON_OPT_U64("allocated_since_bytes", result_gc_read, allocated_since_bytes, 0,
		     "Bytes allocated since then; null: there was no cycle."),
	JSON_OPT_U64("next_gc_in_ns", result_gc_read, next_gc_in_ns, 0,
		     "When the next cycle starts at the pace since the last one, two minutes after "
		     "it at the latest; nanoseconds; an estimate; null: not known."),
	JSON_BOOL(
		"next_gc_forced", result_gc_read, next_gc_forced,
		"next_gc_in_ns is two minutes after the last cycle, not when the goal is reached."),
	GC_BYTES(heap_in_use_bytes, "Bytes in spans."),
	GC_BYTES(heap_free_bytes, "Bytes of free pages."),
	GC_BYTES(heap_released_bytes, "Bytes given back."),
	GC_BYTES(scannable_bytes, "Bytes of the live heap that may hold pointers."),
	GC_BYTES(last_scannable_bytes, "Bytes scanned in the last cycle."),
	JSON_OPT_U64("map_scannable_bytes", result_gc_read, map_scannable_bytes, 0,
		     "Bytes of map tables that may hold pointers; null: no census."),
	JSON_POINTER("watched", result_gc_read, watched, result_gc_watched, 0,
		     "What happened while watched; null: there are no two samples."),
};
static const struct json_shape result_gc_read_json = JSON_SHAPE(
	result_gc_read, "gc_read", "The collector's counters, last read.", gc_read_members);

static const struct json_member gc_members[] = {
	JSON_TEXT("status", result_gc, status, JSON_NEVER_NULL, "\"ok\" or \"refused\"."),
	JSON_TEXT("reason", result_gc, reason, 0, "Why it is refused."),
	JSON_FLAT_POINTER(result_gc, read, result_gc_read, 0),
};
const struct json_shape result_gc_json =
	JSON_SHAPE(result_gc, "gc", "The garbage collector.", gc_members);
