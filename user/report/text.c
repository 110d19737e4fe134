// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report for people: at most 80 columns but for type strings, numbers with
 * units, the verdict last but for the cost.
 */
#include "report/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/units.h"
#include "base/vec.h"
#include "model/growth.h"
#include "model/memcaller.h"
#include "model/refaults.h"
#include "report/busiest.h"
#include "report/names.h"
#include "report/ranking.h"

enum {
	ACTIVITY_ROWS = 10,
	FINDING_ROWS = 5,
	FORECAST_ROWS = 3,
	COLUMNS = 80,
	NAME_SZ = 256,
	FORECAST_TABLE_MIN = 512 << 10, /* smaller maps grow without harm */
};

/* A day. */
#define FORECAST_NS_MAX (86400 * NS_PER_S)

#define BYTES(v) text_bytes(v).s
#define COUNT(v) text_count(v).s

/* Zero values in the maps of one place of the ranking. */
struct zero_sum {
	uint64_t map_cnt; /* that were counted in */
	uint64_t live_keys;
	uint64_t zero;
	uint64_t low;
	uint64_t high;
	bool sampled;
};

struct page {
	const struct watch *w;
	const struct report_opts *opts;
	struct ranking ranking;
	struct zero_sum *zeroes; /* one a place; NULL: not counted */
	struct busiest busiest;
	FILE *out;
};

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

/* ---- head ---- */

/* Nothing seen in a process that gets no CPU says nothing about the process. */
static void print_halts(const struct page *p)
{
	static const char *const how[HALT_CNT] = {
		[HALT_SIGNAL] = "stopped by a signal",
		[HALT_TRACER] = "stopped by a debugger or another tracer",
		[HALT_CGROUP] = "frozen by its cgroup",
	};
	const struct halts *h = &p->w->halts;

	if (h->now != HALT_NONE)
		fprintf(p->out, "THE TARGET GETS NO CPU: it is %s, nothing happens in it\n",
			how[h->now]);
	else if (h->last != HALT_NONE)
		fprintf(p->out, "the target was %s for a while: it got no CPU, nothing happened\n",
			how[h->last]);
	if (p->w->trace && h->last != HALT_NONE)
		fprintf(p->out, "  for about %s of the time watched; rates are over all of it\n",
			text_duration(h->halted_ns).s);
}

static void print_head(const struct page *p)
{
	const struct watch *w = p->w;
	const struct program *prog = w->prog;

	fprintf(p->out, "%s  pid %d  %s, %s maps%s  up %s", w->target->command, w->target->pid,
		prog->image.build.version, name_map_kind(prog->layout.kind),
		prog->stripped ? ", stripped" : "", text_duration(w->target->uptime_ns).s);
	if (w->trace)
		fprintf(p->out, "\nwatched %s, never stopped\n", text_duration(w->watched_ns).s);
	else
		fprintf(p->out, "\nnot traced, never stopped\n");
	print_halts(p);
	if (w->target->exe_deleted)
		fprintf(p->out, "its file %s was deleted or replaced on disk\n", w->target->exe);
	if (prog->layout_match == LAYOUT_NEAREST)
		fprintf(p->out, "%s is not in the tables: read with the layout of %s, which %s\n",
			prog->image.build.version, prog->layout.name,
			w->snap ? "passed all proofs" : "did not pass its proofs");
	if (w->gone)
		fprintf(p->out, "THE TARGET IS GONE: %s. This is what was learnt until then.\n",
			w->gone->msg);
}

/* ---- memory ---- */

static void print_memory_row(const struct page *p, const char *name, int64_t bytes,
			     const char *remedy)
{
	const char *sign = bytes < 0 ? "-" : "";
	uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
	char text[40];

	snprintf(text, sizeof(text), "%s%s", sign, BYTES(size));
	fprintf(p->out, "  %-26s %10s  %3.0f %%%s%s\n", name, text,
		percent(size, p->w->snap->ledger.rss_bytes), remedy ? "  <- " : "",
		remedy ? remedy : "");
}

static void print_rss(const struct page *p)
{
	const struct watch *w = p->w;
	uint64_t rss = w->snap ? w->snap->ledger.rss_bytes : w->rss.rss_bytes;

	fprintf(p->out, "\nRSS %s", BYTES(rss));
	if (w->target->cgroup_limit_bytes)
		fprintf(p->out, "  (cgroup limit %s)", BYTES(w->target->cgroup_limit_bytes));
	else
		fprintf(p->out, "  (no cgroup limit)");
	if (w->rss.swap_bytes)
		fprintf(p->out, "  and %s in swap", BYTES(w->rss.swap_bytes));
	fputc('\n', p->out);
}

