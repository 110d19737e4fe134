// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/short_name.h"

enum {
	NAME_SZ = 256,
	ACTIVITY_ROWS = 10,
	CALLER_ROWS = 3, /* whose callers are shown without --verbose, too */
	SUBJECT_INDENT = 10,
	SITE_INDENT = 15,
};

/* The operations that have a column. */
static const struct {
	enum map_op op;
	const char *title;
} op_columns[] = {
	{ MAP_OP_INSERT, "inserts" }, { MAP_OP_DELETE, "deletes" }, { MAP_OP_CLEAR, "clears" },
	{ MAP_OP_GROW, "growths" },   { MAP_OP_MAKE, "makes" },
};

enum { OP_COLUMNS = sizeof(op_columns) / sizeof(op_columns[0]) };

/* What stands in a column, or before its number. */
enum op_sign {
	SIGN_BOUND, /* at least so much: only a part was seen */
	SIGN_ROUGH, /* about so much: a part was lost */
	SIGN_UNSEEN, /* not seen, but it may have happened */
	SIGN_NONE, /* not seen, and nothing was overlooked */
	SIGN_CNT,
};

static const struct {
	const char *sign;
	const char *meaning;
} signs[SIGN_CNT] = {
	[SIGN_BOUND] = { ">", "at least, as some were missed" },
	[SIGN_ROUGH] = { "~", "rough, as some were lost" },
	[SIGN_UNSEEN] = { "?", "none seen, but some may be missed" },
	[SIGN_NONE] = { "-", "none seen" },
};

/* The sign of an operation; SIGN_CNT: a plain number. */
static enum op_sign op_sign(const struct result_op *op)
{
	if (op->hits)
		return op->is_lower_bound && op->per_s_low > 0 ? SIGN_BOUND
		       : op->rough			       ? SIGN_ROUGH
							       : SIGN_CNT;
	return op->rough ? SIGN_UNSEEN : SIGN_NONE;
}

static void flow_rate(struct flow *f, const struct result_op *op)
{
	enum op_sign sign = op_sign(op);
	char text[64];

	snprintf(text, sizeof(text), "%s%s", sign < SIGN_CNT ? signs[sign].sign : "",
		 !op->hits	      ? ""
		 : sign == SIGN_BOUND ? text_rate(op->per_s_low).s
				      : text_rate(op->per_s).s);
	flow_add(f, 1, "%7s", text);
}

static bool has_interval(const struct result_op *op)
{
	return op->per_s_low < op->per_s_high;
}

static const char *file_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Adds "for main.runQuery main.go:14": who of the program's own packages called the library. */
static void flow_user_frame(struct flow *f, const struct result_frame *frame, const char *comma)
{
	char name[NAME_SZ] = "?";

	if (frame->function)
		name_short(frame->function, name, sizeof(name));
	flow_add(f, 1, "for %s", name);
	if (frame->file && frame->line)
		flow_add(f, 1, "%s:%" PRIu64 "%s", file_of(frame->file), frame->line, comma);
}

/* Adds "main.(*Gateway).pay gateway.go:123 (55 %)", and a comma if more follows. */
static void flow_caller(struct flow *f, const struct result_op *op, bool more)
{
	const struct result_caller *caller = op->caller;
	const char *comma = more ? "," : "", *slash;
	char name[NAME_SZ] = "?";

	if (caller->function)
		name_short(caller->function, name, sizeof(name));
	flow_add(f, 1, "%s", name);
	if (caller->at && caller->at->file && caller->at->line) {
		slash = strrchr(caller->at->file, '/');
		flow_add(f, 1, "%s:%" PRIu64, slash ? slash + 1 : caller->at->file,
			 caller->at->line);
	}
	flow_add(f, 1, "(%.0f %%)%s", 100 * op->caller_share, caller->user_frame ? "" : comma);
	if (caller->user_frame)
		flow_user_frame(f, caller->user_frame, comma);
}

/* Adds how far the truth may be from the number in the column. */
static void flow_interval(struct flow *f, const struct result_op *op, bool more)
{
	const char *comma = more ? "," : "";

	if (has_interval(op))
		flow_add(f, 1, "%s/s to %s/s%s", text_rate(op->per_s_low).s,
			 text_rate(op->per_s_high).s, comma);
	else
		flow_add(f, 1, "%s/s or more%s", text_rate(op->per_s_low).s, comma);
}

/* Where an operation comes from, and what else is known of it: one line, or nothing. */
static void print_site(const struct page *p, enum map_op op, const struct result_op *did)
{
	bool caller = did->caller && !isnan(did->caller_share);
	bool interval = has_interval(did) || (did->rough && did->per_s_low > 0);
	bool keys = interval && op == MAP_OP_INSERT && did->changes && did->changes->told;
	struct flow f = page_flow(p, SITE_INDENT);

	if (!did->hits || (!caller && !interval))
		return;
	flow_add(&f, SUBJECT_INDENT - 4, "%6s%s", map_op_words[op].text, caller ? " from" : "");
	if (caller)
		flow_caller(&f, did, interval);
	if (interval)
		flow_interval(&f, did, keys);
	if (keys)
		flow_add(&f, 1, "%.0f %% new keys",
			 percent(did->changes->changed, did->changes->told));
	flow_end(&f);
}

