// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <stdbool.h>
#include <string.h>

enum {
	CAUSE_BYTES_MIN = 1 << 20, /* rows with less are there with --verbose only */
	PINNED_CLASSES = 3,
};

/* The name that JSON and the manual have for a cause follows in brackets. */
static const char *const cause_titles[CAUSE_CNT] = {
	[CAUSE_NOT_SCAVENGED] = "free pages", [CAUSE_PINNED_BY_MAP] = "map holes",
	[CAUSE_SPAN_PINNED] = "free slots",   [CAUSE_LAZY_FREE] = "MADV_FREE",
	[CAUSE_REFILLED] = "touched again",   [CAUSE_CALL_FAILED] = "locked",
	[CAUSE_GRANULARITY] = "part pages",
};

/* Why a part of the row, or all of it, comes back or not. */
static void print_cause_part(const struct page *p, const struct result_cause *c, const char *will,
			     const struct opt_u64 *bytes, const char *why)
{
	if (!why)
		return;
	if (bytes->known && bytes->v != c->bytes)
		page_words(p, 5, 7, "%s of it %s: %s", BYTES(bytes->v), will, why);
	else
		page_words(p, 5, 7, "%s: %s", will, why);
}

/* A size of objects, a few of which keep many spans, and whether those are map tables. */
static void print_pinned_class(const struct page *p, const struct result_pinned_class *c)
{
	struct flow f = page_flow(p, 19);

	flow_add(&f, 5, "%10s", BYTES(c->pinned_bytes));
	flow_add(&f, 1, "in %s slots:", BYTES(c->slot_bytes));
	flow_add(&f, 1, "%s", COUNTED(c->objects, "object"));
	flow_add(&f, 1, "in %s%s", COUNTED(c->spans, "span"),
		 c->map_table_share >= 0.01 ? "," : "");
	if (c->map_table_share >= 0.01)
		flow_add(&f, 1, "%.0f %% map tables", 100 * c->map_table_share);
	flow_end(&f);
}

static void print_cause(const struct page *p, const struct result_cause *c)
{
	/* Without the scavenger's goals nobody can tell which part of free memory it leaves. */
	bool unclear = c->cause == CAUSE_NOT_SCAVENGED && !p->r->reclaim->scavenger;
	struct flow f = page_flow(p, 4);
	char title[64];

	snprintf(title, sizeof(title), "%s (%s)", cause_titles[c->cause],
		 reclaim_cause_words[c->cause].name);
	flow_add(&f, 2, "%-26s", title);
	flow_add(&f, 1, "%10s", BYTES(c->bytes));
	flow_end(&f);
	print_cause_part(p, c, c->cause == CAUSE_SPAN_PINNED ? "is used again" : "comes back",
			 &c->not_yet_bytes, c->not_yet_because);
	print_cause_part(p, c, unclear ? "unclear" : "stays", &c->never_bytes, c->never_because);
	for (size_t i = 0; i < c->classes.len && i < PINNED_CLASSES; i++)
		print_pinned_class(p, &c->classes.data[i]);
}

static void print_causes(const struct page *p)
{
	const struct result_reclaim *rc = p->r->reclaim;
	bool titled = false;

	for (size_t i = 0; i < rc->causes.len; i++) {
		const struct result_cause *c = &rc->causes.data[i];

		if (c->bytes < CAUSE_BYTES_MIN && !(p->opts->verbose && c->bytes))
			continue;
		if (!titled)
			page_heading(p, "NOT RETURNED",
				     "resident, but of no use to the program now");
		titled = true;
		print_cause(p, c);
	}
}

void print_reclaim(const struct page *p)
{
	const struct result_reclaim *rc = p->r->reclaim;

	if (!rc)
		return;
	print_causes(p);
	if (rc->returned_bytes.known && rc->returned_bytes.v)
		page_words(p, 2, 4, "given back while observed: %s, %s/s",
			   BYTES(rc->returned_bytes.v), BYTES((uint64_t)rc->returned_bytes_per_s));
	if (rc->failed_calls.known && rc->failed_calls.v)
		page_words(p, 2, 4, "%s to give back %s failed: %s",
			   COUNTED(rc->failed_calls.v, "call"), BYTES(rc->failed_bytes.v),
			   strerrorname_np(rc->failed_error));
}
