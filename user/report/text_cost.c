// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

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
		return ": EXCEEDED;";
	return cost->share > max_overhead ? " of the run as planned, or of ten seconds, held;"
					  : ", held;";
}

static void print_budget(const struct page *p, const struct watch_cost *c,
			 const struct trace_cost *tc)
{
	struct flow f = { .out = p->out, .indent = 6 };

	flow_add(&f, 0, "      budget %s%s", text_percent(tc->max_overhead).s,
		 budget_outcome(c, tc->max_overhead));
	flow_add(&f, 1, "probes attached for %s", text_duration(c->attached_ns).s);
	flow_end(&f);
}

/* What the probes cost the target. */
static void print_receipt(const struct page *p)
{
	const struct watch_cost *c = &p->w->cost;
	const struct trace_result *tr = trace_result(p->w->trace);
	double price_ns = c->hits ? c->hits_ns / (double)c->hits : 0;

	fprintf(p->out, "target: %s of one core: %s x %.2f us, no pause\n",
		text_percent(c->share).s, COUNTED(c->hits, "probe hit"), price_ns / 1000);
	if (tr->cost.page_faults)
		fprintf(p->out, "      and %s that took %.2f us longer\n",
			COUNTED(tr->cost.page_faults, "page fault"),
			tr->cost.fault_price_ns / 1000);
	print_budget(p, c, &tr->cost);
	fprintf(p->out, "      attaching %s in %s, detaching %s in %s\n      ",
		COUNT(tr->cost.attach_calls), text_duration(tr->cost.attach_ns).s,
		COUNT(tr->cost.detach_calls), text_duration(tr->cost.detach_ns).s);
}

void print_cost(const struct page *p)
{
	const struct watch_cost *c = &p->w->cost;

	fprintf(p->out, "\nCOST  ");
	if (p->w->trace)
		print_receipt(p);
	fprintf(p->out, "maptrace: %s CPU, %s memory, %s read, %s lost\n",
		text_duration(c->cpu_ns).s, BYTES(c->peak_rss_bytes), BYTES(c->bytes_read),
		COUNTED(c->lost_records, "record"));
	print_tracepoint_cost(p);
}
