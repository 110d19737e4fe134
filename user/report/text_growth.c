// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/short_name.h"

enum { FORECAST_ROWS = 3, FORECAST_INDENT = 12, GROWING_ROWS = 3, GROWING_NAME_SZ = 256 };

/* ---- maps that grow all the time ---- */

static void print_growing_bytes(const struct page *p, const struct result_growing *g)
{
	struct flow f = page_flow(p, FORECAST_INDENT + 2);

	flow_add(&f, FORECAST_INDENT, "now %s in %s", COUNTED(g->live_keys, "key"),
		 BYTES(g->table_bytes));
	flow_add(&f, 1, "of tables;");
	if (!isnan(g->bytes_per_s))
		flow_add(&f, 1, "about %s%s/s with keys and values",
			 g->contents_lead_on ? "at least " : "", BYTES(g->bytes_per_s));
	else if (!isnan(g->table_bytes_per_s))
		flow_add(&f, 1, "about %s/s of tables, without keys and values",
			 BYTES(g->table_bytes_per_s));
	flow_end(&f);
}

static void print_growing_caller(const struct page *p, const struct result_growing *g)
{
	const struct result_caller *c = g->caller;
	char name[GROWING_NAME_SZ];

	if (!c || !c->function)
		return;
	name_short(c->function, name, sizeof(name));
	struct flow f = page_flow(p, FORECAST_INDENT + 2);
	flow_add(&f, FORECAST_INDENT, "from %s", name);
	if (c->at && c->at->file && c->at->line) {
		const char *slash = strrchr(c->at->file, '/');

		flow_add(&f, 1, "%s:%" PRIu64, slash ? slash + 1 : c->at->file, c->at->line);
	}
	if (g->deletes_seen)
		flow_add(&f, 0, "; it is deleted from, too");
	else
		flow_add(&f, 0, "; no deletes seen");
	flow_end(&f);
}

static void print_growing_limit(const struct page *p, const struct result_growing_limit *l)
{
	if (l && l->in_ns.known)
		page_words(p, FORECAST_INDENT, FORECAST_INDENT + 2, "%s limit of %s in about %s",
			   known_text(l->kind), BYTES(l->bytes), DURATION(l->in_ns.v));
}

static void print_growing_row(const struct page *p, const struct result_growing *g)
{
	struct flow f = page_flow(p, FORECAST_INDENT);
	char holder[GROWING_NAME_SZ];

	flow_add(&f, 2, "%7s/s", text_rate(g->keys_per_s).s);
	flow_label(&f, 1, known_text(g->label));
	if (g->maps > 1)
		flow_add(&f, 1, "(%s)", COUNTED(g->maps, "map"));
	if (g->holder) {
		name_short(known_text(g->holder->text), holder, sizeof(holder));
		flow_sentence(&f, 2, "%s", holder);
	}
	flow_end(&f);
	print_growing_bytes(p, g);
	print_growing_caller(p, g);
	print_growing_limit(p, g->limit);
	if (g->doubt)
		page_words(p, FORECAST_INDENT, FORECAST_INDENT + 2, "but %s", g->doubt);
}

void print_growing(const struct page *p)
{
	const struct result *r = p->r;

	if (r->growing.len)
		page_heading(p, "GROWING", "keys that were gained all the time, per second");
	for (size_t i = 0; i < r->growing.len && i < GROWING_ROWS; i++)
		print_growing_row(p, &r->growing.data[i]);
	if (r->growing.len > GROWING_ROWS)
		page_words(p, 2, 4, "and %s (--json)",
			   COUNTED(r->growing.len - GROWING_ROWS, "more type"));
}

/* ---- the next growth ---- */

/* What the splits of many tables take, and how long. */
static void print_splits(const struct page *p, const struct result_growth *g)
{
	page_words(p, FORECAST_INDENT, FORECAST_INDENT,
		   "%s at a time; half of it after %s, all of it (%s more) after %s",
		   BYTES(g->step_bytes), DURATION(g->half_in_ns.v), BYTES(g->needs_bytes),
		   DURATION(g->ends_in_ns.v));
}

static void print_coming(const struct page *p, const struct result_coming_growth *c)
{
	const struct result_growth *g = &c->growth;
	bool splits = g->allocates_bytes > g->step_bytes;
	struct flow f = page_flow(p, FORECAST_INDENT);

	flow_add(&f, 2, "%8s", DURATION(g->in_ns.v));
	flow_add(&f, 1, " at %s%s", splits ? "about " : "", COUNTED(g->at_live_keys, "key"));
	flow_add(&f, 1, "(+%s/s)", text_rate(g->keys_per_s).s);
	flow_add(&f, 1, "%s",
		 splits					 ? "begins to split its tables"
		 : strcmp(known_text(g->event), "split") ? "doubles"
							 : "splits its table");
	flow_label(&f, 2, known_text(c->label));
	flow_end(&f);
	if (splits)
		print_splits(p, g);
	else
		page_words(p, FORECAST_INDENT, FORECAST_INDENT,
			   "takes %s more until the old memory is collected",
			   BYTES(g->allocates_bytes));
	if (!g->fits_cgroup)
		page_words(p, FORECAST_INDENT, FORECAST_INDENT, "THE CGROUP HAS %s LEFT",
			   BYTES(p->r->target.cgroup_left_bytes.v));
}

void print_next_growths(const struct page *p)
{
	if (p->r->next_growths.len)
		page_heading(p, "NEXT GROWTH", "at the present rate");
	for (size_t i = 0; i < p->r->next_growths.len && i < FORECAST_ROWS; i++)
		print_coming(p, &p->r->next_growths.data[i]);
}
