// SPDX-License-Identifier: GPL-2.0-only
/* Where resident memory is, as a bar and a table; and why it is not given back. */
#include "report/html_parts.h"

#include <inttypes.h>

enum { BAR_WIDTH = 1000, BAR_HEIGHT = 48, CAUSE_SHOWN_MIN = 1 << 20 };

static void bar_row(const struct html *h, const struct result_ledger_row *row, double *x)
{
	double width = BAR_WIDTH * percent(row->resident_bytes, h->r->memory->rss_bytes) / 100;

	if (*x + width > BAR_WIDTH)
		width = BAR_WIDTH - *x;
	if (width <= 0)
		return;
	fprintf(h->out, "<rect class=\"row-%s\" x=\"%.2f\" width=\"%.2f\" height=\"%d\">",
		ledger_row_words[row->row].name, *x, width, BAR_HEIGHT);
	html_element(h, "title", "%s: %s, %.0f %%", ledger_row_words[row->row].text,
		     BYTES(row->resident_bytes),
		     percent(row->resident_bytes, h->r->memory->rss_bytes));
	html_raw(h, "</rect>");
	*x += width;
}

/* The table below has the same in words, so a screen reader leaves it out. */
static void html_bar(const struct html *h)
{
	const struct result_ledger *l = h->r->memory;
	double x = 0;

	fprintf(h->out,
		"<svg class=\"bar\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
		"aria-hidden=\"true\">",
		BAR_WIDTH, BAR_HEIGHT);
	for (size_t i = 0; i < l->rows.len; i++)
		bar_row(h, &l->rows.data[i], &x);
	html_raw(h, "</svg>\n");
}

static void html_memory_row(const struct html *h, const struct result_ledger_row *row)
{
	const char *remedy = ledger_remedy_words[row->remedy].text;

	fprintf(h->out,
		"<tr><th scope=\"row\"><svg class=\"key\" viewBox=\"0 0 1 1\" aria-hidden=\"true\">"
		"<rect class=\"row-%s\" width=\"1\" height=\"1\"/></svg> ",
		ledger_row_words[row->row].name);
	html_text(h->out, ledger_row_words[row->row].text);
	html_raw(h, "</th>");
	html_element(h, "td class=\"n\"", "%s", BYTES(row->resident_bytes));
	html_element(h, "td class=\"n\"", "%.0f %%",
		     percent(row->resident_bytes, h->r->memory->rss_bytes));
	if (remedy && row->gives_back_bytes)
		html_element(h, "td", "%s back %s", BYTES(row->gives_back_bytes), remedy);
	else
		html_raw(h, "<td></td>");
	html_raw(h, "</tr>\n");
}

static void html_unexplained(const struct html *h)
{
	int64_t bytes = h->r->memory->unexplained_bytes;
	uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;

	if (!bytes)
		return;
	html_raw(h, "<tr><th scope=\"row\">unexplained</th>");
	html_element(h, "td class=\"n\"", "%s%s", bytes < 0 ? "-" : "", BYTES(size));
	html_element(h, "td class=\"n\"", "%s%.0f %%", bytes < 0 ? "-" : "",
		     percent(size, h->r->memory->rss_bytes));
	html_raw(h, "<td></td></tr>\n");
}

static void html_memory_notes(const struct html *h)
{
	const struct result_ledger *l = h->r->memory;

	if (l->moving)
		html_element(h, "p class=\"note\"", "%s",
			     "The heap moved while it was read: rows may be off by what is "
			     "unexplained.");
	if (l->coarse_because)
		html_element(
			h, "p class=\"note\"",
			"It is not known which pages are resident: %s. All that Go uses or keeps "
			"is counted as resident.",
			l->coarse_because);
	if (l->missing)
		html_element(
			h, "p class=\"note\"",
			"%s cannot be read: memory of the runtime is counted in the last rows.",
			l->missing);
}

void html_memory(const struct html *h)
{
	const struct result_ledger *l = h->r->memory;
	const struct result_target *t = &h->r->target;
	char limit[64] = "no cgroup limit";

	if (t->cgroup_limit_bytes)
		snprintf(limit, sizeof(limit), "cgroup limit %s", BYTES(t->cgroup_limit_bytes));
	html_section(h, "memory", "Memory", "RSS %s, %s, %s in swap",
		     BYTES(l ? l->rss_bytes : t->rss_bytes), limit, BYTES(t->swap_bytes));
	if (l) {
		html_bar(h);
		html_table(h, "Resident memory by what has it", "what|#bytes|#share|comes back");
		for (size_t i = 0; i < l->rows.len; i++)
			if (l->rows.data[i].resident_bytes)
				html_memory_row(h, &l->rows.data[i]);
		html_unexplained(h);
		html_table_end(h);
		html_memory_notes(h);
	}
	html_raw(h, "</section>\n");
}

/* ---- not returned ---- */

static void html_cause(const struct html *h, const struct result_cause *c)
{
	html_raw(h, "<tr>");
	html_element(h, "th scope=\"row\"", "%s", reclaim_cause_words[c->cause].name);
	html_element(h, "td class=\"n\"", "%s", BYTES(c->bytes));
	html_raw(h, "<td>");
	if (c->not_yet_because)
		html_element(h, "p", "%s %s: %s",
			     c->not_yet_bytes.known ? BYTES(c->not_yet_bytes.v) : "a part",
			     c->cause == CAUSE_SPAN_PINNED ? "is used again" : "comes back",
			     c->not_yet_because);
	if (c->never_because)
		html_element(h, "p", "%s stays: %s",
			     c->never_bytes.known ? BYTES(c->never_bytes.v) : "a part",
			     c->never_because);
	html_raw(h, "</td></tr>\n");
}

static bool causes_matter(const struct result_reclaim *rc)
{
	for (size_t i = 0; rc && i < rc->causes.len; i++)
		if (rc->causes.data[i].bytes >= CAUSE_SHOWN_MIN)
			return true;
	return false;
}

void html_causes(const struct html *h)
{
	const struct result_reclaim *rc = h->r->reclaim;

	if (!causes_matter(rc))
		return;
	html_section(h, "causes", "Not returned", "%s",
		     "Resident, but of no use to the program now.");
	html_table(h, "Why memory without use is resident", "cause|#bytes|what becomes of it");
	for (size_t i = 0; i < rc->causes.len; i++)
		if (rc->causes.data[i].bytes >= CAUSE_SHOWN_MIN)
			html_cause(h, &rc->causes.data[i]);
	html_table_end(h);
	html_raw(h, "</section>\n");
}
