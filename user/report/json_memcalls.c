// SPDX-License-Identifier: GPL-2.0-only
#include "report/json_parts.h"

#include "model/memcaller.h"
#include "model/refault_sums.h"
#include "report/json_value.h"
#include "report/names.h"

static json_t *memsum(const struct trace_memsum *s, uint64_t over_ns)
{
	json_t *o = json_object();

	set_text(o, "call", name_memcall(s->call));
	if (s->call == ABI_CALL_MADVISE) {
		set_text(o, "advice", name_advice(s->detail));
		set_u64(o, "advice_number", s->detail);
	}
	if (s->call == ABI_CALL_MMAP)
		set_u64(o, "protection", s->detail);
	set_error(o, "error", s->error);
	set_u64(o, "calls", s->calls);
	set_u64(o, "bytes", s->bytes);
	set_u64(o, "duration_ns", s->ns);
	set_real(o, "calls_per_s", over_ns ? s->calls * 1e9 / over_ns : 0);
	set_real(o, "bytes_per_s", over_ns ? s->bytes * 1e9 / over_ns : 0);
	return o;
}

static json_t *memsums(const struct trace_result *tr)
{
	json_t *a = json_array();

	for (size_t i = 0; i < tr->memsum_cnt; i++)
		json_array_append_new(a, memsum(&tr->memsums[i], tr->end_ns - tr->start_ns));
	return a;
}

json_t *json_memcall(const struct watch *w, const struct trace_memcall *c, uint64_t start_ns)
{
	struct memcaller by = memcaller_of(w->prog->lines, c->stack);
	json_t *o = json_object();

	set_u64(o, "time_ns", c->ktime_ns > start_ns ? c->ktime_ns - start_ns : 0);
	set_text(o, "call", name_memcall(c->call));
	set_address(o, "address", c->addr);
	set_u64(o, "bytes", c->length);
	if (c->call == ABI_CALL_MADVISE)
		set_text(o, "advice", name_advice(c->detail));
	set_error(o, "error", c->result < 0 ? -c->result : 0);
	set_address(o, "result", c->call == ABI_CALL_MMAP && c->result > 0 ? c->result : 0);
	set_u64(o, "thread", c->tid);
	set_u64(o, "duration_ns", c->ns);
	set_text(o, "reason", mem_reason_name(by.reason));
	set_text(o, "caller", by.frame ? by.frame->function : NULL);
	set_address(o, "caller_pc", by.return_addr);
	if (by.frame)
		set_line(o, by.frame);
	return o;
}

static json_t *memcalls(const struct watch *w, const struct trace_result *tr)
{
	json_t *a = json_array();

	for (size_t i = 0; i < tr->memcall_cnt; i++)
		json_array_append_new(a, json_memcall(w, &tr->memcalls[i], tr->start_ns));
	return a;
}

static json_t *refault_reasons(const struct watch *w, const struct trace_refaults *r)
{
	struct refault_sum sum = refaults_sum(w->prog->lines, r);
	json_t *list = json_array();

	for (enum mem_reason i = 0; i < MEM_REASON_CNT; i++) {
		json_t *row;

		if (!sum.pages[i] && !sum.faults[i])
			continue;
		row = json_object();
		set_text(row, "reason", mem_reason_name(i));
		set_u64(row, "watched_bytes", sum.pages[i] * r->page_sz);
		set_u64(row, "faults", sum.faults[i]);
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *refault_ages(const struct trace_refaults *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < ABI_AGE_BINS; i++) {
		json_t *bin;

		if (!r->ages[i])
			continue;
		bin = json_object();
		set_u64(bin, "ge", i ? 1ULL << i : 0);
		set_u64(bin, "lt", i + 1 < 64 ? 1ULL << (i + 1) : UINT64_MAX);
		set_u64(bin, "faults", r->ages[i]);
		json_array_append_new(list, bin);
	}
	return list;
}

static json_t *refaults_object(const struct watch *w, const struct trace_result *tr)
{
	const struct trace_refaults *r = &tr->refaults;
	json_t *o = json_object(), *unwatched;

	set_status(o, r->missing ? "unavailable" : "ok", r->missing);
	if (r->missing)
		return o;
	unwatched = json_object();
	set_u64(o, "watched_ns", r->watched_ns);
	set_u64(o, "pauses", r->pauses);
	set_u64(o, "faults", r->faults);
	set_real(o, "faults_per_s", r->watched_ns ? r->faults * 1e9 / r->watched_ns : 0);
	set_u64(o, "page_bytes", r->page_sz);
	set_u64(o, "watched_bytes", r->pages * r->page_sz);
	set_u64(unwatched, "table_full", r->unwatched_pages[ABI_UNWATCHED_TABLE_FULL] * r->page_sz);
	set_u64(unwatched, "call_too_long",
		r->unwatched_pages[ABI_UNWATCHED_CALL_TOO_LONG] * r->page_sz);
	set(o, "not_watched_bytes", unwatched);
	set_u64(o, "times_all_forgotten", r->voids);
	set(o, "ages_ns", refault_ages(r));
	set(o, "by_reason", refault_reasons(w, r));
	return o;
}

/* Of calls that were watched for. */
static void set_watched(json_t *o, const struct watch *w, const struct trace_result *tr)
{
	set_text(o, "mechanism",
		 tr->memcalls_by == TRACE_MEMCALLS_FUNCTIONS ? "fentry" : "tracepoint");
	set_u64(o, "not_listed",
		tr->overflow.memcalls + tr->cost.memcalls.over_budget +
			tr->cost.memcalls.ring_full);
	set(o, "refaults", refaults_object(w, tr));
}

json_t *json_memcalls(const struct watch *w)
{
	const struct trace_result *tr = w->trace ? trace_result(w->trace) : NULL;
	const char *missing = tr ? tr->memcalls_missing : NULL;
	json_t *o = json_object();

	set_status(o, !tr ? "off" : missing ? "refused" : "ok", missing);
	if (tr && !missing)
		set_watched(o, w, tr);
	set(o, "totals", tr ? memsums(tr) : json_array());
	set(o, "calls", tr ? memcalls(w, tr) : json_array());
	return o;
}