static void remedy_text(const struct ledger *l, enum ledger_row row, char *buf, size_t buf_sz)
{
	static const char *const deeds[] = {
		[REMEDY_REBUILD_MAPS] = "by a rebuild",
		[REMEDY_FREE_OS_MEMORY] = "with debug.FreeOSMemory",
		[REMEDY_MOVE_OBJECTS] = "if packed anew",
	};
	const char *deed = deeds[ledger_row_remedy(row)];

	*buf = '\0';
	if (!deed || !l->gives_back[row])
		return;
	if (l->gives_back[row] == l->rows[row])
		snprintf(buf, buf_sz, "back %s", deed);
	else
		snprintf(buf, buf_sz, "%s back %s", BYTES(l->gives_back[row]), deed);
}

static void print_memory(const struct page *p)
{
	static const char *const names[ROW_CNT] = {
		[ROW_MAP_LIVE] = "map tables: live keys",
		[ROW_MAP_HOLES] = "map tables: holes",
		[ROW_OTHER_HEAP] = "other heap objects",
		[ROW_FREE_SLOTS] = "free slots in spans",
		[ROW_FREE] = "free, kept by Go",
		[ROW_RELEASED] = "given back, yet resident",
		[ROW_HUGE_EXCESS] = "huge-page excess",
		[ROW_STACKS] = "stacks and runtime spans",
		[ROW_RUNTIME] = "Go runtime metadata",
		[ROW_FILES] = "program, files, shared",
		[ROW_ANON] = "C and other anonymous",
	};
	char remedy[64];

	print_rss(p);
	if (!p->w->snap)
		return;
	const struct ledger *l = &p->w->snap->ledger;
	for (enum ledger_row i = 0; i < ROW_CNT; i++) {
		if (!l->rows[i] && (i == ROW_RELEASED || i == ROW_HUGE_EXCESS))
			continue;
		remedy_text(l, i, remedy, sizeof(remedy));
		print_memory_row(p, names[i], l->rows[i], *remedy ? remedy : NULL);
	}
	if (l->unexplained_bytes)
		print_memory_row(p, "unexplained", l->unexplained_bytes, NULL);
	if (l->source == ADDRSPACE_SMAPS)
		fprintf(p->out,
			"  no page of it is known: %s; what Go uses or keeps is\n"
			"  taken as resident\n",
			l->why_coarse);
	if (l->missing)
		fprintf(p->out, "  %s cannot be followed: metadata is in the last rows\n",
			l->missing);
}

/* ---- what is not returned ---- */

enum { RECLAIM_ROW_MIN = 1 << 20, PINNED_CLASSES = 3, PINNED_CLASS_MIN = 1 << 20 };

/* The figure, too, where it is only a part of the row's. */
static void print_reclaim_why(const struct page *p, const struct reclaim_row *row, uint64_t bytes,
			      const char *why, const char *when)
{
	if (!why)
		return;
	fputs("     ", p->out);
	if (bytes != row->bytes)
		fprintf(p->out, "%s ", BYTES(bytes));
	fprintf(p->out, "%s: %s\n", when, why);
}

/* The classes of spans that a few objects keep, and whether those are map tables. */
static void print_pinned_classes(const struct page *p)
{
	const struct class_use *classes = p->w->snap->ledger.occupancy.classes;
	bool shown[SPANCLASS_CNT] = { false };

	for (int n = 0; n < PINNED_CLASSES; n++) {
		uint64_t most = PINNED_CLASS_MIN - 1;
		int at = -1;

		for (int i = 0; i < SPANCLASS_CNT; i++)
			if (!shown[i] && class_pinned_bytes(&classes[i]) > most) {
				most = class_pinned_bytes(&classes[i]);
				at = i;
			}
		if (at < 0)
			break;
		shown[at] = true;
		double tables =
			percent(p->w->snap->census->class_bytes[at], classes[at].object_bytes);
		fprintf(p->out, "     %10s in %s slots: %s objects in %s spans", BYTES(most),
			BYTES(sizeclass_bytes(at >> 1)), COUNT(classes[at].object_cnt),
			COUNT(classes[at].span_cnt));
		if (tables >= 1)
			fprintf(p->out, ", %.0f %% map tables", tables);
		fputc('\n', p->out);
	}
}

