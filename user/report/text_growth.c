// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <string.h>

enum { FORECAST_ROWS = 3, FORECAST_INDENT = 12 };

static void print_coming(const struct page *p, const struct result_coming_growth *c)
{
	const struct result_growth *g = &c->growth;
	struct flow f = page_flow(p, FORECAST_INDENT);

	flow_add(&f, 2, "%8s", DURATION(g->in_ns.v));
	flow_add(&f, 2, "at %s", COUNTED(g->at_live_keys, "key"));
	flow_add(&f, 1, "(+%s/s)", text_rate(g->keys_per_s).s);
	flow_add(&f, 1, "%s",
		 strcmp(known_text(g->event), "split") ? "doubles" : "splits its tables");
	flow_label(&f, 2, known_text(c->label));
	flow_end(&f);
	page_words(p, FORECAST_INDENT, FORECAST_INDENT,
		   "takes %s more until the old memory is collected", BYTES(g->allocates_bytes));
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
