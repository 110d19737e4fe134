// SPDX-License-Identifier: GPL-2.0-only
/* The verdict with its findings, and at the end what it cost. */
#include "report/html_parts.h"

enum { HTML_FINDINGS_MAX = 50 };

static void html_finding_path(const struct html *h, const struct result_finding *f)
{
	struct map_view m;

	if (f->map && result_map_find(h->r->maps, f->map, &m) && m.path && m.path->steps.len > 1)
		html_element(h, "p class=\"code\"", "from %s%s", known_text(m.path->text),
			     m.path->certain ? "" : " (guessed)");
}

static void html_finding_caller(const struct html *h, const struct result_caller *c)
{
	if (!c || !c->function)
		return;
	if (c->at && c->at->file && c->at->line)
		html_element(h, "p class=\"code\"", "by %s (%s:%lu)", c->function, c->at->file,
			     (unsigned long)c->at->line);
	else
		html_element(h, "p class=\"code\"", "by %s", c->function);
}

static void html_finding(const struct html *h, const struct result_finding *f)
{
	html_raw(h, "<li>");
	html_element(h, "h3", "%s%s", finding_severity_words[f->severity].text,
		     known_text(f->headline));
	html_holder(h, "p class=\"code\"", "held by ", f->holder);
	html_finding_path(h, f);
	html_finding_caller(h, f->caller);
	if (f->evidence)
		html_element(h, "p", "%s", f->evidence);
	if (f->remedy)
		html_element(h, "p class=\"remedy\"", "%s", f->remedy);
	html_raw(h, "</li>\n");
}

static void html_findings(const struct html *h)
{
	size_t cnt = h->r->findings.len;

	if (!cnt)
		return;
	html_raw(h, "<ol class=\"findings\">\n");
	for (size_t i = 0; i < cnt && i < HTML_FINDINGS_MAX; i++)
		html_finding(h, &h->r->findings.data[i]);
	html_raw(h, "</ol>\n");
	if (cnt > HTML_FINDINGS_MAX)
		html_element(h, "p class=\"note\"", "and %s more",
			     COUNTED(cnt - HTML_FINDINGS_MAX, "finding"));
}

void html_verdict(const struct html *h)
{
	const struct result_verdict *v = &h->r->verdict;
	const char *state = v->judged ? verdict_state_words[v->state].name : NULL;

	fprintf(h->out, "<section id=\"verdict\" class=\"%s\" aria-labelledby=\"h-verdict\">",
		state ? state : "none");
	html_raw(h, "<h2 id=\"h-verdict\">Verdict</h2>");
	html_element(h, "p class=\"big\"", "%s",
		     v->judged ? known_text(v->text)
			       : "None: without a census of the maps there is nothing to judge.");
	if (!v->judged && h->r->census.reason)
		html_element(h, "p", "%s", h->r->census.reason);
	html_findings(h);
	for (size_t i = 0; v->judged && i < v->besides.len && i < HTML_FINDINGS_MAX; i++)
		html_element(h, "p", "%s", known_text(v->besides.data[i]));
	html_raw(h, "</section>\n");
}

void html_cost(const struct html *h)
{
	const struct result_cost *c = &h->r->cost;

	html_section(h, "cost", "What looking cost", "%s", "");
	if (c->receipt)
		html_element(h, "p", "The process: %s of one core, by %s of %.2f us each%s.",
			     text_percent(c->receipt->share_of_core).s,
			     COUNTED(c->probe_hits, "probe hit"), c->receipt->price_ns / 1000,
			     c->receipt->budget_held ? "" : "; the budget was not held");
	html_element(h, "p", "maptrace: %s of CPU time, %s of memory, %s read, %s lost.",
		     DURATION(c->cpu_ns), BYTES(c->peak_rss_bytes), BYTES(c->bytes_read),
		     COUNTED(c->records_lost, "record"));
	html_raw(h, "</section>\n");
}
