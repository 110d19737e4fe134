// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <string.h>

#include "base/short_name.h"

enum {
	ROWS_MAX = 5,
	MANY = 10000, /* goroutines: then they are shown, however small their stacks are */
	SHARE_SHOWN = 10, /* percent of RSS: the same for their stacks */
	SHARE_OF_ALL = 1, /* percent of all stacks or goroutines: a smaller group has no row */
	PLACE_HANG = 7,
	NAME_SZ = 256,
};

/* A function and its line, in one text. */
struct frame_text {
	char s[NAME_SZ + 80];
};

static struct frame_text frame_text_of(const struct result_frame *at)
{
	const char *slash = at->file ? strrchr(at->file, '/') : NULL;
	struct frame_text text;
	char name[NAME_SZ];

	name_short(known_text(at->function), name, sizeof(name));
	if (at->file && at->line)
		snprintf(text.s, sizeof(text.s), "%s %.40s:%llu", name,
			 slash ? slash + 1 : at->file, (unsigned long long)at->line);
	else
		snprintf(text.s, sizeof(text.s), "%s", name);
	return text;
}

static bool is_same_frame(const struct result_frame *a, const struct result_frame *b)
{
	return a->function && b->function && !strcmp(a->function, b->function) &&
	       a->line == b->line;
}

static void print_goroutine_place(const struct page *p, const struct result_goroutine_group *g)
{
	struct flow f = page_flow(p, PLACE_HANG);

	flow_add(&f, 4, "%s", COUNT(g->count));
	flow_add(&f, 2, "%s", BYTES(g->stack_bytes));
	flow_sentence(&f, 2, "%s", g->wait_reason ? g->wait_reason : known_text(g->status));
	if (g->where.function)
		flow_sentence(&f, 1, "in %s", frame_text_of(&g->where).s);
	if (g->user && !is_same_frame(g->user, &g->where))
		flow_sentence(&f, 1, "for %s", frame_text_of(g->user).s);
	flow_end(&f);
}

static void print_goroutine_more(const struct page *p, const struct result_goroutine_group *g)
{
	char started[NAME_SZ + 100] = "", wait[120] = "", maps[160] = "";

	if (g->created_by)
		snprintf(started, sizeof(started), "; started by %s",
			 frame_text_of(g->created_by).s);
	if (g->wait_median_ns.known)
		snprintf(wait, sizeof(wait), "; half of them wait for %s or more",
			 DURATION(g->wait_median_ns.v));
	if (g->maps.known && g->maps.v)
		snprintf(maps, sizeof(maps), "; they hold %s of %s", COUNTED(g->maps.v, "map"),
			 BYTES(g->map_bytes.v));
	if (*started || *wait || *maps) {
		char all[sizeof(started) + sizeof(wait) + sizeof(maps)];

		snprintf(all, sizeof(all), "%s%s%s", started, wait, maps);
		page_words(p, PLACE_HANG, PLACE_HANG, "%s", all + 2);
	}
}

/* Whether they are worth a section. */
static bool goroutines_matter(const struct page *p, const struct result_goroutines_read *read)
{
	return read->total >= MANY ||
	       percent(read->stack_resident_bytes, p->r->target.rss_bytes) >= SHARE_SHOWN;
}

static bool goroutine_group_matters(const struct result_goroutines_read *read,
				    const struct result_goroutine_group *g)
{
	return percent(g->stack_bytes, read->stack_bytes) >= SHARE_OF_ALL ||
	       percent(g->count, read->total) >= SHARE_OF_ALL;
}

void print_goroutines(const struct page *p)
{
	const struct result_goroutines_read *read = p->r->goroutines.read;

	if (!read || !goroutines_matter(p, read))
		return;
	page_heading(p, "GOROUTINES", "%s, stacks of %s, %.0f %% of RSS", COUNT(read->total),
		     BYTES(read->stack_bytes),
		     percent(read->stack_resident_bytes, p->r->target.rss_bytes));
	size_t rows = 0;
	while (rows < read->groups.len && rows < ROWS_MAX &&
	       goroutine_group_matters(read, &read->groups.data[rows])) {
		print_goroutine_place(p, &read->groups.data[rows]);
		print_goroutine_more(p, &read->groups.data[rows]);
		rows++;
	}
	if (read->groups_total > rows)
		page_words(p, 4, PLACE_HANG, "and %s (--json)",
			   COUNTED(read->groups_total - rows, "other group"));
}