static void print_reclaim(const struct page *p)
{
	const struct reclaim *rc = &p->w->reclaim;
	bool titled = false;

	for (enum reclaim_cause i = 0; p->w->snap && i < CAUSE_CNT; i++) {
		const struct reclaim_row *row = &rc->rows[i];

		if (row->bytes < RECLAIM_ROW_MIN && !(p->opts->verbose && row->bytes))
			continue;
		if (!titled)
			fprintf(p->out, "\nNOT RETURNED  resident, though of no use now\n");
		titled = true;
		fprintf(p->out, "  %-26s %10s\n", reclaim_cause_name(i), BYTES(row->bytes));
		print_reclaim_why(p, row, row->not_yet_bytes, row->not_yet, "not yet");
		print_reclaim_why(p, row, row->never_bytes, row->never,
				  rc->scavenger_known || i != CAUSE_NOT_SCAVENGED ? "never"
										  : "unclear");
		if (i == CAUSE_SPAN_PINNED)
			print_pinned_classes(p);
	}
	if (rc->returned_bytes)
		fprintf(p->out, "  given back while watched: %s, %s/s\n", BYTES(rc->returned_bytes),
			BYTES((uint64_t)rc->returned_per_s));
	if (rc->failed_calls)
		fprintf(p->out, "  %s calls to give back %s failed: %s\n", COUNT(rc->failed_calls),
			BYTES(rc->failed_bytes), strerrorname_np(rc->failed_errno));
}

/* ---- maps ---- */

/* Bytes of a key and its elem, with their control byte's bucket share taken off:
 * 8 control bytes, and in classic buckets the overflow pointer. */
static unsigned int slot_bytes(const struct page *p, const struct map_info *m)
{
	unsigned int fixed = p->w->prog->layout.kind == MAP_CLASSIC ? 16 : 8;

	return m->bucket_sz > fixed ? (m->bucket_sz - fixed) / BUCKET_SLOTS : 0;
}

static void type_text(const struct page *p, const struct map_info *m, char *buf, size_t buf_sz)
{
	if (m->type)
		snprintf(buf, buf_sz, "%s", m->type->name);
	else if (m->bucket_sz)
		snprintf(buf, buf_sz, "map of %u-byte slots (%u types fit)", slot_bytes(p, m),
			 m->type_candidates);
	else
		snprintf(buf, buf_sz, "map of unknown slots (%u types fit)", m->type_candidates);
}

static void print_place(const struct page *p, size_t place, const struct ranked *r)
{
	char type[NAME_SZ];

	type_text(p, &r->map, type, sizeof(type));
	fprintf(p->out, "%3zu %10s %10s %12s %6.1f%% %9s%c %s", place,
		r->map.bucket_sz ? BYTES(r->gives_back_bytes) : "?", COUNT(r->live_keys),
		COUNT(r->slots), percent(r->live_keys, r->slots), BYTES(r->resident_bytes),
		r->moving ? '~' : ' ', type);
	if (r->map_cnt > 1)
		fprintf(p->out, "  (%s maps)", COUNT(r->map_cnt));
	fputc('\n', p->out);
}

static void print_history(const struct page *p, const struct map_info *m)
{
	const struct map_history *h = history_find(&p->w->history, m->addr);

	if (!h || h->samples < 2 || h->live_keys.min == h->live_keys.max)
		return;
	fprintf(p->out, "     live keys %s to %s, now %s", COUNT(h->live_keys.min),
		COUNT(h->live_keys.max), COUNT(h->last_live_keys));
	if (h->buckets.min != h->buckets.max)
		fprintf(p->out, "; buckets %s to %s", COUNT(h->buckets.min), COUNT(h->buckets.max));
	fprintf(p->out, " (%u censuses)\n", h->samples);
}

/* One bin behind the other, on as many lines as they take. */
static void print_bins(const struct page *p, const char *name, const struct histogram *h)
{
	uint64_t total = histogram_total_ns(h);
	int column = fprintf(p->out, "     %-15s", name);

	for (unsigned int b = 0; b < HISTORY_BINS; b++) {
		double share_percent = percent(h->ns[b], total);
		char bin[80], share[16] = "<1 %";

		if (!h->ns[b])
			continue;
		if (share_percent >= 0.5)
			snprintf(share, sizeof(share), "%.0f %%", share_percent);
		int len = snprintf(bin, sizeof(bin), "  [%s, %s) %s", COUNT(histogram_bin_low(b)),
				   COUNT(histogram_bin_high(b)), share);
		if (column + len > COLUMNS)
			column = fprintf(p->out, "\n     %-15s", "") - 1;
		column += fprintf(p->out, "%s", bin);
	}
	fputc('\n', p->out);
}

