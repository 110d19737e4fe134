// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <math.h>

#include "base/short_name.h"

enum { SINCE_ROWS = 5, SINCE_NAME_SZ = 256 };

/* "+3.00 MiB", with the sign of a change. */
static void add_change(struct flow *f, uint64_t before, uint64_t after)
{
	bool fell = after < before;

	flow_add(f, 1, "%s%s", fell ? "-" : "+", BYTES(fell ? before - after : after - before));
}

static void print_since_map(const struct page *p, const struct result_since_map *m)
{
	struct flow f = page_flow(p, 6);
	char holder[SINCE_NAME_SZ];

	flow_add(&f, 1, " ");
	add_change(&f, m->before_table_bytes, m->table_bytes);
	flow_add(&f, 2, "%s -> %s keys", COUNT(m->before_keys), COUNT(m->live_keys));
	if (!isnan(m->keys_per_s) && m->before_keys != m->live_keys)
		flow_add(&f, 1, "(%s%s/s)", m->keys_per_s < 0 ? "-" : "+",
			 text_rate(fabs(m->keys_per_s)).s);
	flow_label(&f, 2, known_text(m->label));
	if (m->holder) {
		name_short(m->holder, holder, sizeof(holder));
		flow_sentence(&f, 2, "held by %s", holder);
	}
	flow_end(&f);
}

void print_since(const struct page *p)
{
	const struct result_since *s = p->r->since;

	if (!s)
		return;
	if (s->between_ns.known)
		page_heading(p, "SINCE", "%s ago; RSS %s -> %s", DURATION(s->between_ns.v),
			     BYTES(s->before_rss_bytes), BYTES(s->rss_bytes));
	else
		page_heading(p, "SINCE", "another report; RSS %s -> %s", BYTES(s->before_rss_bytes),
			     BYTES(s->rss_bytes));
	if (s->reason)
		page_words(p, 2, 2, "%s", s->reason);
	for (size_t i = 0; i < s->maps.len && i < SINCE_ROWS; i++)
		print_since_map(p, &s->maps.data[i]);
	if (s->maps_total > SINCE_ROWS)
		page_words(p, 2, 4, "and %s (--json)",
			   COUNTED(s->maps_total - SINCE_ROWS, "more row"));
	for (size_t i = 0; i < s->gone.len; i++)
		page_words(p, 2, 5, "gone: %s", known_text(s->gone.data[i].headline));
}
