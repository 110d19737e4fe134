// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <string.h>

enum { RECLAIM_ROW_MIN = 1 << 20, PINNED_CLASSES = 3, PINNED_CLASS_MIN = 1 << 20 };

/* The figure, too, where it is only a part of the row's. */
static void print_reclaim_why(const struct page *p, const struct reclaim_row *row, uint64_t bytes,
			      const char *why, const char *when)
{
	if (!why)
		return;
	fputs("     ", p->out);
	if (bytes != row->bytes)
		fprintf(p->out, "%s ", BYTES(bytes));
	fprintf(p->out, "%s: %s\n", when, why);
}

/* The class with the most pinned bytes among those that are left; -1: none has enough. */
static int most_pinned(const struct class_use *classes, const bool *shown)
{
	uint64_t most = PINNED_CLASS_MIN - 1;
	int at = -1;

	for (int i = 0; i < SPANCLASS_CNT; i++)
		if (!shown[i] && class_pinned_bytes(&classes[i]) > most) {
			most = class_pinned_bytes(&classes[i]);
			at = i;
		}
	return at;
}

static void print_pinned_class(const struct page *p, int at)
{
	const struct class_use *c = &p->w->snap->ledger.occupancy.classes[at];
	double tables = percent(p->w->snap->census->class_bytes[at], c->object_bytes);
	struct flow f = { .out = p->out, .indent = 19 };

	flow_add(&f, 0, "     %10s in %s slots:", BYTES(class_pinned_bytes(c)),
		 BYTES(sizeclass_bytes(at >> 1)));
	flow_add(&f, 1, "%s in %s%s", COUNTED(c->object_cnt, "object"),
		 COUNTED(c->span_cnt, "span"), tables >= 1 ? "," : "");
	if (tables >= 1)
		flow_add(&f, 1, "%.0f %% map tables", tables);
	flow_end(&f);
}

/* The classes of spans that a few objects keep, and whether those are map tables. */
static void print_pinned_classes(const struct page *p)
{
	const struct class_use *classes = p->w->snap->ledger.occupancy.classes;
	bool shown[SPANCLASS_CNT] = { false };

	for (int n = 0; n < PINNED_CLASSES; n++) {
		int at = most_pinned(classes, shown);

		if (at < 0)
			break;
		shown[at] = true;
		print_pinned_class(p, at);
	}
}

void print_reclaim(const struct page *p)
{
	const struct reclaim *rc = &p->w->reclaim;
	bool titled = false;

	for (enum reclaim_cause i = 0; p->w->snap && i < CAUSE_CNT; i++) {
		const struct reclaim_row *row = &rc->rows[i];

		if (row->bytes < RECLAIM_ROW_MIN && !(p->opts->verbose && row->bytes))
			continue;
		if (!titled)
			fprintf(p->out, "\nNOT RETURNED  resident, though of no use now\n");
		titled = true;
		fprintf(p->out, "  %-26s %10s\n", reclaim_cause_name(i), BYTES(row->bytes));
		print_reclaim_why(p, row, row->not_yet_bytes, row->not_yet, "not yet");
		print_reclaim_why(p, row, row->never_bytes, row->never,
				  rc->scavenger_known || i != CAUSE_NOT_SCAVENGED ? "never"
										  : "unclear");
		if (i == CAUSE_SPAN_PINNED)
			print_pinned_classes(p);
	}
	if (rc->returned_bytes)
		fprintf(p->out, "  given back while watched: %s, %s/s\n", BYTES(rc->returned_bytes),
			BYTES((uint64_t)rc->returned_per_s));
	if (rc->failed_calls)
		fprintf(p->out, "  %s to give back %s failed: %s\n",
			COUNTED(rc->failed_calls, "call"), BYTES(rc->failed_bytes),
			strerrorname_np(rc->failed_errno));
}
