// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page for browsers: one file that loads nothing. Its policy allows its own style and script
 * only, by their hashes, so that no name of the target's could run as one. All but the treemap and
 * the table of all maps is there without the script.
 */
#include "report/html_parts.h"

#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "report/html_assets.h"

static void html_head(const struct html *h)
{
	html_raw(h, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		    "style-src '");
	html_raw(h, page_style_hash);
	html_raw(h, "'; script-src '");
	html_raw(h, page_script_hash);
	html_raw(h, "'; base-uri 'none'; form-action 'none'\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		    "<meta name=\"color-scheme\" content=\"light dark\">\n");
	html_element(h, "title", "%s (pid %" PRIu64 ") - maptrace",
		     known_text(h->r->target.command), h->r->target.pid);
	html_raw(h, "\n<style>");
	html_raw(h, page_style);
	html_raw(h,
		 "</style></head>\n<body><a class=\"skip\" href=\"#maps\">Skip to the maps</a>\n");
}

static void html_when(const struct html *h)
{
	time_t at = (time_t)(h->r->unix_time_ns / NS_PER_S);
	char when[64] = "?";
	struct tm tm;

	if (gmtime_r(&at, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	html_element(h, "p class=\"lead\"", "on %s, %s, maptrace %s", known_text(h->r->host.name),
		     when, known_text(h->r->maptrace));
}

/* How long it was looked at, and whether it was traced. */
static void html_how(const struct html *h)
{
	const struct result_trace *t = &h->r->trace;

	if (t->traced)
		html_element(h, "p class=\"lead\"", "observed for %s",
			     DURATION(t->traced->duration_ns));
	else if (is_refused(t->status))
		html_element(h, "p class=\"note\"", "not traced, so no rates and no callers: %s",
			     known_text(t->reason));
	else
		html_element(h, "p class=\"lead\"", "%s", "a snapshot: no rates, no callers");
}

static void html_header(const struct html *h)
{
	const struct result_target *t = &h->r->target;

	html_raw(h, "<header>");
	html_element(h, "h1", "%s", known_text(t->command));
	html_element(h, "p", "pid %" PRIu64 ", %s, %s maps%s, up %s", t->pid,
		     known_text(t->go_version), known_text(t->map_kind),
		     t->stripped ? ", stripped" : "", DURATION(t->uptime_ns));
	html_when(h);
	html_how(h);
	for (size_t i = 0; i < h->r->doubts.len; i++)
		html_element(h, "p class=\"note\"", "%s", known_text(h->r->doubts.data[i].text));
	html_raw(h, "</header>\n<main>\n");
}

static void html_foot(const struct html *h)
{
	html_raw(h, "</main>\n<script>");
	html_raw(h, page_script);
	html_raw(h, "</script></body></html>\n");
}

struct err *report_html(struct result *r, const struct report_opts *opts, FILE *out)
{
	struct html h = { .r = r, .opts = opts, .out = out, .data_left = HTML_DATA_MAX };

	html_head(&h);
	html_header(&h);
	html_verdict(&h);
	html_course(&h);
	html_memory(&h);
	html_causes(&h);
	struct err *err = html_maps(&h);
	html_sync_maps(&h);
	html_activity(&h);
	html_growing(&h);
	html_objects(&h);
	html_goroutines(&h);
	html_events(&h);
	html_gc(&h);
	html_cost(&h);
	html_foot(&h);
	return err;
}
