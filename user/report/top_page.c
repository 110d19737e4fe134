// SPDX-License-Identifier: GPL-2.0-only
#include "report/top_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/short_name.h"
#include "base/units.h"
#include "report/tone.h"
#include "report/top_rows.h"

enum {
	TOP_NAME_SZ = 544,
	TOP_PART_SZ = 256, /* a type, or a holder */
	TOP_NAME_MIN = 18, /* columns of a row's name */
	TOP_TREND = 8, /* columns of a sparkline */
	TOP_FOOT = 3, /* lines below the table */
	TOP_NAME_BOTH = 60, /* columns for type and holder */
	TOP_DETAIL_INDENT = 2,
	TOP_FACT = 17, /* columns of its name */
};

/* ---- the head ---- */

static void draw_clock(struct sheet *s, const struct top_state *state)
{
	time_t at = (time_t)(state->r->unix_time_ns / NS_PER_S);
	char when[32] = "?";
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	sheet_put(s, SHEET_DIM, "  %s", when);
	if (state->paused)
		sheet_put(s, SHEET_WARN, "  PAUSED");
	else
		sheet_put(s, SHEET_DIM, ", every %s%s", text_duration(state->every_ns).s,
			  state->looking ? " ..." : "");
}

static void draw_title(struct sheet *s, const struct top_state *state)
{
	const struct result_target *t = &state->r->target;

	sheet_put(s, SHEET_BOLD, "%s", t->command ? t->command : "?");
	sheet_put(s, SHEET_PLAIN, "  pid %" PRIu64 "  %s  up %s", t->pid,
		  t->go_version ? t->go_version : "go?", text_duration(t->uptime_ns).s);
	draw_clock(s, state);
	sheet_end(s);
}

static const enum sheet_style tone_styles[TONE_CNT] = {
	[TONE_PLAIN] = SHEET_PLAIN,
	[TONE_GOOD] = SHEET_GOOD,
	[TONE_WARN] = SHEET_WARN,
	[TONE_BAD] = SHEET_BAD,
};

static void draw_verdict(struct sheet *s, const struct top_state *state)
{
	const struct result *r = state->r;
	const char *text = r->verdict.text ? r->verdict.text : r->census.reason;

	if (r->target.gone)
		sheet_put(s, SHEET_BAD, "%s", r->target.gone);
	else
		sheet_put(s, tone_styles[tone_of_verdict(r->verdict.state)], "%s",
			  text ? text : "not judged");
	sheet_end(s);
}

/* The parts of a bar: rows of the ledger that go together. */
static const struct {
	char letter;
	const char *name;
	uint32_t rows;
} segments[] = {
	{ 'k', "keys", 1U << ROW_MAP_LIVE },
	{ 'h', "holes", 1U << ROW_MAP_HOLES },
	{ 'o', "objects", 1U << ROW_OTHER_HEAP | 1U << ROW_USER_ARENAS },
	{ 'g', "garbage", 1U << ROW_GARBAGE },
	{ 's', "free slots", 1U << ROW_FREE_SLOTS },
	{ 'f', "free", 1U << ROW_FREE | 1U << ROW_RELEASED | 1U << ROW_HUGE_EXCESS },
	{ 'r', "runtime", 1U << ROW_STACKS | 1U << ROW_RUNTIME },
	{ 'p', "program", 1U << ROW_FILES },
	{ 'c', "C, other", 1U << ROW_ANON },
};

enum { SEGMENT_CNT = sizeof(segments) / sizeof(segments[0]) };

_Static_assert(SEGMENT_CNT <= SHEET_CNT - SHEET_SEGMENT, "each segment has a style");

static uint64_t segment_bytes(const struct result_ledger *l, size_t i)
{
	uint64_t sum = 0;

	for (size_t row = 0; row < ROW_CNT; row++)
		if (segments[i].rows >> row & 1)
			sum += l->row_bytes[row];
	return sum;
}