static void print_histograms(const struct page *p, const struct map_info *m)
{
	const struct map_history *h = history_find(&p->w->history, m->addr);

	if (!h || !histogram_total_ns(&h->live_keys))
		return;
	print_bins(p, "live keys", &h->live_keys);
	print_bins(p, "buckets", &h->buckets);
	print_bins(p, "resident bytes", &h->resident_bytes);
}

/* Of the maps that share a place; the interval of a sample only where it is one map. */
static void print_zero_values(const struct page *p, size_t place)
{
	const struct zero_sum *z = &p->zeroes[place];

	if (!z->map_cnt || !z->zero)
		return;
	fprintf(p->out, "     %s%s of %s values are zero", z->sampled ? "about " : "",
		COUNT(z->zero), COUNT(z->live_keys));
	if (z->map_cnt > 1)
		fprintf(p->out, " (%s maps)", COUNT(z->map_cnt));
	else if (z->sampled)
		fprintf(p->out, " (95 %%: %s to %s)", COUNT(z->low), COUNT(z->high));
	fputc('\n', p->out);
}

static void print_values_footnotes(const struct page *p)
{
	const struct values *v = p->w->values;
	uint64_t by_status[VALUES_STATUS_CNT] = { 0 };

	for (size_t i = 0; i < v->census->maps.len; i++)
		by_status[v->rows[i].status]++;
	for (int s = VALUES_TYPE_UNKNOWN; s < VALUES_STATUS_CNT; s++)
		if (by_status[s])
			fprintf(p->out, "     %s maps not searched for zero values: %s\n",
				COUNT(by_status[s]), value_status_text(s));
}

static void print_footnotes(const struct page *p)
{
	const struct map_totals *t = &p->w->snap->census->totals;

	if (t->moving_cnt)
		fprintf(p->out, "     ~ busy while it was read: within the values of two reads\n");
	if (t->suspect_cnt)
		fprintf(p->out,
			"     %s maps contradicted themselves: in no sum (--json has them)\n",
			COUNT(t->suspect_cnt));
	if (t->on_stack_cnt)
		fprintf(p->out, "     headers of %s maps are on goroutine stacks\n",
			COUNT(t->on_stack_cnt));
	if (t->garbage_cnt)
		fprintf(p->out, "     %s dead maps await the sweep of the last GC: in no sum\n",
			COUNT(t->garbage_cnt));
	if (p->w->values)
		print_values_footnotes(p);
	if (t->unknown_size_cnt)
		fprintf(p->out, "     %s maps of unknown bucket size: no holes, no rebuild\n",
			COUNT(t->unknown_size_cnt));
}

static void print_maps(const struct page *p)
{
	if (p->w->census_err) {
		fprintf(p->out, "\nMAPS  refused: %s\n", p->w->census_err->msg);
		return;
	}
	if (!p->w->snap)
		return;

	const struct map_totals *t = &p->w->snap->census->totals;

	fprintf(p->out, "\nMAPS  %s with %s of tables (%s resident), most to win first\n",
		COUNT(t->map_cnt), BYTES(t->table_bytes), BYTES(t->resident_bytes));
	if (t->map_cnt)
		fprintf(p->out, "%3s %10s %10s %12s %7s %9s  %s\n", "#", "gives back", "live keys",
			"slots", "load", "resident", "type");
	for (size_t i = 0; i < p->ranking.places.len && i < p->opts->top; i++) {
		const struct ranked *r = &p->ranking.places.data[i];

		print_place(p, i + 1, r);
		if (p->zeroes)
			print_zero_values(p, i);
		if (r->map_cnt > 1)
			continue;
		print_history(p, &r->map);
		if (p->opts->verbose)
			print_histograms(p, &r->map);
	}
	if (p->ranking.places.len > p->opts->top)
		fprintf(p->out, "     and %s more rows (--top, --json)\n",
			COUNT(p->ranking.places.len - p->opts->top));
	print_footnotes(p);
}

/* ---- activity ---- */

