// SPDX-License-Identifier: GPL-2.0-only
/* The comparison of two results for people. */
#include "report/report.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

#include "base/clock.h"
#include "base/short_name.h"
#include "base/terminal.h"
#include "report/text_parts.h"

enum { DIFF_NAME_SZ = 256 };

static uint64_t diff_abs(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static const char *diff_sign(int64_t v)
{
	return v < 0 ? "-" : v ? "+" : "";
}

static void print_look(const struct page *p, const char *name, const struct diff_look *look)
{
	time_t at = (time_t)(look->unix_time_ns / NS_PER_S);
	char when[64] = "?";
	struct tm tm;

	if (gmtime_r(&at, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	page_words(p, 0, 2, "%s: %s  pid %" PRIu64 "  %s  on %s at %s", name,
		   known_text(look->command), look->pid, known_text(look->go_version),
		   known_text(look->host), when);
}

static void print_diff_row(const struct page *p, const char *name, uint64_t before, uint64_t after,
			   int64_t grew)
{
	struct flow f = page_flow(p, 4);

	flow_add(&f, 2, "%-26s", name);
	flow_add(&f, 1, "%10s", BYTES(before));
	flow_add(&f, 1, "%10s", BYTES(after));
	flow_add(&f, 1, "%2s%s", diff_sign(grew), BYTES(diff_abs(grew)));
	flow_end(&f);
}

static void print_diff_memory(const struct page *p, const struct result_diff *d)
{
	page_heading(p, "MEMORY", "before, after, change");
	for (size_t i = 0; i < d->memory.len; i++) {
		const struct diff_row *r = &d->memory.data[i];

		if (r->before_bytes || r->after_bytes)
			print_diff_row(p, ledger_row_words[r->row].text, r->before_bytes,
				       r->after_bytes, r->grew_bytes);
	}
	print_diff_row(p, "RSS", d->before.rss_bytes, d->after.rss_bytes, d->grew_bytes);
}

static void print_diff_map(const struct page *p, const struct diff_map *m)
{
	struct flow f = page_flow(p, 6);
	char holder[DIFF_NAME_SZ];

	flow_add(&f, 2, "%-6s", diff_fate_words[m->fate].text);
	flow_add(&f, 1, "%1s%-10s", diff_sign(m->grew_bytes), BYTES(diff_abs(m->grew_bytes)));
	flow_add(&f, 1, "%s -> %s keys", COUNT(m->before.live_keys), COUNT(m->after.live_keys));
	if (!isnan(m->keys_per_s) && m->grew_keys)
		flow_add(&f, 1, "(%s%s/s)", diff_sign(m->grew_keys),
			 text_rate(fabs(m->keys_per_s)).s);
	if (m->before.maps != m->after.maps)
		flow_sentence(&f, 1, "in %s -> %s maps", COUNT(m->before.maps),
			      COUNT(m->after.maps));
	flow_label(&f, 2, known_text(m->label));
	if (m->holder) {
		name_short(known_text(m->holder->text), holder, sizeof(holder));
		flow_sentence(&f, 2, "held by %s%s", holder,
			      m->holder->certain ? "" : " (guessed)");
	}
	flow_end(&f);
}

static void print_diff_maps(const struct page *p, const struct result_diff *d)
{
	size_t changed = 0, shown = 0;

	for (size_t i = 0; i < d->maps.len; i++)
		changed += d->maps.data[i].fate != FATE_SAME;
	page_heading(p, "MAPS", "%s of %zu changed, the largest change of tables first",
		     COUNT(changed), d->maps.len);
	if (d->by_type)
		page_words(p, 2, 2,
			   "by type: one of the reports does not list all of its maps, or was "
			   "made without holders");
	for (size_t i = 0; i < d->maps.len && shown < p->opts->top; i++)
		if (d->maps.data[i].fate != FATE_SAME) {
			print_diff_map(p, &d->maps.data[i]);
			shown++;
		}
	if (shown < changed)
		page_words(p, 2, 2, "and %s more (--top, --json)", COUNT(changed - shown));
}

static void print_diff_findings(const struct page *p, const struct result_diff *d)
{
	if (!d->findings.len)
		return;
	page_heading(p, "FINDINGS", "that came, stayed and went");
	for (size_t i = 0; i < d->findings.len; i++) {
		const struct diff_finding *f = &d->findings.data[i];
		const char *bytes = f->fate == FATE_GREW || f->fate == FATE_SHRANK ? " before: "
										   : "";

		page_words(p, 2, 5, "%s: %s%s%s", diff_fate_words[f->fate].text,
			   known_text(f->headline), bytes, *bytes ? BYTES(f->before_bytes) : "");
	}
}

void report_diff_text(const struct result_diff *d, const struct report_opts *opts, FILE *out)
{
	struct page p = {
		.opts = opts,
		.out = out,
		.columns = opts->columns ? opts->columns : TERMINAL_COLUMNS,
	};

	print_look(&p, "before", &d->before);
	print_look(&p, "after", &d->after);
	print_diff_memory(&p, d);
	print_diff_maps(&p, d);
	print_diff_findings(&p, d);
	page_heading(&p, "VERDICT", "%s", known_text(d->verdict));
}