static void draw_bar(struct sheet *s, const struct result_ledger *l, int columns)
{
	double whole = 0, upto = 0;
	int drawn = 0;

	for (size_t i = 0; i < SEGMENT_CNT; i++)
		whole += (double)segment_bytes(l, i);
	for (size_t i = 0; i < SEGMENT_CNT && whole > 0; i++) {
		upto += (double)segment_bytes(l, i);
		for (int end = (int)(upto / whole * columns + 0.5); drawn < end; drawn++)
			sheet_put(s, SHEET_SEGMENT + (enum sheet_style)i, "%c", segments[i].letter);
	}
}

static void draw_trail(struct sheet *s, const struct trail *trail, bool keys, size_t columns)
{
	uint64_t values[TRAIL_POINTS];
	size_t len = trail ? trail->len : 0, cnt = len < columns ? len : columns;

	for (size_t i = 0; i < cnt; i++) {
		const struct trail_point *p = trail_point(trail, len - cnt + i);

		values[i] = keys ? p->keys : p->bytes;
	}
	sheet_spark(s, SHEET_DIM, values, cnt);
}

static void draw_rss(struct sheet *s, const struct top_state *state)
{
	const struct result *r = state->r;
	uint64_t rss = r->memory ? r->memory->rss_bytes : r->target.rss_bytes;
	int bar = s->columns / 2;

	sheet_put(s, SHEET_BOLD, "RSS %s", text_bytes(rss).s);
	if (r->target.cgroup_limit_bytes)
		sheet_put(s, SHEET_PLAIN, " of %s", text_bytes(r->target.cgroup_limit_bytes).s);
	sheet_put(s, SHEET_PLAIN, " [");
	if (r->memory)
		draw_bar(s, r->memory, bar);
	sheet_put(s, SHEET_PLAIN, "] ");
	draw_trail(s, trails_find(state->trails, "process"), false,
		   (size_t)(s->columns - s->at > TRAIL_POINTS ? TRAIL_POINTS : s->columns - s->at));
	sheet_end(s);
}

/* What the letters of the bar mean, on two lines. */
static void draw_legend(struct sheet *s, const struct top_state *state)
{
	size_t line_cnt = 0;

	for (size_t i = 0; state->r->memory && i < SEGMENT_CNT; i++) {
		uint64_t bytes = segment_bytes(state->r->memory, i);
		char text[80];

		if (!bytes)
			continue;
		int columns = snprintf(text, sizeof(text), " %s %s  ", segments[i].name,
				       text_bytes(bytes).s);
		if (s->at + 1 + columns > s->columns && line_cnt == 0) {
			sheet_end(s);
			line_cnt++;
		}
		sheet_put(s, SHEET_SEGMENT + (enum sheet_style)i, "%c", segments[i].letter);
		sheet_put(s, SHEET_PLAIN, "%s", text);
	}
	sheet_end(s);
	if (!line_cnt)
		sheet_end(s);
}

static void draw_gc(struct sheet *s, const struct top_state *state)
{
	const struct result *r = state->r;
	const struct result_receipt *receipt = r->cost.receipt;

	if (r->gc.read)
		sheet_put(s, SHEET_PLAIN, "live heap %s, next cycle at %s  ",
			  text_bytes(r->gc.read->heap_live_bytes).s,
			  r->gc.read->heap_goal_bytes >> 48
				  ? "no size"
				  : text_bytes(r->gc.read->heap_goal_bytes).s);
	if (r->goroutines.read)
		sheet_put(s, SHEET_PLAIN, "%s  ",
			  text_counted(r->goroutines.read->total, "goroutine").s);
	if (receipt)
		sheet_put(s, SHEET_DIM, "cost %s of a core",
			  text_percent(receipt->share_of_core).s);
	sheet_end(s);
}

