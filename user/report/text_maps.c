// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <inttypes.h>
#include <stdbool.h>

enum {
	DETAIL_INDENT = 5,
	BINS_INDENT = 22, /* below the first bin */
	BINS_INDENT_NARROW = 7, /* where bins have no room beside their title */
	BINS_COLUMNS_MIN = 64,
	RETAINED_SHOWN_MIN = 1 << 20, /* bytes; less is not worth a line */
};

static void print_titles(const struct page *p)
{
	struct flow f = page_flow(p, DETAIL_INDENT);

	flow_add(&f, 0, "%3s", "#");
	flow_add(&f, 1, "%10s", "gives back");
	flow_add(&f, 1, "%10s", "live keys");
	flow_add(&f, 1, "%11s", "slots");
	flow_add(&f, 1, "%6s", "load");
	flow_add(&f, 1, "%8s", "resident");
	flow_add(&f, 2, "type");
	flow_end(&f);
}

static void print_group(const struct page *p, const struct result_group *g)
{
	const struct opt_u64 *gives_back = &g->gives_back_resident_bytes;
	struct flow f = page_flow(p, DETAIL_INDENT);

	flow_add(&f, 0, "%3" PRIu64, g->rank);
	flow_add(&f, 1, "%10s", gives_back->known ? BYTES(gives_back->v) : "?");
	flow_add(&f, 1, "%10s", COUNT(g->live_keys));
	flow_add(&f, 1, "%11s", COUNT(g->slots));
	flow_add(&f, 1, "%5.1f%%", percent(g->live_keys, g->slots));
	flow_add(&f, 1, "%8s%s", BYTES(g->resident_bytes),
		 g->moving ? consistency_words[CONSISTENT_MOVING].text : "");
	flow_label(&f, g->moving ? 1 : 2, known_text(g->label));
	if (g->maps > 1)
		flow_add(&f, 2, "(%s)", COUNTED(g->maps, "map"));
	flow_end(&f);
}

/* What is kept beside the tables, if it is worth a line. */
static void print_retained(const struct page *p, const struct result_group *g)
{
	const struct opt_u64 *kept = &g->retained_bytes;

	if (!kept->known || kept->v < RETAINED_SHOWN_MIN || kept->v / 5 * 4 < g->table_bytes)
		return;
	page_words(p, DETAIL_INDENT, DETAIL_INDENT + 2,
		   "%s %s alive: tables, keys, values, and what only these lead to",
		   g->maps > 1 ? "together keep" : "keeps", BYTES(kept->v));
}

/* The interval of a sample is there for one map only: several intervals don't add up. */
static void print_zero_values(const struct page *p, const struct result_group_zeroes *z)
{
	char more[128] = "";

	if (!z || !z->maps || !z->count)
		return;
	if (z->maps > 1)
		snprintf(more, sizeof(more), " (%s)", COUNTED(z->maps, "map"));
	else if (z->sampled)
		snprintf(more, sizeof(more), " (95 %%: %s to %s)", COUNT(z->low), COUNT(z->high));
	page_words(p, DETAIL_INDENT, DETAIL_INDENT, "%s%s of %s %s zero%s",
		   z->sampled ? "about " : "", COUNT(z->count), COUNTED(z->live_keys, "value"),
		   z->count == 1 ? "is" : "are", more);
}

static void print_history(const struct page *p, const struct result_history *h)
{
	struct flow f = page_flow(p, DETAIL_INDENT);

	if (h->censuses < 2 || h->live_keys.min == h->live_keys.max)
		return;
	bool resized = h->buckets.min != h->buckets.max;
	flow_add(&f, DETAIL_INDENT, "live keys %s to %s,", COUNT(h->live_keys.min),
		 COUNT(h->live_keys.max));
	flow_add(&f, 1, "now %s%s", COUNT(h->last_live_keys), resized ? ";" : "");
	if (resized)
		flow_add(&f, 1, "buckets %s to %s", COUNT(h->buckets.min), COUNT(h->buckets.max));
	flow_add(&f, 1, "(%s)", COUNTED(h->censuses, "census"));
	flow_end(&f);
}

static double histogram_ns(const struct result_histogram *h)
{
	double ns = 0;

	for (unsigned int b = 0; b < RESULT_BINS; b++)
		ns += h->ns[b];
	return ns;
}