static void print_rate(const struct page *p, const struct activity_op *op)
{
	char text[40];

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

/* ---- growth to come ---- */

struct coming {
	struct map_info map;
	struct forecast f;
};

static int cmp_soonest(const void *a, const void *b)
{
	uint64_t x = ((const struct coming *)a)->f.in_ns, y = ((const struct coming *)b)->f.in_ns;

	return x < y ? -1 : x > y;
}

static void print_coming(const struct page *p, const struct coming *c)
{
	bool fits = !p->w->cgroup_limited || c->f.allocates_bytes <= p->w->cgroup_left_bytes;
	char type[NAME_SZ];

	type_text(p, &c->map, type, sizeof(type));
	fprintf(p->out, "  %8s  at %s keys (+%s/s) %s  %s\n", text_duration(c->f.in_ns).s,
		COUNT(c->f.at_live_keys), text_rate(c->f.keys_per_s).s,
		c->f.event == FORECAST_DOUBLE ? "doubles" : "splits its tables", type);
	fprintf(p->out, "            takes %s more until the old memory is collected\n",
		BYTES(c->f.allocates_bytes));
	if (!fits)
		fprintf(p->out, "            THE CGROUP HAS %s LEFT\n",
			BYTES(p->w->cgroup_left_bytes));
}

/* Large growths that come within a day at the present rate. */
static struct err *print_next_growths(const struct page *p)
{
	VEC(struct coming) list = { 0 };
	bool full = false;

	for (size_t i = 0; p->w->snap && !full && i < p->w->snap->census->maps.len; i++) {
		struct coming c = { .map = census_map(p->w->snap->census, i) };

		if (c.map.table_bytes >= FORECAST_TABLE_MIN &&
		    forecast_of(p->w->prog, &c.map, history_find(&p->w->history, c.map.addr),
				&c.f) &&
		    c.f.rate_known && c.f.in_ns < FORECAST_NS_MAX)
			full = !vec_push(&list, c);
	}
	vec_sort(&list, cmp_soonest);
	if (list.len)
		fprintf(p->out, "\nNEXT GROWTH  at the present rate\n");
	for (size_t i = 0; i < list.len && i < FORECAST_ROWS; i++)
		print_coming(p, &list.data[i]);
	vec_fini(&list);
	return full ? err_nomem() : NULL;
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

static void print_activity(const struct page *p)
{
	const struct watch *w = p->w;

	if (w->trace_err)
		fprintf(p->out, "\nACTIVITY  not traced: %s\n", w->trace_err->msg);
	if (!w->trace)
		return;

	const struct trace_result *tr = trace_result(w->trace);
	const struct trace_group *hot = &tr->groups[ABI_GROUP_HOT];
	const struct trace_group *rare = &tr->groups[ABI_GROUP_RARE];

	fprintf(p->out, "\nACTIVITY  per second; inserts, deletes and makes from %s windows\n",
		COUNT(hot->windows));
	if (hot->missing)
		fprintf(p->out, "  inserts, deletes and makes are not traced: %s\n", hot->missing);
	if (rare->missing)
		fprintf(p->out, "  clears and growths are not traced: %s\n", rare->missing);
	print_budget(p, hot, "inserts, deletes, small makes");
	print_budget(p, rare, "clears and growths");
	print_budget(p, &tr->groups[ABI_GROUP_MAKE], "makes with a size");
	if (!p->busiest.rows.len) {
		fprintf(p->out, "  no map operation seen%s\n",
			w->halts.last != HALT_NONE ? ": the target was stopped, see above" : "");
		return;
	}
	fprintf(p->out, " %8s %8s %8s %8s %8s  %s\n", "inserts", "deletes", "clears", "growths",
		"makes", "map");
	for (size_t i = 0; i < p->busiest.rows.len && i < ACTIVITY_ROWS; i++) {
		const struct activity *a = &p->busiest.rows.data[i].sum;

		print_rate(p, &a->ops[ABI_OP_INSERT]);
		print_rate(p, &a->ops[ABI_OP_DELETE]);
		print_rate(p, &a->ops[ABI_OP_CLEAR]);
		print_rate(p, &a->ops[ABI_OP_GROW]);
		print_rate(p, &a->ops[ABI_OP_MAKE]);
		print_subject(p, &p->busiest.rows.data[i]);
		if (p->opts->verbose || i < 3)
			print_callers(p, &p->busiest.rows.data[i]);
	}
	if (p->busiest.rows.len > ACTIVITY_ROWS)
		fprintf(p->out, "  and %s more rows (--json)\n",
			COUNT(p->busiest.rows.len - ACTIVITY_ROWS));
	if (trace_lost_hits(tr))
		fprintf(p->out,
			"  %s hits were lost: there may be more of everything, also where a ? is\n",
			COUNT(trace_lost_hits(tr)));
	print_growths(p, tr);
}

/* ---- garbage collector ---- */

static void print_gc_window(const struct page *p, const struct gc_window *win)
{
	fprintf(p->out, "  %s cycle%s while watched", win->cycles ? COUNT(win->cycles) : "no",
		win->cycles == 1 || !win->cycles ? "" : "s");
	if (win->forced_cycles)
		fprintf(p->out, ", %s of them forced", COUNT(win->forced_cycles));
	if (win->cpu_share_known)
		fprintf(p->out, ", %.2g %% of CPU", 100 * win->cpu_share);
	fputc('\n', p->out);
	if (!win->cycles)
		return;
	fprintf(p->out, "  pauses of %s in all", text_duration(win->pause_total_ns).s);
	if (win->pause_max_known)
		fprintf(p->out, ", %s in one cycle at most", text_duration(win->pause_max_ns).s);
	fputc('\n', p->out);
}

static void print_gc(const struct page *p)
{
	const struct watch *w = p->w;
	const struct gc_sample *s = &w->gc_last;
	struct gc_window win;

	if (!w->snap)
		return;
	if (w->gc_err) {
		fprintf(p->out, "\nGC  not read: %s\n", w->gc_err->msg);
		return;
	}
	fprintf(p->out, "\nGC  live heap %s, next cycle at %s\n", BYTES(s->heap_marked_bytes),
		BYTES(s->heap_goal_bytes));
	if (w->trace && gc_window(&w->gc_first, s, &win))
		print_gc_window(p, &win);
	uint64_t scan = w->snap->census->totals.scan_bytes;
	if (scan && scan <= s->scannable_bytes)
		fprintf(p->out, "  map tables are %.0f %% of the %s that each cycle has to scan\n",
			percent(scan, s->scannable_bytes), BYTES(s->scannable_bytes));
}

/* ---- memory calls ---- */

/* What sets calls of one name apart: the advice, or whether mmap only reserves. */
static void detail_text(const struct trace_memsum *s, char *buf, size_t buf_sz)
{
	const char *advice = s->call == ABI_CALL_MADVISE ? name_advice(s->detail) : NULL;

	*buf = '\0';
	if (advice)
		snprintf(buf, buf_sz, "%s", advice);
	else if (s->call == ABI_CALL_MADVISE)
		snprintf(buf, buf_sz, "advice %u", s->detail);
	else if (s->call == ABI_CALL_MMAP)
		snprintf(buf, buf_sz, "%s", s->detail == PROT_NONE ? "reserve" : "");
}

/* Who gave memory back; of single calls, so without those beyond the budget. */
static void print_givers(const struct page *p, const struct trace_result *tr)
{
	uint64_t bytes[MEM_REASON_CNT] = { 0 }, sum = 0;

	for (size_t i = 0; i < tr->memcall_cnt; i++) {
		const struct trace_memcall *c = &tr->memcalls[i];
		bool gives = c->call == ABI_CALL_MUNMAP ||
			     (c->call == ABI_CALL_MADVISE &&
			      (c->detail == MADV_DONTNEED || c->detail == MADV_FREE));

		if (gives && c->result >= 0) {
			bytes[memcaller_of(p->w->prog->lines, c->stack).reason] += c->length;
			sum += c->length;
		}
	}
	if (!sum)
		return;
	fprintf(p->out, "  given back by\n");
	for (enum mem_reason r = 0; r < MEM_REASON_CNT; r++)
		if (bytes[r])
			fprintf(p->out, "  %6.0f %%  %s\n", percent(bytes[r], sum),
				mem_reason_text(r));
}

/* What was given back for nothing. */
static void print_refaults(const struct page *p, const struct trace_refaults *r)
{
	struct refault_sum sum;
	uint64_t unwatched = 0;

	for (int i = 0; i < ABI_UNWATCHED_CNT; i++)
		unwatched += r->unwatched_pages[i];
	if (r->pauses)
		fprintf(p->out, "  page faults watched for %s, then the budget was used up\n",
			text_duration(r->watched_ns).s);
	if (unwatched)
		fprintf(p->out, "  given back, not watched for what is touched again: %s\n",
			BYTES(unwatched * r->page_sz));
	if (!r->faults)
		return;
	fprintf(p->out, "  touched again (of %s): %s page faults, half within %s\n",
		BYTES(r->pages * r->page_sz), COUNT(r->faults),
		text_duration(refaults_half_ns(r)).s);
	sum = refaults_sum(p->w->prog->lines, r);
	if (refaults_swing(&sum, r->page_sz))
		fprintf(p->out, "    Go gives back what it needs again soon: the heap swings "
				"around its goal.\n"
				"    With a higher GOGC or GOMEMLIMIT it would keep that.\n");
}

static void print_memcalls(const struct page *p)
{
	const struct trace_result *tr = p->w->trace ? trace_result(p->w->trace) : NULL;

	if (!tr)
		return;
	if (tr->memcalls_missing) {
		fprintf(p->out, "\nMEMORY CALLS  not traced: %s\n", tr->memcalls_missing);
		return;
	}
	fprintf(p->out, "\nMEMORY CALLS%s\n", tr->memsum_cnt ? "" : "  none");
	for (size_t i = 0; i < tr->memsum_cnt; i++) {
		const struct trace_memsum *s = &tr->memsums[i];
		char detail[32];

		detail_text(s, detail, sizeof(detail));
		fprintf(p->out, "  %-8s %-16s %8s calls %11s", name_memcall(s->call), detail,
			COUNT(s->calls), BYTES(s->bytes));
		if (s->error)
			fprintf(p->out, "  FAILED: %s", strerror(s->error));
		fputc('\n', p->out);
	}
	print_givers(p, tr);
	print_refaults(p, &tr->refaults);
}

/* ---- verdict ---- */

static void print_map_finding(const struct page *p, size_t no, const struct finding *f)
{
	char type[NAME_SZ];

	type_text(p, &f->map, type, sizeof(type));
	if (f->map_cnt == 1)
		fprintf(p->out, "  %zu. %s keeps %s for %s keys (%s slots).\n", no, type,
			BYTES(f->resident_bytes), COUNT(f->live_keys), COUNT(f->slots));
	else
		fprintf(p->out, "  %zu. %s: %s maps keep %s for %s keys (%s slots).\n", no, type,
			COUNT(f->map_cnt), BYTES(f->resident_bytes), COUNT(f->live_keys),
			COUNT(f->slots));
	fprintf(p->out,
		"     Maps never shrink. Copy the live keys into a new map and drop the old one:\n"
		"     %s comes back.\n",
		BYTES(f->bytes));
}

static void print_zero_finding(const struct page *p, size_t no, const struct finding *f)
{
	char type[NAME_SZ], maps[64] = "";

	type_text(p, &f->map, type, sizeof(type));
	if (f->map_cnt > 1)
		snprintf(maps, sizeof(maps), " in %s maps", COUNT(f->map_cnt));
	fprintf(p->out, "  %zu. %s:\n     %s%s of %s values%s are zero.\n", no, type,
		f->sampled ? "about " : "", COUNT(f->zero_values), COUNT(f->live_keys), maps);
	fprintf(p->out,
		"     m[k] = zero frees nothing: delete(m, k), then copy the rest into a new map:\n"
		"     %s comes back",
		BYTES(f->all_bytes));
	if (f->all_bytes > f->bytes)
		fprintf(p->out, ", %s more than by the copy alone", BYTES(f->bytes));
	fprintf(p->out, ".\n");
}

static void print_free_finding(const struct page *p, size_t no, const struct finding *f)
{
	fprintf(p->out,
		"  %zu. Go keeps %s of free heap that the OS could have.\n"
		"     debug.FreeOSMemory() returns it now; a GOMEMLIMIT keeps it small.\n",
		no, BYTES(f->bytes));
}

/* No finding: nothing that one can do at once gives it back. But it may be the most. */
static void print_pinned_spans(const struct page *p)
{
	uint64_t bytes = p->w->reclaim.rows[CAUSE_SPAN_PINNED].bytes;

	if (!bytes || bytes < p->w->opts.min_waste_bytes)
		return;
	fprintf(p->out,
		"  Besides, %s of free slots are in spans that a few live objects keep.\n"
		"  Objects never move; new ones of their sizes go there first. NOT RETURNED has\n"
		"  the slot sizes: to copy those objects and drop the old ones frees the spans.\n",
		BYTES(bytes));
}

static void print_verdict(const struct page *p)
{
	const struct watch *w = p->w;

	fprintf(p->out, "\nVERDICT\n");
	if (!w->snap) {
		fprintf(p->out, "  none: without a census there is nothing to judge.\n");
		return;
	}
	if (!w->findings.list.len)
		fprintf(p->out,
			"  Nothing of %s or more to win from maps or free heap (--min-waste).\n",
			BYTES(w->opts.min_waste_bytes));
	for (size_t i = 0; i < w->findings.list.len && i < FINDING_ROWS; i++) {
		const struct finding *f = &w->findings.list.data[i];

		if (f->kind == FINDING_MAP_HOLES)
			print_map_finding(p, i + 1, f);
		else if (f->kind == FINDING_ZERO_VALUES)
			print_zero_finding(p, i + 1, f);
		else
			print_free_finding(p, i + 1, f);
	}
	if (w->findings.list.len > FINDING_ROWS)
		fprintf(p->out, "  and %s more (--json)\n",
			COUNT(w->findings.list.len - FINDING_ROWS));
	print_pinned_spans(p);
}

/* A host-wide price must not go unsaid. */
static void print_tracepoint_cost(const struct page *p)
{
	const struct trace_result *tr = p->w->trace ? trace_result(p->w->trace) : NULL;

	if (tr && !tr->memcalls_missing && tr->memcalls_by == TRACE_MEMCALLS_TRACEPOINTS)
		fprintf(p->out,
			"      machine: this kernel refuses fentry, so memory calls came from the\n"
			"      syscall tracepoints: all system calls took longer meanwhile\n");
	if (tr && tr->refaults.watched_ns)
		fprintf(p->out,
			"      machine: page faults of all processes took %.2f us longer "
			"meanwhile\n",
			tr->cost.any_fault_ns / 1000);
}

/* A run that was ended early may have cost more than its share of the time. */
static const char *budget_outcome(const struct watch_cost *cost, double max_overhead)
{
	if (!cost->held)
		return ": EXCEEDED";
	return cost->share > max_overhead ? " of the run as planned, or of ten seconds, held"
					  : ", held";
}

/* What the probes cost the target. */
static void print_receipt(const struct page *p)
{
	const struct watch_cost *c = &p->w->cost;
	const struct trace_result *tr = trace_result(p->w->trace);
	double price_ns = c->hits ? c->hits_ns / (double)c->hits : 0;

	fprintf(p->out, "target: %.2g %% of one core: %s probe hits x %.2f us, no pause\n",
		100 * c->share, COUNT(c->hits), price_ns / 1000);
	if (tr->cost.page_faults)
		fprintf(p->out, "      and %s page faults that took %.2f us longer\n",
			COUNT(tr->cost.page_faults), tr->cost.fault_price_ns / 1000);
	fprintf(p->out,
		"      budget %.2g %%%s; probes attached for %s\n"
		"      attaching %s in %s, detaching %s in %s\n      ",
		100 * tr->cost.max_overhead, budget_outcome(c, tr->cost.max_overhead),
		text_duration(c->attached_ns).s, COUNT(tr->cost.attach_calls),
		text_duration(tr->cost.attach_ns).s, COUNT(tr->cost.detach_calls),
		text_duration(tr->cost.detach_ns).s);
}

static void print_cost(const struct page *p)
{
	const struct watch_cost *c = &p->w->cost;

	fprintf(p->out, "\nCOST  ");
	if (p->w->trace)
		print_receipt(p);
	fprintf(p->out, "maptrace: %s CPU, %s memory, %s read, %s records lost\n",
		text_duration(c->cpu_ns).s, BYTES(c->peak_rss_bytes), BYTES(c->bytes_read),
		COUNT(c->lost_records));
	print_tracepoint_cost(p);
}

/* Adds the counts of the maps to their places in the ranking. */
static struct err *sum_zeroes(struct page *p)
{
	const struct values *values = p->w->values;

	p->zeroes = calloc(p->ranking.places.len + 1, sizeof(*p->zeroes));
	if (!p->zeroes)
		return err_nomem();
	for (size_t i = 0; i < values->census->maps.len; i++) {
		struct map_info m = census_map(values->census, i);
		const struct value_count *v = &values->rows[i];
		size_t place = ranking_place(&p->ranking, &m);

		if (!place || v->status != VALUES_OK)
			continue;
		struct zero_sum *z = &p->zeroes[place - 1];
		z->map_cnt++;
		z->live_keys += m.live_keys;
		z->zero += v->zero;
		z->low += v->low;
		z->high += v->high;
		z->sampled |= v->sampled;
	}
	return NULL;
}

static struct err *page_init(struct page *p)
{
	struct busy_sources from = {
		.activities = &p->w->activities,
		.trace = p->w->trace ? trace_result(p->w->trace) : NULL,
		.census = p->w->snap ? p->w->snap->census : NULL,
		.ranking = &p->ranking,
		.top = p->opts->top,
	};
	struct err *err = from.census ? ranking_init(&p->ranking, from.census) : NULL;

	if (!err && p->w->values)
		err = sum_zeroes(p);
	return err ? err : busiest_init(&p->busiest, &from);
}

static void page_fini(struct page *p)
{
	busiest_fini(&p->busiest);
	free(p->zeroes);
	ranking_fini(&p->ranking);
}

struct err *report_text(const struct watch *w, const struct report_opts *opts, FILE *out)
{
	_cleanup_(page_fini) struct page p = { .w = w, .opts = opts, .out = out };
	struct err *err = page_init(&p);

	if (err)
		return err;
	print_head(&p);
	print_memory(&p);
	print_reclaim(&p);
	print_maps(&p);
	print_activity(&p);
	err = print_next_growths(&p);
	print_gc(&p);
	print_memcalls(&p);
	print_verdict(&p);
	print_cost(&p);
	return err;
}