/* The last growth, clear or make that was seen. */
static void draw_events(struct sheet *s, const struct top_state *state)
{
	const struct result_traced *t = state->r->trace.traced;
	const struct result_map_event *last =
		t && t->events.len ? &t->events.data[t->events.len - 1] : NULL;
	char name[TOP_NAME_SZ];

	if (!t) {
		sheet_put(s, SHEET_DIM, "not watched (%s)",
			  state->r->trace.reason ? state->r->trace.reason : "no trace");
	} else if (!last) {
		sheet_put(s, SHEET_DIM, "watched %s: no growth, no clear",
			  text_duration(t->duration_ns).s);
	} else {
		name_short(last->type ? last->type : "a map", name, sizeof(name));
		sheet_put(s, SHEET_PLAIN, "watched %s: %s; last: %s of %s",
			  text_duration(t->duration_ns).s, text_counted(t->events.len, "event").s,
			  map_op_words[last->op].text ? map_op_words[last->op].text : "?", name);
		if (last->slots_from && last->slots_to)
			sheet_put(s, SHEET_PLAIN, ", %s to %s slots",
				  text_count(last->slots_from).s, text_count(last->slots_to).s);
	}
	sheet_end(s);
}

static void draw_head(struct sheet *s, const struct top_state *state)
{
	draw_title(s, state);
	draw_verdict(s, state);
	draw_rss(s, state);
	draw_legend(s, state);
	draw_gc(s, state);
	draw_events(s, state);
}

/* ---- the table ---- */

/* The width of a column, and which ones are left out first where the screen is narrow. */
static const struct {
	const char *title;
	int width;
	int order; /* 0 stays longest */
} columns[TOP_COLUMN_CNT] = {
	[TOP_TABLES] = { "TABLES", 8, 0 }, [TOP_KEYS] = { "KEYS", 9, 1 },
	[TOP_SLOTS] = { "SLOTS", 9, 8 },   [TOP_LOAD] = { "LOAD", 4, 5 },
	[TOP_BACK] = { "BACK", 8, 2 },	   [TOP_RETAINED] = { "RETAINED", 8, 7 },
	[TOP_MAPS] = { "MAPS", 7, 9 },	   [TOP_INSERTS] = { "INS/S", 7, 4 },
	[TOP_DELETES] = { "DEL/S", 7, 6 }, [TOP_GAIN] = { "GAIN/S", 7, 3 },
};

/* The columns that fit, as bits. */
static uint32_t columns_shown(int width)
{
	int left = width - TOP_NAME_MIN;
	uint32_t shown = 0;

	for (int order = 0; order < TOP_COLUMN_CNT; order++)
		for (int c = 0; c < TOP_COLUMN_CNT; c++)
			if (columns[c].order == order && left >= columns[c].width + 1) {
				left -= columns[c].width + 1;
				shown |= 1U << c;
			}
	return shown;
}

static bool trend_shown(int width)
{
	return width >= 72;
}

static void draw_titles(struct sheet *s, const struct top_view *view, uint32_t shown, bool trend)
{
	for (int c = 0; c < TOP_COLUMN_CNT; c++) {
		if (!(shown >> c & 1))
			continue;
		sheet_cell(s, c == (int)view->sort ? SHEET_SELECTED : SHEET_HEADER,
			   -columns[c].width, columns[c].title);
		sheet_put(s, SHEET_HEADER, " ");
	}
	if (trend)
		sheet_cell(s, SHEET_HEADER, TOP_TREND + 1, "TREND");
	sheet_put(s, SHEET_HEADER, "%s", view->single ? "MAP" : "MAPS OF");
	sheet_fill(s, SHEET_HEADER, s->columns);
	sheet_end(s);
}

/* "*scrape.scrapeCache.seriesPrev", and before it the type where there is room; a guess is marked. */
static void row_name(const struct top_row *row, bool both, char ret[TOP_NAME_SZ])
{
	char type[TOP_PART_SZ], holder[TOP_PART_SZ] = "";

	name_short(row->type, type, sizeof(type));
	if (row->holder && row->holder->text)
		name_short(row->holder->text, holder, sizeof(holder));
	/* "main.<var> used by ..." says less than the type where there is room for one only. */
	if (both || !*holder || row->holder->kind == HELD_BY_VARIABLE)
		snprintf(ret, TOP_NAME_SZ, "%s%s%s%s", type, *holder ? "  held by " : "", holder,
			 *holder && !row->holder->certain ? "?" : "");
	else
		snprintf(ret, TOP_NAME_SZ, "%s%s", holder, row->holder->certain ? "" : "?");
}

