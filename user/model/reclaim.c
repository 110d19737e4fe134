// SPDX-License-Identifier: GPL-2.0-only
#include "model/reclaim.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"

/* ---- ranges ---- */

/* Keeps the RECLAIM_RANGES_MAX largest ranges, in any order: reclaim_list_ranges() sorts them. */
static void reclaim_add_range(struct reclaim_row *row, uint64_t addr, uint64_t bytes)
{
	size_t least = 0;

	row->range_total++;
	if (row->range_cnt < RECLAIM_RANGES_MAX) {
		row->ranges[row->range_cnt].addr = addr;
		row->ranges[row->range_cnt++].bytes = bytes;
		return;
	}
	for (size_t i = 1; i < RECLAIM_RANGES_MAX; i++)
		if (row->ranges[i].bytes < row->ranges[least].bytes)
			least = i;
	if (bytes > row->ranges[least].bytes) {
		row->ranges[least].addr = addr;
		row->ranges[least].bytes = bytes;
	}
}

static int cmp_larger(const void *a, const void *b)
{
	const typeof(((struct reclaim_row *)0)->ranges[0]) *x = a, *y = b;

	return x->bytes < y->bytes ? 1 : -(x->bytes > y->bytes);
}

static void add_free_ranges(struct reclaim_row *row, const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->pages.free.len; i++) {
		const struct page_range *f = &snap->pages.free.data[i];
		uint64_t bytes = residency_bytes(&snap->residency, f->base,
						 (uint64_t)f->npages * GO_PAGE_SZ);

		if (bytes)
			reclaim_add_range(row, f->base, bytes);
	}
}

static void add_map_ranges(struct reclaim_row *row, const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->census->maps.len; i++) {
		struct map_info m = census_map(snap->census, i);

		if (map_counts(&m) && m.bucket_sz && map_gives_back_resident(&m))
			reclaim_add_range(row, m.addr, map_gives_back_resident(&m));
	}
}

/* Lists spans that are at most half full, if the objects of their class would fit into fewer
 * spans. Spans next to each other make one range. */
static void add_span_ranges(struct reclaim_row *row, const struct snapshot *snap)
{
	uint64_t start = 0, end = 0;

	for (size_t i = 0; i < snap->heap->spans.len; i++) {
		const struct span *s = &snap->heap->spans.data[i];

		if (s->state != SPAN_IN_USE || 2 * s->alloc_count > span_slots(s) ||
		    !class_pinned_bytes(&snap->ledger.occupancy.classes[s->spanclass]))
			continue;
		if (span_base(s) != end) {
			if (end)
				reclaim_add_range(row, start, end - start);
			start = span_base(s);
		}
		end = span_base(s) + span_bytes(s);
	}
	if (end)
		reclaim_add_range(row, start, end - start);
}

static enum reclaim_cause released_cause(enum released_kind kind)
{
	switch (kind) {
	case RELEASED_LAZY:
		return CAUSE_LAZY_FREE;
	case RELEASED_LOCKED:
		return CAUSE_CALL_FAILED;
	case RELEASED_HUGE:
	case RELEASED_REFILLED:
	case RELEASED_KIND_CNT:
		break;
	}
	return CAUSE_REFILLED;
}

static void add_released_ranges(struct reclaim *rc, const struct released *rel)
{
	for (size_t i = 0; i < rel->runs.len; i++) {
		const struct released_run *r = &rel->runs.data[i];

		reclaim_add_range(&rc->rows[released_cause(r->kind)], r->start, r->end - r->start);
	}
}

static void reclaim_list_ranges(struct reclaim *rc, const struct snapshot *snap)
{
	add_free_ranges(&rc->rows[CAUSE_NOT_SCAVENGED], snap);
	add_map_ranges(&rc->rows[CAUSE_PINNED_BY_MAP], snap);
	add_span_ranges(&rc->rows[CAUSE_SPAN_PINNED], snap);
	add_released_ranges(rc, &snap->ledger.released);
	for (int i = 0; i < CAUSE_CNT; i++)
		qsort(rc->rows[i].ranges, rc->rows[i].range_cnt, sizeof(rc->rows[i].ranges[0]),
		      cmp_larger);
}

