// SPDX-License-Identifier: GPL-2.0-only
#include "report/text_parts.h"

#include <stdbool.h>
#include <string.h>

enum { COST_INDENT = 6 };

/* Whether a price is not "0.00 us". */
static bool is_price(double ns)
{
	return ns >= 5;
}

/* A price that the whole machine pays must not go unsaid. */
static void print_machine_cost(const struct page *p)
{
	const struct result_memcalls_traced *traced = p->r->memory_calls.traced;
	const struct result_receipt *receipt = p->r->cost.receipt;

	if (!traced)
		return;
	if (traced->mechanism && !strcmp(traced->mechanism, "tracepoint"))
		page_words(p, COST_INDENT, COST_INDENT,
			   "machine: this kernel refuses fentry, so memory calls came from the "
			   "syscall tracepoints: all system calls took longer meanwhile");
	if (receipt && traced->refaults.watched && traced->refaults.watched->watched_ns &&
	    is_price(receipt->other_page_fault_price_ns))
		page_words(p, COST_INDENT, COST_INDENT,
			   "machine: page faults of all processes took %.2f us longer meanwhile",
			   receipt->other_page_fault_price_ns / 1000);
}

/* A run that ended early may have cost more than its share of the time. */
static const char *budget_outcome(const struct result_receipt *rc)
{
	if (!rc->budget_held)
		return "EXCEEDED";
	return rc->share_of_core > rc->max_overhead ? "held (of the planned run, or of ten seconds)"
						    : "held";
}

/* What the probes cost the target. */
static void print_receipt(const struct page *p, const struct result_receipt *rc)
{
	const struct result_cost *c = &p->r->cost;

	if (c->probe_hits)
		page_heading(p, "COST", "target: %s of one core: %s of %.2f us each, no pause",
			     text_percent(rc->share_of_core).s, COUNTED(c->probe_hits, "probe hit"),
			     rc->price_ns / 1000);
	else
		page_heading(p, "COST", "target: no probe was hit, no pause");
	if (rc->page_faults && is_price(rc->page_fault_price_ns))
		page_words(p, COST_INDENT, COST_INDENT, "and %s that took %.2f us longer",
			   COUNTED(rc->page_faults, "page fault"), rc->page_fault_price_ns / 1000);
	page_words(p, COST_INDENT, COST_INDENT, "budget %s: %s; probes attached for %s",
		   text_percent(rc->max_overhead).s, budget_outcome(rc), DURATION(c->attached_ns));
	page_words(p, COST_INDENT, COST_INDENT, "attaching: %s in %s; detaching: %s in %s",
		   COUNTED(rc->attach_calls, "call"), DURATION(rc->attach_ns),
		   COUNTED(rc->detach_calls, "call"), DURATION(rc->detach_ns));
}

/* While we hold the lock, the target can map and unmap nothing. */
static void print_lock(const struct page *p)
{
	const struct result_cost *c = &p->r->cost;

	if (c->mmap_lock_calls)
		page_words(p, COST_INDENT, COST_INDENT,
			   "target's mmap and munmap waited at most %s at once (%s in %s)",
			   DURATION(c->mmap_lock_ns_max), DURATION(c->mmap_lock_ns_total),
			   COUNTED(c->mmap_lock_calls, "call"));
}

void print_cost(const struct page *p)
{
	const struct result_cost *c = &p->r->cost;
	struct flow f = page_flow(p, COST_INDENT);

	if (c->receipt)
		print_receipt(p, c->receipt);
	else
		fputc('\n', p->out);
	f.style = c->receipt ? NULL : text_style(p, STYLE_BOLD);
	flow_add(&f, 0, "%-4s", c->receipt ? "" : "COST");
	f.style = NULL;
	flow_add(&f, 2, "maptrace: %s CPU,", DURATION(c->cpu_ns));
	flow_add(&f, 1, "%s memory,", BYTES(c->peak_rss_bytes));
	flow_add(&f, 1, "%s read,", BYTES(c->bytes_read));
	flow_add(&f, 1, "%s lost", COUNTED(c->records_lost, "record"));
	flow_end(&f);
	print_lock(p);
	print_machine_cost(p);
}