static void draw_row(struct sheet *s, const struct top_row *row, uint32_t shown, bool trend,
		     enum sheet_style style)
{
	char cell[TOP_CELL_SZ], name[TOP_NAME_SZ];

	for (int c = 0; c < TOP_COLUMN_CNT; c++) {
		if (!(shown >> c & 1))
			continue;
		top_cell(row, (enum top_column)c, cell);
		sheet_cell(s, style, -columns[c].width, cell);
		sheet_put(s, style, " ");
	}
	if (trend) {
		int at = s->at;

		draw_trail(s, row->trail, true, TOP_TREND);
		sheet_fill(s, style, at + TOP_TREND + 1);
	}
	row_name(row, s->columns - s->at >= TOP_NAME_BOTH, name);
	sheet_cell(s, style, s->columns - s->at, name);
	sheet_end(s);
}

static void settle_selection(struct top_view *view, const struct top_rows *rows, size_t room)
{
	size_t len = rows->rows.len;

	for (size_t i = 0; !view->moved && i < len; i++)
		if (!strcmp(rows->rows.data[i].key, view->key)) {
			view->selected = i;
			break;
		}
	view->moved = false;
	if (view->selected >= len)
		view->selected = len ? len - 1 : 0;
	if (len)
		memcpy(view->key, rows->rows.data[view->selected].key, TOP_KEY_SZ);
	if (view->selected < view->first)
		view->first = view->selected;
	if (room && view->selected >= view->first + room)
		view->first = view->selected - room + 1;
}

/* Type and holder of the selected row, which the table may have cut. */
static void draw_selected(struct sheet *s, const struct top_row *row)
{
	char name[TOP_NAME_SZ];

	name_short(row->type, name, sizeof(name));
	sheet_put(s, SHEET_PLAIN, "%s", name);
	sheet_end(s);
	if (row->holder && row->holder->text) {
		name_short(row->holder->text, name, sizeof(name));
		sheet_put(s, SHEET_PLAIN, "held by %s%s", name,
			  row->holder->certain ? "" : " (guessed)");
	} else {
		sheet_put(s, SHEET_DIM, "its holder is not known");
	}
	sheet_end(s);
}

static void draw_nothing(struct sheet *s, const struct top_state *state,
			 const struct top_view *view)
{
	const char *reason = state->r->census.reason;

	sheet_put(s, SHEET_DIM, "%s",
		  *view->filter		    ? "no row has what the filter asks for"
		  : !state->r->census.taken ? (reason ? reason : "there is no census")
					    : "no maps");
	sheet_end(s);
}

static void draw_list(struct sheet *s, const struct top_state *state, struct top_view *view,
		      int lines)
{
	struct top_rows rows = { 0 };
	bool trend = trend_shown(s->columns);
	uint32_t shown = columns_shown(s->columns - (trend ? TOP_TREND + 1 : 0));

	top_rows_make(&rows, state, view);
	draw_titles(s, view, shown, trend);
	size_t used = s->lines + TOP_FOOT;
	size_t room = !lines ? rows.rows.len : (size_t)lines > used ? (size_t)lines - used : 1;
	settle_selection(view, &rows, room);
	for (size_t i = view->first; i < rows.rows.len && i < view->first + room; i++)
		draw_row(s, &rows.rows.data[i], shown, trend,
			 lines && i == view->selected ? SHEET_SELECTED : SHEET_PLAIN);
	if (!rows.rows.len)
		draw_nothing(s, state, view);
	while (lines && s->lines + TOP_FOOT < (size_t)lines)
		sheet_end(s);
	if (lines && rows.rows.len)
		draw_selected(s, &rows.rows.data[view->selected]);
	top_rows_fini(&rows);
}

/* ---- one row at large ---- */