/* One bin after the other, on as many lines as they take. */
static void print_bins(const struct page *p, const char *name, const struct result_histogram *h)
{
	struct flow f =
		page_flow(p, p->columns < BINS_COLUMNS_MIN ? BINS_INDENT_NARROW : BINS_INDENT);
	double total = histogram_ns(h);

	flow_add(&f, DETAIL_INDENT, "%-15s", name);
	for (unsigned int b = 0; b < RESULT_BINS; b++) {
		double share_percent = percent(h->ns[b], total);
		char share[16] = "<1 %";

		if (!h->ns[b])
			continue;
		if (share_percent >= 0.5)
			snprintf(share, sizeof(share), "%.0f %%", share_percent);
		flow_add(&f, 2, "[%s, %s) %s", COUNT(result_bin_low(b)), COUNT(result_bin_high(b)),
			 share);
	}
	flow_end(&f);
}

static void print_histograms(const struct page *p, const struct result_history *h)
{
	if (histogram_ns(&h->live_keys) == 0)
		return;
	print_bins(p, "live keys", &h->live_keys);
	print_bins(p, "buckets", &h->buckets);
	print_bins(p, "resident bytes", &h->resident_bytes);
}

/* How the one map of a group changed while it was followed. */
static void print_group_history(const struct page *p, const struct result_group *g)
{
	struct map_view m;

	if (g->maps > 1 || !result_map_find(p->r->maps, g->largest_map, &m) || !m.history)
		return;
	print_history(p, m.history);
	if (p->opts->verbose)
		print_histograms(p, m.history);
}

static void print_groups(const struct page *p)
{
	size_t cnt = p->r->groups.len;

	for (size_t i = 0; i < cnt && i < p->opts->top; i++) {
		print_group(p, &p->r->groups.data[i]);
		print_group_holders(p, &p->r->groups.data[i]);
		print_retained(p, &p->r->groups.data[i]);
		print_zero_values(p, p->r->groups.data[i].zeroes);
		print_group_history(p, &p->r->groups.data[i]);
	}
	if (cnt > p->opts->top)
		page_words(p, DETAIL_INDENT, DETAIL_INDENT, "and %s (--top, --json)",
			   COUNTED(cnt - p->opts->top, "more row"));
}

/* Which signs the rows have: each needs a line that explains it, and only then. */
static void note_group_signs(const struct page *p, bool *moving, bool *unknown)
{
	for (size_t i = 0; i < p->r->groups.len && i < p->opts->top; i++) {
		*moving |= p->r->groups.data[i].moving;
		*unknown |= !p->r->groups.data[i].gives_back_resident_bytes.known;
	}
}

static void print_footnote(const struct page *p, uint64_t maps, const char *noun, const char *what)
{
	if (maps)
		page_words(p, DETAIL_INDENT, 7, "%s %s", COUNTED(maps, noun), what);
}

static void print_footnotes(const struct page *p, const struct result_totals *t)
{
	const struct result_values_counted *counted = p->r->values.counted;
	bool moving = false, unknown = false;

	note_group_signs(p, &moving, &unknown);
	if (moving)
		page_words(p, DETAIL_INDENT, 7,
			   "~ in use while it was read: figures are between those of two reads");
	print_footnote(p, t->suspect, "map",
		       "with contradictions: left out of all sums (see --json)");
	print_footnote(p, t->on_stack, "map", "with the header on a goroutine stack");
	print_footnote(p, t->garbage, "map", "that nothing reaches any more: left out of all sums");
	for (size_t i = 0; counted && i < counted->not_counted.len; i++)
		page_words(p, DETAIL_INDENT, 7, "zero values not counted in %s: %s",
			   COUNTED(counted->not_counted.data[i].maps, "map"),
			   known_text(counted->not_counted.data[i].reason));
	print_footnote(p, t->unknown_bucket_size, "map",
		       unknown ? "of unknown slot size (?): no figures of holes or of a rebuild"
			       : "of unknown slot size: no figures of holes or of a rebuild");
	print_graph_footnote(p);
}

void print_maps(const struct page *p)
{
	const struct result_census_taken *taken = p->r->census.taken;

	if (!taken) {
		page_heading(p, "MAPS", "cannot be read: %s", known_text(p->r->census.reason));
		return;
	}
	if (!taken->totals.maps && !taken->totals.suspect) {
		page_heading(p, "MAPS", "none");
		print_sync_maps(p);
		print_footnotes(p, &taken->totals);
		return;
	}
	page_heading(p, "MAPS", "%s with %s of tables (%s resident), most to gain first",
		     COUNT(taken->totals.maps), BYTES(taken->totals.table_bytes),
		     BYTES(taken->totals.resident_bytes));
	if (p->opts->top)
		print_titles(p);
	print_groups(p);
	print_sync_maps(p);
	print_footnotes(p, &taken->totals);
}