/* ---- bytes ---- */

static void reclaim_cause_bytes(const struct snapshot *snap, uint64_t bytes[CAUSE_CNT])
{
	const struct ledger *l = &snap->ledger;
	const uint64_t *released = l->released.bytes;

	bytes[CAUSE_NOT_SCAVENGED] = l->rows[ROW_FREE] - l->free_partial_bytes;
	bytes[CAUSE_PINNED_BY_MAP] = l->gives_back[ROW_MAP_HOLES];
	bytes[CAUSE_SPAN_PINNED] = l->gives_back[ROW_FREE_SLOTS];
	bytes[CAUSE_LAZY_FREE] = released[RELEASED_LAZY];
	bytes[CAUSE_REFILLED] = released[RELEASED_REFILLED] + released[RELEASED_HUGE];
	bytes[CAUSE_CALL_FAILED] = released[RELEASED_LOCKED];
	bytes[CAUSE_GRANULARITY] = l->free_partial_bytes;
}

void reclaim_track(struct reclaim *rc, const struct snapshot *snap)
{
	uint64_t bytes[CAUSE_CNT], now = clock_ns();

	reclaim_cause_bytes(snap, bytes);
	for (int i = 0; i < CAUSE_CNT; i++) {
		if (!bytes[i])
			rc->first_seen_ns[i] = 0;
		else if (!rc->first_seen_ns[i])
			rc->first_seen_ns[i] = now;
		if (!rc->tracked || bytes[i] < rc->least_bytes[i])
			rc->least_bytes[i] = bytes[i];
	}
	rc->tracked = true;
}

/* ---- "not yet" or "never": does the memory come back by itself? ---- */

static const char *why_not_scavenged(const struct reclaim *rc, const struct gc_sample *gc,
				     bool busy)
{
	if (!rc->scavenger_known)
		return "the goals of Go's scavenger are not known";
	if (busy)
		return "the scavenger skips 4 MiB chunks in which so little is free";
	if (gc->percent < 0 && !rc->scavenger.limit_active)
		return "the collector is off, so the scavenger has no goal";
	if (gc->cycles < 2)
		return "the scavenger has no goal before the second cycle";
	return "the scavenger keeps this much for the next cycle";
}

static void reclaim_judge_free(struct reclaim *rc, const struct snapshot *snap,
			       const struct reclaim_sources *from)
{
	struct reclaim_row *row = &rc->rows[CAUSE_NOT_SCAVENGED];
	uint64_t busy = snap->ledger.free_busy.bytes;
	uint64_t loose = row->bytes > busy ? row->bytes - busy : 0;
	uint64_t pending = rc->scavenger_known ? scavenger_pending(&rc->scavenger) : 0;

	row->not_yet_bytes = pending < loose ? pending : loose;
	row->not_yet = "the scavenger is at work, since the heap is above its goal";
	row->never = why_not_scavenged(rc, from->gc, busy > row->bytes / 2);
}

/* The next cycle comes when the heap is at its goal. What is allocated until then goes into free
 * slots first. Without a collector no new objects are waited for. */
static void reclaim_judge_slots(struct reclaim *rc, const struct gc_sample *gc)
{
	struct reclaim_row *row = &rc->rows[CAUSE_SPAN_PINNED];
	uint64_t room = 0;

	if (gc && gc->cycles && (gc->percent >= 0 || gc->limit_binds) &&
	    gc->heap_goal_bytes > gc->heap_live_bytes)
		room = gc->heap_goal_bytes - gc->heap_live_bytes;
	row->not_yet_bytes = room < row->bytes ? room : row->bytes;
	row->not_yet = "new objects go there first, before the next cycle of the collector";
}