static void draw_fact(struct sheet *s, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Bytes of a text for one line: up to a blank, if there is one, and no half characters. */
static size_t fact_line(const char *text, size_t columns)
{
	size_t len = strlen(text), blank = columns;

	if (len <= columns)
		return len;
	while (blank > columns / 2 && text[blank - 1] != ' ')
		blank--;
	if (blank > columns / 2)
		return blank;
	for (len = columns; len > 1 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
		;
	return len;
}

static void draw_fact(struct sheet *s, const char *name, const char *fmt, ...)
{
	char text[TOP_NAME_SZ * 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sheet_fill(s, SHEET_PLAIN, TOP_DETAIL_INDENT);
	sheet_cell(s, SHEET_DIM, TOP_FACT, name);
	for (const char *at = text; *at;) {
		size_t len = fact_line(at, (size_t)(s->columns - TOP_DETAIL_INDENT - TOP_FACT));

		sheet_fill(s, SHEET_PLAIN, TOP_DETAIL_INDENT + TOP_FACT);
		sheet_put(s, SHEET_PLAIN, "%.*s", (int)len, at);
		sheet_end(s);
		at += len;
	}
}

static void draw_figures(struct sheet *s, const struct top_row *row)
{
	static const char *const names[TOP_COLUMN_CNT] = {
		[TOP_TABLES] = "tables",
		[TOP_KEYS] = "live keys",
		[TOP_SLOTS] = "slots",
		[TOP_LOAD] = "load",
		[TOP_BACK] = "a rebuild gives",
		[TOP_RETAINED] = "keeps alive",
		[TOP_MAPS] = "maps",
		[TOP_INSERTS] = "inserts/s",
		[TOP_DELETES] = "deletes/s",
		[TOP_GAIN] = "gains keys/s",
	};
	char cell[TOP_CELL_SZ];

	for (int c = 0; c < TOP_COLUMN_CNT; c++) {
		top_cell(row, (enum top_column)c, cell);
		draw_fact(s, names[c], "%s", cell);
	}
}

static void draw_course(struct sheet *s, const struct top_row *row, const char *name, bool keys)
{
	uint64_t low = UINT64_MAX, high = 0;

	if (!row->trail)
		return;
	for (size_t i = 0; i < row->trail->len; i++) {
		const struct trail_point *p = trail_point(row->trail, i);
		uint64_t v = keys ? p->keys : p->bytes;

		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	sheet_fill(s, SHEET_PLAIN, TOP_DETAIL_INDENT);
	sheet_cell(s, SHEET_DIM, TOP_FACT, name);
	draw_trail(s, row->trail, keys, (size_t)(s->columns > 70 ? 40 : 16));
	sheet_put(s, SHEET_PLAIN, " %s to %s", keys ? text_count(low).s : text_bytes(low).s,
		  keys ? text_count(high).s : text_bytes(high).s);
	sheet_end(s);
}

static void draw_callers(struct sheet *s, const struct top_row *row)
{
	for (size_t op = 0; row->activity && op < MAP_OP_CNT; op++) {
		const struct result_op *did = &row->activity->ops[op];
		const struct result_caller *c = did->caller;
		char name[TOP_NAME_SZ] = "?";

		if (!c || !map_op_words[op].text)
			continue;
		if (c->function)
			name_short(c->function, name, sizeof(name));
		if (c->at && c->at->file)
			draw_fact(s, map_op_words[op].text, "%s %s:%" PRIu64, name,
				  strrchr(c->at->file, '/') ? strrchr(c->at->file, '/') + 1
							    : c->at->file,
				  c->at->line);
		else
			draw_fact(s, map_op_words[op].text, "%s", name);
	}
}

static void draw_holders(struct sheet *s, const struct top_row *row)
{
	if (row->holder && row->holder->text)
		draw_fact(s, "held by", "%s%s", row->holder->text,
			  row->holder->certain ? "" : " (guessed)");
	for (size_t i = 1; row->group && i < row->group->held_by.len; i++)
		if (row->group->held_by.data[i].holder && row->group->held_by.data[i].holder->text)
			draw_fact(s, "and by", "%s", row->group->held_by.data[i].holder->text);
	if (row->path && row->path->text)
		draw_fact(s, "from", "%s%s", row->path->text,
			  row->path->certain ? "" : " (guessed)");
	draw_fact(s, row->group && row->group->maps > 1 ? "largest" : "header", "0x%" PRIx64,
		  row->map);
}

/* A map by its id: it may be moved from the list meanwhile. */
static void draw_details(struct sheet *s, const struct top_state *state, struct top_view *view,
			 int lines)
{
	struct top_rows rows = { 0 };

	top_rows_make(&rows, state, view);
	settle_selection(view, &rows, 0);
	if (rows.rows.len) {
		struct top_row *row = &rows.rows.data[view->selected];
		struct map_view m;

		if (row->group && row->group->maps == 1 &&
		    result_map_find(state->r->maps, row->map, &m))
			row->path = m.path;
		draw_fact(s, "type", "%s", row->type);
		draw_holders(s, row);
		draw_figures(s, row);
		draw_course(s, row, "keys", true);
		draw_course(s, row, "tables", false);
		draw_callers(s, row);
	}
	while (lines && s->lines + 1 < (size_t)lines)
		sheet_end(s);
	top_rows_fini(&rows);
}

/* ---- help, and the last line ---- */

static const struct {
	const char *key;
	const char *what;
} keys[] = {
	{ "up, down, k, j", "select a row; PgUp, PgDn, Home, End too" },
	{ "Enter", "all about the row; Esc goes back" },
	{ "<, >", "sort by another column; r turns the order around" },
	{ "/", "show only rows with a text in their type or holder" },
	{ "m", "single maps, or maps of a type or holder together" },
	{ "p, Space", "no more looks, until it is pressed again" },
	{ "w", "write the report of the last look to a file" },
	{ "h, ?", "this page" },
	{ "q", "end" },
};

static void draw_help(struct sheet *s, int lines)
{
	sheet_put(s, SHEET_BOLD, "maptrace top");
	sheet_end(s);
	sheet_end(s);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		draw_fact(s, keys[i].key, "%s", keys[i].what);
	sheet_end(s);
	draw_fact(s, "BACK", "what comes back if the maps are rebuilt");
	draw_fact(s, "RETAINED", "what only these maps keep alive");
	draw_fact(s, "GAIN/S", "keys that came, on average over all looks");
	draw_fact(s, "?", "after a holder: it is guessed");
	while (lines && s->lines + 1 < (size_t)lines)
		sheet_end(s);
}

static void draw_keys(struct sheet *s, const struct top_state *state, const struct top_view *view)
{
	if (view->filtering)
		sheet_put(s, SHEET_BOLD, "filter: %s_", view->filter);
	else if (state->message)
		sheet_put(s, SHEET_WARN, "%s", state->message);
	else if (view->page != TOP_LIST)
		sheet_put(s, SHEET_DIM, "Esc back  q quit");
	else if (*view->filter)
		sheet_put(s, SHEET_DIM, "filter: %s   / change  Esc drop  q quit", view->filter);
	else
		sheet_put(s, SHEET_DIM,
			  "q quit  h help  Enter details  < > sort  / filter  m maps  p pause  w "
			  "write");
}

static void draw_page(struct sheet *s, const struct top_state *state, struct top_view *view,
		      int lines)
{
	if (view->page == TOP_HELP) {
		draw_help(s, lines);
		return;
	}
	if (!state->r) {
		sheet_put(s, SHEET_PLAIN, "%s",
			  state->looking ? "The first look is under way."
					 : "There is nothing to show.");
		sheet_end(s);
		while (lines && s->lines + 1 < (size_t)lines)
			sheet_end(s);
		return;
	}
	draw_head(s, state);
	if (view->page == TOP_DETAILS)
		draw_details(s, state, view, lines);
	else
		draw_list(s, state, view, lines);
}

void top_draw(struct sheet *s, const struct top_state *state, struct top_view *view, int lines)
{
	if (lines && (s->columns < TOP_COLUMNS_MIN || lines < TOP_LINES_MIN)) {
		sheet_put(s, SHEET_PLAIN, "needs %d columns, %d lines", TOP_COLUMNS_MIN,
			  TOP_LINES_MIN);
		sheet_end(s);
		return;
	}
	draw_page(s, state, view, lines);
	if (lines) {
		draw_keys(s, state, view);
		sheet_end(s);
	}
}
