// SPDX-License-Identifier: GPL-2.0-only
/* How the process went on, where the page is of a directory of reports: lines over time. */
#include "report/html_parts.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { COURSE_WIDTH = 1000, COURSE_HEIGHT = 240, COURSE_POINTS = 500, COURSE_CHANGES = 50 };

/* A row's figure; unknown: the line has a gap. */
typedef struct opt_u64 (*course_figure)(const struct course_row *row);

static struct opt_u64 course_rss(const struct course_row *row)
{
	return opt_if(true, row->rss_bytes);
}

static struct opt_u64 course_heap(const struct course_row *row)
{
	return row->heap_live_bytes;
}

static struct opt_u64 course_tables(const struct course_row *row)
{
	return row->table_bytes;
}

static struct opt_u64 course_holes(const struct course_row *row)
{
	return row->hole_bytes;
}

static struct opt_u64 course_keys(const struct course_row *row)
{
	return row->live_keys;
}

struct course_line {
	const char *name;
	course_figure figure;
};

static const struct course_line course_bytes[] = {
	{ "RSS", course_rss },
	{ "live heap", course_heap },
	{ "map tables", course_tables },
	{ "holes in them", course_holes },
};

static const struct course_line course_counts[] = { { "live keys", course_keys } };

/* The row for each of at most COURSE_POINTS points, with the first and the last. */
static const struct course_row *course_point(const struct course *c, size_t i, size_t points)
{
	return &c->rows.data[points < 2 ? 0 : i * (c->rows.len - 1) / (points - 1)];
}

static size_t course_points(const struct course *c)
{
	return c->rows.len < COURSE_POINTS ? c->rows.len : COURSE_POINTS;
}

static uint64_t course_max(const struct course *c, const struct course_line *lines, size_t cnt)
{
	size_t points = course_points(c);
	uint64_t max = 1;

	for (size_t l = 0; l < cnt; l++)
		for (size_t i = 0; i < points; i++) {
			struct opt_u64 v = lines[l].figure(course_point(c, i, points));

			max = v.known && v.v > max ? v.v : max;
		}
	return max;
}

static void course_path(const struct html *h, course_figure figure, size_t no, uint64_t max)
{
	const struct course *c = h->opts->course;
	uint64_t start = c->rows.data[0].unix_time_ns;
	uint64_t end = c->rows.data[c->rows.len - 1].unix_time_ns;
	double span = end > start ? (double)(end - start) : 1;
	size_t points = course_points(c);
	bool draws = false;

	fprintf(h->out, "<path class=\"line l%zu\" d=\"", no);
	for (size_t i = 0; i < points; i++) {
		const struct course_row *row = course_point(c, i, points);
		struct opt_u64 v = figure(row);
		double at = row->unix_time_ns > start ? (double)(row->unix_time_ns - start) : 0;

		if (v.known)
			fprintf(h->out, "%c%.1f %.1f", draws ? 'L' : 'M', COURSE_WIDTH * at / span,
				COURSE_HEIGHT - (COURSE_HEIGHT - 4) * ((double)v.v / (double)max) -
					2);
		draws = v.known;
	}
	html_raw(h, "\"/>");
}

static void course_legend(const struct html *h, const struct course_line *line, size_t no,
			  bool bytes)
{
	const struct course *c = h->opts->course;
	struct opt_u64 from = line->figure(&c->rows.data[0]);
	struct opt_u64 to = line->figure(&c->rows.data[c->rows.len - 1]);
	struct text first = bytes ? text_bytes(from.v) : text_count(from.v);
	struct text last = bytes ? text_bytes(to.v) : text_count(to.v);

	fprintf(h->out,
		"<span><svg class=\"key\" viewBox=\"0 0 1 1\" aria-hidden=\"true\">"
		"<rect class=\"l%zu\" width=\"1\" height=\"1\"/></svg> ",
		no);
	html_text(h->out, line->name);
	html_element(h, "span class=\"dim\"", " %s to %s", from.known ? first.s : "?",
		     to.known ? last.s : "?");
	html_raw(h, "</span>");
}

