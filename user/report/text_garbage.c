// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <stdio.h>

enum {
	GARBAGE_BYTES_MIN = 1 << 20,
	GARBAGE_INDENT = 2,
	GARBAGE_HANG = 4,
};

/* A goal that no heap can reach: the collector is off, and no limit binds. */
#define GARBAGE_GOAL_MAX (UINT64_C(1) << 48)

/* When it goes. Without GOGC only the memory limit starts a cycle, and none is forced. */
static void print_garbage_end(const struct page *p, const struct result_gc_read *gc)
{
	const char *why = "";
	char when[128] = "";

	if (!gc || gc->heap_goal_bytes >= GARBAGE_GOAL_MAX) {
		page_words(p, GARBAGE_INDENT, GARBAGE_HANG,
			   "the next collection frees it, but nothing starts one%s",
			   gc ? " (GOGC=off)" : "");
		return;
	}
	if (gc->next_gc_in_ns.known)
		snprintf(when, sizeof(when), "%s about %s%s",
			 gc->next_gc_forced ? "forced in" : "in", DURATION(gc->next_gc_in_ns.v),
			 gc->next_gc_forced ? ", or before that " : ", ");
	if (gc->limit_binds)
		why = ", by the memory limit";
	page_words(p, GARBAGE_INDENT, GARBAGE_HANG,
		   "the next collection frees it: %sat %s of heap%s, now %s", when,
		   BYTES(gc->heap_goal_bytes), why, BYTES(gc->heap_live_bytes));
}

void print_garbage(const struct page *p)
{
	const struct result_reach *g = &p->r->graph.reach;
	uint64_t maps = g->garbage_maps.known ? g->garbage_maps.v : 0;

	if (!p->r->memory || !g->garbage_bytes.known || g->garbage_bytes.v < GARBAGE_BYTES_MIN)
		return;
	page_heading(p, "GARBAGE", "%s in %s that nothing reaches any more, %s of them maps",
		     BYTES(g->garbage_bytes.v), COUNTED(g->garbage_objects.v, "object"),
		     COUNT(maps));
	print_garbage_end(p, p->r->gc.read);
}
