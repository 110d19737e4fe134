// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happened while the process was traced, over time; and the collector.
 *
 * A chart has a bar for each of 60 equal times. Bars above the line and below it count different
 * things, in the same unit.
 */
#include "report/html_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { CHART_BINS = 60, CHART_WIDTH = 600, CHART_HEIGHT = 120, MEMSUMS_MAX = 30 };

struct chart {
	uint64_t duration_ns;
	double up[CHART_BINS];
	double down[CHART_BINS];
	double up_sum;
	double down_sum;
};

static void chart_add(struct chart *c, uint64_t time_ns, double up, double down)
{
	size_t bin = c->duration_ns ? (size_t)((double)time_ns / c->duration_ns * CHART_BINS) : 0;

	if (bin >= CHART_BINS)
		bin = CHART_BINS - 1;
	c->up[bin] += up;
	c->down[bin] += down;
	c->up_sum += up;
	c->down_sum += down;
}

static double chart_max(const struct chart *c)
{
	double max = 0;

	for (int i = 0; i < CHART_BINS; i++)
		max = fmax(max, fmax(c->up[i], c->down[i]));
	return max;
}

static void chart_bars(const struct html *h, const double *values, double max, bool up)
{
	const double width = (double)CHART_WIDTH / CHART_BINS, half = CHART_HEIGHT / 2.0;

	for (int i = 0; i < CHART_BINS; i++) {
		double height = max ? fmax(half * values[i] / max, values[i] ? 1 : 0) : 0;

		if (height > 0)
			fprintf(h->out,
				"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
				"height=\"%.1f\"/>",
				up ? "up" : "down", i * width + 1, up ? half - height : half,
				width - 2, height);
	}
}

/* The drawing alone; `label` says in words what it shows. */
static void html_chart(const struct html *h, const struct chart *c, const char *label)
{
	double max = chart_max(c);

	html_raw(h, "<figure><figcaption>");
	html_text(h->out, label);
	fprintf(h->out,
		"</figcaption><svg class=\"chart\" viewBox=\"0 0 %d %d\" "
		"preserveAspectRatio=\"none\" role=\"img\"",
		CHART_WIDTH, CHART_HEIGHT);
	html_attribute(h, "aria-label", "%s", label);
	html_raw(h, ">");
	chart_bars(h, c->up, max, /* up= */ true);
	chart_bars(h, c->down, max, /* up= */ false);
	fprintf(h->out,
		"<path class=\"axis\" d=\"M0 %d H%d\"/></svg><p class=\"axis\"><span>0 s</span>",
		CHART_HEIGHT / 2, CHART_WIDTH);
	html_element(h, "span", "%s", DURATION(c->duration_ns));
	html_raw(h, "</p></figure>\n");
}

/* ---- maps ---- */

static void html_map_events(const struct html *h, const struct result_traced *t)
{
	struct chart c = { .duration_ns = t->duration_ns };
	char label[256];

	for (size_t i = 0; i < t->events.len; i++) {
		const struct result_map_event *e = &t->events.data[i];

		chart_add(&c, e->time_ns, e->op == MAP_OP_GROW, e->op == MAP_OP_CLEAR);
	}
	if (!c.up_sum && !c.down_sum)
		return;
	snprintf(label, sizeof(label), "Maps: %s (up), %s (down)%s",
		 COUNTED((uint64_t)c.up_sum, "growth"), COUNTED((uint64_t)c.down_sum, "clear"),
		 t->left_out.events ? "; there were more, which are not listed" : "");
	html_chart(h, &c, label);
}

/* ---- memory calls ---- */

static bool gives_back(const struct result_memcall *m)
{
	const char *call = known_text(m->call);

	if (!strcmp(call, "munmap"))
		return true;
	return !strcmp(call, "madvise") && m->advice && m->advice->name &&
	       (!strcmp(m->advice->name, "MADV_DONTNEED") || !strcmp(m->advice->name, "MADV_FREE"));
}

