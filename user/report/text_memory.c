// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <stdbool.h>

static void print_rss(const struct page *p)
{
	const struct result_target *t = &p->r->target;
	struct flow f = page_flow(p, 4);

	fputc('\n', p->out);
	flow_add(&f, 0, "RSS %s", BYTES(p->r->memory ? p->r->memory->rss_bytes : t->rss_bytes));
	if (t->cgroup_limit_bytes)
		flow_add(&f, 2, "(cgroup limit %s)", BYTES(t->cgroup_limit_bytes));
	else
		flow_add(&f, 2, "(no cgroup limit)");
	if (t->swap_bytes)
		flow_add(&f, 2, "and %s in swap", BYTES(t->swap_bytes));
	flow_end(&f);
}

/* Adds the columns of a row: what, bytes, share of RSS. */
static void flow_memory_row(const struct page *p, struct flow *f, const char *name, int64_t bytes)
{
	uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
	double share = percent(size, p->r->memory->rss_bytes);
	char text[64];

	snprintf(text, sizeof(text), "%s%s", bytes < 0 ? "-" : "", BYTES(size));
	flow_add(f, 2, "%-26s", name);
	flow_add(f, 1, "%10s", text);
	flow_add(f, 2, "%3.0f %%", bytes < 0 && share >= 0.5 ? -share : share);
}

static void print_memory_row(const struct page *p, const struct result_ledger_row *row)
{
	struct flow f = page_flow(p, 4);
	const char *remedy = ledger_remedy_words[row->remedy].text;

	flow_memory_row(p, &f, ledger_row_words[row->row].text, row->resident_bytes);
	if (remedy && row->gives_back_bytes) {
		bool all = row->gives_back_bytes == row->resident_bytes;

		f.style = text_style(p, STYLE_HINT);
		flow_add(&f, 2, "<- %s%sback", all ? "" : BYTES(row->gives_back_bytes),
			 all ? "" : " ");
		flow_words(&f, remedy);
	}
	flow_end(&f);
}

static void print_unexplained(const struct page *p)
{
	struct flow f = page_flow(p, 4);

	if (!p->r->memory->unexplained_bytes)
		return;
	flow_memory_row(p, &f, "unexplained", p->r->memory->unexplained_bytes);
	flow_end(&f);
}

/* Says how the rows are not quite what their titles say. */
static void print_memory_notes(const struct page *p)
{
	const struct result_ledger *l = p->r->memory;
	const struct result_heap *h = p->r->heap;

	if (l->moving)
		page_words(p, 2, 6,
			   "the heap moved while it was read: rows may be off by what is "
			   "unexplained");
	if (h && h->dropped_descriptors)
		page_words(p, 2, 6,
			   "%s of spans contradicted themselves, so %s of the heap may be in the "
			   "last rows",
			   COUNTED(h->dropped_descriptors, "descriptor"), BYTES(h->dropped_bytes));

	if (l->coarse_because) {
		page_words(p, 2, 6, "it is not known which pages are resident: %s",
			   l->coarse_because);
		page_words(p, 6, 6, "all that Go uses or keeps is counted as resident");
	}
	if (l->missing)
		page_words(p, 2, 6,
			   "%s cannot be read: memory of the runtime is counted in the last rows",
			   l->missing);
}

/* These rows are there only where they have something. */
static bool is_rare_row(enum ledger_row row)
{
	return row == ROW_RELEASED || row == ROW_HUGE_EXCESS || row == ROW_USER_ARENAS ||
	       row == ROW_GARBAGE;
}

void print_memory(const struct page *p)
{
	const struct result_ledger *l = p->r->memory;

	print_rss(p);
	if (!l)
		return;
	for (size_t i = 0; i < l->rows.len; i++)
		if (l->rows.data[i].resident_bytes || !is_rare_row(l->rows.data[i].row))
			print_memory_row(p, &l->rows.data[i]);
	print_unexplained(p);
	print_memory_notes(p);
}
