// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report for people: no line is longer than the page is wide, but for a name that is;
 * numbers have units; the verdict is last but for the cost.
 */
#include "report/report.h"

#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "base/terminal.h"
#include "report/text_parts.h"

static void print_identity(const struct page *p)
{
	const struct result_target *t = &p->r->target;
	struct flow f = page_flow(p, 2);

	f.style = text_style(p, STYLE_BOLD);
	flow_add(&f, 0, "%s", known_text(t->command));
	f.style = NULL;
	flow_add(&f, 2, "pid %" PRIu64, t->pid);
	flow_add(&f, 2, "%s,", known_text(t->go_version));
	flow_add(&f, 1, "%s maps%s", known_text(t->map_kind), t->stripped ? ", stripped" : "");
	flow_add(&f, 2, "up %s", DURATION(t->uptime_ns));
	flow_end(&f);
}

/* Whether somebody else paused the process while maptrace looked. */
static bool was_paused(const struct result *r)
{
	return r->target.stopped_by || (r->trace.traced && r->trace.traced->target_stopped_by);
}

static void print_how(const struct page *p)
{
	const struct result_trace *t = &p->r->trace;
	const char *paused = was_paused(p->r) ? "not paused by maptrace"
					      : "the process was not paused";

	if (t->traced)
		page_words(p, 0, 2, "observed for %s; %s", DURATION(t->traced->duration_ns),
			   paused);
	else if (is_refused(t->status))
		page_words(p, 0, 2, "not traced (ACTIVITY has the reason); %s", paused);
	else
		page_words(p, 0, 2, "snapshot only (--duration 0): no rates, no callers; %s",
			   paused);
}

/* A saved report is not of now, nor maybe of this host. */
static void print_origin(const struct page *p)
{
	time_t at = (time_t)(p->r->unix_time_ns / NS_PER_S);
	char when[64] = "?";
	struct tm tm;

	if (gmtime_r(&at, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	page_words(p, 0, 2, "saved report: made on %s at %s by maptrace %s",
		   known_text(p->r->host.name), when, known_text(p->r->maptrace));
}

static void print_head(const struct page *p)
{
	print_identity(p);
	if (p->opts->saved)
		print_origin(p);
	print_how(p);
	for (size_t i = 0; i < p->r->doubts.len; i++)
		page_words_in(p, STYLE_WARN, 0, 2, "%s", known_text(p->r->doubts.data[i].text));
}

struct err *report_text(struct result *r, const struct report_opts *opts, FILE *out)
{
	struct page p = {
		.r = r,
		.opts = opts,
		.out = out,
		.columns = opts->columns ? opts->columns : TERMINAL_COLUMNS,
	};

	print_head(&p);
	print_memory(&p);
	print_reclaim(&p);
	print_maps(&p);
	print_objects(&p);
	print_garbage(&p);
	print_activity(&p);
	print_growing(&p);
	print_next_growths(&p);
	print_since(&p);
	print_goroutines(&p);
	print_gc(&p);
	print_memcalls(&p);
	print_verdict(&p);
	print_cost(&p);
	return NULL;
}