static void reclaim_judge(struct reclaim *rc, const struct reclaim_sources *from)
{
	for (int i = 0; i < CAUSE_CNT; i++)
		rc->rows[i].never = reclaim_cause_words[i].text;
	rc->rows[CAUSE_LAZY_FREE].not_yet_bytes = rc->rows[CAUSE_LAZY_FREE].bytes;
	rc->rows[CAUSE_LAZY_FREE].not_yet = "when the kernel needs memory, it takes this";
	reclaim_judge_free(rc, from->snap, from);
	reclaim_judge_slots(rc, from->gc);
	for (int i = 0; i < CAUSE_CNT; i++) {
		struct reclaim_row *row = &rc->rows[i];

		row->never_bytes = row->bytes - row->not_yet_bytes;
		row->never = row->never_bytes ? row->never : NULL;
		row->not_yet = row->not_yet_bytes ? row->not_yet : NULL;
	}
}

/* ---- the trace ---- */

static bool advice_gives_back(enum abi_memcall call, uint32_t advice)
{
	return call == ABI_CALL_MADVISE && (advice == MADV_DONTNEED || advice == MADV_FREE);
}

/* Finds for each range of a cause the last call that was to give back some of it, and whether that
 * call failed. */
static void reclaim_join_calls(struct reclaim_row *row, const struct trace_result *tr)
{
	for (size_t i = 0; i < tr->memcall_cnt; i++) {
		const struct trace_memcall *c = &tr->memcalls[i];

		for (size_t r = 0; advice_gives_back(c->call, c->detail) && r < row->range_cnt;
		     r++) {
			if (c->addr >= row->ranges[r].addr + row->ranges[r].bytes ||
			    row->ranges[r].addr >= c->addr + c->length ||
			    c->ktime_ns < row->ranges[r].call_ns)
				continue;
			row->ranges[r].call_ns = c->ktime_ns;
			row->ranges[r].call_errno = c->result < 0 ? -c->result : 0;
		}
	}
}

static void reclaim_sum_calls(struct reclaim *rc, const struct trace_result *tr, uint64_t traced_ns)
{
	rc->traced = tr && !tr->memcalls_missing;
	rc->returned_bytes = rc->failed_calls = rc->failed_bytes = 0;
	rc->failed_errno = 0;
	for (size_t i = 0; rc->traced && i < tr->memsum_cnt; i++) {
		const struct trace_memsum *s = &tr->memsums[i];

		if (!advice_gives_back(s->call, s->detail))
			continue;
		if (!s->error) {
			rc->returned_bytes += s->bytes;
			continue;
		}
		rc->failed_calls += s->calls;
		rc->failed_bytes += s->bytes;
		rc->failed_errno = s->error;
	}
	rc->returned_per_s = rc->traced && traced_ns ? rc->returned_bytes * 1e9 / traced_ns : 0;
}

void reclaim_sum(struct reclaim *rc, const struct reclaim_sources *from)
{
	uint64_t bytes[CAUSE_CNT], now = clock_ns();

	memset(rc->rows, 0, sizeof(rc->rows));
	rc->scavenger_known = from->scavenger != NULL;
	if (from->scavenger)
		rc->scavenger = *from->scavenger;
	reclaim_cause_bytes(from->snap, bytes);
	for (int i = 0; i < CAUSE_CNT; i++) {
		rc->rows[i].bytes = bytes[i];
		rc->rows[i].age_ns =
			rc->first_seen_ns[i] && from->trace ? now - rc->first_seen_ns[i] : 0;
	}
	reclaim_sum_calls(rc, from->trace, from->traced_ns);
	reclaim_judge(rc, from);
	reclaim_list_ranges(rc, from->snap);
	for (int i = CAUSE_LAZY_FREE; rc->traced && i <= CAUSE_CALL_FAILED; i++)
		reclaim_join_calls(&rc->rows[i], from->trace);
}
