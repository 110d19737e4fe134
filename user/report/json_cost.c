// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "report/json_value.h"

/* What the probes cost the target, and what they were allowed to. */
static void set_receipt(json_t *o, const struct watch *w)
{
	const struct trace_result *tr = trace_result(w->trace);
	const struct trace_cost *cost = &tr->cost;
	const struct watch_cost *c = &w->cost;
	json_t *lost = json_object();

	set_real(o, "hits_ns", c->hits_ns);
	set_real(o, "price_ns", c->hits ? c->hits_ns / (double)c->hits : 0);
	set_u64(o, "page_faults", cost->page_faults);
	set_real(o, "page_faults_ns", cost->faults_ns);
	set_real(o, "page_fault_price_ns", cost->fault_price_ns);
	set_real(o, "other_page_fault_price_ns", cost->any_fault_ns);
	set_u64(o, "run_ns", tr->end_ns - tr->start_ns);
	set_real(o, "share_of_core", c->share);
	set_real(o, "max_overhead", cost->max_overhead);
	set_real(o, "budget_ns", cost->budget_ns);
	set_bool(o, "budget_held", c->held);
	set_u64(o, "attach_calls", cost->attach_calls);
	set_u64(o, "attach_ns", cost->attach_ns);
	set_u64(o, "detach_calls", cost->detach_calls);
	set_u64(o, "detach_ns", cost->detach_ns);
	set_u64(lost, "ring_full", cost->counts[ABI_COUNT_RING_FULL]);
	set_u64(lost, "bad_record", cost->bad_records);
	set_u64(lost, "header_unreadable", cost->counts[ABI_COUNT_HEADER_FAULT]);
	set_u64(lost, "caller_unreadable", cost->counts[ABI_COUNT_STACK_FAULT]);
	set(o, "lost", lost);
}

json_t *json_cost(const struct watch *w)
{
	const struct watch_cost *c = &w->cost;
	json_t *o = json_object();

	set_u64(o, "probe_hits", c->hits);
	set_u64(o, "attached_ns", c->attached_ns);
	set_u64(o, "records_lost", c->lost_records);
	if (w->trace)
		set_receipt(o, w);
	set_u64(o, "cpu_ns", c->cpu_ns);
	set_u64(o, "peak_rss_bytes", c->peak_rss_bytes);
	set_u64(o, "bytes_read", c->bytes_read);
	set_u64(o, "read_calls", c->read_calls);
	return o;
}