static void print_op_sites(const struct page *p, const struct result_busy *row)
{
	for (enum map_op op = 0; op < MAP_OP_CNT; op++)
		print_site(p, op, &row->activity.ops[op]);
}

static void print_busy(const struct page *p, const struct result_busy *row)
{
	struct flow f = page_flow(p, SUBJECT_INDENT);

	for (int i = 0; i < OP_COLUMNS; i++)
		flow_rate(&f, &row->activity.ops[op_columns[i].op]);
	if (row->rank && row->rank <= p->opts->top)
		flow_add(&f, 2, "#%" PRIu64, row->rank);
	flow_label(&f, 2, known_text(row->label));
	if (row->map_cnt > 1)
		flow_add(&f, 2, "(%s)", COUNTED(row->map_cnt, "map"));
	flow_end(&f);
}

static bool shows_sites(const struct page *p, size_t i)
{
	return p->opts->verbose || i < CALLER_ROWS;
}

static void print_busiest(const struct page *p, const struct result_traced *t)
{
	struct flow f = page_flow(p, SUBJECT_INDENT);

	for (int i = 0; i < OP_COLUMNS; i++)
		flow_add(&f, 1, "%7s", op_columns[i].title);
	flow_add(&f, 2, "map");
	flow_end(&f);
	for (size_t i = 0; i < t->busiest.len && i < ACTIVITY_ROWS; i++) {
		print_busy(p, &t->busiest.data[i]);
		if (shows_sites(p, i))
			print_op_sites(p, &t->busiest.data[i]);
	}
	if (t->busiest_total > ACTIVITY_ROWS)
		page_words(p, 2, 4, "and %s (--json)",
			   COUNTED(t->busiest_total - ACTIVITY_ROWS, "more row"));
}

/* Notes which signs a row has, and whether its sites have intervals. */
static bool note_op_signs(const struct result_busy *row, bool used[SIGN_CNT + 1])
{
	bool interval = false;

	for (int i = 0; i < OP_COLUMNS; i++)
		used[op_sign(&row->activity.ops[op_columns[i].op])] = true;
	for (enum map_op op = 0; op < MAP_OP_CNT; op++)
		interval |= row->activity.ops[op].hits && has_interval(&row->activity.ops[op]);
	return interval;
}

/* What the signs in the rows mean, where there are any. */
static void print_legend(const struct page *p, const struct result_traced *t)
{
	bool used[SIGN_CNT + 1] = { false }, intervals = false;
	struct flow f = page_flow(p, 4);

	for (size_t i = 0; i < t->busiest.len && i < ACTIVITY_ROWS; i++)
		intervals |= note_op_signs(&t->busiest.data[i], used) && shows_sites(p, i);
	for (int s = 0; s < SIGN_CNT; s++)
		if (used[s])
			flow_add(&f, 2, "%s %s", signs[s].sign, signs[s].meaning);
	if (intervals)
		flow_add(&f, 2, "x/s to y/s: 95 %% interval");
	if (f.column)
		flow_end(&f);
}

/* What was not looked at any more may have happened all the same. */
static void print_budget(const struct page *p, const struct result_probe_group *g, const char *what)
{
	if (is_refused(g->status) || !g->out_of_budget)
		return;
	if (g->windows)
		page_words(p, 2, 4, "%s: %s, then the budget (--max-overhead) was used up", what,
			   COUNTED(g->windows, "window"));
	else
		page_words(p, 2, 4, "%s: none seen, because --max-overhead is too small", what);
}

/* What is not in the rows, and why. */
static void print_missing(const struct page *p, const struct result_traced *t)
{
	if (is_refused(t->hot.status))
		page_words(p, 2, 6, "inserts, deletes and makes are not traced: %s",
			   known_text(t->hot.reason));
	if (is_refused(t->rare.status))
		page_words(p, 2, 6, "clears and growths are not traced: %s",
			   known_text(t->rare.reason));
	print_budget(p, &t->hot, "inserts, deletes, small makes");
	print_budget(p, &t->rare, "clears and growths");
	print_budget(p, &t->make, "makes with a size");
	if (t->plugins_not_traced)
		page_words(p, 2, 4, "without plugins: their own map functions are not traced");
}

static void print_losses(const struct page *p, const struct result_traced *t)
{
	if (t->lost_hits)
		page_words(p, 2, 4,
			   "%s lost: there may be more of everything, also where there is a ?",
			   COUNTED(t->lost_hits, "hit"));
	if (t->growths.for_churn)
		page_words(p, 2, 4, "growths for churn, not for new keys: %s of %s",
			   COUNT(t->growths.for_churn), COUNT(t->growths.seen));
}

void print_activity(const struct page *p)
{
	const struct result_traced *t = p->r->trace.traced;

	if (is_refused(p->r->trace.status))
		page_heading(p, "ACTIVITY", "not traced: %s", known_text(p->r->trace.reason));
	if (!t)
		return;
	page_heading(p, "ACTIVITY", "per second; inserts, deletes and makes estimated from %s",
		     COUNTED(t->hot.windows, "window"));
	print_missing(p, t);
	if (!t->busiest.len) {
		page_words(p, 2, 4, "%s%s",
			   t->hot.windows ? "no map operation seen" : "no growth or clear seen",
			   t->target_stopped_by ? ": the process was stopped, see above" : "");
		return;
	}
	print_busiest(p, t);
	print_legend(p, t);
	print_losses(p, t);
}
