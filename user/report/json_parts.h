/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_parts.h - what the JSON of the report is made of; the stream of events has some
 * of it, too. The caller owns what is returned; NULL: memory ran out.
 */
#ifndef MAPTRACE_REPORT_JSON_PARTS_H
#define MAPTRACE_REPORT_JSON_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model/watch.h"

/* Sections of the document. */
json_t *json_target(const struct watch *w);
json_t *json_memory(const struct watch *w);
json_t *json_fragmentation(const struct watch *w);
json_t *json_reclaim(const struct watch *w);
json_t *json_heap(const struct watch *w);
json_t *json_census(const struct watch *w);
json_t *json_values(const struct watch *w);
json_t *json_findings(const struct watch *w);
json_t *json_trace(const struct watch *w);
json_t *json_gc(const struct watch *w);
json_t *json_memcalls(const struct watch *w);
json_t *json_cost(const struct watch *w);

/* The array of all maps, written row by row; false: memory ran out. */
bool json_write_maps(const struct watch *w, FILE *out);

/* Row i of the census without its address, which comes first. */
json_t *json_map(const struct watch *w, size_t i);

/* Whether that tells more than the map's kind and its zero values: what is of this map alone. */
bool json_map_is_special(const struct watch *w, size_t i);

/* Single events. Times count from start_ns. */
json_t *json_event(const struct watch *w, const struct trace_event *e, uint64_t start_ns);
json_t *json_memcall(const struct watch *w, const struct trace_memcall *c, uint64_t start_ns);

/* What was done to a map, or from a place in the source, or to maps in no census. */
json_t *json_activity(const struct watch *w, const struct activity *a);
json_t *json_call_sites(const struct watch *w);
json_t *json_unplaced(const struct watch *w);

/* Members that name a place in the source: a line, or the function that calls. */
void set_line(json_t *o, const struct frame *f);
void set_caller(json_t *o, const struct watch *w, uint64_t return_addr);

#endif
