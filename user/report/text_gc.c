// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

static void print_gc_window(const struct page *p, const struct gc_window *win)
{
	fprintf(p->out, "  %s while watched",
		win->cycles ? COUNTED(win->cycles, "cycle") : "no cycle");
	if (win->forced_cycles)
		fprintf(p->out, ", %s forced", COUNT(win->forced_cycles));
	if (win->cpu_share_known)
		fprintf(p->out, ", %s of CPU", text_percent(win->cpu_share).s);
	fputc('\n', p->out);
	if (!win->cycles)
		return;
	fprintf(p->out, "  pauses of %s in all", text_duration(win->pause_total_ns).s);
	if (win->pause_max_known)
		fprintf(p->out, ", %s in one cycle at most", text_duration(win->pause_max_ns).s);
	fputc('\n', p->out);
}

void print_gc(const struct page *p)
{
	const struct watch *w = p->w;
	const struct gc_sample *s = &w->gc_last;
	struct gc_window win;

	if (!w->snap)
		return;
	if (w->gc_err) {
		fputc('\n', p->out);
		print_reason(p, "GC  not read", w->gc_err->msg);
		return;
	}
	fprintf(p->out, "\nGC  live heap %s, next cycle at %s\n", BYTES(s->heap_marked_bytes),
		BYTES(s->heap_goal_bytes));
	if (w->trace && gc_window(&w->gc_first, s, &win))
		print_gc_window(p, &win);
	uint64_t scan = w->snap->census->totals.scan_bytes;
	if (scan && scan <= s->scannable_bytes)
		fprintf(p->out, "  map tables are %.0f %% of the %s that each cycle has to scan\n",
			percent(scan, s->scannable_bytes), BYTES(s->scannable_bytes));
}
