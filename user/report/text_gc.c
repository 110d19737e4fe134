// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <math.h>

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

void print_gc(const struct page *p)
{
	const struct result_gc *gc = &p->r->gc;

	if (!p->r->memory)
		return;
	if (!gc->read) {
		page_heading(p, "GC", "cannot be read: %s", known_text(gc->reason));
		return;
	}
	page_heading(p, "GC", "live heap %s, next cycle at %s", BYTES(gc->read->heap_marked_bytes),
		     BYTES(gc->read->heap_goal_bytes));
	if (p->r->trace.traced && gc->read->watched)
		print_gc_watched(p, gc->read->watched);
	print_gc_scan(p, gc->read);
}
