/* SPDX-License-Identifier: GPL-2.0-only */
/* text_parts.h - what the report for people is made of: the page, and what prints it. */
#ifndef MAPTRACE_REPORT_TEXT_PARTS_H
#define MAPTRACE_REPORT_TEXT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/units.h"
#include "report/busiest.h"
#include "report/flow.h"
#include "report/ranking.h"
#include "report/report.h"

enum { NAME_SZ = 256 };

#define BYTES(v) text_bytes(v).s
#define COUNT(v) text_count(v).s
#define COUNTED(v, noun) text_counted(v, noun).s

/* Zero values in the maps of one place of the ranking. */
struct zero_sum {
	uint64_t map_cnt; /* that were counted in */
	uint64_t live_keys;
	uint64_t zero;
	uint64_t low;
	uint64_t high;
	bool sampled;
};

struct page {
	const struct watch *w;
	const struct report_opts *opts;
	struct ranking ranking;
	struct zero_sum *zeroes; /* one a place; NULL: not counted */
	struct busiest busiest;
	FILE *out;
};

static inline double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

/* The type of a map, or what is known of it; in pieces that may be on two lines. */
void flow_type(const struct page *p, struct flow *f, int blanks, const struct map_info *m);

/* "what: why", on as many lines as a reason takes. */
void print_reason(const struct page *p, const char *what, const char *why);

/* The sections, in their order. One that has nothing to say prints nothing. */
void print_memory(const struct page *p);
void print_reclaim(const struct page *p);
void print_maps(const struct page *p);
void print_activity(const struct page *p);
struct err *print_next_growths(const struct page *p);
void print_gc(const struct page *p);
void print_memcalls(const struct page *p);
void print_verdict(const struct page *p);
void print_cost(const struct page *p);

#endif
