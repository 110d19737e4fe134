// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <inttypes.h>

#include "model/growth.h"
#include "report/names.h"

enum {
	ACTIVITY_ROWS = 10,
	CALLER_ROWS = 3, /* whose callers are shown, too */
	SUBJECT_INDENT = 10,
	CALLER_INDENT = 18, /* below the function */
};

static void flow_rate(struct flow *f, const struct activity_op *op)
{
	char text[64];

	if (op->hits)
		snprintf(text, sizeof(text), "%s%s", op->rough ? "~" : "", text_rate(op->per_s).s);
	else
		snprintf(text, sizeof(text), op->rough ? "?" : "-");
	flow_add(f, 1, "%7s", text);
}

static void flow_subject(const struct page *p, struct flow *f, const struct busy *row)
{
	const struct activity *a = &row->sum;
	char type[NAME_SZ];

	if (row->place && row->place <= p->opts->top)
		flow_add(f, 2, "#%zu", row->place);
	if (a->type) {
		name_short(a->type->name, type, sizeof(type));
		flow_add(f, 2, "%s", type);
	} else if (row->map.addr)
		flow_type(p, f, 2, &row->map);
	else if (a->addr)
		flow_add(f, 2, "map at 0x%" PRIx64, a->addr);
	else
		flow_add(f, 2, "maps of types not told");
	if (a->on_stack)
		flow_add(f, 2, "on goroutine stacks");
	if (a->nil_map)
		flow_add(f, 2, "nil");
	if (row->map_cnt > 1)
		flow_add(f, 2, "(%s)", COUNTED(row->map_cnt, "map"));
}

/* "main.(*Gateway).pay gateway.go:123 (55 %)" */
static void flow_caller(const struct page *p, struct flow *f, uint64_t return_addr,
			double share_percent)
{
	const struct place *place = lines_of_call(p->w->prog->lines, return_addr);
	const struct frame *frame = place->frames;
	char name[NAME_SZ] = "?";

	if (place->cnt)
		name_short(frame->function, name, sizeof(name));
	flow_add(f, 1, "%s", name);
	if (place->cnt && frame->file && frame->line)
		flow_add(f, 1, "%s:%u (%.0f %%)", file_base(frame->file), frame->line,
			 share_percent);
	else
		flow_add(f, 1, "(%.0f %%)", share_percent);
}

static void print_caller(const struct page *p, const struct busy *row, enum abi_op op)
{
	struct flow f = { .out = p->out, .indent = CALLER_INDENT };
	uint64_t caller = 0, hits = 0;
	_cleanup_err_ struct err *err = busiest_caller(&p->busiest, row, op, &caller, &hits);

	if (err || !caller)
		return;
	flow_add(&f, 0, "%12s from", name_op(op));
	flow_caller(p, &f, caller, percent(hits, row->sum.ops[op].hits));
	flow_end(&f);
}

/* How far the truth may be off, and what can be told of new keys. */
static void print_interval(const struct page *p, const struct busy *row, enum abi_op op)
{
	const struct activity_op *did = &row->sum.ops[op];

	if (did->per_s_low < did->per_s_high)
		fprintf(p->out, "%12s %s to %s per second (95 %%)", name_op(op),
			text_rate(did->per_s_low).s, text_rate(did->per_s_high).s);
	else if (did->rough && did->per_s_low > 0)
		fprintf(p->out, "%12s %s or more per second", name_op(op),
			text_rate(did->per_s_low).s);
	else
		return;
	if (op == ABI_OP_INSERT && did->told)
		fprintf(p->out, ", %.0f %% new keys", percent(did->changed, did->told));
	fputc('\n', p->out);
}

static void print_callers(const struct page *p, const struct busy *row)
{
	for (int op = 0; op < ABI_OP_CNT; op++) {
		if (!row->sum.ops[op].hits)
			continue;
		print_caller(p, row, op);
		print_interval(p, row, op);
	}
}

