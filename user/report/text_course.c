// SPDX-License-Identifier: GPL-2.0-only
/* The course of a process, a line for each of some of its reports. */
#include "report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/terminal.h"
#include "report/text_parts.h"

enum { COURSE_LINES = 24, COURSE_WORDS_SZ = 512 };

static void course_time(uint64_t unix_time_ns, const char *format, char *ret, size_t size)
{
	time_t at = (time_t)(unix_time_ns / NS_PER_S);
	struct tm tm;

	if (!gmtime_r(&at, &tm) || !strftime(ret, size, format, &tm))
		snprintf(ret, size, "?");
}

static void course_add_bytes(struct flow *f, struct opt_u64 v)
{
	flow_add(f, 1, "%9s", v.known ? BYTES(v.v) : "-");
}

/* "wasteful: map_holes, goroutines", and the state alone where the findings are @was. */
static void course_words(const struct course_row *row, uint64_t was, char *ret, size_t size)
{
	const char *state = verdict_state_words[row->state].text;
	size_t len = (size_t)snprintf(ret, size, "%s", state ? state : "not judged");
	const char *between = ": ";

	if (row->findings == was)
		return;
	for (size_t i = 0; i < FINDING_CNT && len < size; i++) {
		if (!(row->findings >> i & 1))
			continue;
		len += (size_t)snprintf(ret + len, size - len, "%s%s", between,
					finding_kind_words[i].name);
		between = ", ";
	}
}

static void print_course_row(const struct page *p, const struct course_row *row,
			     const struct course_row *before)
{
	struct flow f = page_flow(p, 12);
	char when[32], words[COURSE_WORDS_SZ];

	course_time(row->unix_time_ns, "%H:%M:%S", when, sizeof(when));
	course_words(row, before ? before->findings : 0, words, sizeof(words));
	flow_add(&f, 2, "%s", when);
	flow_add(&f, 1, "%9s", BYTES(row->rss_bytes));
	course_add_bytes(&f, row->heap_live_bytes);
	course_add_bytes(&f, row->table_bytes);
	course_add_bytes(&f, row->hole_bytes);
	flow_add(&f, 1, "%8s", row->goroutines.known ? COUNT(row->goroutines.v) : "-");
	if (before && before->pid != row->pid)
		flow_sentence(&f, 2, "pid %" PRIu64, row->pid);
	flow_sentence(&f, 2, "%s", words);
	flow_end(&f);
}

/* So many lines at most, evenly spread, with the first and the last row. */
static size_t course_line(const struct course *c, size_t line, size_t lines)
{
	return lines < 2 ? 0 : line * (c->rows.len - 1) / (lines - 1);
}

void report_course_text(const struct course *c, const struct report_opts *opts, FILE *out)
{
	struct page p = {
		.opts = opts,
		.out = out,
		.columns = opts->columns ? opts->columns : TERMINAL_COLUMNS,
	};
	size_t lines = c->rows.len < COURSE_LINES ? c->rows.len : COURSE_LINES;
	char from[64], to[64];
	const struct course_row *before = NULL;

	if (!c->rows.len)
		return;
	course_time(c->rows.data[0].unix_time_ns, "%Y-%m-%d %H:%M:%S", from, sizeof(from));
	course_time(c->rows.data[c->rows.len - 1].unix_time_ns, "%Y-%m-%d %H:%M:%S UTC", to,
		    sizeof(to));
	page_words(&p, 0, 2, "COURSE  %zu reports from %s to %s, %zu of them below", c->rows.len,
		   from, to, lines);
	if (c->unreadable)
		page_words(&p, 2, 2, "%" PRIu64 " more could not be read", c->unreadable);
	fprintf(out, "  %-8s %9s %9s %9s %9s %8s  %s\n", "time", "RSS", "live heap", "tables",
		"holes", "gorout.", "verdict");
	for (size_t i = 0; i < lines; i++) {
		const struct course_row *row = &c->rows.data[course_line(c, i, lines)];

		print_course_row(&p, row, before);
		before = row;
	}
	fputc('\n', out);
}
