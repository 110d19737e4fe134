// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

enum { FINDING_ROWS = 5, INDENT = 5 };

static void print_map_finding(const struct page *p, size_t no, const struct finding *f)
{
	struct flow line = { .out = p->out, .indent = INDENT };

	flow_add(&line, 0, "  %zu.", no);
	flow_type(p, &line, 1, &f->map);
	if (f->map_cnt > 1)
		flow_add(&line, 1, "(%s)", COUNTED(f->map_cnt, "map"));
	flow_add(&line, 1, "%s %s", f->map_cnt > 1 ? "keep" : "keeps", BYTES(f->resident_bytes));
	flow_add(&line, 1, "for %s", COUNTED(f->live_keys, "key"));
	flow_add(&line, 1, "(%s).", COUNTED(f->slots, "slot"));
	flow_end(&line);
	fprintf(p->out,
		"     Maps never shrink. Copy the live keys into a new map and drop the old one:\n"
		"     %s comes back.\n",
		BYTES(f->bytes));
}

static void print_zero_finding(const struct page *p, size_t no, const struct finding *f)
{
	struct flow line = { .out = p->out, .indent = INDENT };
	char maps[64] = "";

	if (f->map_cnt > 1)
		snprintf(maps, sizeof(maps), " in %s", COUNTED(f->map_cnt, "map"));
	flow_add(&line, 0, "  %zu.", no);
	flow_type(p, &line, 1, &f->map);
	flow_end(&line);
	fprintf(p->out, "     %s%s of %s%s %s zero.\n", f->sampled ? "about " : "",
		COUNT(f->zero_values), COUNTED(f->live_keys, "value"), maps,
		f->zero_values == 1 ? "is" : "are");
	fprintf(p->out,
		"     m[k] = zero frees nothing: delete(m, k), then copy the rest into a new map:\n"
		"     %s comes back",
		BYTES(f->all_bytes));
	if (f->all_bytes > f->bytes)
		fprintf(p->out, ", %s more than by the copy alone", BYTES(f->bytes));
	fprintf(p->out, ".\n");
}

static void print_free_finding(const struct page *p, size_t no, const struct finding *f)
{
	fprintf(p->out,
		"  %zu. Go keeps %s of free heap that the OS could have.\n"
		"     debug.FreeOSMemory() returns it now; a GOMEMLIMIT keeps it small.\n",
		no, BYTES(f->bytes));
}

static void print_finding(const struct page *p, size_t no, const struct finding *f)
{
	if (f->kind == FINDING_MAP_HOLES)
		print_map_finding(p, no, f);
	else if (f->kind == FINDING_ZERO_VALUES)
		print_zero_finding(p, no, f);
	else
		print_free_finding(p, no, f);
}

/* No finding: nothing that one can do at once gives it back. But it may be the most. */
static void print_pinned_spans(const struct page *p)
{
	uint64_t bytes = p->w->reclaim.rows[CAUSE_SPAN_PINNED].bytes;

	if (!bytes || bytes < p->w->opts.min_waste_bytes)
		return;
	fprintf(p->out,
		"  Besides, %s of free slots are in spans that a few live objects keep.\n"
		"  Objects never move; new ones of their sizes go there first. NOT RETURNED has\n"
		"  the slot sizes: to copy those objects and drop the old ones frees the spans.\n",
		BYTES(bytes));
}

void print_verdict(const struct page *p)
{
	const struct watch *w = p->w;

	fprintf(p->out, "\nVERDICT\n");
	if (!w->snap) {
		fprintf(p->out, "  none: without a census there is nothing to judge.\n");
		return;
	}
	if (!w->findings.list.len)
		fprintf(p->out,
			"  Nothing of %s or more to win from maps or free heap (--min-waste).\n",
			BYTES(w->opts.min_waste_bytes));
	for (size_t i = 0; i < w->findings.list.len && i < FINDING_ROWS; i++)
		print_finding(p, i + 1, &w->findings.list.data[i]);
	if (w->findings.list.len > FINDING_ROWS)
		fprintf(p->out, "  and %s more (--json)\n",
			COUNT(w->findings.list.len - FINDING_ROWS));
	print_pinned_spans(p);
}
