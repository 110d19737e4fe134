// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <inttypes.h>
#include <string.h>

#include "base/short_name.h"

enum {
	HOLDER_INDENT = 5,
	HOLDER_HANG = 7,
	HOLDER_SZ = 512, /* of its text */
};

/* " (guessed, 1 of 3)", or nothing for a certain holder. */
static void guess_text(const struct result_holder *h, char *buf, size_t buf_sz)
{
	*buf = '\0';
	if (!h->certain && h->candidates > 1)
		snprintf(buf, buf_sz, " (guessed, 1 of %" PRIu64 ")", h->candidates);
	else if (!h->certain)
		snprintf(buf, buf_sz, " (guessed)");
}

static void print_holder(const struct page *p, const char *lead, const struct result_holder *h,
			 const char *more)
{
	char text[HOLDER_SZ], guess[64];

	name_short(known_text(h->text), text, sizeof(text));
	guess_text(h, guess, sizeof(guess));
	page_words(p, HOLDER_INDENT, HOLDER_HANG, "%s %s%s%s", lead, text, guess, more);
}

static const struct result_holder *largest_holder(const struct page *p,
						  const struct result_group *g)
{
	struct map_view m;

	return result_map_find(p->r->maps, g->largest_map, &m) ? m.holder : NULL;
}

void print_group_holder(const struct page *p, const struct result_group *g)
{
	const struct result_holder *largest = g->holder ? NULL : largest_holder(p, g);
	char more[128] = "";

	if (g->holder)
		print_holder(p, "held by", g->holder, "");
	if (!largest)
		return;
	if (g->holders > 1) {
		snprintf(more, sizeof(more), "; all of them by %s", COUNTED(g->holders, "holder"));
		print_holder(p, "the largest is held by", largest, more);
		return;
	}
	snprintf(more, sizeof(more), " (%s of %s)", COUNT(g->maps_held), COUNTED(g->maps, "map"));
	print_holder(p, "held by", largest, more);
}

void print_finding_holder(const struct page *p, const struct result_finding *f)
{
	if (!f->holder)
		return;
	print_holder(p,
		     f->maps && f->maps->maps > 1 ? "the one with most to give back is held by"
						  : "held by",
		     f->holder, "");
}

void print_graph_footnote(const struct page *p)
{
	const struct result_graph *g = &p->r->graph;

	if (is_refused(g->status))
		page_words(p, HOLDER_INDENT, HOLDER_HANG, "what holds the maps is not known: %s",
			   known_text(g->reason));
	else if (g->reason)
		page_words(p, HOLDER_INDENT, HOLDER_HANG,
			   "what holds some of the maps is not known: %s", g->reason);
}
