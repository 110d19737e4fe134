// SPDX-License-Identifier: GPL-2.0-only
/* What is done to maps and from where, the goroutines, and the sync.Maps. */
#include "report/html_parts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { HTML_BUSY_MAX = 20, HTML_GOROUTINES_MAX = 20, HTML_SYNC_MAX = 20, RATE_SZ = 80 };

static const enum map_op html_ops[] = { MAP_OP_INSERT, MAP_OP_DELETE, MAP_OP_CLEAR, MAP_OP_GROW,
					MAP_OP_MAKE };

enum { HTML_OPS = sizeof(html_ops) / sizeof(html_ops[0]) };

/* "12 to 15" where a rate is an estimate. */
static void html_rate(const struct html *h, const struct result_op *op)
{
	char text[RATE_SZ] = "-";

	if (op->hits && op->is_lower_bound)
		snprintf(text, sizeof(text), "at least %s", text_rate(op->per_s_low).s);
	else if (op->hits && !isnan(op->per_s))
		snprintf(text, sizeof(text), "%s%s", op->rough ? "about " : "",
			 text_rate(op->per_s).s);
	else if (op->hits || op->rough)
		snprintf(text, sizeof(text), "?");
	html_raw(h, "<td class=\"n\">");
	html_text(h->out, text);
	if (op->hits && !op->is_lower_bound && op->per_s_low < op->per_s_high)
		html_element(h, "p class=\"dim\"", "%s to %s", text_rate(op->per_s_low).s,
			     text_rate(op->per_s_high).s);
	html_raw(h, "</td>");
}

static void html_op_caller(const struct html *h, enum map_op op, const struct result_op *did)
{
	const struct result_caller *c = did->caller;

	if (!did->hits || !c || !c->function)
		return;
	if (c->at && c->at->file && c->at->line)
		html_element(h, "p", "%s from %s (%s:%" PRIu64 ")", map_op_words[op].text,
			     c->function, c->at->file, c->at->line);
	else
		html_element(h, "p", "%s from %s", map_op_words[op].text, c->function);
	if (c->user_frame && c->user_frame->function)
		html_element(h, "p", "for %s", c->user_frame->function);
}

static void html_busy_row(const struct html *h, const struct result_busy *b)
{
	html_raw(h, "<tr><th scope=\"row\" class=\"code\">");
	html_text(h->out, known_text(b->label));
	if (b->map_cnt > 1)
		html_element(h, "p", "%s", COUNTED(b->map_cnt, "map"));
	for (size_t i = 0; i < HTML_OPS; i++)
		html_op_caller(h, html_ops[i], &b->activity.ops[html_ops[i]]);
	html_raw(h, "</th>");
	for (size_t i = 0; i < HTML_OPS; i++)
		html_rate(h, &b->activity.ops[html_ops[i]]);
	html_raw(h, "</tr>\n");
}

void html_activity(const struct html *h)
{
	const struct result_traced *t = h->r->trace.traced;

	if (!t || !t->busiest.len)
		return;
	html_section(h, "activity", "Activity", "%s",
		     "Per second. Inserts, deletes and makes are estimates from windows, with "
		     "their 95 % intervals below.");
	html_table(h, "What is done to maps, and from where",
		   "maps|#inserts|#deletes|#clears|#growths|#makes");
	for (size_t i = 0; i < t->busiest.len && i < HTML_BUSY_MAX; i++)
		html_busy_row(h, &t->busiest.data[i]);
	html_table_end(h);
	html_raw(h, "</section>\n");
}

/* ---- goroutines ---- */

static void html_frame(const struct html *h, const char *lead, const struct result_frame *f)
{
	if (!f || !f->function)
		return;
	if (f->file && f->line)
		html_element(h, "p", "%s%s (%s:%" PRIu64 ")", lead, f->function, f->file, f->line);
	else
		html_element(h, "p", "%s%s", lead, f->function);
}

static void html_goroutine_row(const struct html *h, const struct result_goroutine_group *g)
{
	html_raw(h, "<tr><th scope=\"row\" class=\"code\">");
	html_text(h->out, g->wait_reason ? g->wait_reason : known_text(g->status));
	html_frame(h, "in ", &g->where);
	if (g->user && g->user->function && g->where.function &&
	    strcmp(g->user->function, g->where.function) != 0)
		html_frame(h, "for ", g->user);
	html_frame(h, "started by ", g->created_by);
	html_raw(h, "</th>");
	html_element(h, "td class=\"n\"", "%s", COUNT(g->count));
	html_element(h, "td class=\"n\"", "%s", BYTES(g->stack_bytes));
	html_element(h, "td class=\"n\"", "%s",
		     g->wait_median_ns.known ? DURATION(g->wait_median_ns.v) : "?");
	html_raw(h, "</tr>\n");
}

void html_goroutines(const struct html *h)
{
	const struct result_goroutines_read *read = h->r->goroutines.read;

	if (!read || !read->groups.len)
		return;
	html_section(h, "goroutines", "Goroutines", "%s, stacks of %s",
		     COUNTED(read->total, "goroutine"), BYTES(read->stack_bytes));
	html_table(h, "Goroutines by what they wait for",
		   "what, and where|#goroutines|#stacks|#half wait for at least");
	for (size_t i = 0; i < read->groups.len && i < HTML_GOROUTINES_MAX; i++)
		html_goroutine_row(h, &read->groups.data[i]);
	html_table_end(h);
	if (read->groups_total > HTML_GOROUTINES_MAX)
		html_element(h, "p class=\"note\"", "and %s (--json)",
			     COUNTED(read->groups_total - HTML_GOROUTINES_MAX, "other group"));
	html_raw(h, "</section>\n");
}

/* ---- sync.Maps ---- */

static void html_sync_row(const struct html *h, const struct result_sync_map *s)
{
	html_raw(h, "<tr><th scope=\"row\" class=\"code\">");
	html_text(h->out, sync_kind_words[s->kind].text);
	if (s->type)
		html_text(h->out, s->type);
	html_holder(h, "p", "held by ", s->holder);
	html_raw(h, "</th>");
	html_element(h, "td class=\"n\"", "%s%s", BYTES(s->bytes), s->moving ? " ~" : "");
	html_element(h, "td class=\"n\"", "%s", COUNT(s->live_keys));
	html_element(h, "td class=\"n\"", "%s", COUNT(s->deleted_keys));
	html_element(h, "td class=\"n\"", "%s", BYTES(s->gives_back_bytes));
	html_raw(h, "</tr>\n");
}

void html_sync_maps(const struct html *h)
{
	if (!h->r->sync_maps.len)
		return;
	html_section(h, "sync", "sync.Maps", "%s in all", COUNT(h->r->sync_maps_total));
	html_table(h, "The largest",
		   "kind, and what holds it|#bytes|#live keys|#deleted keys|#gives back");
	for (size_t i = 0; i < h->r->sync_maps.len && i < HTML_SYNC_MAX; i++)
		html_sync_row(h, &h->r->sync_maps.data[i]);
	html_table_end(h);
	html_raw(h, "</section>\n");
}