static void course_when(uint64_t unix_time_ns, char *ret, size_t size)
{
	time_t at = (time_t)(unix_time_ns / NS_PER_S);
	struct tm tm;

	if (!gmtime_r(&at, &tm) || !strftime(ret, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(ret, size, "?");
}

static void course_axis(const struct html *h)
{
	const struct course *c = h->opts->course;
	char from[32], to[32];

	course_when(c->rows.data[0].unix_time_ns, from, sizeof(from));
	course_when(c->rows.data[c->rows.len - 1].unix_time_ns, to, sizeof(to));
	html_raw(h, "<p class=\"axis\">");
	html_element(h, "span", "%s", from);
	html_element(h, "span", "%s UTC", to);
	html_raw(h, "</p>");
}

static void course_chart(const struct html *h, const char *title, const struct course_line *lines,
			 size_t cnt, bool bytes)
{
	uint64_t max = course_max(h->opts->course, lines, cnt);

	html_raw(h, "<figure><figcaption>");
	html_element(h, "span", "%s, up to %s", title, bytes ? BYTES(max) : COUNT(max));
	html_raw(h, "</figcaption><p class=\"tools\">");
	for (size_t i = 0; i < cnt; i++)
		course_legend(h, &lines[i], i, bytes);
	fprintf(h->out,
		"</p><svg class=\"chart\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
		"role=\"img\"",
		COURSE_WIDTH, COURSE_HEIGHT);
	html_attribute(h, "aria-label", "%s over time", title);
	html_raw(h, ">");
	for (size_t i = 0; i < cnt; i++)
		course_path(h, lines[i].figure, i, max);
	html_raw(h, "</svg>");
	course_axis(h);
	html_raw(h, "</figure>\n");
}

/* ---- when the verdict changed ---- */

static void course_change(const struct html *h, const struct course_row *row, bool restarted)
{
	const char *state = verdict_state_words[row->state].text;
	char when[32];

	course_when(row->unix_time_ns, when, sizeof(when));
	html_raw(h, "<tr>");
	html_element(h, "th scope=\"row\"", "%s", when);
	html_element(h, "td class=\"n\"", "%s", BYTES(row->rss_bytes));
	html_raw(h, "<td>");
	html_text(h->out, state ? state : "not judged");
	for (size_t i = 0; i < FINDING_CNT; i++)
		if (row->findings >> i & 1)
			html_element(h, "span class=\"dim\"", " %s", finding_kind_words[i].name);
	if (restarted)
		html_element(h, "span class=\"dim\"", " pid %" PRIu64, row->pid);
	html_raw(h, "</td></tr>\n");
}

static bool course_changes(const struct course_row *a, const struct course_row *b)
{
	return a->state != b->state || a->findings != b->findings || a->pid != b->pid;
}

static void course_table(const struct html *h)
{
	const struct course *c = h->opts->course;
	size_t told = 0;

	html_table(h, "When the verdict or its findings changed", "time|#RSS|verdict");
	for (size_t i = 0; i < c->rows.len; i++) {
		const struct course_row *row = &c->rows.data[i];

		if (i && !course_changes(row, row - 1))
			continue;
		if (told++ < COURSE_CHANGES)
			course_change(h, row, i && row->pid != row[-1].pid);
	}
	html_table_end(h);
	if (told > COURSE_CHANGES)
		html_element(h, "p class=\"note\"", "and %s",
			     COUNTED(told - COURSE_CHANGES, "more change"));
}

void html_course(const struct html *h)
{
	const struct course *c = h->opts->course;

	if (!c || !c->rows.len)
		return;
	html_section(h, "course", "Course", "%s; the rest of the page is the last one",
		     COUNTED(c->rows.len, "report"));
	if (c->unreadable)
		html_element(h, "p class=\"note\"", "%s could not be read",
			     COUNTED(c->unreadable, "more report"));
	course_chart(h, "Bytes", course_bytes, sizeof(course_bytes) / sizeof(course_bytes[0]),
		     /* bytes= */ true);
	course_chart(h, "Keys in maps", course_counts, 1, /* bytes= */ false);
	course_table(h);
	html_raw(h, "</section>\n");
}
