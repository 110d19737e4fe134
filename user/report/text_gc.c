// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <math.h>
#include <stdio.h>

static void print_gc_pauses(const struct page *p, const struct result_gc_watched *w)
{
	if (w->pause_max_ns.known)
		page_words(p, 2, 4, "pauses: %s in all, at most %s in one cycle",
			   DURATION(w->pause_total_ns), DURATION(w->pause_max_ns.v));
	else
		page_words(p, 2, 4, "pauses: %s in all", DURATION(w->pause_total_ns));
}

static void print_gc_watched(const struct page *p, const struct result_gc_watched *w)
{
	char forced[80] = "", cpu[80] = "";

	if (w->forced_cycles)
		snprintf(forced, sizeof(forced), ", %s forced", COUNT(w->forced_cycles));
	if (!isnan(w->cpu_share))
		snprintf(cpu, sizeof(cpu), ", %s of the CPU time", text_percent(w->cpu_share).s);
	page_words(p, 2, 4, "%s while observed%s%s",
		   w->cycles ? COUNTED(w->cycles, "cycle") : "no cycle", forced, cpu);
	if (w->cycles)
		print_gc_pauses(p, w);
}

/* The share of map tables in what a cycle has to scan; after a change meanwhile the two
 * figures may not fit together. */
static void print_gc_scan(const struct page *p, const struct result_gc_read *gc)
{
	uint64_t tables = gc->map_scannable_bytes.known ? gc->map_scannable_bytes.v : 0;

	if (tables && tables <= gc->scannable_bytes)
		page_words(p, 2, 4, "map tables are %.0f %% of the %s that each cycle has to scan",
			   percent(tables, gc->scannable_bytes), BYTES(gc->scannable_bytes));
}

/* A goal that no heap can reach: the collector is off, and no limit binds. */
#define GOAL_MAX_BYTES (UINT64_C(1) << 48)

static void print_gc_heading(const struct page *p, const struct result_gc_read *gc)
{
	if (gc->heap_goal_bytes < GOAL_MAX_BYTES)
		page_heading(p, "GC", "live heap %s, next cycle at %s",
			     BYTES(gc->heap_marked_bytes), BYTES(gc->heap_goal_bytes));
	else
		page_heading(p, "GC", "live heap %s, no next cycle (GOGC=off)",
			     BYTES(gc->heap_marked_bytes));
}

/* What decides when the next cycle comes. */
static void print_gc_settings(const struct page *p, const struct result_gc_read *gc)
{
	char gogc[80] = "GOGC=off", limit[160] = "";

	if (gc->gogc_percent.known)
		snprintf(gogc, sizeof(gogc), "GOGC=%s", COUNT(gc->gogc_percent.v));
	if (gc->memory_limit_bytes.known)
		snprintf(limit, sizeof(limit), ", memory limit %s%s",
			 BYTES(gc->memory_limit_bytes.v),
			 gc->limit_binds ? ", which decides: GOGC has no effect" : "");
	page_words(p, 2, 4, "%s%s", gogc, limit);
}

static void print_gc_pace(const struct page *p, const struct result_gc_read *gc)
{
	char next[160] = "", share[160] = "";

	if (!gc->last_gc_ago_ns.known)
		return;
	if (gc->next_gc_in_ns.known)
		snprintf(next, sizeof(next), "; the next one in about %s",
			 DURATION(gc->next_gc_in_ns.v));
	if (gc->cpu_share > 0)
		snprintf(share, sizeof(share), "; %s of all CPU time since the start",
			 text_percent(gc->cpu_share).s);
	page_words(p, 2, 4, "last cycle %s ago, %s allocated since%s%s",
		   DURATION(gc->last_gc_ago_ns.v), BYTES(gc->allocated_since_bytes.v), next, share);
}

void print_gc(const struct page *p)
{
	const struct result_gc *gc = &p->r->gc;

	if (!p->r->memory)
		return;
	if (!gc->read) {
		page_heading(p, "GC", "cannot be read: %s", known_text(gc->reason));
		return;
	}
	print_gc_heading(p, gc->read);
	print_gc_settings(p, gc->read);
	print_gc_pace(p, gc->read);
	if (p->r->trace.traced && gc->read->watched)
		print_gc_watched(p, gc->read->watched);
	print_gc_scan(p, gc->read);
}
