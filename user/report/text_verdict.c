// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include "report/tone.h"

enum { FINDING_ROWS = 5, FINDING_INDENT = 5 };

static void print_finding(const struct page *p, size_t no, const struct result_finding *f)
{
	page_words_in(p, STYLE_BOLD, 2, FINDING_INDENT, "%zu. %s%s", no,
		      finding_severity_words[f->severity].text, known_text(f->headline));
	print_finding_holder(p, f);
	if (f->evidence)
		page_words(p, FINDING_INDENT, FINDING_INDENT, "%s", f->evidence);
	page_words(p, FINDING_INDENT, FINDING_INDENT, "%s", known_text(f->remedy));
}

static const char *const tone_colours[TONE_CNT] = {
	[TONE_GOOD] = STYLE_GOOD,
	[TONE_WARN] = STYLE_WARN,
	[TONE_BAD] = STYLE_BAD,
};

void print_verdict(const struct page *p)
{
	const struct result *r = p->r;

	page_heading(p, "VERDICT", "%s", "");
	if (!r->verdict.judged) {
		page_words(p, 2, 2,
			   "none: without a census of the maps there is nothing to judge.");
		return;
	}
	page_words_in(p, tone_colours[tone_of_verdict(r->verdict.state)], 2, 2, "%s",
		      known_text(r->verdict.text));
	for (size_t i = 0; i < r->findings.len && i < FINDING_ROWS; i++)
		print_finding(p, i + 1, &r->findings.data[i]);
	if (r->findings.len > FINDING_ROWS)
		page_words(p, 2, 2, "and %s more (--json)", COUNT(r->findings.len - FINDING_ROWS));
	for (size_t i = 0; i < r->verdict.besides.len; i++)
		page_words(p, 2, 2, "%s", known_text(r->verdict.besides.data[i]));
}