static void print_growths(const struct page *p, const struct trace_result *tr)
{
	uint64_t churn = 0, grow = 0;

	for (size_t i = 0; i < tr->event_cnt; i++) {
		const struct trace_event *e = &tr->events[i];

		grow += e->op == ABI_OP_GROW;
		churn += e->op == ABI_OP_GROW && growth_of(p->w->prog, e).churn;
	}
	if (churn)
		fprintf(p->out, "  growths for churn, not for new keys: %s of %s\n", COUNT(churn),
			COUNT(grow));
}

/* What was not looked at any more is not what did not happen. */
static void print_budget(const struct page *p, const struct trace_group *g, const char *what)
{
	if (g->missing || !g->out_of_budget)
		return;
	if (g->windows)
		fprintf(p->out, "  %s: %s, then the budget was used up\n", what,
			COUNTED(g->windows, "window"));
	else
		fprintf(p->out, "  %s: none seen, --max-overhead is too small\n", what);
}

/* What is not in the rows, and why. */
static void print_missing(const struct page *p, const struct trace_result *tr)
{
	const struct trace_group *hot = &tr->groups[ABI_GROUP_HOT];
	const struct trace_group *rare = &tr->groups[ABI_GROUP_RARE];

	if (hot->missing)
		print_reason(p, "  inserts, deletes and makes are not traced", hot->missing);
	if (rare->missing)
		print_reason(p, "  clears and growths are not traced", rare->missing);
	print_budget(p, hot, "inserts, deletes, small makes");
	print_budget(p, rare, "clears and growths");
	print_budget(p, &tr->groups[ABI_GROUP_MAKE], "makes with a size");
}

static void print_busy(const struct page *p, const struct busy *row, bool callers)
{
	static const enum abi_op columns[] = { ABI_OP_INSERT, ABI_OP_DELETE, ABI_OP_CLEAR,
					       ABI_OP_GROW, ABI_OP_MAKE };
	struct flow f = { .out = p->out, .indent = SUBJECT_INDENT };

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		flow_rate(&f, &row->sum.ops[columns[i]]);
	flow_subject(p, &f, row);
	flow_end(&f);
	if (callers)
		print_callers(p, row);
}

static void print_busiest(const struct page *p)
{
	size_t cnt = p->busiest.rows.len;

	fprintf(p->out, " %7s %7s %7s %7s %7s  %s\n", "inserts", "deletes", "clears", "growths",
		"makes", "map");
	for (size_t i = 0; i < cnt && i < ACTIVITY_ROWS; i++)
		print_busy(p, &p->busiest.rows.data[i], p->opts->verbose || i < CALLER_ROWS);
	if (cnt > ACTIVITY_ROWS)
		fprintf(p->out, "  and %s (--json)\n", COUNTED(cnt - ACTIVITY_ROWS, "more row"));
}

void print_activity(const struct page *p)
{
	const struct watch *w = p->w;

	if (w->trace_err) {
		fputc('\n', p->out);
		print_reason(p, "ACTIVITY  not traced", w->trace_err->msg);
	}
	if (!w->trace)
		return;

	const struct trace_result *tr = trace_result(w->trace);

	fprintf(p->out, "\nACTIVITY  per second; inserts, deletes and makes from %s\n",
		COUNTED(tr->groups[ABI_GROUP_HOT].windows, "window"));
	print_missing(p, tr);
	if (program_has_unprobed_plugin(w->prog))
		fprintf(p->out, "  not by plugins: their functions for maps are not traced\n");
	if (!p->busiest.rows.len) {
		fprintf(p->out, "  no map operation seen%s\n",
			w->halts.last != HALT_NONE ? ": the target was stopped, see above" : "");
		return;
	}
	print_busiest(p);
	if (trace_lost_hits(tr))
		fprintf(p->out, "  %s lost: there may be more of everything, also where a ? is\n",
			COUNTED(trace_lost_hits(tr), "hit"));
	print_growths(p, tr);
}
