// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

static const struct json_member probe_group_members[] = {
	JSON_TEXT("status", result_probe_group, status, JSON_NEVER_NULL, "\"ok\" or \"refused\"."),
	JSON_TEXT("reason", result_probe_group, reason, 0, "Why it is refused."),
	JSON_U64("windows", result_probe_group, windows, "Times that the probes were open."),
	JSON_U64("windows_ended_by_hits", result_probe_group, windows_ended_by_hits,
		 "Of them: ended because the quota was used up."),
	JSON_U64("hits", result_probe_group, hits, "Hits in windows."),
	JSON_U64("late_hits", result_probe_group, late_hits,
		 "Hits after a window was full, or while probes came and went."),
	JSON_U64("open_ns", result_probe_group, open_ns, "How long they were open; nanoseconds."),
	JSON_U64("attached_ns", result_probe_group, attached_ns,
		 "How long they were attached; nanoseconds."),
	JSON_U64("windows_that_slowed_target", result_probe_group, windows_that_slowed_target,
		 "Windows in which the target was slower than outside of them."),
	JSON_U64("quota_hits", result_probe_group, quota_hits, "Hits that a window may have."),
	JSON_U64("period_ns", result_probe_group, period_ns,
		 "Time from one window to the next; nanoseconds."),
	JSON_BOOL("out_of_budget", result_probe_group, out_of_budget,
		  "At the end it waited for a window that it could not pay for."),
};
static const struct json_shape result_probe_group_json = JSON_SHAPE(
	result_probe_group, "probe_group", "Probes that share one quota.", probe_group_members);

static const struct json_member probe_site_members[] = {
	JSON_TEXT("function", result_probe_site, function, 0, "The function of the runtime."),
	JSON_WORD("operation", result_probe_site, op, map_op, map_op_words, "What it does."),
	JSON_ADDRESS("probe", result_probe_site, probe,
		     "Address of the probe; null: there is no probe."),
	JSON_U64("hits", result_probe_site, hits, "Its hits."),
	JSON_U64("late_hits", result_probe_site, late_hits, "Its hits out of windows."),
	JSON_DOUBLE("price_ns", result_probe_site, price_ns, 0,
		    "What a hit costs the target; nanoseconds."),
	JSON_DOUBLE("late_price_ns", result_probe_site, late_price_ns, 0,
		    "What a late hit costs it; nanoseconds."),
	JSON_TEXT("instruction", result_probe_site, instruction, 0,
		  "The instruction that the probe is on; null: there is no probe."),
	JSON_TEXT("reason", result_probe_site, reason, 0, "Why there, or why not at all."),
};
static const struct json_shape result_probe_site_json =
	JSON_SHAPE(result_probe_site, "probe_site", "A probe on a function of the runtime.",
		   probe_site_members);

/* ---- events ---- */

static const struct json_member event_growth_members[] = {
	JSON_TEXT("growth", result_event_growth, growth, 0,
		  "What grows: \"double\", \"same_size\", \"small_to_table\", \"table_double\", "
		  "\"table_split\" or \"unknown\"."),
	JSON_OPT_U64("bytes_from", result_event_growth, bytes_from, 0,
		     "Bytes of the table before; null: not known."),
	JSON_OPT_U64("bytes_to", result_event_growth, bytes_to, 0,
		     "Bytes of the new one; null: not known."),
	JSON_OPT_U64("tables", result_event_growth, tables, 0,
		     "Tables of a swiss map; null: not known."),
	JSON_OPT_U64("tombstones", result_event_growth, tombstones, 0,
		     "Tombstones in the table; null: not known."),
	JSON_OPT_U64("overflow_buckets", result_event_growth, overflow_buckets, 0,
		     "Overflow buckets of a classic map; null: not known."),
	JSON_TEXT("because", result_event_growth, because, 0,
		  "Why: \"keys\" (more of them) or \"churn\" (of tombstones or overflow chains); "
		  "null: not known."),
};
static const struct json_shape result_event_growth_json =
	JSON_SHAPE(result_event_growth, "event_growth", "How a map grows.", event_growth_members);

static const struct json_member map_event_members[] = {
	JSON_U64("time_ns", result_map_event, time_ns,
		 "When; nanoseconds since the start of the trace."),
	JSON_WORD("operation", result_map_event, op, map_op, map_op_words, "What was done."),
	JSON_ADDRESS("map", result_map_event, map, "The map's header; null: not known."),
	JSON_BOOL("on_stack", result_map_event, on_stack, "It is on a goroutine's stack."),
	JSON_TEXT("type", result_map_event, type, 0, "The map's type; null: not known."),
	JSON_OPT_U64("live_keys", result_map_event, live_keys, 0,
		     "Its keys before; null: not known."),
	JSON_NONZERO("slots_from", result_map_event, slots_from, "Slots before; null: not known."),
	JSON_NONZERO("slots_to", result_map_event, slots_to, "Slots after; null: not known."),
	JSON_FLAT_POINTER(result_map_event, growth, result_event_growth, 0),
	JSON_OPT_U64("hint", result_map_event, hint, JSON_LEFT_OUT,
		     "Of a make: the size that the program gave."),
	JSON_U64("thread", result_map_event, thread, "Id of the thread."),
	JSON_NONZERO("goroutine", result_map_event, goroutine,
		     "Id of the goroutine; null: not known."),
	JSON_FLAT(result_map_event, caller, result_caller),
};
const struct json_shape result_map_event_json =
	JSON_SHAPE(result_map_event, "map_event", "One operation on one map.", map_event_members);

