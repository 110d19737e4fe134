/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_shapes.h - the shapes of the structs of a result (model/result.h), see
 * json_shape.h. The files json_SECTION.c define them.
 */
#ifndef MAPTRACE_REPORT_JSON_SHAPES_H
#define MAPTRACE_REPORT_JSON_SHAPES_H

#include "report/json_shape.h"

/* The document. */
extern const struct json_shape result_json;

/* json_target.c */
extern const struct json_shape result_host_json;
extern const struct json_shape result_target_json;
extern const struct json_shape result_doubt_json;

/* json_memory.c */
extern const struct json_shape result_ledger_json;
extern const struct json_shape result_fragmentation_json;
extern const struct json_shape result_heap_json;

/* json_reclaim.c */
extern const struct json_shape result_reclaim_json;

/* json_census.c */
extern const struct json_shape result_census_json;
extern const struct json_shape result_values_json;
extern const struct json_shape result_group_json;
extern const struct json_shape result_coming_growth_json;
extern const struct json_shape result_growing_json;

/* json_since.c */
extern const struct json_shape result_since_json;

/* json_graph.c */
extern const struct json_shape result_holder_json;
extern const struct json_shape result_graph_json;

/* json_objects.c */
extern const struct json_shape result_object_group_json;
extern const struct json_shape result_objects_total_json;

/* json_sync_maps.c */
extern const struct json_shape result_sync_map_json;

/* json_goroutines.c */
extern const struct json_shape result_goroutines_json;

/* json_findings.c */
extern const struct json_shape result_finding_json;
extern const struct json_shape result_verdict_json;

/* json_activity.c */
extern const struct json_shape result_frame_json;
extern const struct json_shape json_line_json; /* a frame without its function */
extern const struct json_shape result_caller_json;
extern const struct json_shape result_activity_json;
extern const struct json_shape result_call_site_json;
extern const struct json_shape result_unplaced_json;
extern const struct json_shape result_busy_json;

/* json_trace.c */
extern const struct json_shape result_map_event_json;
extern const struct json_shape result_trace_json;

/* json_gc.c */
extern const struct json_shape result_gc_json;

/* json_memcalls.c */
extern const struct json_shape result_memcall_json;
extern const struct json_shape result_memcalls_json;

/* json_cost.c */
extern const struct json_shape result_cost_json;

/* json_map.c */
extern const struct json_shape result_growth_json;
extern const struct json_shape map_same_json;
extern const struct json_shape map_id_json; /* of struct map_view: its id */
extern const struct json_shape map_held_json; /* of struct map_view: its holder */
extern const struct json_shape map_own_json; /* of struct map_view: what is of one map alone */
extern const struct json_shape map_view_json; /* the whole row of a map */

#endif
