// SPDX-License-Identifier: GPL-2.0-only
/* Maps that gain keys, growths to come, and the other objects of the heap. */
#include "report/html_parts.h"

#include <math.h>

enum { HTML_GROWING_MAX = 30, HTML_OBJECTS_MAX = 30 };

static void html_growing_row(const struct html *h, const struct result_growing *g)
{
	html_raw(h, "<tr>");
	html_raw(h, "<th scope=\"row\" class=\"code\">");
	html_text(h->out, known_text(g->type ? g->type : g->label));
	html_holder(h, "p", "held by ", g->holder);
	html_raw(h, "</th>");
	html_element(h, "td class=\"n\"", "%s/s", text_rate(g->keys_per_s).s);
	html_element(h, "td class=\"n\"", "%s", COUNT(g->live_keys));
	if (isnan(g->bytes_per_s))
		html_raw(h, "<td class=\"n\">?</td>");
	else
		html_element(h, "td class=\"n\"", "%s%s/s", g->contents_lead_on ? "at least " : "",
			     BYTES((uint64_t)g->bytes_per_s));
	html_raw(h, "<td>");
	if (g->limit && g->limit->in_ns.known)
		html_element(h, "p", "%s limit of %s in about %s", known_text(g->limit->kind),
			     BYTES(g->limit->bytes), DURATION(g->limit->in_ns.v));
	if (g->doubt)
		html_element(h, "p", "but %s", g->doubt);
	html_raw(h, "</td></tr>\n");
}

static void html_coming_row(const struct html *h, const struct result_coming_growth *c)
{
	const struct result_growth *g = &c->growth;

	html_raw(h, "<tr>");
	html_element(h, "th scope=\"row\" class=\"code\"", "%s", known_text(c->label));
	html_element(h, "td class=\"n\"", "%s", DURATION(g->in_ns.v));
	html_element(h, "td class=\"n\"", "%s", COUNT(g->at_live_keys));
	html_element(h, "td class=\"n\"", "%s", BYTES(g->allocates_bytes));
	html_element(h, "td", "%s", g->fits_cgroup ? "" : "more than the cgroup has left");
	html_raw(h, "</tr>\n");
}

void html_growing(const struct html *h)
{
	const struct result *r = h->r;

	if (!r->growing.len && !r->next_growths.len)
		return;
	html_section(h, "growing", "Growing", "%s", "While it was observed.");
	if (r->growing.len)
		html_table(h, "Maps that gained keys all the time",
			   "maps|#keys|#live keys|#bytes|then");
	for (size_t i = 0; i < r->growing.len && i < HTML_GROWING_MAX; i++)
		html_growing_row(h, &r->growing.data[i]);
	if (r->growing.len)
		html_table_end(h);
	if (r->next_growths.len)
		html_table(h, "The next growths, at the present rate",
			   "map|#in|#at keys|#takes|note");
	for (size_t i = 0; i < r->next_growths.len && i < HTML_GROWING_MAX; i++)
		html_coming_row(h, &r->next_growths.data[i]);
	if (r->next_growths.len)
		html_table_end(h);
	html_raw(h, "</section>\n");
}

static void html_object_row(const struct html *h, const struct result_object_group *g)
{
	const char *about = g->estimated ? "about " : "";

	html_raw(h, "<tr>");
	if (g->type)
		html_element(h, "th scope=\"row\" class=\"code\"", "%s%s", g->type,
			     g->certain ? "" : " (guessed)");
	else
		html_element(h, "th scope=\"row\"", "%s%s with%s pointers",
			     g->slot_bytes ? BYTES(g->slot_bytes) : "objects above 32 KiB",
			     g->slot_bytes ? " slots" : "", g->pointers ? "" : "out");
	html_element(h, "td class=\"n\"", "%s%s", about, BYTES(g->bytes));
	html_element(h, "td class=\"n\"", "%s%s", about, COUNT(g->count));
	html_element(h, "td class=\"n\"", "%s",
		     g->garbage_bytes.known ? BYTES(g->garbage_bytes.v) : "?");
	html_raw(h, "</tr>\n");
}

void html_objects(const struct html *h)
{
	const struct result_objects_total *t = h->r->objects_total;

	if (!t || !h->r->objects.len)
		return;
	html_section(h, "objects", "Other heap objects", "%s with %s, not those of maps",
		     COUNTED(t->count, "object"), BYTES(t->bytes));
	html_table(h, "Other objects by type", "type|#bytes|#objects|#garbage");
	for (size_t i = 0; i < h->r->objects.len && i < HTML_OBJECTS_MAX; i++)
		html_object_row(h, &h->r->objects.data[i]);
	html_table_end(h);
	if (t->groups > HTML_OBJECTS_MAX)
		html_element(h, "p class=\"note\"", "and %s (--json)",
			     COUNTED(t->groups - HTML_OBJECTS_MAX, "more type"));
	html_raw(h, "</section>\n");
}
