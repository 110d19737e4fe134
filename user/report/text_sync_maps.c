// SPDX-License-Identifier: GPL-2.0-only
/* The large sync.Maps, below the groups of maps. */
#include "report/text_parts.h"

enum {
	SYNC_INDENT = 5,
	SYNC_HANG = 7,
	SYNC_ROWS_MAX = 5,
	SYNC_SHOWN_MIN = 64 << 10, /* bytes */
};

static uint64_t sync_all_bytes(const struct result_sync_map *s)
{
	return s->bytes + s->deleted_key_bytes;
}

static void print_sync_gain(struct flow *f, const struct result_sync_map *s)
{

	if (s->gives_back_bytes < SYNC_SHOWN_MIN)
		return;
	flow_sentence(f, 1, "a new one gives back %s", BYTES(s->gives_back_bytes));
	if (s->deleted_key_bytes)
		flow_sentence(f, 1, "and %s of deleted keys", BYTES(s->deleted_key_bytes));
}

static void print_sync_map(const struct page *p, const struct result_sync_map *s)
{
	struct flow f = page_flow(p, SYNC_HANG);

	flow_add(&f, SYNC_INDENT, "%s%s", sync_kind_words[s->kind].text, s->moving ? "~" : "");
	if (s->kind != SYNC_KIND_MAP && s->type)
		flow_add(&f, 1, "%s", s->type);
	flow_sentence(&f, 1, "with %s%s", COUNTED(s->live_keys, "live key"),
		      s->deleted_keys ? "," : "");
	if (s->deleted_keys)
		flow_sentence(&f, 1, "%s deleted,", COUNT(s->deleted_keys));
	flow_sentence(&f, 1, "in %s%s", BYTES(s->bytes),
		      s->gives_back_bytes >= SYNC_SHOWN_MIN ? ":" : "");
	print_sync_gain(&f, s);
	flow_end(&f);
	print_held_by(p, s->holder);
}

void print_sync_maps(const struct page *p)
{
	size_t shown = 0, cnt = p->r->sync_maps.len;

	while (shown < cnt && shown < SYNC_ROWS_MAX &&
	       sync_all_bytes(&p->r->sync_maps.data[shown]) >= SYNC_SHOWN_MIN)
		print_sync_map(p, &p->r->sync_maps.data[shown++]);
	if (shown && p->r->sync_maps_total > shown)
		page_words(p, SYNC_INDENT, SYNC_HANG, "and %s (--json)",
			   COUNTED(p->r->sync_maps_total - shown, "more sync.Map"));
}