static void html_memory_events(const struct html *h)
{
	const struct result_memcalls *m = &h->r->memory_calls;
	struct chart c = { .duration_ns = h->r->trace.traced->duration_ns };
	char label[256];

	for (size_t i = 0; i < m->calls.len; i++) {
		const struct result_memcall *call = &m->calls.data[i];
		bool maps = !strcmp(known_text(call->call), "mmap");

		if (!call->error)
			chart_add(&c, call->time_ns, maps ? call->bytes : 0,
				  gives_back(call) ? call->bytes : 0);
	}
	if (!c.up_sum && !c.down_sum)
		return;
	snprintf(label, sizeof(label), "Memory: %s mapped (up), %s given back (down)%s",
		 BYTES((uint64_t)c.up_sum), BYTES((uint64_t)c.down_sum),
		 m->traced->not_listed ? "; there were more calls, which are not listed" : "");
	html_chart(h, &c, label);
}

static void html_memsum(const struct html *h, const struct result_memsum *s)
{
	const char *advice = s->advice ? known_text(s->advice->name) : "";
	bool reserves = s->protection.known && !s->protection.v;

	html_raw(h, "<tr>");
	html_element(h, "th scope=\"row\"", "%s %s", known_text(s->call),
		     reserves ? "(reserves only)" : advice);
	html_element(h, "td class=\"n\"", "%s", COUNT(s->calls));
	html_element(h, "td class=\"n\"", "%s", BYTES(s->bytes));
	html_element(h, "td", "%s", s->error ? strerror(s->error) : "");
	html_raw(h, "</tr>\n");
}

static void html_memsums(const struct html *h)
{
	const struct result_memcalls *m = &h->r->memory_calls;

	if (!m->totals.len)
		return;
	html_table(h, "Memory calls while observed", "call|#calls|#bytes|failed");
	for (size_t i = 0; i < m->totals.len && i < MEMSUMS_MAX; i++)
		html_memsum(h, &m->totals.data[i]);
	html_table_end(h);
}

void html_events(const struct html *h)
{
	const struct result_traced *t = h->r->trace.traced;
	const struct result_memcalls *m = &h->r->memory_calls;

	if (!t)
		return;
	html_section(h, "events", "Events", "while observed for %s", DURATION(t->duration_ns));
	html_map_events(h, t);
	if (m->traced) {
		html_memory_events(h);
		html_memsums(h);
	} else
		html_element(h, "p class=\"note\"", "memory calls were not traced: %s",
			     known_text(m->reason));
	if (m->traced && !m->totals.len)
		html_element(h, "p", "%s", "no mmap, munmap or madvise seen");
	html_raw(h, "</section>\n");
}

/* ---- the collector ---- */

static void html_gc_watched(const struct html *h, const struct result_gc_watched *w)
{
	html_element(h, "p", "%s while observed, %s forced; pauses of %s in all",
		     COUNTED(w->cycles, "cycle"), COUNT(w->forced_cycles),
		     DURATION(w->pause_total_ns));
}

static void html_gc_read(const struct html *h, const struct result_gc_read *gc)
{
	char gogc[64] = "GOGC=off", limit[80] = "no memory limit";

	if (gc->gogc_percent.known)
		snprintf(gogc, sizeof(gogc), "GOGC=%s", COUNT(gc->gogc_percent.v));
	if (gc->memory_limit_bytes.known)
		snprintf(limit, sizeof(limit), "memory limit %s", BYTES(gc->memory_limit_bytes.v));
	html_element(h, "p", "live heap %s, %s, %s", BYTES(gc->heap_marked_bytes), gogc, limit);
	if (gc->last_gc_ago_ns.known)
		html_element(h, "p", "last cycle %s ago", DURATION(gc->last_gc_ago_ns.v));
	if (gc->next_gc_in_ns.known)
		html_element(h, "p", "next one in about %s, at %s", DURATION(gc->next_gc_in_ns.v),
			     BYTES(gc->heap_goal_bytes));
	if (gc->watched && h->r->trace.traced)
		html_gc_watched(h, gc->watched);
}

void html_gc(const struct html *h)
{
	const struct result_gc *gc = &h->r->gc;

	if (!h->r->memory)
		return;
	html_section(h, "gc", "Garbage collector", "%s", "");
	if (gc->read)
		html_gc_read(h, gc->read);
	else
		html_element(h, "p class=\"note\"", "cannot be read: %s", known_text(gc->reason));
	html_raw(h, "</section>\n");
}
