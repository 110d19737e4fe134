// SPDX-License-Identifier: GPL-2.0-only
/* The memory calls, who made them, and what was touched again. */
#include <sys/mman.h>

#include "model/memcaller.h"
#include "model/names.h"
#include "model/refault_sums.h"
#include "model/result_fill.h"

/* ---- sums ---- */

static struct result_advice *advice_result(struct pool *pool, uint32_t number)
{
	struct result_advice *to = pool_alloc(pool, sizeof(*to));

	if (to)
		*to = (struct result_advice){ name_advice(number), number };
	return to;
}

static struct result_memsum memsum_result(struct pool *pool, const struct trace_memsum *s,
					  uint64_t over_ns)
{
	return (struct result_memsum){
		.call = name_memcall(s->call),
		.advice = s->call == ABI_CALL_MADVISE ? advice_result(pool, s->detail) : NULL,
		.protection = opt_if(s->call == ABI_CALL_MMAP, s->detail),
		.error = s->error,
		.calls = s->calls,
		.bytes = s->bytes,
		.duration_ns = s->ns,
		.calls_per_s = over_ns ? s->calls * 1e9 / over_ns : 0,
		.bytes_per_s = over_ns ? s->bytes * 1e9 / over_ns : 0,
	};
}

static void fill_memsums(struct result *r, const struct trace_result *tr)
{
	struct result_memcalls *to = &r->memory_calls;

	pool_list(&r->pool, &to->totals, tr->memsum_cnt);
	for (size_t i = 0; i < to->totals.len; i++)
		to->totals.data[i] =
			memsum_result(&r->pool, &tr->memsums[i], tr->end_ns - tr->start_ns);
}

/* ---- single calls ---- */

static struct result_frame *memcaller_frame(struct pool *pool, const struct frame *f)
{
	struct result_frame *to = f ? pool_alloc(pool, sizeof(*to)) : NULL;

	if (to)
		*to = (struct result_frame){
			.function = pool_text(pool, f->function),
			.file = pool_text(pool, f->file),
			.line = f->line,
		};
	return to;
}

static struct result_memcall_advice *memcall_advice(struct pool *pool, uint32_t number)
{
	struct result_memcall_advice *to = pool_alloc(pool, sizeof(*to));

	if (to)
		to->name = name_advice(number);
	return to;
}

struct result_memcall result_memcall_of(struct pool *pool, struct lines *lines,
					const struct trace_memcall *c, uint64_t start_ns)
{
	struct memcaller by = memcaller_of(lines, c->stack);
	struct result_frame *at = memcaller_frame(pool, by.frame);

	return (struct result_memcall){
		.time_ns = c->ktime_ns > start_ns ? c->ktime_ns - start_ns : 0,
		.call = name_memcall(c->call),
		.addr = c->addr,
		.bytes = c->length,
		.advice = c->call == ABI_CALL_MADVISE ? memcall_advice(pool, c->detail) : NULL,
		.error = c->result < 0 ? -c->result : 0,
		.result = c->call == ABI_CALL_MMAP && c->result > 0 ? c->result : 0,
		.thread = c->tid,
		.duration_ns = c->ns,
		.reason = by.reason,
		.caller = at ? at->function : NULL,
		.caller_pc = by.return_addr,
		.at = at,
	};
}

static bool gives_memory_back(const struct trace_memcall *c)
{
	return c->result >= 0 && (c->call == ABI_CALL_MUNMAP ||
				  (c->call == ABI_CALL_MADVISE &&
				   (c->detail == MADV_DONTNEED || c->detail == MADV_FREE)));
}

static void fill_given_back(struct result *r, const uint64_t bytes[MEM_REASON_CNT])
{
	struct result_memcalls *to = &r->memory_calls;
	uint64_t sum = 0;
	size_t cnt = 0;

	for (int i = 0; i < MEM_REASON_CNT; i++) {
		sum += bytes[i];
		cnt += bytes[i] != 0;
	}
	pool_list(&r->pool, &to->given_back_by, cnt);
	for (size_t i = 0, at = 0; i < MEM_REASON_CNT && at < to->given_back_by.len; i++)
		if (bytes[i])
			to->given_back_by.data[at++] = (struct result_given_back){
				.reason = i,
				.bytes = bytes[i],
				.share = (double)bytes[i] / (double)sum,
			};
}

