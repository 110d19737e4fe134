// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_shapes.h"

#include "model/result.h"

#define LOST(name, text) JSON_U64(#name, result_receipt, lost.name, text)

static const struct json_member receipt_lost_members[] = {
	LOST(ring_full, "There was no room for the record."),
	LOST(bad_record, "The record makes no sense."),
	LOST(header_unreadable, "The map's header could not be read."),
	LOST(caller_unreadable, "The caller could not be read."),
};
static const struct json_shape receipt_lost_part = JSON_SHAPE(
	result_receipt, "lost", "Hits without a record, by reason.", receipt_lost_members);

static const struct json_member receipt_members[] = {
	JSON_DOUBLE("hits_ns", result_receipt, hits_ns, 0, "All hits times their price."),
	JSON_DOUBLE("price_ns", result_receipt, price_ns, 0,
		    "Price of a hit, on average; nanoseconds."),
	JSON_U64("page_faults", result_receipt, page_faults,
		 "Page faults that took longer because of maptrace."),
	JSON_DOUBLE("page_faults_ns", result_receipt, page_faults_ns, 0,
		    "How much longer; nanoseconds."),
	JSON_DOUBLE("page_fault_price_ns", result_receipt, page_fault_price_ns, 0,
		    "Price of one of them; nanoseconds."),
	JSON_DOUBLE("other_page_fault_price_ns", result_receipt, other_page_fault_price_ns, 0,
		    "Price of one in other processes, meanwhile; nanoseconds."),
	JSON_U64("run_ns", result_receipt, run_ns, "How long the trace was; nanoseconds."),
	JSON_DOUBLE("share_of_core", result_receipt, share_of_core, 0,
		    "What it cost the target, as a share of one core; 0 to 1."),
	JSON_DOUBLE("max_overhead", result_receipt, max_overhead, 0,
		    "What it might cost, as a share of one core."),
	JSON_DOUBLE("budget_ns", result_receipt, budget_ns, 0, "What it might cost; nanoseconds."),
	JSON_BOOL("budget_held", result_receipt, budget_held, "It cost no more than it might."),
	JSON_U64("attach_calls", result_receipt, attach_calls, "Times that probes were attached."),
	JSON_U64("attach_ns", result_receipt, attach_ns, "What that took; nanoseconds."),
	JSON_U64("detach_calls", result_receipt, detach_calls, "Times that probes were detached."),
	JSON_U64("detach_ns", result_receipt, detach_ns, "What that took; nanoseconds."),
	JSON_PART("lost", receipt_lost_part, "Hits without a record, by reason."),
};
static const struct json_shape result_receipt_json =
	JSON_SHAPE(result_receipt, "receipt", "What the probes cost the target.", receipt_members);

static const struct json_member cost_members[] = {
	JSON_U64("probe_hits", result_cost, probe_hits,
		 "Hits of probes; each cost the target a trap."),
	JSON_U64("attached_ns", result_cost, attached_ns,
		 "How long probes were attached; nanoseconds."),
	JSON_U64("records_lost", result_cost, records_lost, "Records that were lost."),
	JSON_FLAT_POINTER(result_cost, receipt, result_receipt, 0),
	JSON_U64("cpu_ns", result_cost, cpu_ns, "CPU time of maptrace itself; nanoseconds."),
	JSON_U64("peak_rss_bytes", result_cost, peak_rss_bytes,
		 "Resident bytes of maptrace itself, at most."),
	JSON_U64("bytes_read", result_cost, bytes_read, "Bytes read of the target's memory."),
	JSON_U64("read_calls", result_cost, read_calls, "System calls for that."),
	JSON_U64("mmap_lock_calls", result_cost, mmap_lock_calls,
		 "System calls that walked the target's page tables: its mmap and munmap wait."),
	JSON_U64("mmap_lock_ns_max", result_cost, mmap_lock_ns_max,
		 "What the longest of these took; nanoseconds."),
	JSON_U64("mmap_lock_ns_total", result_cost, mmap_lock_ns_total,
		 "What all of these took; nanoseconds."),
};
const struct json_shape result_cost_json =
	JSON_SHAPE(result_cost, "cost", "What the observation took.", cost_members);