/* ---- the trace ---- */

#define COVERAGE_MEMBER(op, name, ...)                                                             \
	JSON_TEXT(name, result_coverage, ops[op], 0, "For " name "."),

static const struct json_member coverage_members[] = { MAP_OPS(COVERAGE_MEMBER) };
static const struct json_shape result_coverage_json =
	JSON_SHAPE(result_coverage, "coverage",
		   "What it means that no hit of an operation was seen: \"none\": nothing; "
		   "\"windows\": there was none in the windows; \"all\": there was none; "
		   "\"all_but_plugins\": none but by plugins.",
		   coverage_members);

#define LEFT_OUT(name, text) JSON_U64(#name, result_left_out, name, text)

static const struct json_member left_out_members[] = {
	LEFT_OUT(rows, "Places in the code."),
	LEFT_OUT(maps, "Maps."),
	LEFT_OUT(events, "Events."),
	LEFT_OUT(memory_calls, "Memory calls."),
	LEFT_OUT(windows, "Windows."),
	LEFT_OUT(samples, "Samples."),
	LEFT_OUT(untold, "Records that the listener was too slow for."),
};
static const struct json_shape result_left_out_json =
	JSON_SHAPE(result_left_out, "left_out", "What there was no room for.", left_out_members);

static const struct json_member traced_growths_members[] = {
	JSON_U64("seen", result_traced, growths.seen, "Growths that were seen."),
	JSON_U64("for_churn", result_traced, growths.for_churn,
		 "Of them: for tombstones or overflow chains, not for keys."),
};
static const struct json_shape traced_growths_part =
	JSON_SHAPE(result_traced, "growths", "Growths of all maps.", traced_growths_members);

static const struct json_member traced_members[] = {
	JSON_U64("duration_ns", result_traced, duration_ns, "How long; nanoseconds."),
	JSON_U64("target_stopped_ns", result_traced, target_stopped_ns,
		 "Of it: the target got no CPU; nanoseconds."),
	JSON_TEXT("target_stopped_by", result_traced, target_stopped_by, 0,
		  "By whom, at any time: \"signal\", \"tracer\" or \"cgroup\"; null: nobody."),
	JSON_TEXT("mechanism", result_traced, mechanism, 0,
		  "How probes are attached: \"uprobe_multi\" or \"perf_event\"."),
	JSON_BOOL("plugins_not_traced", result_traced, plugins_not_traced,
		  "Plugins have map functions of their own, without probes."),
	JSON_INNER("hot", result_traced, hot, result_probe_group,
		   "Inserts, deletes and small makes: in windows."),
	JSON_INNER("rare", result_traced, rare, result_probe_group,
		   "Clears, clones and growths: all the time."),
	JSON_INNER("make", result_traced, make, result_probe_group,
		   "Makes with a size: all the time."),
	JSON_U64("lost_hits", result_traced, lost_hits, "Hits that are in no row."),
	JSON_PART("growths", traced_growths_part, "Growths of all maps."),
	JSON_INNER("coverage", result_traced, coverage, result_coverage,
		   "What it means that no hit of an operation was seen."),
	JSON_LIST("sites", result_traced, sites, result_probe_site, 0, "The probes."),
	JSON_LIST("call_sites", result_traced, call_sites, result_call_site, 0,
		  "Places in the code that do something to maps."),
	JSON_LIST("events", result_traced, events, result_map_event, 0,
		  "Growths, clears, clones and makes, one by one."),
	JSON_LIST("not_in_census", result_traced, not_in_census, result_unplaced, 0,
		  "What was done to maps that are in no census."),
	JSON_INNER("left_out", result_traced, left_out, result_left_out,
		   "What there was no room for."),
	JSON_LIST("busiest", result_traced, busiest, result_busy, 0,
		  "Maps, or maps of a type, with most activity, busiest first."),
	JSON_U64("busiest_total", result_traced, busiest_total, "How many such rows there are."),
};
static const struct json_shape result_traced_json =
	JSON_SHAPE(result_traced, "traced", "What the trace saw, and how.", traced_members);

static const struct json_member trace_members[] = {
	JSON_TEXT("status", result_trace, status, JSON_NEVER_NULL,
		  "\"ok\", \"refused\" or \"off\"."),
	JSON_TEXT("reason", result_trace, reason, 0, "Why it is not ok."),
	JSON_FLAT_POINTER(result_trace, traced, result_traced, 0),
};
const struct json_shape result_trace_json =
	JSON_SHAPE(result_trace, "trace", "The trace of what is done to maps.", trace_members);