static void fill_calls(struct result *r, const struct watch *w)
{
	const struct trace_result *tr = w->traced;
	struct result_memcalls *to = &r->memory_calls;
	uint64_t given_back[MEM_REASON_CNT] = { 0 };

	pool_list(&r->pool, &to->calls, tr->memcall_cnt);
	for (size_t i = 0; i < to->calls.len; i++) {
		const struct trace_memcall *c = &tr->memcalls[i];

		to->calls.data[i] = result_memcall_of(&r->pool, w->prog->lines, c, tr->start_ns);
		if (gives_memory_back(c))
			given_back[to->calls.data[i].reason] += c->length;
	}
	fill_given_back(r, given_back);
}

/* ---- touched again ---- */

static void fill_ages(struct pool *pool, struct result_refaults_watched *to,
		      const struct trace_refaults *r)
{
	size_t cnt = 0;

	for (int i = 0; i < ABI_AGE_BINS; i++)
		cnt += r->ages[i] != 0;
	pool_list(pool, &to->ages, cnt);
	for (size_t i = 0, at = 0; i < ABI_AGE_BINS && at < to->ages.len; i++)
		if (r->ages[i])
			to->ages.data[at++] = (struct result_refault_age){
				.ge_ns = i ? 1ULL << i : 0,
				.lt_ns = i + 1 < 64 ? 1ULL << (i + 1) : UINT64_MAX,
				.faults = r->ages[i],
			};
}

static void fill_refault_reasons(struct pool *pool, struct result_refaults_watched *to,
				 const struct refault_sum *sum, uint64_t page_sz)
{
	size_t cnt = 0;

	for (int i = 0; i < MEM_REASON_CNT; i++)
		cnt += sum->pages[i] || sum->faults[i];
	pool_list(pool, &to->by_reason, cnt);
	for (size_t i = 0, at = 0; i < MEM_REASON_CNT && at < to->by_reason.len; i++)
		if (sum->pages[i] || sum->faults[i])
			to->by_reason.data[at++] = (struct result_refault_reason){
				.reason = i,
				.watched_bytes = sum->pages[i] * page_sz,
				.faults = sum->faults[i],
			};
}

static struct result_refaults_watched *refaults_result(struct pool *pool, struct lines *lines,
						       const struct trace_refaults *r)
{
	struct refault_sum sum = refaults_sum(lines, r);
	struct result_refaults_watched *to = pool_alloc(pool, sizeof(*to));

	if (!to)
		return NULL;
	*to = (struct result_refaults_watched){
		.watched_ns = r->watched_ns,
		.pauses = r->pauses,
		.faults = r->faults,
		.faults_per_s = r->watched_ns ? r->faults * 1e9 / r->watched_ns : 0,
		.page_bytes = r->page_sz,
		.watched_bytes = r->pages * r->page_sz,
		.not_watched_bytes = {
			.table_full = r->unwatched_pages[ABI_UNWATCHED_TABLE_FULL] * r->page_sz,
			.call_too_long =
				r->unwatched_pages[ABI_UNWATCHED_CALL_TOO_LONG] * r->page_sz,
		},
		.times_all_forgotten = r->voids,
		.half_within_ns = refaults_half_ns(r),
		.heap_swings = r->page_sz && refaults_swing(&sum, r->page_sz),
	};
	fill_ages(pool, to, r);
	fill_refault_reasons(pool, to, &sum, r->page_sz);
	return to;
}

/* ---- all of it ---- */

static struct result_memcalls_traced *memcalls_traced(struct pool *pool, const struct watch *w)
{
	const struct trace_result *tr = w->traced;
	const char *missing = tr->refaults.missing;
	struct result_memcalls_traced *to = pool_alloc(pool, sizeof(*to));

	if (!to)
		return NULL;
	to->mechanism = tr->memcalls_by == TRACE_MEMCALLS_FUNCTIONS ? "fentry" : "tracepoint";
	to->not_listed =
		tr->overflow.memcalls + tr->cost.memcalls.over_budget + tr->cost.memcalls.ring_full;
	to->refaults.status = missing ? "unavailable" : "ok";
	to->refaults.reason = pool_text(pool, missing);
	if (!missing)
		to->refaults.watched = refaults_result(pool, w->prog->lines, &tr->refaults);
	return to;
}

void result_fill_memcalls(struct result *r, const struct watch *w)
{
	const char *missing = w->traced ? w->traced->memcalls_missing : NULL;
	struct result_memcalls *to = &r->memory_calls;

	to->status = !w->traced ? "off" : missing ? "refused" : "ok";
	to->reason = pool_text(&r->pool, missing);
	if (!w->traced)
		return;
	if (!missing)
		to->traced = memcalls_traced(&r->pool, w);
	fill_memsums(r, w->traced);
	fill_calls(r, w);
}
