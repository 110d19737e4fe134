// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <inttypes.h>

#include "model/growth.h"
#include "report/names.h"

enum {
	ACTIVITY_ROWS = 10,
	CALLER_ROWS = 3, /* whose callers are shown, too */
};

static void print_rate(const struct page *p, const struct activity_op *op)
{
	char text[64];

	if (op->hits)
		snprintf(text, sizeof(text), "%s%s", op->rough ? "~" : "", text_rate(op->per_s).s);
	else
		snprintf(text, sizeof(text), op->rough ? "?" : "-");
	fprintf(p->out, " %8s", text);
}

static void print_subject(const struct page *p, const struct busy *row)
{
	const struct activity *a = &row->sum;
	char type[NAME_SZ];

	if (row->place && row->place <= p->opts->top)
		fprintf(p->out, "  #%zu", row->place);
	if (a->type)
		fprintf(p->out, "  %s", a->type->name);
	else if (row->map.addr) {
		type_text(p, &row->map, type, sizeof(type));
		fprintf(p->out, "  %s", type);
	} else if (a->addr)
		fprintf(p->out, "  map at 0x%" PRIx64, a->addr);
	else
		fprintf(p->out, "  maps of types not told");
	if (a->on_stack)
		fprintf(p->out, "  on goroutine stacks");
	if (a->nil_map)
		fprintf(p->out, "  nil");
	if (row->map_cnt > 1)
		fprintf(p->out, "  (%s maps)", COUNT(row->map_cnt));
	fputc('\n', p->out);
}

/* "main.(*Gateway).pay gateway.go:123" */
static void caller_text(const struct page *p, uint64_t return_addr, char *buf, size_t buf_sz)
{
	const struct place *place = lines_of_call(p->w->prog->lines, return_addr);
	const struct frame *f = place->frames;

	if (!place->cnt)
		snprintf(buf, buf_sz, "?");
	else if (!f->file || !f->line)
		snprintf(buf, buf_sz, "%s", f->function);
	else
		snprintf(buf, buf_sz, "%s %s:%u", f->function, file_base(f->file), f->line);
}

static void print_caller(const struct page *p, const struct busy *row, enum abi_op op)
{
	uint64_t caller = 0, hits = 0;
	char name[NAME_SZ];
	_cleanup_err_ struct err *err = busiest_caller(&p->busiest, row, op, &caller, &hits);

	if (err || !caller)
		return;
	caller_text(p, caller, name, sizeof(name));
	fprintf(p->out, "%12s from %s (%.0f %%)\n", name_op(op), name,
		percent(hits, row->sum.ops[op].hits));
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
		fprintf(p->out, "  %s of %s growths were for churn, not for new keys\n",
			COUNT(churn), COUNT(grow));
}

/* What was not looked at any more is not what did not happen. */
static void print_budget(const struct page *p, const struct trace_group *g, const char *what)
{
	if (g->missing || !g->out_of_budget)
		return;
	if (g->windows)
		fprintf(p->out, "  %s: %s windows, then the budget was used up\n", what,
			COUNT(g->windows));
	else
		fprintf(p->out, "  %s: none seen, --max-overhead is too small\n", what);
}

/* What is not in the rows, and why. */
static void print_missing(const struct page *p, const struct trace_result *tr)
{
	const struct trace_group *hot = &tr->groups[ABI_GROUP_HOT];
	const struct trace_group *rare = &tr->groups[ABI_GROUP_RARE];

	if (hot->missing)
		fprintf(p->out, "  inserts, deletes and makes are not traced: %s\n", hot->missing);
	if (rare->missing)
		fprintf(p->out, "  clears and growths are not traced: %s\n", rare->missing);
	print_budget(p, hot, "inserts, deletes, small makes");
	print_budget(p, rare, "clears and growths");
	print_budget(p, &tr->groups[ABI_GROUP_MAKE], "makes with a size");
}

static void print_busy(const struct page *p, const struct busy *row, bool callers)
{
	const struct activity *a = &row->sum;

	print_rate(p, &a->ops[ABI_OP_INSERT]);
	print_rate(p, &a->ops[ABI_OP_DELETE]);
	print_rate(p, &a->ops[ABI_OP_CLEAR]);
	print_rate(p, &a->ops[ABI_OP_GROW]);
	print_rate(p, &a->ops[ABI_OP_MAKE]);
	print_subject(p, row);
	if (callers)
		print_callers(p, row);
}

static void print_busiest(const struct page *p)
{
	size_t cnt = p->busiest.rows.len;

	fprintf(p->out, " %8s %8s %8s %8s %8s  %s\n", "inserts", "deletes", "clears", "growths",
		"makes", "map");
	for (size_t i = 0; i < cnt && i < ACTIVITY_ROWS; i++)
		print_busy(p, &p->busiest.rows.data[i], p->opts->verbose || i < CALLER_ROWS);
	if (cnt > ACTIVITY_ROWS)
		fprintf(p->out, "  and %s more rows (--json)\n", COUNT(cnt - ACTIVITY_ROWS));
}

void print_activity(const struct page *p)
{
	const struct watch *w = p->w;

	if (w->trace_err)
		fprintf(p->out, "\nACTIVITY  not traced: %s\n", w->trace_err->msg);
	if (!w->trace)
		return;

	const struct trace_result *tr = trace_result(w->trace);

	fprintf(p->out, "\nACTIVITY  per second; inserts, deletes and makes from %s windows\n",
		COUNT(tr->groups[ABI_GROUP_HOT].windows));
	print_missing(p, tr);
	if (!p->busiest.rows.len) {
		fprintf(p->out, "  no map operation seen%s\n",
			w->halts.last != HALT_NONE ? ": the target was stopped, see above" : "");
		return;
	}
	print_busiest(p);
	if (trace_lost_hits(tr))
		fprintf(p->out,
			"  %s hits were lost: there may be more of everything, also where a ? is\n",
			COUNT(trace_lost_hits(tr)));
	print_growths(p, tr);
}
