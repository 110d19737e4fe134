// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <string.h>

#include "base/short_name.h"

enum {
	HOLDER_INDENT = 5,
	HOLDER_HANG = 7,
	HOLDER_SZ = 512, /* of its text */
	PATH_SZ = 2048,
};

/* "(guessed, 1 of 3)", or nothing for a certain holder. */
static void add_guess(struct flow *f, const struct result_holder *h)
{
	if (!h->certain && h->candidates > 1)
		flow_add(f, 1, "(guessed, 1 of %s)", COUNT(h->candidates));
	else if (!h->certain)
		flow_add(f, 1, "(guessed)");
}

static void print_holder(const struct page *p, const char *lead, const struct result_holder *h,
			 const char *more)
{
	struct flow f = page_flow(p, HOLDER_HANG);
	char text[HOLDER_SZ];

	name_short(known_text(h->text), text, sizeof(text));
	flow_sentence(&f, HOLDER_INDENT, "%s %s", lead, text);
	add_guess(&f, h);
	if (*more)
		flow_add(&f, 1, "%s", more);
	flow_end(&f);
}

/* Adds a way in pieces: a line may be broken before a type, and after it. */
static void add_path(struct flow *f, const char *text)
{
	int blanks = 1;

	while (*text) {
		size_t len = 1;

		while (text[len] && text[len] != ' ' && text[len - 1] != ')' &&
		       strncmp(text + len, ".(", 2))
			len++;
		flow_add(f, blanks, "%.*s", (int)len, text);
		text += len;
		blanks = *text == ' ';
		text += blanks;
	}
}

/* How the program gets to a map, where that is more than what holds it. */
static void print_path(const struct page *p, const char *lead, uint64_t map)
{
	struct flow f = page_flow(p, HOLDER_HANG);
	char text[PATH_SZ];
	struct map_view m;

	if (!map || !result_map_find(p->r->maps, map, &m) || !m.path || m.path->steps.len < 2)
		return;
	name_short(known_text(m.path->text), text, sizeof(text));
	flow_sentence(&f, HOLDER_INDENT, "%s", lead);
	add_path(&f, text);
	const char *users = strstr(known_text(m.path->steps.data[0].text), " used by ");
	if (users) {
		name_short(users + 1, text, sizeof(text));
		flow_sentence(&f, 1, "(<var> %s)", text);
	}
	if (!m.path->certain)
		flow_add(&f, 1, "(guessed)");
	flow_end(&f);
}

void print_group_holders(const struct page *p, const struct result_group *g)
{
	size_t cnt = g->held_by.len;
	char more[64] = "";

	for (size_t i = 0; i < cnt; i++) {
		uint64_t maps = g->held_by.data[i].maps;

		if (maps < g->maps)
			snprintf(more, sizeof(more), "(%s)", COUNTED(maps, "map"));
		print_holder(p, "held by", g->held_by.data[i].holder, more);
	}
	if (g->holders > cnt)
		page_words(p, HOLDER_INDENT, HOLDER_HANG, "and by %s (--json)",
			   COUNTED(g->holders - cnt, "other"));
	print_path(p, g->maps > 1 ? "the largest one from" : "from", g->largest_map);
}

void print_held_by(const struct page *p, const struct result_holder *h)
{
	if (h)
		print_holder(p, "held by", h, "");
}

void print_finding_holder(const struct page *p, const struct result_finding *f)
{
	if (!f->holder)
		return;
	print_holder(p,
		     f->maps && f->maps->maps > 1 ? "the one with most to give back is held by"
						  : "held by",
		     f->holder, "");
	print_path(p, "from", f->map);
}

static void print_reach_footnote(const struct page *p)
{
	const struct result_reach *g = &p->r->graph.reach;

	if (g->reason)
		page_words(p, HOLDER_INDENT, HOLDER_HANG,
			   "which of the maps are garbage is not known: %s", g->reason);
}

void print_graph_footnote(const struct page *p)
{
	const struct result_graph *g = &p->r->graph;

	print_reach_footnote(p);

	if (is_refused(g->status))
		page_words(p, HOLDER_INDENT, HOLDER_HANG, "what holds the maps is not known: %s",
			   known_text(g->reason));
	else if (g->reason)
		page_words(p, HOLDER_INDENT, HOLDER_HANG,
			   "what holds some of the maps is not known: %s", g->reason);
	if (g->paths_reason && g->paths)
		page_words(p, HOLDER_INDENT, HOLDER_HANG,
			   "there may be better ways to some of the maps: %s", g->paths_reason);
}
